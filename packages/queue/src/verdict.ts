/**
 * What became of a job that a consumer held, and how the queue is told. Every way out of `active` is here, so that the
 * order holds: the lock is made ours, the job leaves `active` (which frees the agent's slot), then the agent is
 * signalled. Each step may be repeated; a job that is gone, or that another token took over, is nobody's error.
 */
import type { JsonValue } from "@wakefleet/contracts";
import type { MinimalJob } from "bullmq";
import { type AgentQueue, type AgentQueues, JOB_LOCK_MS } from "./agent-queues.js";
import { peekQueue } from "./peek.js";
import type { ReadySet } from "./ready-set.js";

/** What a job's holder says became of it. */
export type Verdict =
  /** The run succeeded, or a gate cancelled it: a completed job. `returnValue` is small and says which (QU-6). */
  | { readonly kind: "finished"; readonly returnValue: JsonValue }
  /** The run failed: a failed job with the run's error, so that the dashboard tells the truth (QU-6). */
  | { readonly kind: "failed"; readonly error: string }
  /** There was nothing to do, CL-1: a completed job that says so. */
  | { readonly kind: "gone" }
  /** Its run goes on in other hands: the job stays active, and whoever ends the run frees it. */
  | { readonly kind: "kept" }
  /**
   * The claim was refused (CL-18); the run waits on. Without `delayMs` the job keeps its place and the agent rests for
   * a moment or until one of its slots is freed: right when the agent is at its limit. With `delayMs` only this job is
   * laid aside for that long and others of the agent may pass it: right when its issue's lock is taken.
   */
  | { readonly kind: "putBack"; readonly delayMs?: number }
  /** A scheduled retry that came too early: back to its due time (CL-2). */
  | { readonly kind: "notDue"; readonly dueAtMs: number };

/** A job somebody holds. */
export interface HeldJob {
  readonly agentId: string;
  readonly runId: string;
  /** BullMQ's lock token. */
  readonly token: string;
  /** How often the job was fetched so far, this time included. */
  readonly fetches: number;
}

export type Applied =
  | "applied"
  /** The job's key is gone (a lost Redis, a removed queue) or it is not active any more. */
  | "vanished"
  /** Another token holds the job now. */
  | "superseded";

const HOLD_FIRST_MS = 250;
const HOLD_MAX_MS = 5_000;
const FAILED_REASON_MAX_CHARS = 2_000;

/** 250 ms doubling to 5 s with every fetch of the same job. */
export function holdMs(fetches: number): number {
  return Math.min(HOLD_MAX_MS, HOLD_FIRST_MS * 2 ** Math.min(Math.max(0, fetches - 1), 10));
}

/** BullMQ reads only the id and the attempts of the job it finishes. One attempt: it never repeats a run by itself. */
function asMinimalJob(runId: string): MinimalJob {
  return { id: runId, opts: { attempts: 1 } } as MinimalJob;
}

const MISSING_JOB = -1;
const MISSING_LOCK = -2;
const NOT_ACTIVE = -3;
const OTHER_LOCK = -6;

/** BullMQ's refusals that mean "not ours to finish any more"; everything else is thrown. */
function refusal(error: unknown): Applied {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === MISSING_JOB || code === NOT_ACTIVE || code === MISSING_LOCK) return "vanished";
  if (code === OTHER_LOCK) return "superseded";
  throw error;
}

async function leaveActive(
  queues: AgentQueues,
  queue: AgentQueue,
  job: HeldJob,
  verdict: Exclude<Verdict, { kind: "kept" }>,
): Promise<void> {
  const { backend } = queue;
  const keep = { age: queues.keepFinished.ageSec, count: queues.keepFinished.count };
  const now = Date.now();
  switch (verdict.kind) {
    case "finished":
      await backend.moveToCompleted(asMinimalJob(job.runId), verdict.returnValue, keep, job.token, false);
      return;
    case "gone":
      await backend.moveToCompleted(asMinimalJob(job.runId), { outcome: "nothing_to_do" }, keep, job.token, false);
      return;
    case "failed": {
      const reason = verdict.error.slice(0, FAILED_REASON_MAX_CHARS);
      await backend.moveToFailed(asMinimalJob(job.runId), reason, keep, job.token, false);
      return;
    }
    case "notDue":
      await backend.moveToDelayed(job.runId, now, Math.max(1, verdict.dueAtMs - now), job.token, { skipAttempt: true });
      return;
    case "putBack":
      if (verdict.delayMs === undefined) await backend.moveJobFromActiveToWait(job.runId, job.token);
      else await backend.moveToDelayed(job.runId, now, Math.max(1, verdict.delayMs), job.token, { skipAttempt: true });
  }
}

export interface ApplyVerdict {
  readonly queues: AgentQueues;
  readonly ready: ReadySet;
  readonly job: HeldJob;
  readonly verdict: Verdict;
  /** Takes the job even from another token that holds it: for a job whose holder is known to be dead. */
  readonly takeOver?: boolean;
}

/**
 * Moves a held job out of `active` as the verdict says, and leaves the hints that follow from it.
 * Rejects while Redis is away; calling again later is right whether or not the first call did its work.
 */
export async function applyVerdict(input: ApplyVerdict): Promise<Applied> {
  const { queues, ready, job, verdict } = input;
  if (verdict.kind === "kept") return "applied";
  const queue = queues.queue(job.agentId);
  // A run outlives any lock, and a blocked event loop outlives a short one: make it ours before BullMQ asks for it.
  await queues.run("jobRelock", [queue.lockKey(job.runId), job.token, JOB_LOCK_MS, input.takeOver === true ? 1 : 0]);
  let applied: Applied = "applied";
  try {
    await leaveActive(queues, queue, job, verdict);
  } catch (error) {
    applied = refusal(error);
    // The lock we just set must not keep a job that is not active from being removed.
    await queues.run("jobUnlock", [queue.lockKey(job.runId), job.token]);
  }
  if (verdict.kind === "putBack" && verdict.delayMs === undefined && applied === "applied") {
    await ready.hold({ agentId: job.agentId, forMs: holdMs(job.fetches) });
    return applied;
  }
  const state = await peekQueue(queues, queue);
  const at = state.waiting > 0 ? "now" : state.nextDueMs;
  if (at !== null) {
    await ready.signal({ signals: [{ agentId: job.agentId, at }], slotFreed: verdict.kind !== "notDue" });
  }
  return applied;
}
