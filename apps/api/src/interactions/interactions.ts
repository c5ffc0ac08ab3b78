/** Interactions of issues over HTTP (API-180 to API-182). The engine makes and resolves them, with the wakes that follow. */
import type { InteractionCreate } from "@wakefleet/contracts";
import type { InteractionResolution } from "@wakefleet/domain";
import { type InteractionRow, listInteractions } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import { pathId } from "../http/query-fields.js";
import { requireIssue } from "../issues/find-issue.js";
import { issueCaller } from "../issues/issue-caller.js";
import type { Principal } from "../principal.js";

interface OnIssue {
  readonly caller: Principal;
  /** The issue, as the path names it. */
  readonly id: string;
}

/** API-180: oldest first. */
export async function readInteractions(
  deps: ApiDeps,
  call: OnIssue & { readonly limit: number },
): Promise<InteractionRow[]> {
  const { id: issueId, companyId } = await requireIssue(deps, { caller: call.caller, ref: call.id });
  return await listInteractions(deps.db.sql, { issueId, companyId, limit: call.limit });
}

/** API-181. */
export async function createInteraction(
  deps: ApiDeps,
  call: OnIssue & { readonly body: InteractionCreate },
): Promise<InteractionRow> {
  const { caller, body } = call;
  const issue = await requireIssue(deps, { caller, ref: call.id });
  return await deps.engine.createInteraction({ caller: issueCaller(caller), issueId: issue.id, body });
}

/** API-182: only the board. */
export async function resolveInteraction(
  deps: ApiDeps,
  call: OnIssue & { readonly interactionId: string; readonly resolution: InteractionResolution },
): Promise<InteractionRow> {
  const { caller, resolution } = call;
  const issue = await requireIssue(deps, { caller, ref: call.id });
  const interactionId = pathId(call.interactionId, "Interaction not found");
  assertBoard(caller);
  return await deps.engine.resolveInteraction({ caller, issueId: issue.id, interactionId, resolution });
}
