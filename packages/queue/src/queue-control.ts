/**
 * What the rest of Wakefleet does to an agent's queue as a whole: limit, pause, removal, moving a waiting run, counts.
 * Each change that could let a job start is followed by a signal (rule 1 of `ready-set.ts`). All reject while Redis is
 * away and are safe to repeat.
 */
import { z } from "zod";
import { type AgentQueues, queueKey } from "./agent-queues.js";
import { ensureArgs } from "./dispatch.js";
import type { ReadySet } from "./ready-set.js";

/** What `/api/fleet` and the board show of one queue. */
export interface QueueCounts {
  readonly agentId: string;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly completed: number;
  readonly failed: number;
  readonly paused: boolean;
  /** The limit set in the queue; null: it has none yet. */
  readonly concurrency: number | null;
}

const countsReply = z.tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.number(), z.string()]);
const COUNT_KEYS = ["wait", "active", "prioritized", "delayed", "meta", "completed", "failed"];
const COUNT_BATCH = 1_000;
const OBLITERATE_STEP = 1_000;

export class QueueControl {
  constructor(
    private readonly queues: AgentQueues,
    private readonly ready: ReadySet,
  ) {}

  /** Sets a queue up as its agent says, whatever it was before: after a lost Redis, and for reconciliation. */
  async ensureQueue(input: { agentId: string; concurrency: number; paused: boolean }): Promise<void> {
    await this.setConcurrency(input);
    await (input.paused ? this.pause(input.agentId) : this.resume(input.agentId));
  }

  /** Changes the global concurrency (QU-1); a raised one takes effect at once, a lowered one as jobs end. */
  async setConcurrency(input: { agentId: string; concurrency: number }): Promise<void> {
    await this.queues.run("queueEnsure", ensureArgs(this.queues.queue(input.agentId), input.concurrency, true));
    await this.wake(input.agentId);
  }

  /** Stops new starts of the agent (QU-5). */
  async pause(agentId: string): Promise<void> {
    await this.queues.queue(agentId).backend.pause(true);
  }

  async resume(agentId: string): Promise<void> {
    await this.queues.queue(agentId).backend.pause(false);
    await this.wake(agentId);
  }

  /** Empties and removes the queue of a terminated agent, kept finished and active jobs included (QU-5). */
  async removeQueue(agentId: string): Promise<void> {
    const { backend } = this.queues.queue(agentId);
    // BullMQ removes paused queues only.
    await backend.pause(true);
    while ((await backend.obliterate({ force: true, count: OBLITERATE_STEP })) > 0) await this.ready.forget(agentId);
    await this.ready.forget(agentId);
  }

  /**
   * Gives a waiting run another place in its agent's order (QU-3); 1 and up, smaller first. Among those of its new place it
   * stands where it came in, and asking again changes nothing. False: its queue has no such job.
   */
  async setPriority(input: { agentId: string; runId: string; priority: number }): Promise<boolean> {
    const queue = this.queues.queue(input.agentId);
    const keys = [queueKey(queue, input.runId), queueKey(queue, "prioritized")];
    return (await this.queues.run("jobPlace", [...keys, input.runId, input.priority])) === 1;
  }

  /** Somebody should look at these agents' queues, for whatever reason. Always harmless. */
  async signal(agentIds: readonly string[]): Promise<void> {
    await this.ready.signal({ signals: agentIds.map((agentId) => ({ agentId, at: "now" })), slotFreed: false });
  }

  /** Counts of the given agents' queues, in order. About 30 µs of Redis an agent: ask for a page, not for the fleet. */
  async counts(agentIds: readonly string[]): Promise<QueueCounts[]> {
    const counted: QueueCounts[] = [];
    for (let from = 0; from < agentIds.length; from += COUNT_BATCH) {
      const part = agentIds.slice(from, from + COUNT_BATCH);
      const batch = this.queues.batch({ commands: part.length });
      for (const agentId of part) {
        const queue = this.queues.queue(agentId);
        batch.runCommand(
          "queueCounts",
          COUNT_KEYS.map((type) => queueKey(queue, type)),
        );
      }
      const replies = (await batch.exec()) ?? [];
      part.forEach((agentId, index) => {
        const [error, reply] = replies[index] ?? [new Error("Redis gave no answer"), null];
        if (error) throw error;
        const [waiting, active, delayed, completed, failed, paused, limit] = countsReply.parse(reply);
        const concurrency = limit === "" ? null : Number(limit);
        counted.push({ agentId, waiting, active, delayed, completed, failed, paused: paused === 1, concurrency });
      });
    }
    return counted;
  }

  /** Agents whose queues have work now or at a known time, soonest first; its cost does not follow the fleet's size. */
  async activeAgents(limit: number): Promise<string[]> {
    return this.ready.agents(limit);
  }

  private async wake(agentId: string): Promise<void> {
    await this.ready.signal({ signals: [{ agentId, at: "now" }], slotFreed: true });
  }
}
