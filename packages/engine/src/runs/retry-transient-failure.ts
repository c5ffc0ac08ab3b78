/** FI-6, RT-1 to RT-6: a failed run whose provider was the trouble comes again by the bounded schedule. */
import type { JsonObject } from "@wakefleet/contracts";
import {
  codexFallbackMode,
  exhaustedText,
  isTransientFailure,
  notBeforeOf,
  type RetryTable,
  scheduleRetry,
} from "@wakefleet/domain";
import { appendRunEvents, type NewRunEvent, type Sql } from "@wakefleet/store";
import type { AfterCommit } from "./after-commit.js";
import { type FollowUpScope, queueFollowUpRun } from "./follow-up-run.js";
import { runEventEvent } from "./run-live-events.js";

export const TRANSIENT_RETRY_REASON = "transient_failure_retry";

/** The schedule, and where chance comes from (uniform in [0, 1]). */
export interface RetryPolicy {
  readonly table: RetryTable;
  readonly random: () => number;
}

/**
 * Schedules the next attempt of a run that has just failed transiently, or says that there is none. Answers whether a
 * retry waits. The agent's row and the are locked.
 */
export async function retryTransientFailure(
  tx: Sql,
  scope: FollowUpScope,
  policy: RetryPolicy,
  after: AfterCommit,
): Promise<boolean> {
  const { ended, agent } = scope;
  const { status, errorCode, resultJson } = ended;
  if (status !== "failed" || !isTransientFailure({ status, errorCode, resultJson })) return false;
  const notBefore = notBeforeOf(resultJson);
  const attempt = ended.scheduledRetryAttempt + 1;
  const schedule = scheduleRetry({ attempt, now: scope.now, random: policy.random(), notBefore, table: policy.table });
  const maxAttempts = policy.table.delaysMs.length;
  if (schedule === null) {
    await tell(
      tx,
      scope,
      { level: "warn", message: exhaustedText(maxAttempts), payload: { attempts: maxAttempts } },
      after,
    );
    return false;
  }
  const dueAt = schedule.dueAt.toISOString();
  const keys: JsonObject = {
    retryReason: "transient_failure",
    errorFamily: "transient_upstream",
    scheduledRetryAttempt: attempt,
    scheduledRetryAt: dueAt,
    transientRetryNotBefore: notBefore?.toISOString() ?? null,
    ...(agent.adapterType === "codex_local" ? { codexTransientFallbackMode: codexFallbackMode(attempt) } : {}),
  };
  const runId = scope.newId();
  await queueFollowUpRun(
    tx,
    scope,
    {
      runId,
      rule: "RT-3",
      reason: TRANSIENT_RETRY_REASON,
      context: keys,
      payload: keys,
      scheduled: { at: schedule.dueAt, attempt, reason: "transient_failure" },
      lock: "if_held",
    },
    after,
  );
  const message = `Scheduled bounded retry ${attempt}/${maxAttempts} for ${dueAt}`;
  await tell(tx, scope, { level: "info", message, payload: { retryRunId: runId, ...keys } }, after);
  return true;
}

/** An event on the failed run (RT-3, RT-5). */
async function tell(
  tx: Sql,
  { ended }: FollowUpScope,
  event: Pick<NewRunEvent, "level" | "message" | "payload">,
  after: AfterCommit,
): Promise<void> {
  const rows = await appendRunEvents(tx, ended.id, [{ eventType: "lifecycle", stream: "system", ...event }]);
  after.events.push(...rows.map(runEventEvent));
}
