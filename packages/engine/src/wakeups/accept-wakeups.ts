/**
 * Accepting wakeups (03, WK-): one transaction locks the agents and issues concerned, reads the facts, asks the domain
 * for each wake in turn and writes everything in one statement. Single posts, the batch form, timers and posts that
 * happen to arrive together (RL-26) all come through here.
 *
 * What must stay true: the decision and its writes are one atomic step (WK-32), agents are locked before issues and each
 * in id order, and nothing is announced or dispatched before the commit (STY-38).
 */
import {
  isGuid,
  type JsonObject,
  type LiveEventDraft,
  nonEmptyString,
  readHeartbeatPolicy,
  WakefleetError,
} from "@wakefleet/contracts";
import {
  chooseLockHolder,
  decideWakeup,
  enrichContext,
  issueIdOf,
  taskKeyOf,
  type WakeupDecision,
  wellFormedJson,
  wellFormedText,
} from "@wakefleet/domain";
import {
  type Database,
  isRetryable,
  isStoreUnavailable,
  type LockedAgent,
  lockAgents,
  lockIssues,
  type NewWakeupRequest,
  type RunRow,
  readWakeFacts,
  recordWakeups,
  type Sql,
} from "@wakefleet/store";
import type { NewId } from "../ids.js";
import type { RunJob } from "../ports.js";
import { acceptedRunJob } from "./accepted-run-job.js";
import { newRunRow } from "./new-run-row.js";
import { replayOf, skipAnswer, storedAnswer, summaryOf } from "./wake-answer.js";
import type { AcceptWakeupRequest, AcceptWakeupResult, DecidedWakeup } from "./wake-request.js";
import { WakeWorld } from "./wake-world.js";

/** What a committed transaction leaves to do outside of it. */
export interface AcceptedWakeups {
  readonly results: AcceptWakeupResult[];
  readonly jobs: RunJob[];
  readonly events: LiveEventDraft[];
}

/** A wake whose context is known: what the locks and facts are read for. */
interface PreparedWake {
  readonly request: AcceptWakeupRequest;
  readonly context: ReturnType<typeof enrichContext>;
  readonly issueId: string | null;
  readonly taskKey: string | null;
}

const MAX_DEADLOCK_RETRIES = 3;

/**
 * Decides and writes the wakes in one transaction of its own. Rejects with the driver's error when PostgreSQL is away;
 * every expected outcome is a result, in order.
 */
export async function acceptWakeups(
  deps: { db: Database; newId: NewId },
  requests: readonly AcceptWakeupRequest[],
): Promise<AcceptedWakeups> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await deps.db.transaction((tx) => acceptWakeupsIn(tx, deps.newId, requests));
    } catch (error) {
      if (isRetryable(error) && attempt <= MAX_DEADLOCK_RETRIES) continue;
      if (isStoreUnavailable(error) || requests.length === 1) throw error;
      // One wake the database refuses must not spoil those that shared its transaction (WK-44).
      return acceptEachAlone(deps, requests);
    }
  }
}

async function acceptEachAlone(
  deps: { db: Database; newId: NewId },
  requests: readonly AcceptWakeupRequest[],
): Promise<AcceptedWakeups> {
  const all: AcceptedWakeups = { results: [], jobs: [], events: [] };
  for (const request of requests) {
    try {
      const one = await deps.db.transaction((tx) => acceptWakeupsIn(tx, deps.newId, [request]));
      all.results.push(...one.results);
      all.jobs.push(...one.jobs);
      all.events.push(...one.events);
    } catch (error) {
      if (isStoreUnavailable(error)) throw error;
      all.results.push({
        outcome: "rejected",
        error: new WakefleetError("internal", "Internal server error", undefined, { cause: error }),
      });
    }
  }
  return all;
}

/** The same inside a transaction of the caller, so that a change and the wakes it causes commit together (API-14). */
export async function acceptWakeupsIn(
  tx: Sql,
  newId: NewId,
  requests: readonly AcceptWakeupRequest[],
): Promise<AcceptedWakeups> {
  const prepared = requests.map(prepare);
  const world = await openWorld(tx, prepared);
  const accepted: AcceptedWakeups = { results: [], jobs: [], events: [] };
  const newRunIds = new Set<string>();
  for (const wake of prepared) {
    const result = decideOne(world, newId, wake, accepted.events);
    accepted.results.push(result);
    if (result.outcome === "queued" && !result.replayed && result.run !== null) newRunIds.add(result.run.id);
  }
  const record = world.record();
  if (record.requests.length > 0) await recordWakeups(tx, record);
  for (const runId of newRunIds) {
    const run = world.run(runId);
    const agent = run === null ? null : world.agent(run.agentId);
    if (run !== null && agent !== null) {
      accepted.jobs.push(
        acceptedRunJob(run, agent, run.issueId === null ? null : world.issue(run.issueId, run.companyId)),
      );
    }
  }
  return accepted;
}

function prepare(asked: AcceptWakeupRequest): PreparedWake {
  const request = storable(asked);
  const { payload } = request;
  const context = enrichContext({
    ...request,
    context: withPlainIssueId(request.context),
    payload: payload === null ? null : withPlainIssueId(payload),
  });
  return { request, context, issueId: issueIdOf(context), taskKey: taskKeyOf(context) };
}

/** DM-8 before anything is compared, looked up or answered: what is answered equals what is stored. */
function storable(request: AcceptWakeupRequest): AcceptWakeupRequest {
  const { reason, payload, idempotencyKey } = request;
  return {
    ...request,
    agentId: request.agentId.toLowerCase(),
    reason: reason === null ? null : wellFormedText(reason),
    payload: payload === null ? null : wellFormedJson(payload),
    context: wellFormedJson(request.context),
    idempotencyKey: idempotencyKey === null ? null : wellFormedText(idempotencyKey),
  };
}

/** Uuids are compared as text in the run's own columns: one spelling, the one PostgreSQL answers. */
function withPlainIssueId(object: JsonObject): JsonObject {
  const issueId = object["issueId"];
  return isGuid(issueId) ? { ...object, issueId: issueId.toLowerCase() } : object;
}

async function openWorld(tx: Sql, prepared: readonly PreparedWake[]): Promise<WakeWorld> {
  const agentIds = [...new Set(prepared.map((wake) => wake.request.agentId))].filter(isGuid);
  const { agents, now } = await lockAgents(tx, agentIds);
  const issueIds = [...new Set(prepared.map((wake) => wake.issueId).filter(isGuid))];
  const issues = issueIds.length === 0 ? new Map() : await lockIssues(tx, issueIds);

  const tasks = prepared.filter((wake) => agents.has(wake.request.agentId));
  const keyed = tasks.filter((wake) => wake.request.idempotencyKey !== null);
  const lockedIssues = [...issues.values()];
  const facts = await readWakeFacts(tx, {
    taskAgentIds: tasks.map((wake) => wake.request.agentId),
    taskKeys: tasks.map((wake) => wake.taskKey),
    issueIds: lockedIssues.map((issue) => issue.id),
    companyIds: lockedIssues.map((issue) => issue.companyId),
    lockRunIds: lockedIssues.map((issue) => issue.executionRunId).filter((id) => id !== null),
    keyAgentIds: keyed.map((wake) => wake.request.agentId),
    keys: keyed.map((wake) => wake.request.idempotencyKey as string),
  });
  return new WakeWorld(now, agents, issues, facts);
}

function decideOne(world: WakeWorld, newId: NewId, wake: PreparedWake, events: LiveEventDraft[]): AcceptWakeupResult {
  const { request } = wake;
  const agent = world.agent(request.agentId);
  if (agent === null) return rejected("not_found", "Agent not found");
  if (request.companyId !== null && agent.companyId !== request.companyId) {
    return rejected("wrong_company", "User does not have access to this company");
  }
  if (request.idempotencyKey !== null) {
    const answer = world.answer(agent.id, request.idempotencyKey);
    if (answer !== null) {
      return answer.fingerprint === request.fingerprint
        ? replayOf(answer.responseJson)
        : rejected("idempotency_key_reused", "Idempotency key was already used with a different request");
    }
  }
  const issue = wake.issueId === null ? null : world.issueFacts(agent.id, agent.companyId, wake.issueId);
  const decision = decideWakeup({
    agent: { id: agent.id, status: agent.status, policy: readHeartbeatPolicy(agent.runtimeConfig) },
    source: request.source,
    reason: request.reason,
    payload: request.payload,
    context: wake.context,
    issue,
    sameTaskRuns: issue === null ? world.sameTaskRuns(agent.id, wake.taskKey) : [],
  });
  if (decision.kind === "reject") {
    return decision.rule === "WK-10"
      ? rejected("not_found", "Agent not found")
      : rejected("agent_not_invokable", "Agent is not invokable in its current state", { status: decision.status });
  }
  return apply({ world, newId, wake, agent, decision, events });
}

function rejected(
  code: ConstructorParameters<typeof WakefleetError>[0],
  message: string,
  details?: unknown,
): AcceptWakeupResult {
  return { outcome: "rejected", error: new WakefleetError(code, message, details) };
}

interface Application {
  readonly world: WakeWorld;
  readonly newId: NewId;
  readonly wake: PreparedWake;
  readonly agent: LockedAgent;
  readonly decision: Exclude<WakeupDecision, { kind: "reject" }>;
  readonly events: LiveEventDraft[];
}

/** Writes one decision into the world and builds its answer. */
function apply({ world, newId, wake, agent, decision, events }: Application): DecidedWakeup {
  const { request } = wake;
  const requestId = newId();
  if (decision.kind !== "skip" && wake.issueId !== null) {
    if (decision.lock.kind === "clear") world.setLock(wake.issueId, null);
    else if (decision.lock.kind === "adopt") {
      world.setLock(wake.issueId, { runId: decision.lock.runId, agentId: decision.lock.agentId });
    }
  }

  const row: NewWakeupRequest = {
    id: requestId,
    companyId: agent.companyId,
    agentId: agent.id,
    source: request.source,
    triggerDetail: request.triggerDetail,
    reason: request.reason,
    payload: request.payload,
    status: "queued",
    coalescedCount: 0,
    requestedByActorType: request.actor.type,
    requestedByActorId: request.actor.id,
    idempotencyKey: request.idempotencyKey,
    idempotencyFingerprint: request.idempotencyKey === null ? null : request.fingerprint,
    responseStatus: request.idempotencyKey === null ? null : 202,
    responseJson: null,
    runId: null,
    issueId: nonEmptyString(request.payload?.["issueId"]),
    finished: false,
  };

  const applied = ((): {
    row: NewWakeupRequest;
    outcome: DecidedWakeup["outcome"];
    run: RunRow | null;
    skip: DecidedWakeup["skip"];
  } => {
    switch (decision.kind) {
      case "queue": {
        const run = newRunRow({
          id: newId(),
          companyId: agent.companyId,
          agentId: agent.id,
          source: request.source,
          triggerDetail: request.triggerDetail,
          wakeupRequestId: requestId,
          context: decision.context,
          sessionIdBefore: world.sessionBefore(agent, wake.taskKey),
          now: world.now,
        });
        world.addRun(run);
        return { row: { ...row, runId: run.id }, outcome: "queued", run, skip: null };
      }
      case "coalesce": {
        const run = world.mergeIntoRun(decision.runId, decision.context);
        const joined = {
          ...row,
          status: "coalesced" as const,
          reason: decision.reason,
          coalescedCount: 1,
          runId: run.id,
          finished: true,
        };
        return { row: joined, outcome: "coalesced", run, skip: null };
      }
      case "defer": {
        const issueId = wake.issueId as string;
        const skip = skipAnswer({
          skipReason: decision.reason,
          issueId,
          behind: decision.behind,
          behindName: world.agentName(decision.behind.agentId),
        });
        if (decision.rule === "WK-27") {
          world.mergeIntoDeferred({ agentId: agent.id, issueId, payload: decision.payload });
          const joined = {
            ...row,
            status: "coalesced" as const,
            reason: decision.reason,
            coalescedCount: 1,
            issueId,
            finished: true,
          };
          return { row: joined, outcome: "deferred", run: null, skip };
        }
        world.addDeferred({ agentId: agent.id, issueId, requestId, payload: decision.payload });
        const deferred = {
          ...row,
          status: "deferred_issue_execution" as const,
          reason: decision.reason,
          payload: decision.payload,
          issueId,
        };
        return { row: deferred, outcome: "deferred", run: null, skip };
      }
      case "skip": {
        const issueFacts = wake.issueId === null ? null : world.issueFacts(agent.id, agent.companyId, wake.issueId);
        const behind = issueFacts === null ? null : chooseLockHolder(issueFacts.activeRuns);
        const skip = skipAnswer({
          skipReason: decision.reason,
          issueId: wake.issueId,
          behind,
          behindName: behind === null ? null : world.agentName(behind.agentId),
        });
        return {
          row: { ...row, status: "skipped", reason: decision.reason, finished: true },
          outcome: "skipped",
          run: null,
          skip,
        };
      }
    }
  })();

  const decided = {
    outcome: applied.outcome,
    rule: decision.rule,
    wakeup: summaryOf(applied.row, world.now),
    run: applied.run,
    skip: applied.skip,
  };
  world.addRequest(
    request.idempotencyKey === null ? applied.row : { ...applied.row, responseJson: storedAnswer(decided) },
  );
  if (applied.run !== null && request.logActivity) logInvocation(world, request, applied.run, events);
  events.push(announcement(applied.row, applied.outcome, applied.run));
  return { ...decided, replayed: false };
}

/** AC-20. */
function logInvocation(world: WakeWorld, request: AcceptWakeupRequest, run: RunRow, events: LiveEventDraft[]): void {
  const entry = {
    actorType: request.actor.type,
    actorId: request.actor.id,
    action: "heartbeat.invoked",
    entityType: "heartbeat_run",
    entityId: run.id,
    agentId: request.actor.type === "agent" ? request.actor.id : null,
    runId: run.id,
    details: { agentId: run.agentId },
  };
  world.addActivity({ companyId: run.companyId, ...entry });
  events.push({ companyId: run.companyId, type: "activity.logged", payload: entry });
}

/** WK-41 for a queued run; else that a request became no run of its own. */
function announcement(row: NewWakeupRequest, outcome: DecidedWakeup["outcome"], run: RunRow | null): LiveEventDraft {
  if (outcome === "queued" && run !== null) return runQueuedEvent(run);
  const { companyId, id, agentId, status, reason, runId, issueId } = row;
  return { companyId, type: "wakeup.recorded", payload: { wakeupId: id, agentId, status, reason, runId, issueId } };
}

/** WK-41. */
export function runQueuedEvent(
  run: Pick<RunRow, "companyId" | "id" | "agentId" | "invocationSource" | "triggerDetail" | "wakeupRequestId">,
): LiveEventDraft {
  return {
    companyId: run.companyId,
    type: "heartbeat.run.queued",
    payload: {
      runId: run.id,
      agentId: run.agentId,
      invocationSource: run.invocationSource,
      triggerDetail: run.triggerDetail,
      wakeupRequestId: run.wakeupRequestId,
    },
  };
}
