/** Cancelling the runs of an issue because of what happened to it (API-156, CO-6, CO-46). */
import { WakefleetError } from "@wakefleet/contracts";
import { type IssueRow, listActiveIssueRuns } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { mutate } from "../mutate.js";
import { type Actor, actorOf, type Principal } from "../principal.js";

/** What an issue that was cancelled says to its runs. */
export const ISSUE_CANCELLED_REASON = "Cancelled because the issue was cancelled";

/** `interrupt` of API-152: only with a comment, only by the board. */
export function assertMayInterrupt(request: { caller: Principal; interrupt: boolean; hasComment: boolean }): void {
  if (!request.interrupt) return;
  if (!request.hasComment) {
    throw new WakefleetError("bad_request", "Interrupt is only supported when posting a comment");
  }
  if (request.caller.kind !== "board") {
    throw new WakefleetError("forbidden", "Only board users can interrupt active runs from issue comments");
  }
}

/** Cancels the issue's running run before a comment is posted; answers its id, null when none runs (CO-46). */
export async function interruptIssueRun(
  deps: ApiDeps,
  command: { issue: IssueRow; caller: Principal },
): Promise<string | null> {
  const { issue } = command;
  const running = (await listActiveIssueRuns(deps.db.sql, issue)).find((run) => run.status === "running");
  if (running === undefined) return null;
  await cancelNoted(deps, {
    runId: running.id,
    agentId: running.agentId,
    issue,
    actor: actorOf(command.caller),
    source: "issue_comment_interrupt",
  });
  return running.id;
}

/** Cancels what is queued, scheduled or running for an issue that was cancelled (CO-6). */
export async function cancelIssueRuns(deps: ApiDeps, command: { issue: IssueRow; actor: Actor }): Promise<void> {
  for (const run of await listActiveIssueRuns(deps.db.sql, command.issue)) {
    await cancelNoted(deps, { runId: run.id, agentId: run.agentId, ...command, source: "issue_status_cancelled" });
  }
}

interface NotedCancel {
  readonly runId: string;
  readonly agentId: string;
  readonly issue: IssueRow;
  readonly actor: Actor;
  readonly source: "issue_comment_interrupt" | "issue_status_cancelled";
}

/** Cancels one run; a failure is told in the log of activity and the change stands (AC-21). */
async function cancelNoted(deps: ApiDeps, cancel: NotedCancel): Promise<void> {
  const { issue, source } = cancel;
  try {
    await deps.engine.cancelRun({
      runId: cancel.runId,
      actor: cancel.actor,
      recover: false,
      kind: "issue",
      cause: { source, issueId: issue.id },
      // A status change does not wait for the worker; the comment of an interrupt follows the run's end where it can.
      ...(source === "issue_status_cancelled" ? { reason: ISSUE_CANCELLED_REASON, confirmWithinMs: 0 } : {}),
    });
  } catch (err) {
    deps.log.error({ err, runId: cancel.runId, issueId: issue.id }, "could not cancel a run of an issue");
    await mutate(deps, cancel.actor, async ({ note }) =>
      note({
        companyId: issue.companyId,
        action: "heartbeat.cancel_failed",
        entityType: "heartbeat_run",
        entityId: cancel.runId,
        details: { agentId: cancel.agentId, source, issueId: issue.id },
      }),
    );
  }
}
