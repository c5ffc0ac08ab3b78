/**
 * FI-8: the end of a run frees its issue and starts what waited behind it, in the transaction of the end. The caller
 * holds the agent's row and the issue's row.
 */
import { isGuid, SERVICE_REASONS } from "@wakefleet/contracts";
import {
  agentNameKey,
  deferredContextOf,
  enrichContext,
  isVerifiedInteraction,
  PROMOTION_FAILED_TEXT,
  PROMOTION_SUPPRESSED_TEXT,
  planRelease,
  publicPayload,
  type ReleasePlan,
  wakeCommentIdOf,
} from "@wakefleet/domain";
import {
  type ClaimIssue,
  type IssueLockChange,
  type NewRun,
  type RunRow,
  readDeferredHold,
  readReleaseFacts,
  readRunsForJobs,
  recordWakeups,
  type Sql,
  settleDeferredRequests,
  type WaitingDeferred,
} from "@wakefleet/store";
import { runJobOf } from "../dispatch/run-job.js";
import type { NewId } from "../ids.js";
import { runQueuedEvent } from "../wakeups/apply-decision.js";
import { newRunRow } from "../wakeups/new-run-row.js";
import type { AfterCommit } from "./after-commit.js";

export interface ReleaseInput {
  readonly run: Pick<RunRow, "id" | "companyId">;
  readonly issue: ClaimIssue;
  readonly now: Date;
  readonly newId: NewId;
}

/** What became of the issue. */
export interface ReleaseOutcome {
  /** Nobody works on it now: no deferred wake was promoted, and no other run has or gets the lock (RC-72, RC-73). */
  readonly isFree: boolean;
}

/** Releases the issue of a run that ended and promotes at most one deferred wake. */
export async function releaseIssue(tx: Sql, input: ReleaseInput, after: AfterCommit): Promise<ReleaseOutcome> {
  const { run, issue } = input;
  const facts = await readReleaseFacts(tx, { companyId: run.companyId, issueId: issue.id, runId: run.id });
  const plan = planRelease({
    runId: run.id,
    issue: {
      id: issue.id,
      status: issue.status,
      assigneeAgentId: issue.assigneeAgentId,
      lockRunId: issue.executionRunId,
    },
    otherActiveRuns: facts.otherActiveRuns.map((other) => ({
      id: other.id,
      agentId: other.agentId,
      status: other.status as "queued" | "scheduled_retry" | "running",
      context: other.contextSnapshot ?? {},
      createdAtMs: other.createdAt.getTime(),
    })),
    deferred: (await withHold(tx, input, facts.deferred)).map(({ request, isHeld }) => ({
      id: request.id,
      reason: request.reason,
      payload: request.payload,
      requestedByActorType: request.requestedByActorType,
      agent: request.agentStatus === null ? null : { id: request.agentId, status: request.agentStatus },
      isHeld,
    })),
  });
  if (plan.kind === "not_holder") return { isFree: false };
  if (plan.kind === "hand_over") {
    const name = facts.agentNames.get(plan.toAgentId) ?? "";
    await writeLock(tx, {
      issueId: issue.id,
      runId: plan.toRunId,
      agentNameKey: agentNameKey(name),
      endedRunId: run.id,
    });
    return { isFree: false };
  }
  await applyPlan(tx, { ...input, plan, deferred: facts.deferred }, after);
  return { isFree: plan.promote === null };
}

/** TH-12, TH-23: which of the requests a pause hold stops; the stored requester of each vouches for its comment. */
async function withHold(
  tx: Sql,
  { run, issue }: ReleaseInput,
  deferred: readonly WaitingDeferred[],
): Promise<{ readonly request: WaitingDeferred; readonly isHeld: boolean }[]> {
  if (deferred.length === 0) return [];
  const waiting = deferred.map((request) => ({ request, context: deferredContextOf(request.payload) }));
  const commentIds = waiting.map(({ context }) => wakeCommentIdOf(context)).filter(isGuid);
  const { hold, comments } = await readDeferredHold(tx, { companyId: run.companyId, issueId: issue.id, commentIds });
  return waiting.map(({ request, context }) => {
    const comment = comments.find(({ id }) => id === wakeCommentIdOf(context)) ?? null;
    const requester = { type: request.requestedByActorType, id: request.requestedByActorId };
    const passes =
      hold === null || isVerifiedInteraction({ context, issueId: issue.id, comment, requesters: [requester] });
    return { request, isHeld: !passes };
  });
}

async function writeLock(tx: Sql, lock: IssueLockChange): Promise<void> {
  await recordWakeups(tx, { requests: [], runs: [], mergedRuns: [], mergedRequests: [], activity: [], locks: [lock] });
}

interface PlanInput extends ReleaseInput {
  readonly plan: Extract<ReleasePlan, { kind: "release" }>;
  readonly deferred: readonly WaitingDeferred[];
}

async function applyPlan(tx: Sql, input: PlanInput, after: AfterCommit): Promise<void> {
  const { run, issue, plan } = input;
  const request = input.deferred.find((one) => one.id === plan.promote?.requestId);
  const promoted = plan.promote === null || request === undefined ? null : promotedRun(input, plan.promote, request);
  const holder = promoted !== null && plan.promote?.takesLock === true ? promoted : null;
  if (issue.executionRunId !== null || holder !== null || promoted !== null) {
    await recordWakeups(tx, {
      requests: [],
      runs: promoted === null ? [] : [promoted],
      mergedRuns: [],
      mergedRequests: [],
      locks: [
        {
          issueId: issue.id,
          runId: holder?.id ?? null,
          agentNameKey: holder === null ? null : agentNameKey(request?.agentName ?? ""),
          endedRunId: run.id,
        },
      ],
      activity: plan.promote?.reopenFrom == null ? [] : [reopenedActivity(input, plan.promote.reopenFrom)],
    });
  }
  const { failedRequestIds, suppressedRequestIds } = plan;
  if (failedRequestIds.length === 0 && suppressedRequestIds.length === 0 && promoted === null) return;
  await settleDeferredRequests(tx, {
    issueId: issue.id,
    companyId: run.companyId,
    endedRunId: run.id,
    failed: { requestIds: failedRequestIds, error: PROMOTION_FAILED_TEXT },
    suppressed: { requestIds: suppressedRequestIds, error: PROMOTION_SUPPRESSED_TEXT },
    promoted:
      promoted === null || request === undefined
        ? null
        : {
            requestId: request.id,
            agentId: request.agentId,
            runId: promoted.id,
            reason: SERVICE_REASONS.promoted,
            payload: publicPayload(request.payload) ?? {},
          },
    reopen: plan.promote?.reopenFrom != null,
  });
  if (promoted === null) return;
  after.jobs.push(...(await readRunsForJobs(tx, [promoted.id])).map(runJobOf));
  after.events.push(runQueuedEvent(promoted));
}

function promotedRun(
  input: ReleaseInput,
  promote: NonNullable<PlanInput["plan"]["promote"]>,
  request: WaitingDeferred,
): RunRow & NewRun {
  const enriched = enrichContext({
    context: promote.context,
    payload: publicPayload(request.payload),
    reason: promote.reason,
    source: request.source,
    triggerDetail: request.triggerDetail,
  });
  const runId = input.newId();
  const row = newRunRow({
    id: runId,
    companyId: input.run.companyId,
    agentId: promote.agentId,
    source: request.source,
    triggerDetail: request.triggerDetail,
    wakeupRequestId: request.id,
    context: promote.reopenFrom === null ? enriched : { ...enriched, reopenedFrom: promote.reopenFrom },
    sessionIdBefore: request.sessionIdBefore,
    decided: {
      rule: "FI-8",
      outcome: "promoted",
      facts: { endedRunId: input.run.id, issueId: input.issue.id, requestId: request.id, runId },
    },
    now: input.now,
  });
  return { ...row, wakeupRequestId: request.id, contextSnapshot: row.contextSnapshot ?? {} };
}

/** AC-37. */
function reopenedActivity(input: ReleaseInput, from: string) {
  const { run, issue } = input;
  return {
    companyId: run.companyId,
    actorType: "system" as const,
    actorId: "heartbeat",
    action: "issue.updated",
    entityType: "issue",
    entityId: issue.id,
    agentId: null,
    runId: run.id,
    details: {
      status: "todo",
      _previous: { status: from },
      source: "deferred_comment_wake",
      reopened: true,
      reopenedFrom: from,
    },
  };
}
