/**
 * A run that follows an ended one by the service's own decision: the retry of a lost process (PL-4), a bounded retry
 * (RT-3), a missing comment (FI-7), immediate recovery (RC-77). Queued in the transaction that ends the other run; the
 * issue's lock moves to it, so nobody slips in between.
 */
import { type Decided, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { agentNameKey } from "@wakefleet/domain";
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

export interface FollowUp {
  readonly runId: string;
  /** The rule that calls for it (BY-1). */
  readonly rule: string;
  /** The request's reason, and the context's `wakeReason`. */
  readonly reason: string;
  /** Context keys laid over the ended run's. */
  readonly context: JsonObject;
  /** The context is the whole of it: the run does not repeat what the ended one was woken for. */
  readonly startsAfresh?: boolean;
  /** DM-25; makes it happen once. */
  readonly idempotencyKey?: string;
  /** Payload keys beside `issueId` and `retryOfRunId`. */
  readonly payload?: JsonObject;
  readonly processLossRetryCount?: number;
  readonly scheduled?: { readonly at: Date; readonly attempt: number; readonly reason: string };
  /** The first event of the new run. */
  readonly event?: NewRunEvent;
  /** `always` moves the issue's lock to it; `if_held` only when the ended run holds it. */
  readonly lock: "if_held" | "always";
}

export interface FollowUpScope {
  readonly newId: NewId;
  readonly ended: RunRow;
  readonly agent: LockedAgent;
  readonly issue: ClaimIssue | null;
  readonly now: Date;
}

/** Queues the run. The agent's row and the issue's are locked. */
export async function queueFollowUpRun(
  tx: Sql,
  scope: FollowUpScope,
  followUp: FollowUp,
  after: AfterCommit,
): Promise<RunRow> {
  const { ended, agent, issue } = scope;
  const requestId = scope.newId();
  const context = followUp.startsAfresh === true ? followUp.context : followUpContext(ended, followUp);
  const row = newRunRow({
    id: followUp.runId,
    companyId: ended.companyId,
    agentId: ended.agentId,
    source: "automation",
    triggerDetail: "system",
    wakeupRequestId: requestId,
    context,
    // The session the ended run left is the one its retry resumes (SE-23).
    sessionIdBefore: ended.sessionIdAfter ?? ended.sessionIdBefore,
    retryOfRunId: ended.id,
    processLossRetryCount: followUp.processLossRetryCount ?? 0,
    ...(followUp.scheduled === undefined ? {} : { scheduled: followUp.scheduled }),
    decided: followUpReceipt(ended, followUp),
    now: scope.now,
  });
  const takesLock = issue !== null && (followUp.lock === "always" || issue.executionRunId === ended.id);
  await recordWakeups(tx, {
    requests: [
      {
        id: requestId,
        companyId: ended.companyId,
        agentId: ended.agentId,
        source: "automation",
        triggerDetail: "system",
        reason: followUp.reason,
        payload: {
          ...(ended.issueId === null ? {} : { issueId: ended.issueId }),
          retryOfRunId: ended.id,
          ...followUp.payload,
        },
        status: "queued",
        coalescedCount: 0,
        requestedByActorType: "system",
        requestedByActorId: null,
        idempotencyKey: followUp.idempotencyKey ?? null,
        idempotencyFingerprint: followUp.idempotencyKey ?? null,
        responseStatus: null,
        responseJson: null,
        runId: row.id,
        issueId: ended.issueId,
        finished: false,
        receipts: row.receipts,
      },
    ],
    runs: [{ ...row, wakeupRequestId: requestId, contextSnapshot: context }],
    mergedRuns: [],
    mergedRequests: [],
    locks: takesLock ? [{ issueId: issue.id, runId: row.id, agentNameKey: agentNameKey(agent.name) }] : [],
    activity: [],
  });
  if (followUp.event !== undefined) {
    const events = await appendRunEvents(tx, row.id, [followUp.event]);
    after.events.push(...events.map(runEventEvent));
  }
  if (row.status === "queued") after.events.push(runQueuedEvent(row));
  after.jobs.push(...(await readRunsForJobs(tx, [row.id])).map(runJobOf));
  return row;
}

/** What called for the run: the one that ended, and when the next may start. */
function followUpReceipt(ended: RunRow, { rule, scheduled }: FollowUp): Decided {
  const { id: ofRunId, status, errorCode, issueId } = ended;
  const facts: JsonObject = { ofRunId, status, errorCode, issueId };
  return scheduled === undefined
    ? { rule, outcome: "queued", facts }
    : {
        rule,
        outcome: "scheduled",
        facts: { ...facts, attempt: scheduled.attempt, dueAt: scheduled.at.toISOString() },
      };
}

/** Retries keep what first woke the work, so that the gates know an interaction wake's retry (CL-10). */
function followUpContext(ended: RunRow, followUp: FollowUp): JsonObject {
  const before = ended.contextSnapshot ?? {};
  const reason = nonEmptyString(before["originalWakeReason"]) ?? nonEmptyString(before["wakeReason"]);
  const source = nonEmptyString(before["originalWakeSource"]) ?? nonEmptyString(before["source"]);
  return {
    ...before,
    ...(reason === null ? {} : { originalWakeReason: reason }),
    ...(source === null ? {} : { originalWakeSource: source }),
    retryOfRunId: ended.id,
    wakeReason: followUp.reason,
    ...followUp.context,
  };
}
