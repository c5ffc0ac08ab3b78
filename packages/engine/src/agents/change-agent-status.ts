/**
 * Pausing, resuming and terminating an agent (AL-10 to AL-12, CN-3, QU-5). The database first, in one transaction with
 * every run that waits; then the queue and the workers are told. What Redis misses, the claim's gate makes up for (CL-5)
 * and the next rebuild sets right.
 */
import { type CancelKind, type LiveEventDraft, readHeartbeatPolicy, WakefleetError } from "@wakefleet/contracts";
import {
  type AgentRow,
  armTimer,
  findAgent,
  insertActivity,
  isRetryable,
  listActiveRunIds,
  lockAgent,
  pauseAgentIfAllowed,
  resumeAgentIfPaused,
  type Sql,
  terminateAgentIfLiving,
} from "@wakefleet/store";
import type { Log, RunQueue } from "../ports.js";
import { type AfterCommit, carryOut, nothingAfterCommit } from "../runs/after-commit.js";
import { type CancelDeps, cancelActiveRun, dropJob, tellWorker } from "../runs/cancel-run.js";
import { agentStatusEvent } from "../runs/run-live-events.js";
import type { ResumedWork } from "../sweeps/resumed-work.js";

export interface Actor {
  readonly type: "user" | "agent" | "system";
  readonly id: string;
}

export interface AgentCommand {
  readonly agentId: string;
  readonly actor: Actor;
}

export interface AgentStatusDeps extends Omit<CancelDeps, "queue"> {
  readonly queue: RunQueue;
  /** BU-26; absent: the periodic sweep alone takes up what a pause had interrupted. */
  readonly resumedWork?: Pick<ResumedWork, "takeUp">;
}

export const PAUSE_TEXT = "Cancelled due to agent pause";
export const TERMINATION_TEXT = "Cancelled because the agent was terminated";

interface Cancelled {
  readonly ended: { id: string; agentId: string }[];
  readonly asked: { runId: string; workerId: string | null }[];
}

/** AL-10. Pausing twice is harmless. */
export async function pauseAgent(deps: AgentStatusDeps, command: AgentCommand): Promise<AgentRow> {
  const { agent, cancelled } = await change(deps, command, async (tx, before, after) => {
    if (before.status === "terminated") throw new WakefleetError("conflict", "Cannot pause terminated agent");
    if (before.status === "pending_approval")
      throw new WakefleetError("conflict", "Cannot pause pending approval agents");
    const paused = await pauseAgentIfAllowed(tx, before.id, "manual");
    if (paused === null) throw new Error(`agent ${before.id} changed while it was locked`);
    const cancelled = await cancelActiveRuns(tx, deps, { agentId: before.id, text: PAUSE_TEXT, kind: "pause" }, after);
    await logChange(tx, { agent: paused, actor: command.actor, action: "agent.paused" }, after);
    return { agent: paused, cancelled };
  });
  await tellQueue(deps, "pause", () => deps.queue.pause(agent.id));
  await carryOutCancels(deps, cancelled);
  return agent;
}

/** AL-11. An agent that is not paused is answered as it is. */
export async function resumeAgent(deps: AgentStatusDeps, command: AgentCommand): Promise<AgentRow> {
  let isResumed = false;
  const { agent } = await change(deps, command, async (tx, before, after) => {
    isResumed = false;
    if (before.status === "terminated") throw new WakefleetError("conflict", "Cannot resume terminated agent");
    if (before.status === "pending_approval") {
      throw new WakefleetError("conflict", "Pending approval agents cannot be resumed");
    }
    const resumed = await resumeAgentIfPaused(tx, before.id);
    if (resumed === null) return { agent: before, cancelled: NOTHING_CANCELLED };
    await armTimer(tx, { agentId: resumed.id, intervalSec: timerIntervalOf(resumed) });
    await logChange(tx, { agent: resumed, actor: command.actor, action: "agent.resumed" }, after);
    isResumed = true;
    return { agent: resumed, cancelled: NOTHING_CANCELLED };
  });
  await tellQueue(deps, "resume", () => deps.queue.resume(agent.id));
  if (isResumed) deps.resumedWork?.takeUp({ companyId: agent.companyId, scopeType: "agent", scopeId: agent.id });
  return agent;
}

/** AL-12. Not reversible; repeating it changes nothing. */
export async function terminateAgent(deps: AgentStatusDeps, command: AgentCommand): Promise<AgentRow> {
  const { agent, cancelled } = await change(deps, command, async (tx, before, after) => {
    const terminated = await terminateAgentIfLiving(tx, before.id, TERMINATION_TEXT);
    if (terminated === null) return { agent: before, cancelled: NOTHING_CANCELLED };
    const cancelled = await cancelActiveRuns(
      tx,
      deps,
      { agentId: before.id, text: TERMINATION_TEXT, kind: "system" },
      after,
    );
    await logChange(tx, { agent: terminated, actor: command.actor, action: "agent.terminated" }, after);
    return { agent: terminated, cancelled };
  });
  await carryOutCancels(deps, cancelled);
  await tellQueue(deps, "remove", () => deps.queue.removeQueue(agent.id));
  return agent;
}

/** AL-5: queue and timer follow the policy as it stands now. Call after the change was committed. */
export async function applyAgentPolicy(deps: AgentStatusDeps, agentId: string): Promise<void> {
  const agent = await deps.db.transaction(async (tx) => {
    const locked = await lockAgent(tx, agentId);
    if (locked !== null) await armTimer(tx, { agentId, intervalSec: timerIntervalOf(locked) });
    return locked;
  });
  if (agent === null || agent.status === "terminated") return;
  await tellQueue(deps, "set the limit of", () => deps.queue.setConcurrency(agentId, agent.maxConcurrentRuns));
}

/** The seconds between an agent's timer wakes; null when it has none (WK-50). */
export function timerIntervalOf(agent: Pick<AgentRow, "status" | "runtimeConfig">): number | null {
  const policy = readHeartbeatPolicy(agent.runtimeConfig);
  const rests = agent.status === "paused" || agent.status === "terminated" || agent.status === "pending_approval";
  return !rests && policy.enabled && policy.intervalSec > 0 ? policy.intervalSec : null;
}

const NOTHING_CANCELLED: Cancelled = { ended: [], asked: [] };
const MAX_ATTEMPTS = 4;

interface Changed {
  readonly agent: AgentRow;
  readonly cancelled: Cancelled;
}

/** Carries out a change under the agent's lock; a deadlock runs it again. Throws `not_found`. */
export async function change(
  deps: AgentStatusDeps,
  command: AgentCommand,
  work: (tx: Sql, before: AgentRow, after: AfterCommit) => Promise<Changed>,
): Promise<Changed> {
  for (let attempt = 1; ; attempt += 1) {
    const after = nothingAfterCommit();
    try {
      const changed = await deps.db.transaction(async (tx) => {
        const before = await lockAgent(tx, command.agentId);
        if (before === null) throw new WakefleetError("not_found", "Agent not found");
        return work(tx, before, after);
      });
      carryOut(deps, after);
      return { ...changed, agent: (await findAgent(deps.db.sql, changed.agent.id)) ?? changed.agent };
    } catch (error) {
      if (!isRetryable(error) || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

/** CN-3: waiting runs end here, running ones are asked to. In issue order, as every taker of several issues does. */
export async function cancelActiveRuns(
  tx: Sql,
  deps: AgentStatusDeps,
  cancel: { agentId: string; text: string; kind: CancelKind },
  after: AfterCommit,
): Promise<Cancelled> {
  const runs = await listActiveRunIds(tx, cancel.agentId);
  runs.sort((a, b) => ((a.issueId ?? "") < (b.issueId ?? "") ? -1 : 1));
  const cancelled: Cancelled = { ended: [], asked: [] };
  for (const { id, issueId } of runs) {
    const run = { id, agentId: cancel.agentId, issueId };
    const step = await cancelActiveRun(tx, deps, run, { text: cancel.text, kind: cancel.kind, recover: false }, after);
    if (step.kind === "ended") cancelled.ended.push(run);
    else if (step.kind === "asked") cancelled.asked.push({ runId: id, workerId: step.workerId });
  }
  return cancelled;
}

/** What Redis is told of cancelled runs, after the commit. */
export async function carryOutCancels(deps: AgentStatusDeps, cancelled: Cancelled): Promise<void> {
  await Promise.all([
    ...cancelled.ended.map((run) => dropJob(deps, run)),
    ...cancelled.asked.map((message) => tellWorker(deps, message)),
  ]);
}

/** Tells the agent's queue; what Redis misses is logged and left to the next rebuild. */
export async function tellQueue(deps: { log: Log }, what: string, tell: () => Promise<void>): Promise<void> {
  try {
    await tell();
  } catch (error) {
    deps.log.warn({ event: "queue.not_told", what, err: error }, "the queue follows when Redis is rebuilt");
  }
}

/** AC-34. */
export async function logChange(
  tx: Sql,
  change: { agent: AgentRow; actor: Actor; action: string },
  after: AfterCommit,
): Promise<void> {
  const { agent, actor, action } = change;
  const entry = {
    companyId: agent.companyId,
    actorType: actor.type,
    actorId: actor.id,
    action,
    entityType: "agent",
    entityId: agent.id,
    agentId: actor.type === "agent" ? actor.id : null,
    runId: null,
    details: null,
  };
  await insertActivity(tx, [entry]);
  const { companyId, ...payload } = entry;
  const announced: LiveEventDraft = { companyId, type: "activity.logged", payload };
  after.events.push(
    announced,
    agentStatusEvent({ companyId, agentId: agent.id, status: agent.status, outcome: agent.status }),
  );
}
