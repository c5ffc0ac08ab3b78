/** A run as it is born: every column at its start value, so that what is answered equals what is stored. */
import type { Decided, InvocationSource, JsonObject, TriggerDetail } from "@wakefleet/contracts";
import { continuationAttemptOf, issueIdOf, taskKeyOf } from "@wakefleet/domain";
import type { RunRow } from "@wakefleet/store";

export interface NewRunInput {
  readonly id: string;
  readonly companyId: string;
  readonly agentId: string;
  readonly source: InvocationSource;
  readonly triggerDetail: TriggerDetail | null;
  readonly wakeupRequestId: string;
  readonly context: JsonObject;
  readonly sessionIdBefore: string | null;
  readonly retryOfRunId?: string | null;
  readonly processLossRetryCount?: number;
  /** A retry with a due time (RT-3): the run is born `scheduled_retry`. */
  readonly scheduled?: { readonly at: Date; readonly attempt: number; readonly reason: string };
  /** Why there is this run (BY-1). */
  readonly decided: Decided;
  /** The instant of the transaction that writes it. */
  readonly now: Date;
}

/** WK-40: a queued run with its context, keys and session. */
export function newRunRow(input: NewRunInput): RunRow {
  return {
    id: input.id,
    companyId: input.companyId,
    agentId: input.agentId,
    invocationSource: input.source,
    triggerDetail: input.triggerDetail,
    status: input.scheduled === undefined ? "queued" : "scheduled_retry",
    wakeupRequestId: input.wakeupRequestId,
    contextSnapshot: input.context,
    startedAt: null,
    finishedAt: null,
    error: null,
    errorCode: null,
    exitCode: null,
    signal: null,
    usageJson: null,
    resultJson: null,
    sessionIdBefore: input.sessionIdBefore,
    sessionIdAfter: null,
    resumableSessionId: null,
    sessionResetAt: null,
    logStore: null,
    logRef: null,
    logBytes: null,
    logSha256: null,
    logCompressed: false,
    stdoutExcerpt: null,
    stderrExcerpt: null,
    externalRunId: null,
    processPid: null,
    processGroupId: null,
    processStartedAt: null,
    processTree: null,
    costSoFarCents: null,
    providerAccountId: null,
    lastOutputAt: null,
    lastOutputSeq: 0,
    lastOutputStream: null,
    lastOutputBytes: null,
    retryOfRunId: input.retryOfRunId ?? null,
    processLossRetryCount: input.processLossRetryCount ?? 0,
    scheduledRetryAt: input.scheduled?.at ?? null,
    scheduledRetryAttempt: input.scheduled?.attempt ?? 0,
    scheduledRetryReason: input.scheduled?.reason ?? null,
    issueCommentStatus: "not_applicable",
    issueCommentSatisfiedByCommentId: null,
    issueCommentRetryQueuedAt: null,
    livenessState: null,
    livenessReason: null,
    continuationAttempt: continuationAttemptOf(input.context),
    lastUsefulActionAt: null,
    nextAction: null,
    workerId: null,
    claimToken: 0,
    startToken: null,
    leaseExpiresAt: null,
    dispatchedAt: null,
    cancelRequestedAt: null,
    cancelReason: null,
    cancelKind: null,
    cancelRecover: null,
    issueId: issueIdOf(input.context),
    taskKey: taskKeyOf(input.context),
    lockIssueId: null,
    runSlot: null,
    eventSeq: 0,
    finalizedAt: null,
    endState: null,
    traceId: null,
    receipts: [{ ...input.decided, at: input.now.toISOString() }],
    createdAt: input.now,
    updatedAt: input.now,
  };
}
