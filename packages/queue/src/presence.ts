/**
 * Which consumers live, as far as queues need to know: a key with a short time to live each. It decides nothing about
 * runs (leases in PostgreSQL do, RL-22); it only says for which jobs in `active` somebody should ask.
 */
import type { AgentQueues } from "./agent-queues.js";
import { errorText } from "./log.js";

const ALIVE_MS = 15_000;
const REFRESH_MS = 5_000;

export class Presence {
  private timer: NodeJS.Timeout | undefined;
  private readonly onReady = (): void => void this.refresh();

  constructor(
    private readonly queues: AgentQueues,
    private readonly consumerId: string,
  ) {}

  /** Starts saying that this consumer lives. Resolves after the first time was tried. */
  async start(): Promise<void> {
    this.timer = setInterval(() => void this.refresh(), REFRESH_MS);
    this.timer.unref();
    this.queues.redis.on("ready", this.onReady);
    await this.refresh();
  }

  private async refresh(): Promise<void> {
    if (this.queues.redis.status !== "ready") return;
    try {
      await this.queues.redis.set(this.queues.keys.alive(this.consumerId), "1", "PX", ALIVE_MS);
    } catch (error) {
      this.queues.limitedLog.warn("presence", { error: errorText(error) }, "Presence could not be written to Redis");
    }
  }

  /** Which of these consumers show no sign of life. */
  async missing(consumerIds: readonly string[]): Promise<Set<string>> {
    const asked = [...new Set(consumerIds)];
    const found = await Promise.all(asked.map((id) => this.queues.redis.exists(this.queues.keys.alive(id))));
    return new Set(asked.filter((_, index) => found[index] === 0));
  }

  /** Says that this consumer is gone, so that what it leaves is found at once. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.queues.redis.off("ready", this.onReady);
    try {
      await this.queues.redis.del(this.queues.keys.alive(this.consumerId));
    } catch (error) {
      this.queues.limitedLog.warn("presence", { error: errorText(error) }, "Presence could not be removed; it expires");
    }
  }
}
