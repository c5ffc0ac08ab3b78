/** One look at an agent's queue: what decides whether and when to come back. */
import { z } from "zod";
import { type AgentQueue, type AgentQueues, queueKey } from "./agent-queues.js";
import type { LookAgain } from "./ready-set.js";

export interface QueueState {
  /** Jobs that could be fetched now but for the limit. */
  readonly waiting: number;
  readonly active: number;
  /** When the first delayed job is due, milliseconds of the epoch. */
  readonly nextDueMs: number | null;
  readonly paused: boolean;
  /** The queue's global concurrency (QU-1); null: the queue's settings are not there. */
  readonly concurrency: number | null;
}

const peekReply = z.tuple([z.number(), z.number(), z.string(), z.number(), z.string()]);

/** Reads the state of a queue in one step. */
export async function peekQueue(queues: AgentQueues, queue: AgentQueue): Promise<QueueState> {
  const keys = ["wait", "active", "prioritized", "delayed", "meta"].map((type) => queueKey(queue, type));
  const [waiting, active, due, paused, concurrency] = peekReply.parse(await queues.run("queuePeek", keys));
  return {
    waiting,
    active,
    nextDueMs: due === "" ? null : Number(due),
    paused: paused === 1,
    concurrency: concurrency === "" ? null : Number(concurrency),
  };
}

/**
 * A fetch found nothing, and yet the look after it saw a job. Whoever added it in between signals, so the queue need
 * not be tried again at once; and should BullMQ refuse for a reason the look does not know, nobody spins.
 */
const AFTER_EMPTY_FETCH_MS = 20;

/**
 * When the queue should be looked at again without anybody's signal (rules 4 and 5 of `ready-set.ts`).
 * `fetched`: the fetch before the look got a job. `attentionMs`: the longest a queue with active jobs goes without one.
 */
export function nextLook(input: { state: QueueState; fetched: boolean; attentionMs: number }): LookAgain {
  const { state, fetched, attentionMs } = input;
  const withinMs = state.active > 0 ? attentionMs : null;
  const full = state.concurrency !== null && state.active >= state.concurrency;
  if (state.paused || full) return { at: null, withinMs };
  if (state.waiting === 0) return { at: state.nextDueMs, withinMs };
  return fetched ? { at: "now", withinMs } : { at: null, withinMs: Math.min(AFTER_EMPTY_FETCH_MS, attentionMs) };
}
