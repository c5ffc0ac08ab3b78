/** Creating a subtree hold (TH-1 to TH-4, TH-30 to TH-34, TH-41): one transaction for the hold and everything it does. */
import { type JsonObject, type TreeHoldMode, WakefleetError } from "@wakefleet/contracts";
import {
  HELD_TEXT,
  type HoldPlan,
  PAUSED_REQUEST_TEXT,
  planHold,
  RESTORE_APPLIED,
  RESTORED_BY_RESTORE,
  RESUME_APPLIED,
  TREE_CANCEL_TEXT,
} from "@wakefleet/domain";
import {
  cancelIssues,
  type Database,
  findTreeHold,
  insertTreeHold,
  listHoldMembers,
  listTreeHolds,
  releaseTreeHolds,
  restoreIssues,
  type Sql,
  type TreeHoldRow,
  type TreeHoldWithMembers,
} from "@wakefleet/store";
import type { IssueDeps } from "../issues/issue-change.js";
import { wakeAfterEnds } from "../issues/wake-after-ends.js";
import { noteHoldReleased } from "./hold-activity.js";
import { type HoldContext, type HoldScope, inHoldTransaction } from "./hold-transaction.js";
import { wakeAfterRelease, wakeRestored } from "./hold-wakes.js";
import { interruptTree } from "./interrupt-tree.js";
import { untilRunsEnded } from "./until-runs-ended.js";

export interface CreateTreeHoldCommand extends HoldScope {
  readonly mode: TreeHoldMode;
  readonly reason: string | null;
  /** `{strategy, note?}`. */
  readonly releasePolicy: JsonObject;
  readonly metadata: JsonObject | null;
}

export interface CreatedTreeHold {
  readonly hold: TreeHoldWithMembers;
  /** What was judged of the tree just before. */
  readonly plan: HoldPlan;
  /** Only for a resume. */
  readonly resumedPauseHoldIds?: readonly string[];
}

/** How long the answer waits for running runs to end (TH-33). */
const CONFIRM_MS = 1_000;

/** Creates the hold and carries its mode out. Throws `not_found` for a root that is not there. */
export async function createTreeHold(deps: IssueDeps, command: CreateTreeHoldCommand): Promise<CreatedTreeHold> {
  const { result, cancelled } = await inHoldTransaction(deps, command, async (tx, context) => {
    const plan = planHold(command.mode, context.tree);
    const hold = await insertTreeHold(tx, { ...command, members: plan.members });
    noteCreated(context, { hold, plan });
    const work = { command, hold, plan };
    const resumedPauseHoldIds = await carryOutMode(tx, context, work);
    return { holdId: hold.id, plan, resumedPauseHoldIds };
  });
  await untilRunsEnded(deps.db.sql, { runIds: cancelled.asked.map(({ runId }) => runId), withinMs: CONFIRM_MS });
  const { holdId, plan, resumedPauseHoldIds } = result;
  const hold = await readHold(deps.db, { id: holdId, companyId: command.companyId });
  return { hold, plan, ...(resumedPauseHoldIds === null ? {} : { resumedPauseHoldIds }) };
}

/** A hold with its members. Throws `not_found`. */
export async function readHold(
  db: Pick<Database, "sql">,
  key: { id: string; companyId: string },
): Promise<TreeHoldWithMembers> {
  const hold = await findTreeHold(db.sql, key);
  if (hold === null) throw new WakefleetError("not_found", "Issue tree hold not found");
  return { ...hold, members: await listHoldMembers(db.sql, [hold.id]) };
}

interface ModeWork {
  readonly command: CreateTreeHoldCommand;
  readonly hold: TreeHoldRow;
  readonly plan: HoldPlan;
}

/** Answers the pause holds that a resume released; null for the other modes. */
async function carryOutMode(tx: Sql, context: HoldContext, work: ModeWork): Promise<string[] | null> {
  switch (work.command.mode) {
    case "pause":
      await interruptTree(tx, context, {
        holdId: work.hold.id,
        mode: "pause",
        runText: HELD_TEXT,
        requestText: PAUSED_REQUEST_TEXT,
      });
      return null;
    case "cancel":
      await cancelTree(tx, context, work);
      return null;
    case "resume":
      return resumeTree(tx, context, work);
    case "restore":
      await restoreTree(tx, context, work);
      return null;
  }
}

/** TH-31, TH-32: statuses and requests first, then runs, so that nothing is recovered for an issue that is over. */
async function cancelTree(tx: Sql, context: HoldContext, { hold, plan }: ModeWork): Promise<void> {
  const cancelledIssueIds = await cancelIssues(tx, affectedIds(plan));
  context.note({
    action: "issue.tree_cancel_status_updated",
    entityType: "issue",
    entityId: context.scope.rootIssueId,
    details: { holdId: hold.id, cancelledIssueIds, cancelledIssueCount: cancelledIssueIds.length },
  });
  await interruptTree(tx, context, {
    holdId: hold.id,
    mode: "cancel",
    runText: TREE_CANCEL_TEXT,
    requestText: TREE_CANCEL_TEXT,
  });
  await wakeAboveCancelled(tx, context, cancelledIssueIds);
}

/** W19: of what was cancelled only an issue whose parent was not may be the last open child of somebody. */
async function wakeAboveCancelled(tx: Sql, context: HoldContext, cancelledIssueIds: readonly string[]): Promise<void> {
  const { deps, scope, tree, after, hold } = context;
  const cancelled = new Set(cancelledIssueIds);
  const topmost = tree.issues.filter((issue) => cancelled.has(issue.id) && !cancelled.has(issue.parentId ?? ""));
  await wakeAfterEnds(
    { ...deps, tx, after, hold, actor: scope.actor },
    topmost.map(({ id, status }) => ({ issueId: id, was: status })),
  );
}

/** TH-2, TH-41. */
async function resumeTree(tx: Sql, context: HoldContext, { command, hold }: ModeWork): Promise<string[]> {
  const { actor } = context.scope;
  const reason = command.reason ?? RESUME_APPLIED;
  const rooted = context.tree.issues.flatMap(({ pauseHoldIds }) => pauseHoldIds);
  const resumed: TreeHoldRow[] = [];
  for (const id of rooted) {
    const metadata = { resumedByResumeHoldId: hold.id, resumeHoldMode: "tree_resume", resumedPauseHoldId: id };
    resumed.push(...(await releaseTreeHolds(tx, { holdIds: [id], actor, reason, metadata })));
  }
  const resumedPauseHoldIds = resumed.map(({ id }) => id);
  const metadata = { resumedPauseHoldIds, resumeMode: "subtree" };
  const own = await releaseTreeHolds(tx, { holdIds: [hold.id], actor, reason, metadata });
  await noteHoldReleased(tx, context, [...resumed, ...own]);
  await wakeAfterRelease(tx, context, resumed);
  return resumedPauseHoldIds;
}

/** TH-4, TH-34. */
async function restoreTree(tx: Sql, context: HoldContext, { command, hold, plan }: ModeWork): Promise<void> {
  const { actor, companyId, rootIssueId } = context.scope;
  const restored = plan.members.flatMap(({ issue, skipReason }) =>
    skipReason === null && issue.cancelled !== null ? [{ ...issue, status: issue.cancelled.status }] : [],
  );
  await restoreIssues(tx, restored);
  const restoredIssueIds = restored.map(({ id }) => id);
  const active = await listTreeHolds(tx, { companyId, rootIssueId, status: "active", mode: "cancel", limit: MANY });
  const released = await releaseTreeHolds(tx, {
    holdIds: active.map(({ id }) => id),
    actor,
    reason: command.reason ?? RESTORED_BY_RESTORE,
    metadata: { restoreHoldId: hold.id, restoredIssueIds },
  });
  const releasedCancelHoldIds = released.map(({ id }) => id);
  const own = await releaseTreeHolds(tx, {
    holdIds: [hold.id],
    actor,
    reason: RESTORE_APPLIED,
    metadata: { restoredIssueIds, releasedCancelHoldIds },
  });
  context.note({
    action: "issue.tree_restore_status_updated",
    entityType: "issue",
    entityId: rootIssueId,
    details: { holdId: hold.id, restoredIssueIds, restoredIssueCount: restoredIssueIds.length, releasedCancelHoldIds },
  });
  await noteHoldReleased(tx, context, [...released, ...own]);
  if (command.metadata?.["wakeAgents"] !== true) return;
  const issues = restored.flatMap(({ id, assigneeAgentId: agentId }) => (agentId === null ? [] : [{ id, agentId }]));
  await wakeRestored(tx, context, { holdId: hold.id, issues });
}

/** No root has as many holds. */
const MANY = 100_000;

function affectedIds(plan: HoldPlan): string[] {
  return plan.members.filter(({ skipReason }) => skipReason === null).map(({ issue }) => issue.id);
}

/** AC-26. */
function noteCreated(context: HoldContext, { hold, plan }: { hold: TreeHoldRow; plan: HoldPlan }): void {
  context.note({
    action: "issue.tree_hold_created",
    entityType: "issue",
    entityId: context.scope.rootIssueId,
    details: {
      holdId: hold.id,
      mode: hold.mode,
      reason: hold.reason,
      totals: plan.totals,
      warningCodes: plan.warnings.map(({ code }) => code),
    },
  });
}
