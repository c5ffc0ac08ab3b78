/** What the API reads from Redis: figures of queues, and the shared token buckets of API-39. */
import {
  type AgentQueues,
  agentQueueName,
  askForSweep,
  QueueControl,
  ReadySet,
  type Redis,
  workerMetricsKey,
} from "@wakefleet/queue";
import type { QueueReading } from "./deps.js";
import { BUCKET_LUA, type SharedBucket } from "./http/token-buckets.js";

/** How long the caller is kept waiting for a sweep, ms. */
const SWEEP_TIMEOUT_MS = 20_000;

export function queueReadingOf(queues: AgentQueues): QueueReading {
  const control = new QueueControl(queues, new ReadySet(queues));
  return {
    async counts(agentIds) {
      const counted = await control.counts(agentIds);
      return new Map(counted.map((queue) => [queue.agentId, queue]));
    },
    queueName: agentQueueName,
    async ping() {
      await queues.redis.ping();
    },
    async workerFigures(workerIds) {
      if (workerIds.length === 0) return [];
      // Key by key: those of two workers need not lie on one node of a cluster.
      const keys = workerIds.map((workerId) => workerMetricsKey(queues.prefix, workerId));
      const found = await Promise.all(keys.map((key) => queues.redis.get(key)));
      return found.filter((figures) => figures !== null);
    },
    async runSweep(name) {
      const asked = await askForSweep(queues, { name, timeoutMs: SWEEP_TIMEOUT_MS });
      switch (asked.outcome) {
        case "done":
          return { outcome: "done", counters: asked.counters };
        case "under_way":
        case "failed":
          return { outcome: asked.outcome, counters: null };
        default:
          // Also a worker of another version, which does not know the sweep.
          return { outcome: "not_run", counters: null };
      }
    },
  };
}

/** Buckets in Redis under the fleet's prefix; each is its own key, gone a while after it is full again. */
export function sharedBucketOf(redis: Redis, prefix: string): SharedBucket {
  return async ({ key, limit, wanted, least }) => {
    const reply: unknown = await redis.eval(
      BUCKET_LUA,
      1,
      `${prefix}:rate:{${key}}`,
      limit.perSecond,
      limit.burst,
      wanted,
      least,
    );
    if (!Array.isArray(reply)) throw new Error("Redis answered a token bucket with something that is no list");
    return { given: Number(reply[0]), waitSec: Number(reply[1]) };
  };
}
