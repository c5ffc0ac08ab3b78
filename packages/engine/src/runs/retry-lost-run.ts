/**
 * PL-4: the one automatic retry of a run whose process was lost, queued in the transaction that ends the lost run. The
 * issue's lock moves to it, so nobody slips in between.
 */
import { agentNameKey, sessionTaskKeyOf } from "@wakefleet/domain";
import {
  appendRunEvents,
  type ClaimIssue,
  type LockedAgent,
  type NewRunEvent,
  type RunRow,
  readRunsForJobs,
  recordWakeups,
  type Sql,
} from "@wakefleet/store";
import { runJobOf } from "../dispatch/run-job.js";
import type { NewId } from "../ids.js";
import { runQueuedEvent } from "../wakeups/apply-decision.js";
import { newRunRow } from "../wakeups/new-run-row.js";
import type { AfterCommit } from "./after-commit.js";
import { runEventEvent } from "./run-live-events.js";

export const LOST_RETRY_REASON = "process_lost_retry";

const QUEUED_EVENT: NewRunEvent = {
  eventType: "lifecycle",
  stream: "system",
  level: "warn",
  message: "Queued automatic retry after orphaned child process was confirmed dead",
  payload: null,
};

/** Queues the retry and answers its id. The agent's row and the issue's are locked. */
export async function retryLostRun(
  tx: Sql,
  input: { newId: NewId; lost: RunRow; agent: LockedAgent; issue: ClaimIssue | null; now: Date; newRunId: string },
  after: AfterCommit,
): Promise<void> {
  const { lost, agent, issue } = input;
  const requestId = input.newId();
  const context = {
    ...lost.contextSnapshot,
    retryOfRunId: lost.id,
    wakeReason: LOST_RETRY_REASON,
    retryReason: "process_lost",
  };
  const row = newRunRow({
    id: input.newRunId,
    companyId: lost.companyId,
    agentId: lost.agentId,
    source: "automation",
    triggerDetail: "system",
    wakeupRequestId: requestId,
    context,
    sessionIdBefore: sessionTaskKeyOf(context) === null ? null : lost.sessionIdBefore,
    retryOfRunId: lost.id,
    processLossRetryCount: lost.processLossRetryCount + 1,
    now: input.now,
  });
  const holdsLock = issue !== null && issue.executionRunId === lost.id;
  await recordWakeups(tx, {
    requests: [
      {
        id: requestId,
        companyId: lost.companyId,
        agentId: lost.agentId,
        source: "automation",
        triggerDetail: "system",
        reason: LOST_RETRY_REASON,
        payload: { ...(lost.issueId === null ? {} : { issueId: lost.issueId }), retryOfRunId: lost.id },
        status: "queued",
        coalescedCount: 0,
        requestedByActorType: "system",
        requestedByActorId: null,
        idempotencyKey: null,
        idempotencyFingerprint: null,
        responseStatus: null,
        responseJson: null,
        runId: row.id,
        issueId: lost.issueId,
        finished: false,
      },
    ],
    runs: [{ ...row, wakeupRequestId: requestId, contextSnapshot: context }],
    mergedRuns: [],
    mergedRequests: [],
    locks: holdsLock ? [{ issueId: issue.id, runId: row.id, agentNameKey: agentNameKey(agent.name) }] : [],
    activity: [],
  });
  const events = await appendRunEvents(tx, row.id, [QUEUED_EVENT]);
  after.events.push(runQueuedEvent(row), ...events.map(runEventEvent));
  after.jobs.push(...(await readRunsForJobs(tx, [row.id])).map(runJobOf));
}
