/**
 * Cancelling the runs of an issue because of what happened to it (API-156, CO-6, CO-46), in the transaction of the change:
 * a change that is refused cancels nothing, and no crash leaves a run going that its issue's change had ended.
 */
import { WakefleetError } from "@wakefleet/contracts";
import { CANCELLED_TEXT, type IssueGateRefusal, issueGate, retryGate } from "@wakefleet/domain";
import {
  cancelWaitingRequestsOfIssues,
  endRunIf,
  type IssueRow,
  listActiveIssueRuns,
  type RunRow,
  requestCancelOfRunning,
} from "@wakefleet/store";
import { refusedEnding, retryFacts } from "../runs/run-gates.js";
import { runEndedEvents, runEventEvent } from "../runs/run-live-events.js";
import type { IssueCaller } from "./issue-caller.js";
import type { IssueChange } from "./issue-change.js";

/** What an issue that was cancelled says to its running runs and to what waits behind them. */
const ISSUE_CANCELLED_TEXT = "Cancelled because the issue was cancelled";

/** `interrupt` of API-152: only with a comment, only by the board. */
export function assertMayInterrupt(request: { caller: IssueCaller; interrupt: boolean; hasComment: boolean }): void {
  if (!request.interrupt) return;
  if (!request.hasComment) {
    throw new WakefleetError("bad_request", "Interrupt is only supported when posting a comment");
  }
  if (request.caller.kind !== "board") {
    throw new WakefleetError("forbidden", "Only board users can interrupt active runs from issue comments");
  }
}

/**
 * CO-46: asks the issue's running run to stop, its lock's, else its assignee's; answers its id, null when none runs. The
 * comment's wake waits for its end and follows it.
 */
export async function interruptIssueRun(change: IssueChange, issue: IssueRow): Promise<string | null> {
  const running = (await listActiveIssueRuns(change.tx, issue)).filter((run) => run.status === "running");
  const run =
    running.find((one) => one.id === issue.executionRunId) ??
    running.find((one) => one.agentId === issue.assigneeAgentId);
  if (run === undefined) return null;
  await askToStop(change, { run, issue, source: "issue_comment_interrupt", text: CANCELLED_TEXT });
  return run.id;
}

/**
 * CO-6: running runs are asked to stop, waiting ones end, and so do the wakes that wait behind them: one of them, promoted
 * by the end of the run, would reopen the issue that has just been cancelled (FI-8). Answers the run that was running.
 */
export async function cancelIssueRuns(change: IssueChange, issue: IssueRow): Promise<string | null> {
  await cancelWaitingRequestsOfIssues(change.tx, {
    companyId: issue.companyId,
    issueIds: [issue.id],
    text: ISSUE_CANCELLED_TEXT,
    decided: { rule: "CO-6", outcome: "cancelled", facts: { issueId: issue.id, error: ISSUE_CANCELLED_TEXT } },
  });
  let running: string | null = null;
  for (const run of await listActiveIssueRuns(change.tx, issue)) {
    const refusal = run.status === "running" ? null : cancelledRefusal(run, issue.id);
    if (refusal !== null && (await endWaiting(change, { run, issue, refusal }))) continue;
    // Lost: it was claimed a moment ago, and is running now.
    await askToStop(change, { run, issue, source: "issue_status_cancelled", text: ISSUE_CANCELLED_TEXT });
    running ??= run.id;
  }
  return running;
}

/** CL-30 for a scheduled retry, CL-11 for a queued run: what their claim would say of a cancelled issue. */
function cancelledRefusal(run: RunRow, issueId: string): IssueGateRefusal | null {
  const issue = {
    id: issueId,
    status: "cancelled",
    priority: null,
    assigneeAgentId: run.agentId,
    executionState: null,
    unresolvedBlockerIssueIds: [],
  } as const;
  const waiting = { agentId: run.agentId, context: {}, isInteraction: false };
  return run.status === "scheduled_retry"
    ? retryGate({ ...waiting, isRetry: true, retry: retryFacts(run) }, issue)
    : issueGate({ ...waiting, isRetry: false }, issueId, issue);
}

/** False: it no longer waits. */
async function endWaiting(
  change: IssueChange,
  end: { readonly run: RunRow; readonly issue: IssueRow; readonly refusal: IssueGateRefusal },
): Promise<boolean> {
  const { run, issue, refusal } = end;
  const ended = await endRunIf(change.tx, { ...refusedEnding(run.id, refusal), cancelKind: "issue" });
  if (ended === null) return false;
  change.after.events.push(...ended.events.map(runEventEvent), ...runEndedEvents(ended.run));
  change.cancelled.ended.push(run);
  noteCancel(change, { run, issue, source: "issue_status_cancelled" });
  return true;
}

type CancelSource = "issue_comment_interrupt" | "issue_status_cancelled";

async function askToStop(
  change: IssueChange,
  ask: { readonly run: RunRow; readonly issue: IssueRow; readonly source: CancelSource; readonly text: string },
): Promise<void> {
  const { run, issue, source, text } = ask;
  const [asked] = await requestCancelOfRunning(change.tx, [run.id], { reason: text, kind: "issue", recover: false });
  if (asked === undefined) return;
  change.cancelled.asked.push(asked);
  noteCancel(change, { run, issue, source });
}

/** AC-21. */
function noteCancel(
  { note }: IssueChange,
  cancel: { readonly run: RunRow; readonly issue: IssueRow; readonly source: CancelSource },
): void {
  const { run, issue, source } = cancel;
  note({
    companyId: run.companyId,
    action: "heartbeat.cancelled",
    entityType: "heartbeat_run",
    entityId: run.id,
    runId: run.id,
    details: { agentId: run.agentId, source, issueId: issue.id },
  });
}
