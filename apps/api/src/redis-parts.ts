/** What the API reads from Redis: figures of queues, and the shared token buckets of API-39. */
import { type AgentQueues, agentQueueName, QueueControl, ReadySet, type Redis } from "@wakefleet/queue";
import type { QueueReading } from "./deps.js";
import { BUCKET_LUA, type SharedBucket } from "./http/token-buckets.js";

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
