/**
 * Writes one decision into the world and builds its answer: what becomes a row, a run, a merge, and what the caller and
 * the live stream are told (WK-26 to WK-31, WK-40, WK-41, API-108).
 */
import { type Decided, type LiveEventDraft, nonEmptyString, WakefleetError } from "@wakefleet/contracts";
import { chooseLockHolder, type WakeupDecision } from "@wakefleet/domain";
import type { ActivityEntry, LockedAgent, NewWakeupRequest, RunRow } from "@wakefleet/store";
import type { NewId } from "../ids.js";
import { newRunRow } from "./new-run-row.js";
import type { PreparedWake } from "./prepare-wake.js";
import { skipAnswer, storedAnswer, storedRefusal, summaryOf } from "./wake-answer.js";
import type { AcceptWakeupResult, DecidedWakeup, SkipAnswer } from "./wake-request.js";
import type { WakeWorld } from "./wake-world.js";

export interface Application {
  readonly world: WakeWorld;
  readonly newId: NewId;
  readonly wake: PreparedWake;
  readonly agent: LockedAgent;
  readonly decision: Exclude<WakeupDecision, { kind: "reject" }>;
  /** The decision as it is kept (BY-1). */
  readonly decided: Decided;
  readonly events: LiveEventDraft[];
}

/** What a decision makes of its request. */
interface Effect {
  readonly row: NewWakeupRequest;
  readonly outcome: DecidedWakeup["outcome"];
  readonly run: RunRow | null;
  readonly skip: SkipAnswer | null;
}

/** Applies a decision that leaves a row. */
export function applyDecision(application: Application): AcceptWakeupResult {
  const { world, wake, decision, events } = application;
  if (wake.issueId !== null && "lock" in decision) {
    if (decision.lock.kind === "clear") world.setLock(wake.issueId, null);
    else if (decision.lock.kind === "adopt") {
      world.setLock(wake.issueId, { runId: decision.lock.runId, agentId: decision.lock.agentId });
    }
  }
  if (decision.kind === "block") return refuse(application, decision);

  const effect = effectOf(application, decision);
  const decided = {
    outcome: effect.outcome,
    rule: decision.rule,
    wakeup: summaryOf(effect.row, world.now),
    run: effect.run,
    skip: effect.skip,
  };
  const { logActivity } = wake.request;
  world.addRequest(
    effect.row.idempotencyKey === null ? effect.row : { ...effect.row, responseJson: storedAnswer(decided) },
  );
  if (effect.run !== null && logActivity) note(application, invocation(application, effect.run));
  if (decision.kind === "skip" && decision.rule === "WK-16") note(application, heldWake(application, decision.hold));
  events.push(
    effect.outcome === "queued" && effect.run !== null ? runQueuedEvent(effect.run) : recordedEvent(effect.row),
  );
  return { ...decided, replayed: false };
}

/** WK-12, BU-19: a skipped row, and 409 with the block's reason; an idempotency key is bound by it (API-111). */
function refuse(application: Application, decision: Extract<WakeupDecision, { kind: "block" }>): AcceptWakeupResult {
  const { world, events } = application;
  const { scopeType, scopeId, reason } = decision.block;
  const error = new WakefleetError("budget_blocked", reason, { scopeType, scopeId });
  const row: NewWakeupRequest = {
    ...keyGivenUp(application, requestRow(application)),
    status: "skipped",
    reason: decision.reason,
    finished: true,
  };
  world.addRequest(
    row.idempotencyKey === null ? row : { ...row, responseStatus: error.status, responseJson: storedRefusal(error) },
  );
  events.push(recordedEvent(row));
  return { outcome: "rejected", error };
}

function requestRow({ world, wake, agent, decided }: Application): NewWakeupRequest {
  const { request } = wake;
  return {
    id: wake.requestId,
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
    receipts: [{ ...decided, at: world.now.toISOString() }],
  };
}

/** DM-25: a key of the service's own wake binds only a wake that was accepted, so that a sweep can try again. */
function keyGivenUp({ wake }: Application, row: NewWakeupRequest): NewWakeupRequest {
  if (wake.request.actor.type !== "system") return row;
  return { ...row, idempotencyKey: null, idempotencyFingerprint: null, responseStatus: null };
}

function effectOf(application: Application, decision: Exclude<Application["decision"], { kind: "block" }>): Effect {
  const { world, newId, wake, agent } = application;
  const row = requestRow(application);
  switch (decision.kind) {
    case "queue": {
      const run = newRunRow({
        id: newId(),
        companyId: agent.companyId,
        agentId: agent.id,
        source: row.source,
        triggerDetail: row.triggerDetail,
        wakeupRequestId: row.id,
        context: decision.context,
        sessionIdBefore: wake.resumeDisplayId ?? world.sessionBefore(agent, wake.taskKey),
        retryOfRunId: wake.request.retryOfRunId ?? null,
        decided: application.decided,
        now: world.now,
      });
      world.addRun(run);
      return { row: { ...row, runId: run.id }, outcome: "queued", run, skip: null };
    }
    case "coalesce": {
      world.mergeIntoRun(decision.runId, decision.context);
      if (decision.hastens) world.hasten(decision.runId, row.id);
      const run = world.mustRun(decision.runId);
      return { row: { ...coalesced(row, decision.reason), runId: run.id }, outcome: "coalesced", run, skip: null };
    }
    case "defer":
      if (decision.hastens) world.hasten(decision.behind.id, row.id);
      return { ...deferredEffect(application, row, decision), outcome: "deferred", run: null };
    case "skip": {
      const payload = decision.rule === "WK-24" ? decision.payload : row.payload;
      const skipped: NewWakeupRequest = {
        ...keyGivenUp(application, row),
        payload,
        issueId: nonEmptyString(payload?.["issueId"]),
        status: "skipped",
        reason: decision.reason,
        finished: true,
      };
      return { row: skipped, outcome: "skipped", run: null, skip: skipOf(application, decision.reason) };
    }
  }
}

function coalesced(row: NewWakeupRequest, reason: string | null): NewWakeupRequest {
  return { ...row, status: "coalesced", reason, coalescedCount: 1, finished: true };
}

function deferredEffect(
  { world, wake, agent }: Application,
  row: NewWakeupRequest,
  decision: Extract<WakeupDecision, { kind: "defer" }>,
): Pick<Effect, "row" | "skip"> {
  const issueId = wake.issueId as string;
  const { behind, payload, reason } = decision;
  const skip = skipAnswer({ skipReason: reason, issueId, behind, behindName: world.agentName(behind.agentId) });
  if (decision.rule === "WK-27") {
    world.mergeIntoDeferred({ agentId: agent.id, issueId, payload });
    return { row: { ...coalesced(row, reason), issueId }, skip };
  }
  world.addDeferred({ agentId: agent.id, issueId, requestId: row.id, payload });
  return { row: { ...row, status: "deferred_issue_execution", reason, payload, issueId }, skip };
}

function skipOf({ world, wake, agent }: Application, skipReason: string): SkipAnswer {
  const { issueId } = wake;
  const behind = issueId === null ? null : chooseLockHolder(world.issueFacts(agent, wake, issueId).activeRuns);
  return skipAnswer({
    skipReason,
    issueId,
    behind,
    behindName: behind === null ? null : world.agentName(behind.agentId),
  });
}

/** An activity row, and the live event of the same content (AC-1). */
function note({ world, events }: Application, entry: ActivityEntry): void {
  world.addActivity(entry);
  const { companyId, ...payload } = entry;
  events.push({ companyId, type: "activity.logged", payload });
}

/** AC-20. */
function invocation({ wake }: Application, run: RunRow): ActivityEntry {
  const { actor } = wake.request;
  return {
    companyId: run.companyId,
    actorType: actor.type,
    actorId: actor.id ?? "system",
    action: "heartbeat.invoked",
    entityType: "heartbeat_run",
    entityId: run.id,
    agentId: actor.type === "agent" ? actor.id : null,
    runId: run.id,
    details: { agentId: run.agentId },
  };
}

/** AC-22. */
function heldWake({ wake, agent }: Application, hold: { holdId: string; rootIssueId: string }): ActivityEntry {
  const { reason, source, triggerDetail } = wake.request;
  return {
    companyId: agent.companyId,
    actorType: "system",
    actorId: "system",
    action: "issue.tree_hold_wakeup_deferred",
    entityType: "issue",
    entityId: wake.issueId ?? "",
    agentId: agent.id,
    runId: null,
    details: { holdId: hold.holdId, rootIssueId: hold.rootIssueId, requestedReason: reason, source, triggerDetail },
  };
}

/** A request that became no run of its own. */
function recordedEvent(row: NewWakeupRequest): LiveEventDraft {
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
