/** Looking at blocked chains, and having them reconciled now (API-272, RC-67, RC-68). */
import { EXPERIMENTAL_SETTINGS_DEFAULTS } from "@wakefleet/contracts";
import type { GraphPreview, GraphReconcileResult } from "@wakefleet/engine";
import type { ApiDeps } from "../deps.js";
import { assertBoard, assertInstanceAdmin } from "../http/guards.js";
import type { BoardPrincipal, Principal } from "../principal.js";

interface LookbackQuery {
  readonly caller: Principal;
  readonly lookbackHours?: number | undefined;
}

/** RC-67 has two sentences: one for agents, one for keys that are no administrator's. */
function administrator(caller: Principal): BoardPrincipal {
  assertBoard(caller);
  assertInstanceAdmin(caller);
  return caller;
}

export async function previewIssueGraph(deps: ApiDeps, query: LookbackQuery): Promise<GraphPreview> {
  administrator(query.caller);
  const fallback = EXPERIMENTAL_SETTINGS_DEFAULTS.issueGraphLivenessAutoRecoveryLookbackHours;
  return deps.engine.previewIssueGraph({ lookbackHours: query.lookbackHours ?? fallback });
}

export async function runIssueGraph(deps: ApiDeps, command: LookbackQuery): Promise<GraphReconcileResult> {
  const { userId } = administrator(command.caller);
  const { lookbackHours } = command;
  return deps.engine.runIssueGraph({ userId, ...(lookbackHours === undefined ? {} : { lookbackHours }) });
}
