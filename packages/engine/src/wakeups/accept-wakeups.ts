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
  readHeartbeatPolicy,
  WakefleetError,
} from "@wakefleet/contracts";
import {
  commentIdsOf,
  decideWakeup,
  type WakeupFacts,
  wakeCommentIdOf,
  wakeupReceipt,
  withCause,
} from "@wakefleet/domain";
import {
  type ClaimIssue,
  type Database,
  endRunIf,
  isRetryable,
  isStoreUnavailable,
  type LockedIssue,
  lockAgents,
  lockIssues,
  type PolicyQuery,
  type RunRow,
  readResumedRuns,
  readRunsForJobs,
  readWakeFacts,
  recordWakeups,
  type Sql,
  type WakeFacts,
  type WakeFactsQuery,
} from "@wakefleet/store";
import { runJobOf } from "../dispatch/run-job.js";
import type { NewId } from "../ids.js";
import type { RunJob } from "../ports.js";
import { releaseIssue } from "../runs/release-issue.js";
import { refusedEnding } from "../runs/run-gates.js";
import { runEndedEvents, runEventEvent } from "../runs/run-live-events.js";
import { acceptedRunJob } from "./accepted-run-job.js";
import { applyDecision } from "./apply-decision.js";
import { type PreparedWake, prepareWake, resumeRunIdOf, resumeWake } from "./prepare-wake.js";
import { replayOf } from "./wake-answer.js";
import type { AcceptWakeupRequest, AcceptWakeupResult } from "./wake-request.js";
import { WakeWorld } from "./wake-world.js";

/** What a committed transaction leaves to do outside of it. */
export interface AcceptedWakeups {
  readonly results: AcceptWakeupResult[];
  readonly jobs: RunJob[];
  readonly events: LiveEventDraft[];
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
      return await deps.db.transaction((tx) => acceptWakeupsIn(tx, deps.newId, requests, tx.last));
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
      const one = await deps.db.transaction((tx) => acceptWakeupsIn(tx, deps.newId, [request], tx.last));
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

/**
 * The same inside a transaction of the caller, so that a change and the wakes it causes commit together (API-14). `last`
 * is the transaction's last-statement handle, for a caller that has nothing left to write itself.
 */
export async function acceptWakeupsIn(
  tx: Sql,
  newId: NewId,
  requests: readonly AcceptWakeupRequest[],
  last: Sql = tx,
): Promise<AcceptedWakeups> {
  const { world, prepared } = await openWorld(tx, newId, requests);
  const accepted: AcceptedWakeups = { results: [], jobs: [], events: [] };
  const freed = await cancelStaleRuns(tx, world, accepted);
  const newRunIds = new Set<string>();
  for (const wake of prepared) {
    const result = decideOne(world, newId, wake, accepted.events);
    accepted.results.push(result);
    if (result.outcome === "queued" && !result.replayed && result.run !== null) newRunIds.add(result.run.id);
  }
  const record = world.record();
  const moved = world.movedRunIds().filter((id) => !newRunIds.has(id));
  const isLast = freed.length === 0 && moved.length === 0;
  if (record.requests.length > 0) await recordWakeups(isLast ? last : tx, record);
  for (const { run, issue } of freed) {
    // Where the wakes at hand gave the issue no run, what waited behind the cancelled one goes on (CL-15, CL-31).
    if (!world.hasActiveRun(issue)) await releaseIssue(tx, { run, issue, now: world.now, newId }, accepted);
  }
  for (const runId of newRunIds) {
    const run = world.run(runId);
    const agent = run === null ? null : world.agent(run.agentId);
    if (run !== null && agent !== null) {
      accepted.jobs.push(
        acceptedRunJob(run, agent, run.issueId === null ? null : world.issue(run.issueId, run.companyId)),
      );
    }
  }
  if (moved.length > 0) accepted.jobs.push(...(await readRunsForJobs(tx, moved)).map(runJobOf));
  return accepted;
}

/**
 * Locks what the wakes are about and reads the facts. Sent together where one does not need the other's answer: the
 * database takes them in this order all the same, so that the facts are those under the locks.
 */
async function openWorld(
  tx: Sql,
  newId: NewId,
  requests: readonly AcceptWakeupRequest[],
): Promise<{ world: WakeWorld; prepared: PreparedWake[] }> {
  const agentIds = [...new Set(requests.map((one) => one.agentId.toLowerCase()))].filter(isGuid);
  const [{ agents, now }, { prepared, issues, facts, places }] = await Promise.all([
    lockAgents(tx, agentIds),
    readBesideAgents(tx, newId, requests),
  ]);
  return { world: new WakeWorld(now, agents, issues, facts, places), prepared };
}

/** What is locked and read behind the agents' locks, whatever these answer. */
async function readBesideAgents(
  tx: Sql,
  newId: NewId,
  requests: readonly AcceptWakeupRequest[],
): Promise<{
  prepared: PreparedWake[];
  issues: ReadonlyMap<string, LockedIssue>;
  facts: WakeFacts;
  places: ReadonlyMap<PreparedWake, number>;
}> {
  const prepared = await prepareWakes(tx, newId, requests);
  const issueIds = [...new Set(prepared.map((wake) => wake.issueId).filter(isGuid))];
  const issues = issueIds.length === 0 ? new Map<string, LockedIssue>() : await lockIssues(tx, issueIds);
  const named = prepared.filter((wake) => isGuid(wake.request.agentId));
  const facts = await readWakeFacts(tx, wakeFactsQuery(named, [...issues.values()]));
  return { prepared, issues, facts, places: new Map(named.map((wake, place) => [wake, place])) };
}

function wakeFactsQuery(wakes: readonly PreparedWake[], issues: readonly LockedIssue[]): WakeFactsQuery {
  const keyed = wakes.filter((wake) => wake.request.idempotencyKey !== null);
  return {
    taskAgentIds: wakes.map((wake) => wake.request.agentId),
    taskKeys: wakes.map((wake) => wake.taskKey),
    issueIds: issues.map((issue) => issue.id),
    companyIds: issues.map((issue) => issue.companyId),
    lockRunIds: issues.map((issue) => issue.executionRunId).filter((id) => id !== null),
    keyAgentIds: keyed.map((wake) => wake.request.agentId),
    keys: keyed.map((wake) => wake.request.idempotencyKey as string),
    policies: wakes.map(policyQueryOf),
  };
}

/** WK-11: only wakes that ask to resume a run cost a statement. */
async function prepareWakes(tx: Sql, newId: NewId, requests: readonly AcceptWakeupRequest[]): Promise<PreparedWake[]> {
  const prepared = requests.map((request) => prepareWake(request, newId()));
  const asking = prepared.flatMap((wake, place) => {
    const runId = resumeRunIdOf(wake.request);
    const { agentId } = wake.request;
    return runId !== null && isGuid(agentId) ? [{ place, runId, agentId, taskKey: wake.taskKey }] : [];
  });
  if (asking.length === 0) return prepared;
  for (const { query, run } of await readResumedRuns(tx, asking)) {
    const place = asking[query]?.place;
    const wake = place === undefined ? undefined : prepared[place];
    if (place !== undefined && wake !== undefined) prepared[place] = resumeWake(wake, run);
  }
  return prepared;
}

function policyQueryOf(wake: PreparedWake): PolicyQuery {
  const uuid = (value: unknown): string | null => (isGuid(value) ? value : null);
  return {
    agentId: wake.request.agentId,
    projectId: uuid(wake.context["projectId"]),
    issueId: uuid(wake.issueId),
    commentId: uuid(wakeCommentIdOf(wake.context)),
  };
}

/** WK-22: waiting runs that their claim would refuse are cancelled here, with that rule's code and text. */
async function cancelStaleRuns(
  tx: Sql,
  world: WakeWorld,
  accepted: AcceptedWakeups,
): Promise<{ run: RunRow; issue: ClaimIssue }[]> {
  const freed: { run: RunRow; issue: ClaimIssue }[] = [];
  for (const { run, refusal } of world.staleRuns()) {
    const ended = await endRunIf(tx, refusedEnding(run.id, refusal));
    // Lost: it was claimed a moment ago and counts as running from here on; its own lock order forbids waiting for it.
    if (ended === null) continue;
    const issue = world.removeRun(run);
    if (issue !== null)
      freed.push({ run: ended.run, issue: { ...issue, executionRunId: null, lockHeldByOther: false } });
    accepted.events.push(...ended.events.map(runEventEvent), ...runEndedEvents(ended.run));
  }
  return freed;
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
  const issue = wake.issueId === null ? null : world.issueFacts(agent, wake, wake.issueId);
  const facts: WakeupFacts = {
    agent: { id: agent.id, status: agent.status, policy: readHeartbeatPolicy(agent.runtimeConfig) },
    budget: world.budgetBlock(wake),
    source: request.source,
    isPersonWaiting: isPersonWaiting(wake),
    reason: request.reason,
    payload: request.payload,
    context: causedContext(world, wake),
    issue,
    sameTaskRuns: issue === null ? world.sameTaskRuns(agent.id, wake.taskKey) : [],
  };
  const decision = decideWakeup(facts);
  if (decision.kind === "reject") {
    return decision.rule === "WK-10"
      ? rejected("not_found", "Agent not found")
      : rejected("agent_not_invokable", "Agent is not invokable in its current state", { status: decision.status });
  }
  const decided = wakeupReceipt(decision, { ...facts, taskKey: wake.taskKey });
  return applyDecision({ world, newId, wake, agent, decision, decided, events });
}

/** BY-2: the context names the wake as a cause. */
function causedContext(world: WakeWorld, { request, requestId, context }: PreparedWake): JsonObject {
  const { source, reason, payload, actor: requester } = request;
  const commentIds = commentIdsOf(context);
  return withCause(context, { requestId, at: world.now, source, reason, payload, commentIds, requester });
}

/** BY-3: a person asked on demand, or left a comment. */
function isPersonWaiting({ request, context }: PreparedWake): boolean {
  return request.actor.type === "user" && (request.source === "on_demand" || commentIdsOf(context).length > 0);
}

function rejected(
  code: ConstructorParameters<typeof WakefleetError>[0],
  message: string,
  details?: unknown,
): AcceptWakeupResult {
  return { outcome: "rejected", error: new WakefleetError(code, message, details) };
}
