/** Subtree holds over HTTP (API-190 to API-195): only the board creates, releases, previews or reads them (TH-5). */
import {
  type JsonObject,
  TREE_HOLD_MODES,
  TREE_HOLD_STATUSES,
  type TreeHoldCreate,
  type TreeHoldPreview,
  type TreeHoldRelease,
  type TreeHoldReleasePolicy,
  WakefleetError,
} from "@wakefleet/contracts";
import {
  findHoldOver,
  findTreeHold,
  type IssueRow,
  listHoldMembers,
  listTreeHolds,
  type TreeHoldRow,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { requireIssue } from "../issues/find-issue.js";
import { actorOf, type Principal } from "../principal.js";
import { presentPreview } from "./present-preview.js";

const ROOT_NOT_FOUND = "Root issue not found";
const HOLD_NOT_FOUND = "Issue tree hold not found";

interface RootCall {
  readonly caller: Principal;
  readonly id: string;
}

/** API-190. */
export async function previewHold(deps: ApiDeps, call: RootCall & { body: TreeHoldPreview }): Promise<object> {
  const root = await requireRoot(deps, call);
  const { mode, releasePolicy } = call.body;
  const plan = await deps.engine.previewTreeHold({ ...scopeOf(root, call.caller), mode });
  return presentPreview({ plan, root, releasePolicy: policyOf(releasePolicy), now: deps.now() });
}

/** API-191. */
export async function createHold(deps: ApiDeps, call: RootCall & { body: TreeHoldCreate }): Promise<object> {
  const root = await requireRoot(deps, call);
  const releasePolicy = policyOf(call.body.releasePolicy);
  const { plan, ...created } = await deps.engine.createTreeHold({
    ...scopeOf(root, call.caller),
    ...call.body,
    releasePolicy,
  });
  return { ...created, preview: presentPreview({ plan, root, releasePolicy, now: deps.now() }) };
}

/** API-192. */
export async function readHoldState(deps: ApiDeps, call: RootCall): Promise<object> {
  const issue = await requireBoardsIssue(deps, call);
  return { activePauseHold: await findHoldOver(deps.db.sql, issue) };
}

/** API-193: filters that name no status or mode are ignored. */
export async function readHolds(
  deps: ApiDeps,
  call: RootCall & {
    readonly status: string | undefined;
    readonly mode: string | undefined;
    readonly includeMembers: boolean;
    readonly limit: number;
  },
): Promise<object[]> {
  const issue = await requireBoardsIssue(deps, call);
  const holds = await listTreeHolds(deps.db.sql, {
    companyId: issue.companyId,
    rootIssueId: issue.id,
    status: TREE_HOLD_STATUSES.find((status) => status === call.status),
    mode: TREE_HOLD_MODES.find((mode) => mode === call.mode),
    limit: call.limit,
  });
  return call.includeMembers ? withMembers(deps, holds) : holds;
}

/** API-194. */
export async function readHold(deps: ApiDeps, call: RootCall & { holdId: string }): Promise<object> {
  const issue = await requireBoardsIssue(deps, call);
  const id = pathId(call.holdId, HOLD_NOT_FOUND);
  const hold = found(await findTreeHold(deps.db.sql, { id, companyId: issue.companyId }), HOLD_NOT_FOUND);
  if (hold.rootIssueId !== issue.id) throw new WakefleetError("not_found", HOLD_NOT_FOUND);
  return found((await withMembers(deps, [hold]))[0], HOLD_NOT_FOUND);
}

/** API-195. */
export async function releaseHold(
  deps: ApiDeps,
  call: RootCall & { holdId: string; body: TreeHoldRelease },
): Promise<object> {
  const root = await requireBoardsIssue(deps, call);
  const { releasePolicy, ...body } = call.body;
  return deps.engine.releaseTreeHold({
    ...scopeOf(root, call.caller),
    ...body,
    holdId: pathId(call.holdId, HOLD_NOT_FOUND),
    ...(releasePolicy === undefined ? {} : { releasePolicy: policyOf(releasePolicy) }),
  });
}

async function withMembers(deps: ApiDeps, holds: readonly TreeHoldRow[]): Promise<object[]> {
  const members = await listHoldMembers(
    deps.db.sql,
    holds.map(({ id }) => id),
  );
  return holds.map((hold) => ({ ...hold, members: members.filter(({ holdId }) => holdId === hold.id) }));
}

async function requireRoot(deps: ApiDeps, call: RootCall): Promise<IssueRow> {
  const root = await requireIssue(deps, { caller: call.caller, ref: call.id, notFound: ROOT_NOT_FOUND });
  assertBoard(call.caller);
  return root;
}

async function requireBoardsIssue(deps: ApiDeps, call: RootCall): Promise<IssueRow> {
  const issue = await requireIssue(deps, { caller: call.caller, ref: call.id });
  assertBoard(call.caller);
  return issue;
}

function scopeOf(root: IssueRow, caller: Principal) {
  return { companyId: root.companyId, rootIssueId: root.id, actor: actorOf(caller) };
}

/** What was not said is the default: released by hand (TH-5). */
function policyOf(policy: TreeHoldReleasePolicy | undefined): JsonObject {
  const { strategy = "manual", note } = policy ?? {};
  return note === undefined ? { strategy } : { strategy, note };
}
