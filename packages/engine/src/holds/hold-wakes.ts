/**
 * Whom the end of a hold wakes (TH-34, TH-42, W17), in the transaction that ends it: a change that was accepted never loses
 * its wakes. A wake that is refused fails nothing (CO-63).
 */
import type { JsonObject } from "@wakefleet/contracts";
import {
  holdsOver,
  PAUSED_REQUEST_TEXT,
  PROMOTION_SUPPRESSED_TEXT,
  TREE_RESTORED_REASON,
  TREE_RESUMED_REASON,
} from "@wakefleet/domain";
import { listIssuesStoppedByHold, type Sql } from "@wakefleet/store";
import { acceptWakeupsIn } from "../wakeups/accept-wakeups.js";
import type { AcceptWakeupRequest, AcceptWakeupResult } from "../wakeups/wake-request.js";
import type { HoldContext } from "./hold-transaction.js";

interface HoldWake {
  readonly agentId: string;
  readonly source: "automation" | "assignment";
  readonly reason: string;
  readonly payload: JsonObject;
  readonly context: JsonObject;
}

/** TH-42: wakes whom the released holds kept from issues that nothing holds any more. */
export async function wakeAfterRelease(
  tx: Sql,
  context: HoldContext,
  released: readonly { readonly id: string; readonly createdAt: Date }[],
): Promise<void> {
  const { companyId, rootIssueId } = context.scope;
  const releasedHoldIds = released.map(({ id }) => id);
  const gone = new Set(releasedHoldIds);
  const free = [...holdsOver(context.tree)]
    .filter(([, holds]) => holds.every((id) => gone.has(id)))
    .map(([issueId]) => issueId);
  if (released.length === 0 || free.length === 0) return;
  const stopped = await listIssuesStoppedByHold(tx, {
    companyId,
    issueIds: free,
    since: new Date(Math.min(...released.map(({ createdAt }) => createdAt.getTime()))),
    texts: [PAUSED_REQUEST_TEXT, PROMOTION_SUPPRESSED_TEXT],
  });
  await wake(
    tx,
    context,
    stopped.map(({ issueId, agentId, commentIds }) => ({
      agentId,
      source: "automation",
      reason: TREE_RESUMED_REASON,
      payload: { issueId, rootIssueId, releasedHoldIds },
      context: {
        issueId,
        taskId: issueId,
        wakeReason: TREE_RESUMED_REASON,
        source: "issue.tree_resume",
        rootIssueId,
        releasedHoldIds,
        ...(commentIds.length === 0 ? {} : { wakeCommentIds: [...commentIds] }),
      },
    })),
  );
}

/** W17: wakes the assignees of restored issues and notes the runs they got (AC-29). */
export async function wakeRestored(
  tx: Sql,
  context: HoldContext,
  restored: { readonly holdId: string; readonly issues: readonly { readonly id: string; readonly agentId: string }[] },
): Promise<void> {
  const { rootIssueId } = context.scope;
  const wakes = restored.issues.map(({ id, agentId }): HoldWake => {
    const payload = { issueId: id, rootIssueId, restoreHoldId: restored.holdId };
    return {
      agentId,
      source: "assignment",
      reason: TREE_RESTORED_REASON,
      payload,
      context: { ...payload, taskId: id, wakeReason: TREE_RESTORED_REASON, source: "issue.tree_restore" },
    };
  });
  const results = await wake(tx, context, wakes);
  for (const [place, result] of results.entries()) {
    const issue = restored.issues[place];
    if (issue === undefined || result.outcome === "rejected" || result.run === null) continue;
    context.note({
      action: "issue.tree_restore_wakeup_requested",
      entityType: "heartbeat_run",
      entityId: result.run.id,
      details: { holdId: restored.holdId, rootIssueId, issueId: issue.id, agentId: issue.agentId },
    });
  }
}

async function wake(tx: Sql, context: HoldContext, wakes: readonly HoldWake[]): Promise<AcceptWakeupResult[]> {
  if (wakes.length === 0) return [];
  const { actor, companyId } = context.scope;
  const requests = wakes.map(
    (one): AcceptWakeupRequest => ({
      ...one,
      companyId,
      triggerDetail: "system",
      actor: { type: actor.type, id: actor.id },
      idempotencyKey: null,
      fingerprint: null,
      logActivity: false,
    }),
  );
  const accepted = await acceptWakeupsIn(tx, context.deps.newId, requests);
  context.after.events.push(...accepted.events);
  context.after.jobs.push(...accepted.jobs);
  return accepted.results;
}
