/**
 * Ending the work of a subtree (TH-30 to TH-33): what waits without a run first, so that the end of a run promotes none of
 * it, then the active runs. One that cannot be cancelled does not stop the rest.
 */
import { WakefleetError } from "@wakefleet/contracts";
import { INTERRUPT_REASONS } from "@wakefleet/domain";
import { cancelWaitingRequestsOfIssues, type Sql, savepoint } from "@wakefleet/store";
import { nothingAfterCommit } from "../runs/after-commit.js";
import { cancelActiveRun } from "../runs/cancel-run.js";
import type { HoldContext } from "./hold-transaction.js";

export interface TreeInterruption {
  readonly holdId: string;
  readonly mode: keyof typeof INTERRUPT_REASONS;
  readonly runText: string;
  readonly requestText: string;
}

/** Ends requests and runs of the whole tree, of skipped members too. */
export async function interruptTree(tx: Sql, context: HoldContext, interruption: TreeInterruption): Promise<void> {
  await cancelRequests(tx, context, interruption);
  const { holdId, runText } = interruption;
  const about = { holdId, rootIssueId: context.scope.rootIssueId, reason: INTERRUPT_REASONS[interruption.mode] };
  for (const run of runsOf(context)) {
    const error = await interruptRun(tx, context, { ...run, text: runText });
    context.note({
      action: error === null ? "issue.tree_hold_run_interrupted" : "issue.tree_hold_run_interrupt_failed",
      entityType: "heartbeat_run",
      entityId: run.id,
      details: error === null ? about : { ...about, error },
    });
  }
}

/** AC-23. */
async function cancelRequests(tx: Sql, context: HoldContext, interruption: TreeInterruption): Promise<void> {
  const { companyId, rootIssueId } = context.scope;
  const { holdId, mode, requestText } = interruption;
  const requests = await cancelWaitingRequestsOfIssues(tx, {
    companyId,
    issueIds: context.tree.issues.map(({ id }) => id),
    text: requestText,
    decided: {
      rule: mode === "pause" ? "TH-30" : "TH-31",
      outcome: "cancelled",
      facts: { error: requestText, holdId, rootIssueId },
    },
  });
  for (const { id, agentId, reason } of requests) {
    context.note({
      action: "issue.tree_hold_wakeup_deferred",
      entityType: "agent_wakeup_request",
      entityId: id,
      details: { holdId, rootIssueId, agentId, previousReason: reason },
    });
  }
}

/** Each run once, in issue order: it may name one issue of the tree and hold the lock of another. */
function runsOf({ tree }: HoldContext): { id: string; agentId: string; issueId: string }[] {
  const runs = new Map<string, { id: string; agentId: string; issueId: string }>();
  const issues = [...tree.issues].sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const issue of issues) {
    for (const { id, agentId } of issue.runs) if (!runs.has(id)) runs.set(id, { id, agentId, issueId: issue.id });
  }
  return [...runs.values()];
}

/** Answers why it could not be cancelled; null when it was, or is on its way (TH-33). */
async function interruptRun(
  tx: Sql,
  { deps, after, cancelled }: HoldContext,
  run: { id: string; agentId: string; issueId: string; text: string },
): Promise<string | null> {
  const own = nothingAfterCommit();
  const cancel = { text: run.text, kind: "hold", recover: false } as const;
  const attempt = await savepoint(tx, "hold_run", () => cancelActiveRun(tx, deps, run, cancel, own));
  if (!attempt.ok) {
    deps.log.warn({ event: "hold.run_not_cancelled", runId: run.id, err: attempt.error }, "the hold stands without it");
    return attempt.error instanceof WakefleetError ? attempt.error.message : "The run could not be cancelled";
  }
  after.events.push(...own.events);
  after.jobs.push(...own.jobs);
  const step = attempt.value;
  if (step.kind === "ended") cancelled.ended.push(run);
  if (step.kind === "asked") cancelled.asked.push({ runId: run.id, workerId: step.workerId });
  return null;
}
