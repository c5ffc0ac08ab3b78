/** Waiting for the bell: how an idle consumer learns within a millisecond that there is something to do. */
import type { AgentQueues } from "./agent-queues.js";
import { closeRedis, connectBeside, type Redis, waitUntilReady } from "./redis.js";

/** Longer than the longest wait: a blocking read without an answer by then is on a dead connection. */
const ANSWER_GRACE_MS = 3_000;

export class Bell {
  private readonly redis: Redis;

  constructor(
    private readonly queues: AgentQueues,
    private readonly longestWaitMs: number,
    name: string,
  ) {
    this.redis = connectBeside(queues.redis, {
      name,
      log: queues.log,
      commandTimeoutMs: longestWaitMs + ANSWER_GRACE_MS,
    });
  }

  /** Resolves with true when the bell rang, with false after `waitMs`. Rejects while Redis is away. */
  async wait(waitMs: number): Promise<boolean> {
    if (this.redis.status !== "ready") {
      await waitUntilReady(this.redis, this.longestWaitMs);
      return false;
    }
    const seconds = Math.max(0.001, Math.min(this.longestWaitMs, waitMs) / 1000);
    try {
      return (await this.redis.blpop(this.queues.keys.bell, seconds)) !== null;
    } catch (error) {
      // A read that timed out still waits on the server's side and would swallow a bell: end its connection.
      if (this.redis.status === "ready") this.redis.disconnect(true);
      throw error;
    }
  }

  /** Passes a bell on that this consumer cannot answer. */
  async ring(): Promise<void> {
    await this.queues.redis.lpush(this.queues.keys.bell, "1");
  }

  async close(): Promise<void> {
    await closeRedis(this.redis);
  }
}
