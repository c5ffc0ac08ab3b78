/**
 * The gates of a waiting run as the engine meets them: at its claim and when a new wake finds it (WK-22). What they read
 * of the run's own requests, and the end they call for (CL-15, CL-30, CL-31).
 */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { type ClaimFacts, type IssueGateRefusal, isVerifiedInteraction, wakeCommentIdOf } from "@wakefleet/domain";
import type { EndRunInput, IssueGateRow, RunInteraction, RunRow } from "@wakefleet/store";

/** TH-23: verified by any request that points at the run and names this issue and this comment. */
export function isRunInteraction(
  context: JsonObject,
  issueId: string,
  interaction: RunInteraction | undefined,
): boolean {
  if (interaction === undefined) return false;
  const commentId = wakeCommentIdOf(context);
  const requesters = interaction.requesters.filter((one) => one.issueId === issueId && one.commentId === commentId);
  return isVerifiedInteraction({ context, issueId, comment: interaction.comment, requesters });
}

/** What the event of a cancelled retry tells of it (CL-31). */
export function retryFacts(run: RunRow): JsonObject {
  return {
    scheduledRetryAttempt: run.scheduledRetryAttempt,
    scheduledRetryAt: run.scheduledRetryAt?.toISOString() ?? null,
    scheduledRetryReason: nonEmptyString(run.scheduledRetryReason),
  };
}

/** What the gates look at of the run itself. */
export function waitingRunFacts(run: RunRow, gate: IssueGateRow | null): ClaimFacts["run"] {
  const context = run.contextSnapshot ?? {};
  return {
    status: run.status,
    scheduledRetryAtMs: run.scheduledRetryAt?.getTime() ?? null,
    context,
    issueId: run.issueId,
    isInteraction: gate !== null && isRunInteraction(context, gate.id, gate.interaction),
    retry: retryFacts(run),
  };
}

/** The end of a run that a gate refused before it started: FI-1, 2, 3, without FI-9 and FI-12. */
export function refusedEnding(runId: string, refusal: IssueGateRefusal): EndRunInput {
  return {
    runId,
    guard: { kind: "waiting" },
    status: "cancelled",
    error: refusal.text,
    errorCode: refusal.code,
    exitCode: null,
    signal: null,
    usageJson: null,
    resultJson: refusedStop(refusal),
    sessionIdAfter: null,
    stdoutExcerpt: null,
    stderrExcerpt: null,
    log: null,
    progress: null,
    cancelKind: "gate",
    cancelRecover: null,
    requestStatus: refusal.requestStatus,
    requestError: refusal.text,
    events: [
      { eventType: "lifecycle", stream: "system", level: "warn", ...refusal.event },
      { eventType: "lifecycle", stream: "system", level: "warn", message: "run cancelled", payload: null },
    ],
    cost: null,
    session: null,
    settlesAgent: false,
    timerIntervalSec: null,
    receipt: { rule: refusal.rule, outcome: "cancelled", facts: refusal.event.payload },
  };
}

/** LV-111 to LV-113. */
export function refusedStop(refusal: IssueGateRefusal): JsonObject {
  const timeout = { effectiveTimeoutSec: 0, timeoutConfigured: false, timeoutFired: false };
  return refusal.timeoutSource === null
    ? { ...timeout, stopReason: "cancelled", timeoutSource: "default" }
    : { ...timeout, stopReason: refusal.code, timeoutSource: refusal.timeoutSource };
}
