/**
 * Taking jobs off the queues from outside their consumer: for runs whose worker died (so that a dead worker never keeps
 * an agent's slot), and for runs that were cancelled while they waited. The caller has decided in the database first.
 */
import { randomUUID } from "node:crypto";
import type { AgentQueues } from "./agent-queues.js";
import type { ReadySet } from "./ready-set.js";
import { applyVerdict, type Verdict } from "./verdict.js";

export type Released = "released" | "removed" | "absent";

/**
 * Ends a run's job by force, whoever holds it, and wakes the agent: a job in `active` becomes what `outcome` says, a
 * waiting or delayed one is removed. `absent`: there is no unfinished job of that id, which is just as good.
 * Rejects while Redis is away; safe to repeat.
 */
export async function releaseJob(input: {
  queues: AgentQueues;
  ready: ReadySet;
  agentId: string;
  runId: string;
  outcome: Extract<Verdict, { kind: "finished" | "failed" | "gone" }>;
}): Promise<Released> {
  const { queues, ready, agentId, runId, outcome } = input;
  const { backend } = queues.queue(agentId);
  const state = await backend.getState(runId);
  if (state === "active") {
    const job = { agentId, runId, token: `release:${randomUUID()}`, fetches: 1 };
    const applied = await applyVerdict({ queues, ready, job, verdict: outcome, takeOver: true });
    return applied === "applied" ? "released" : "absent";
  }
  if (state === "waiting" || state === "delayed" || state === "prioritized") {
    await queues.redis.del(queues.queue(agentId).lockKey(runId));
    await backend.remove(runId, false);
    return "removed";
  }
  return "absent";
}

export type Removed = "removed" | "active" | "absent";

/**
 * Removes the job of a run that was cancelled before it started. One that a consumer fetched a moment ago is left
 * (`active`): its claim will find the run cancelled. Rejects while Redis is away; safe to repeat.
 */
export async function removeJob(input: { queues: AgentQueues; agentId: string; runId: string }): Promise<Removed> {
  const { backend } = input.queues.queue(input.agentId);
  const state = await backend.getState(input.runId);
  if (state === "active") return "active";
  if (state !== "waiting" && state !== "delayed" && state !== "prioritized") return "absent";
  return (await backend.remove(input.runId, false)) === 1 ? "removed" : "active";
}
