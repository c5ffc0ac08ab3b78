/**
 * From the outbox into the queues (RL-20): adds jobs of many agents in one batch and leaves the hints right behind
 * them. Adding an id that exists is harmless (QU-2). The caller sets `dispatched_at` for those that worked; a job
 * whose outcome is unknown simply is dispatched again.
 */
import type { RunJobData } from "@wakefleet/contracts";
import type { IRedisTransaction, JobJson } from "bullmq";
import { type AgentQueue, type AgentQueues, EVENT_STREAM_LENGTH, queueKey } from "./agent-queues.js";
import { errorText } from "./log.js";
import type { At, ReadySet, Signal } from "./ready-set.js";

/** The BullMQ job name of every run. */
export const RUN_JOB_NAME = "run";

/** Written to a queue's settings, so that dashboards know the layout (BullMQ's own classes do the same). */
export const LAYOUT_VERSION = "bullmq:6.7.0";

/** One run that is to wait in its agent's queue. */
export interface RunJob {
  readonly data: RunJobData;
  /** The agent's `maxConcurrentRuns`; sets the queue's limit where it has none yet (a lost Redis, a first run). */
  readonly concurrency: number;
  /** Smaller comes first; 0 or absent: before all numbered ones, first come first served. At most 2,097,152. */
  readonly priority?: number;
  /** Milliseconds of the epoch before which the run must not start (QU-4). */
  readonly delayUntilMs?: number;
  /**
   * The run must come (again) whatever its job's state: a kept finished job of that id is removed first, a delayed one
   * is moved to the asked time, a waiting one to the asked place (QU-2, QU-3, DM-34). Costs a few round trips more.
   */
  readonly renew?: boolean;
}

export type Dispatched =
  | { readonly runId: string; readonly ok: true }
  | { readonly runId: string; readonly ok: false; readonly error: string };

/** Keeps one batch's memory, and the time Redis spends on it at a stretch, within bounds. */
const BATCH_JOBS = 500;

/** Arguments of `queueEnsure`. */
export function ensureArgs(queue: AgentQueue, concurrency: number, overwrite: boolean): (string | number)[] {
  return [queueKey(queue, "meta"), concurrency, overwrite ? 1 : 0, EVENT_STREAM_LENGTH, LAYOUT_VERSION];
}

function jobJson(job: RunJob, now: number): JobJson {
  const delay = job.delayUntilMs !== undefined && job.delayUntilMs > now ? job.delayUntilMs - now : 0;
  return {
    id: job.data.runId,
    name: RUN_JOB_NAME,
    data: JSON.stringify(job.data),
    // One attempt: what follows a failed run is decided by Wakefleet, never by BullMQ.
    opts: { attempts: 1, ...(delay > 0 ? { delay } : {}), ...(job.priority ? { priority: job.priority } : {}) },
    timestamp: now,
    progress: 0,
    attemptsMade: 0,
    attemptsStarted: 0,
    stalledCounter: 0,
    failedReason: "",
    returnvalue: "",
  };
}

/**
 * Of jobs that must come again, those that their queues know already, whatever their state. After a lost Redis that is none,
 * and asking is all it costs to be sure; for a few jobs it is one round trip.
 */
async function knownJobs(queues: AgentQueues, jobs: readonly RunJob[]): Promise<ReadonlySet<RunJob>> {
  if (jobs.length === 0) return new Set();
  const batch = queues.batch({ commands: jobs.length });
  for (const { data } of jobs) batch.runCommand("exists", [queues.queue(data.agentId).backend.toKey(data.runId)]);
  const replies = (await batch.exec()) ?? [];
  // What could not be asked is looked at by itself, and told by itself.
  return new Set(jobs.filter((_, index) => replies[index]?.[1] !== 0));
}

const sooner = (one: At, other: At): At => (one === "now" || other === "now" ? "now" : Math.min(one, other));

/** Makes room for a job that must come again. Answers false when the job already is where it should be. */
async function makeRoom(queue: AgentQueue, job: RunJob, now: number): Promise<boolean> {
  const { runId } = job.data;
  const state = await queue.backend.getState(runId);
  if (state === "completed" || state === "failed") {
    await queue.backend.remove(runId, false);
    return true;
  }
  if (state === "prioritized" || state === "waiting") {
    if (job.priority !== undefined) await queue.backend.changePriority(runId, job.priority, false);
    return false;
  }
  if (state !== "delayed") return state === "unknown";
  if (job.delayUntilMs !== undefined && job.delayUntilMs > now) {
    await queue.backend.changeDelay(runId, job.delayUntilMs - now);
    return false;
  }
  await queue.backend.promote(runId);
  return false;
}

async function dispatchBatch(queues: AgentQueues, ready: ReadySet, jobs: readonly RunJob[]): Promise<Dispatched[]> {
  const now = Date.now();
  const results = new Map<string, Dispatched>();
  const adds: RunJob[] = [];
  const signals = new Map<string, Signal>();
  const known = await knownJobs(
    queues,
    jobs.filter((job) => job.renew === true),
  );
  for (const job of jobs) {
    const { runId, agentId } = job.data;
    try {
      if (!known.has(job) || (await makeRoom(queues.queue(agentId), job, now))) adds.push(job);
    } catch (error) {
      results.set(runId, { runId, ok: false, error: errorText(error) });
      continue;
    }
    const at = job.delayUntilMs !== undefined && job.delayUntilMs > now ? job.delayUntilMs : "now";
    signals.set(agentId, { agentId, at: sooner(signals.get(agentId)?.at ?? at, at) });
    results.set(runId, { runId, ok: true });
  }
  // At most two commands a job, and the hints.
  const batch = queues.batch({ commands: 2 * adds.length + 1 });
  const queued: Promise<string>[] = [];
  const ensured = new Set<string>();
  const positions: number[] = [];
  let position = 0;
  for (const job of adds) {
    const queue = queues.queue(job.data.agentId);
    if (!ensured.has(queue.agentId)) {
      ensured.add(queue.agentId);
      batch.runCommand("queueEnsure", ensureArgs(queue, job.concurrency, false));
      position += 1;
    }
    // Joins the batch synchronously, of which it uses `runCommand` only; the promise carries nothing but the batch.
    queued.push(queue.backend.addJobToTransaction(batch as IRedisTransaction, jobJson(job, now), job.data.runId));
    positions.push(position);
    position += 1;
  }
  await ready.signal({ signals: [...signals.values()], slotFreed: false, target: batch });
  const replies = (await batch.exec()) ?? [];
  await Promise.all(queued);
  // Without its queue's settings or its signal a job counts as not dispatched: it is tried again as a whole.
  const shared = replies.find(([error], index) => error && !positions.includes(index))?.[0];
  adds.forEach((job, index) => {
    const { runId } = job.data;
    const [addError, id] = replies[positions[index] ?? -1] ?? [new Error("Redis gave no answer")];
    const error = addError ?? shared;
    if (error) results.set(runId, { runId, ok: false, error: errorText(error) });
    else if (id !== runId) results.set(runId, { runId, ok: false, error: `BullMQ refused the job with ${String(id)}` });
  });
  return jobs.map(({ data: { runId } }) => results.get(runId) ?? { runId, ok: false, error: "not dispatched" });
}

/**
 * Puts runs into their agents' queues and wakes consumers (RL-20). Answers one result a job, in order; it never rejects
 * because Redis is away: those jobs are answered `ok: false` and stay in the outbox (WK-43).
 */
export async function dispatch(input: {
  queues: AgentQueues;
  ready: ReadySet;
  jobs: readonly RunJob[];
}): Promise<Dispatched[]> {
  const { queues, ready, jobs } = input;
  const results: Dispatched[] = [];
  for (let from = 0; from < jobs.length; from += BATCH_JOBS) {
    const part = jobs.slice(from, from + BATCH_JOBS);
    try {
      results.push(...(await dispatchBatch(queues, ready, part)));
    } catch (error) {
      queues.limitedLog.warn(
        "dispatch",
        { error: errorText(error) },
        "Jobs could not be dispatched; the outbox keeps them",
      );
      results.push(...part.map(({ data: { runId } }) => ({ runId, ok: false as const, error: errorText(error) })));
    }
  }
  return results;
}
