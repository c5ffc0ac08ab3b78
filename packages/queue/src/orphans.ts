/**
 * Jobs in `active` that nobody holds. BullMQ's stalled check would start them again by itself; here the database
 * decides (RL-4), and this module only finds them and carries out the answer. A job is an orphan when
 * - the consumer that fetched it shows no sign of life (it died at any instruction, RL-7), or
 * - this consumer fetched it but never learned so (the answer to its fetch was lost).
 * Only queues that have active jobs are searched, and each no more often than `ORPHAN_SEARCH_EVERY_MS` (RL-24).
 */
import { randomUUID } from "node:crypto";
import { type AgentQueues, queueKey } from "./agent-queues.js";
import type { Presence } from "./presence.js";
import type { ReadySet } from "./ready-set.js";
import { applyVerdict, type Verdict } from "./verdict.js";

export interface Orphan {
  readonly agentId: string;
  readonly runId: string;
  /** The consumer that fetched the job; null: not recorded. */
  readonly consumerId: string | null;
}

/**
 * What to do with an orphan. `keep` leaves it for a later search (its run is running and its lease alive, or the
 * reaper has it in hand).
 */
export type OrphanVerdict = Verdict | { readonly kind: "keep" };

export interface OrphanSearch {
  readonly queues: AgentQueues;
  readonly ready: ReadySet;
  readonly presence: Presence;
  readonly consumerId: string;
  /** True for a job this consumer knows that it holds. */
  readonly holds: (runId: string) => boolean;
  readonly judge: (orphan: Orphan) => Promise<OrphanVerdict>;
}

async function findOrphans(search: OrphanSearch, agentId: string): Promise<Orphan[]> {
  const queue = search.queues.queue(agentId);
  const runIds = await search.queues.redis.lrange(queueKey(queue, "active"), 0, -1);
  const unknown = runIds.filter((runId) => !search.holds(runId));
  if (unknown.length === 0) return [];
  const holders = await Promise.all(
    // BullMQ's field for "processed by".
    unknown.map((runId) => search.queues.redis.hget(queue.backend.toKey(runId), "pb")),
  );
  const others = holders.filter((holder): holder is string => holder !== null && holder !== search.consumerId);
  const missing = await search.presence.missing(others);
  return unknown
    .map((runId, index) => ({ agentId, runId, consumerId: holders[index] ?? null }))
    .filter(({ consumerId }) => consumerId === null || consumerId === search.consumerId || missing.has(consumerId));
}

/** Searches one agent's queue for orphans and does what `judge` says. Answers how many were dealt with. */
export async function settleOrphans(search: OrphanSearch, agentId: string): Promise<number> {
  let settled = 0;
  for (const orphan of await findOrphans(search, agentId)) {
    // A fetch may have been answered while we looked.
    if (search.holds(orphan.runId)) continue;
    const verdict = await search.judge(orphan);
    if (verdict.kind === "keep" || search.holds(orphan.runId)) continue;
    const job = { agentId, runId: orphan.runId, token: `release:${randomUUID()}`, fetches: 1 };
    await applyVerdict({ queues: search.queues, ready: search.ready, job, verdict, takeOver: true });
    settled += 1;
  }
  return settled;
}
