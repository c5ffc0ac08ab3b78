/**
 * The facts of one accepting transaction, kept up to date while its wakes are decided one after the other: a wake sees
 * what the wakes before it in the same transaction became (WK-44), exactly as if each had been a transaction of its own.
 */
import type { Decided, JsonObject } from "@wakefleet/contracts";
import {
  type ActiveRunFact,
  agentNameKey,
  type BudgetBlock,
  budgetBlock,
  type DeferredFact,
  type IssueGateRefusal,
  type IssueWakeFacts,
  isAskedByPerson,
  issueGate,
  issueIdOf,
  isVerifiedInteraction,
  retryGate,
  taskKeyOf,
} from "@wakefleet/domain";
import type {
  ActivityEntry,
  IssueLockChange,
  LockedAgent,
  LockedIssue,
  NewRun,
  NewWakeupRequest,
  RunRow,
  StoredAnswer,
  WakeFacts,
  WakePolicyFacts,
  WakeupRecord,
} from "@wakefleet/store";
import { isRunInteraction, retryFacts } from "../runs/run-gates.js";
import type { PreparedWake } from "./prepare-wake.js";

interface WorldRun {
  row: RunRow;
  isNew: boolean;
  changed: boolean;
  takesLockOf: string | null;
  /** BY-3: it was parked and is due now. */
  hastened: Decided | null;
  /** Its place or due time changed: its job must move. */
  moved: boolean;
}

interface WorldDeferred {
  requestId: string;
  payload: JsonObject;
  added: number;
  isNew: boolean;
}

const worldRun = (row: RunRow, isNew: boolean): WorldRun => ({
  row,
  isNew,
  changed: false,
  takesLockOf: null,
  hastened: null,
  moved: false,
});

const key = (...parts: (string | null)[]): string => JSON.stringify(parts);

function isActive(run: RunRow): run is RunRow & { status: ActiveRunFact["status"] } {
  return run.status === "queued" || run.status === "scheduled_retry" || run.status === "running";
}

export class WakeWorld {
  private readonly runs = new Map<string, WorldRun>();
  private readonly deferred = new Map<string, WorldDeferred>();
  private readonly answers = new Map<string, StoredAnswer>();
  private readonly locks = new Map<string, string | null>();
  private readonly lockChanges = new Map<string, IssueLockChange>();
  private readonly requests: NewWakeupRequest[] = [];
  private readonly activity: ActivityEntry[] = [];

  constructor(
    readonly now: Date,
    private readonly agents: ReadonlyMap<string, LockedAgent>,
    private readonly issues: ReadonlyMap<string, LockedIssue>,
    private readonly facts: WakeFacts,
    /** The place of each wake in the query of `facts.policies`. */
    private readonly places: ReadonlyMap<PreparedWake, number>,
  ) {
    for (const row of facts.runs) this.runs.set(row.id, worldRun(row, false));
    for (const request of facts.deferred) {
      const { id: requestId, payload } = request;
      this.deferred.set(key(request.agentId, request.issueId), {
        requestId,
        payload: payload ?? {},
        added: 0,
        isNew: false,
      });
    }
    for (const answer of facts.answers) this.answers.set(key(answer.agentId, answer.idempotencyKey), answer);
    for (const issue of issues.values()) this.locks.set(issue.id, issue.executionRunId);
  }

  agent(agentId: string): LockedAgent | null {
    return this.agents.get(agentId) ?? null;
  }

  agentName(agentId: string): string | null {
    return this.agents.get(agentId)?.name ?? this.facts.agentNames.get(agentId) ?? null;
  }

  /** The issue, if it is one of this company. */
  issue(issueId: string, companyId: string): LockedIssue | null {
    const issue = this.issues.get(issueId.toLowerCase());
    return issue !== undefined && issue.companyId === companyId ? issue : null;
  }

  run(runId: string): RunRow | null {
    return this.runs.get(runId)?.row ?? null;
  }

  answer(agentId: string, idempotencyKey: string): StoredAnswer | null {
    return this.answers.get(key(agentId, idempotencyKey)) ?? null;
  }

  /** `session_id_before` of a new run (WK-40): the task session's display id, or without a key the agent's own session. */
  sessionBefore(agent: LockedAgent, taskKey: string | null): string | null {
    const session = this.facts.sessions.find(
      (one) => one.agentId === agent.id && one.taskKey === taskKey && one.adapterType === agent.adapterType,
    );
    return session?.displayId ?? null;
  }

  private activeRuns(matches: (row: RunRow) => boolean): ActiveRunFact[] {
    const facts: ActiveRunFact[] = [];
    for (const { row } of this.runs.values()) {
      if (!isActive(row) || !matches(row)) continue;
      facts.push({
        id: row.id,
        agentId: row.agentId,
        status: row.status,
        context: row.contextSnapshot ?? {},
        createdAtMs: row.createdAt.getTime(),
      });
    }
    return facts;
  }

  sameTaskRuns(agentId: string, taskKey: string | null): ActiveRunFact[] {
    return this.activeRuns((row) => row.agentId === agentId && row.taskKey === taskKey);
  }

  /** What blocks a wake by money (BU-15); null: nothing. */
  budgetBlock(wake: PreparedWake): BudgetBlock | null {
    const facts = this.policyOf(wake)?.budget;
    return facts === undefined ? null : budgetBlock(facts);
  }

  private policyOf(wake: PreparedWake): WakePolicyFacts | undefined {
    const place = this.places.get(wake);
    return place === undefined ? undefined : this.facts.policies.get(place);
  }

  issueFacts(agent: Pick<LockedAgent, "id" | "companyId">, wake: PreparedWake, issueId: string): IssueWakeFacts {
    const { id: agentId, companyId } = agent;
    const issue = this.issue(issueId, companyId);
    const lockRunId = issue === null ? null : (this.locks.get(issue.id) ?? null);
    const deferred = this.deferred.get(key(agentId, issueId));
    const fact: DeferredFact | null =
      deferred === undefined ? null : { requestId: deferred.requestId, payload: deferred.payload };
    const policy = this.policyOf(wake);
    return {
      issueId,
      exists: issue !== null,
      lockRunId,
      activeRuns:
        issue === null
          ? []
          : this.activeRuns((row) => row.companyId === companyId && (row.issueId === issueId || row.id === lockRunId)),
      deferred: fact,
      hold: policy?.hold ?? null,
      unresolvedBlockers: policy?.unresolvedBlockers ?? [],
      isInteraction: isVerifiedInteraction({
        context: wake.context,
        issueId,
        comment: policy?.comment ?? null,
        requesters: [wake.request.actor],
      }),
    };
  }

  /**
   * Waiting runs of a locked issue that a claim would now refuse (WK-22), each with the refusal: a new owner's wake does
   * not wait behind the old owner's.
   */
  staleRuns(): { run: RunRow; refusal: IssueGateRefusal }[] {
    const stale: { run: RunRow; refusal: IssueGateRefusal }[] = [];
    for (const { row } of this.runs.values()) {
      const issue = row.issueId === null ? null : this.issue(row.issueId, row.companyId);
      if (issue === null || (row.status !== "queued" && row.status !== "scheduled_retry")) continue;
      const refusal = this.refusalOf(row, issue);
      if (refusal !== null) stale.push({ run: row, refusal });
    }
    return stale;
  }

  private refusalOf(row: RunRow, issue: LockedIssue): IssueGateRefusal | null {
    const context = row.contextSnapshot ?? {};
    const interaction = this.facts.interactions.get(row.id);
    const waiting = {
      agentId: row.agentId,
      isRetry: row.status === "scheduled_retry",
      context,
      isInteraction: isRunInteraction(context, issue.id, interaction),
    };
    // CL-8 is left to the claim: a blocker may be gone by then.
    const facts = { ...issue, unresolvedBlockerIssueIds: [] };
    return waiting.isRetry
      ? retryGate({ ...waiting, retry: retryFacts(row) }, facts)
      : issueGate(waiting, issue.id, facts);
  }

  /** A run that was cancelled within this transaction; the lock goes with it. Answers its issue. */
  removeRun(run: RunRow): LockedIssue | null {
    this.runs.delete(run.id);
    for (const [issueId, holder] of this.locks) if (holder === run.id) this.setLock(issueId, null);
    return run.issueId === null ? null : this.issue(run.issueId, run.companyId);
  }

  /** True when a run that names the issue is active as of now. */
  hasActiveRun(issue: Pick<LockedIssue, "id" | "companyId">): boolean {
    return this.activeRuns((row) => row.companyId === issue.companyId && row.issueId === issue.id).length > 0;
  }

  addRequest(request: NewWakeupRequest): void {
    this.requests.push(request);
    if (request.idempotencyKey !== null && request.responseJson !== null) {
      this.answers.set(key(request.agentId, request.idempotencyKey), {
        agentId: request.agentId,
        idempotencyKey: request.idempotencyKey,
        fingerprint: request.idempotencyFingerprint ?? "",
        responseStatus: request.responseStatus ?? 202,
        responseJson: request.responseJson,
      });
    }
  }

  addRun(row: RunRow): void {
    this.runs.set(row.id, worldRun(row, true));
  }

  /** The run as it stands after the wakes so far. */
  mustRun(runId: string): RunRow {
    return this.found(runId).row;
  }

  private found(runId: string): WorldRun {
    const run = this.runs.get(runId);
    if (run === undefined) throw new Error(`run ${runId} is not among the facts of this transaction`);
    return run;
  }

  /** BY-3: a parked retry starts now, because this request asked for it. */
  hasten(runId: string, requestId: string): void {
    const run = this.found(runId);
    const { scheduledRetryAt } = run.row;
    if (scheduledRetryAt === null || scheduledRetryAt <= this.now) return;
    run.hastened = {
      rule: "BY-3",
      outcome: "hastened",
      facts: { requestId, wasDueAt: scheduledRetryAt.toISOString() },
    };
    run.row = { ...run.row, scheduledRetryAt: this.now, updatedAt: this.now };
    run.changed = true;
    run.moved = true;
  }

  /** Runs whose place in the queue or due time the wakes so far have changed. */
  movedRunIds(): string[] {
    return [...this.runs.values()].filter((run) => run.moved).map((run) => run.row.id);
  }

  mergeIntoRun(runId: string, context: JsonObject): void {
    const run = this.found(runId);
    const wasAskedByPerson = isAskedByPerson(run.row.contextSnapshot ?? {});
    if (run.row.status !== "running" && !wasAskedByPerson && isAskedByPerson(context)) run.moved = true;
    run.row = {
      ...run.row,
      contextSnapshot: context,
      issueId: issueIdOf(context),
      taskKey: taskKeyOf(context),
      updatedAt: this.now,
    };
    run.changed = true;
  }

  addDeferred(deferred: { agentId: string; issueId: string; requestId: string; payload: JsonObject }): void {
    const { agentId, issueId, requestId, payload } = deferred;
    this.deferred.set(key(agentId, issueId), { requestId, payload, added: 0, isNew: true });
  }

  mergeIntoDeferred(merge: { agentId: string; issueId: string; payload: JsonObject }): void {
    const deferred = this.deferred.get(key(merge.agentId, merge.issueId));
    if (deferred === undefined) throw new Error(`agent ${merge.agentId} has no deferred request for ${merge.issueId}`);
    deferred.payload = merge.payload;
    deferred.added += 1;
  }

  /** Stamps or clears an issue's execution lock (WK-21, WK-23). */
  setLock(issueId: string, holder: { runId: string; agentId: string } | null): void {
    this.locks.set(issueId, holder?.runId ?? null);
    this.lockChanges.set(issueId, {
      issueId,
      runId: holder?.runId ?? null,
      agentNameKey: holder === null ? null : agentNameKey(this.agentName(holder.agentId) ?? ""),
    });
    const run = holder === null ? undefined : this.runs.get(holder.runId);
    if (run !== undefined && run.row.status === "running") run.takesLockOf = issueId;
  }

  addActivity(entry: ActivityEntry): void {
    this.activity.push(entry);
  }

  /** What the decisions of this transaction write. */
  record(): WakeupRecord {
    const newRuns: NewRun[] = [];
    const mergedRuns: WakeupRecord["mergedRuns"][number][] = [];
    for (const { row, isNew, changed, takesLockOf, hastened, moved } of this.runs.values()) {
      const contextSnapshot = row.contextSnapshot ?? {};
      const { id, issueId, taskKey } = row;
      if (isNew) newRuns.push(newRunOf(row, contextSnapshot));
      else if (changed) {
        const merged = { id, contextSnapshot, issueId, taskKey, lockIssueId: takesLockOf };
        mergedRuns.push({ ...merged, movesJob: moved, ...(hastened === null ? {} : { dueNow: hastened }) });
      }
    }
    const mergedRequests: WakeupRecord["mergedRequests"][number][] = [];
    const deferredRows = new Map<string, WorldDeferred>();
    for (const deferred of this.deferred.values()) {
      if (deferred.isNew) deferredRows.set(deferred.requestId, deferred);
      else if (deferred.added > 0) {
        mergedRequests.push({ id: deferred.requestId, payload: deferred.payload, added: deferred.added });
      }
    }
    const requests = this.requests.map((request) => {
      const deferred = deferredRows.get(request.id);
      return deferred === undefined
        ? request
        : { ...request, payload: deferred.payload, coalescedCount: deferred.added };
    });
    return {
      requests,
      runs: newRuns,
      mergedRuns,
      mergedRequests,
      locks: [...this.lockChanges.values()],
      activity: this.activity,
    };
  }
}

function newRunOf(row: RunRow, contextSnapshot: JsonObject): NewRun {
  if (row.wakeupRequestId === null) throw new Error(`new run ${row.id} has no wakeup request`);
  return {
    id: row.id,
    companyId: row.companyId,
    agentId: row.agentId,
    invocationSource: row.invocationSource,
    triggerDetail: row.triggerDetail,
    wakeupRequestId: row.wakeupRequestId,
    contextSnapshot,
    issueId: row.issueId,
    taskKey: row.taskKey,
    sessionIdBefore: row.sessionIdBefore,
    continuationAttempt: row.continuationAttempt,
    retryOfRunId: row.retryOfRunId,
    processLossRetryCount: row.processLossRetryCount,
    scheduledRetryAt: null,
    scheduledRetryAttempt: 0,
    scheduledRetryReason: null,
    receipts: row.receipts,
  };
}
