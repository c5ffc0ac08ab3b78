/**
 * The ready set: which agents' queues may have something to fetch, and from when. It is how one process serves ten
 * thousand queues over a handful of connections (RL-24): nobody polls a queue without a hint.
 *
 * A hint says "have a look", never "here is a job": looking once too often is harmless, looking never is not. So one
 * law must hold: **a queue from which a job could be fetched has a hint whose time comes.** Why it holds:
 *
 * 1. Everything that can make a queue fetchable (add, finish, put back, resume, a raised limit, a delayed job's due
 *    time) is followed by `signal`. If the process dies between the two: an add is repeated by the outbox relay, which
 *    signals (RL-20; `dispatched_at` is set only after the signal); for all others see 5.
 * 2. `take` hands an agent to one consumer by moving its hint `visibilityMs` ahead instead of removing it. A taker
 *    that dies at any line leaves a hint that comes back by itself.
 * 3. Only `settle` removes a hint, only after a look, and only if the hint still is the very mark of that take. A mark
 *    has a fraction, and no two takes share one; a signal always leaves a whole number. So any signal that came since
 *    the take, however late and whatever the clocks say, makes the removal fail: what the look could not see is kept.
 * 4. A look that saw a reason to come back (another job and a free slot, a due time) settles with that time instead.
 *    A look that saw the agent full or paused may let go: who frees the slot or resumes signals after it did (1).
 * 5. While a queue has active jobs its hint is never removed but moved `attentionMs` ahead. So a consumer that died
 *    after a finish and before its signal, or with a job in its hands, is found by the next look (see `orphans.ts`).
 * 6. After a claim that was refused because the agent is full, `hold` stops looks for a moment, or the put-back job
 *    would be fetched again at once, for ever. A hold only ever moves a hint to its end, and leaves one there; the
 *    signal of a freed slot ends it early.
 * 7. The bell only shortens waiting. A lost bell costs an idle consumer's longest wait (1 s), no more.
 *
 * Fairness (QU-8): hints are taken oldest first, one job a hint; an agent with more work goes to the back of the line.
 */
import { z } from "zod";
import type { AgentQueues, CommandTarget } from "./agent-queues.js";

/** Milliseconds of the epoch, or `"now"` by Redis' clock. */
export type At = number | "now";

export interface Signal {
  readonly agentId: string;
  readonly at: At;
}

export interface Taken {
  readonly agentId: string;
  /** Proves to `settle` that nothing happened since. */
  readonly token: string;
}

export interface Take {
  readonly taken: readonly Taken[];
  /** Milliseconds until the next hint's time (0 or less: there is more already); null: there is none. */
  readonly nextInMs: number | null;
}

export interface Settlement extends Taken {
  readonly lookAgain: LookAgain;
}

/** When to look at an agent's queue again without anybody's signal: the sooner of the two; neither: not at all. */
export interface LookAgain {
  readonly at: At | null;
  /** Milliseconds from now by Redis' clock. */
  readonly withinMs: number | null;
}

const takeReply = z.tuple([z.string(), z.string()]).rest(z.string());

const redisTime = (at: At): string => (at === "now" ? "0" : String(Math.floor(at)));

export class ReadySet {
  constructor(private readonly queues: AgentQueues) {}

  /**
   * Leaves hints. `slotFreed` ends holds: a finish, a resume, a raised limit; a mere add does not.
   * With `target`, the command joins that batch and the caller waits for it there.
   */
  async signal(input: { signals: readonly Signal[]; slotFreed: boolean; target?: CommandTarget }): Promise<void> {
    if (input.signals.length === 0) return;
    const { ready, bell, hold } = this.queues.keys;
    const pairs = input.signals.flatMap(({ agentId, at }) => [agentId, redisTime(at)]);
    const args = [ready, bell, hold, input.slotFreed ? "1" : "0", ...pairs];
    if (input.target !== undefined) input.target.runCommand("fleetSignal", args);
    else await this.queues.run("fleetSignal", args);
  }

  /** Takes up to `count` agents whose time has come, the longest waiting first. */
  async take(input: { count: number; visibilityMs: number }): Promise<Take> {
    const { ready, bell, hold, sequence } = this.queues.keys;
    const reply = takeReply.parse(
      await this.queues.run("fleetTake", [ready, bell, hold, sequence, input.count, input.visibilityMs]),
    );
    const [now, next, ...rest] = reply;
    const taken: Taken[] = [];
    for (let i = 0; i + 1 < rest.length; i += 2) taken.push({ agentId: rest[i] ?? "", token: rest[i + 1] ?? "" });
    return { taken, nextInMs: next === "" ? null : Math.ceil(Number(next) - Number(now)) };
  }

  /**
   * Ends a take after its look. Failing to settle is safe: the hint comes back when its visibility ends.
   */
  async settle({ agentId, token, lookAgain }: Settlement): Promise<void> {
    const { ready, bell, hold } = this.queues.keys;
    const at = lookAgain.at === null ? "" : redisTime(lookAgain.at);
    await this.queues.run("fleetSettle", [ready, bell, hold, agentId, token, at, lookAgain.withinMs ?? ""]);
  }

  /** Keeps everybody off the agent for `forMs`, then lets somebody look. */
  async hold(input: { agentId: string; forMs: number }): Promise<void> {
    const { ready, bell, hold } = this.queues.keys;
    await this.queues.run("fleetHold", [ready, bell, hold, input.agentId, Math.ceil(input.forMs)]);
  }

  /** Removes the agent's hint: for a queue that was removed. */
  async forget(agentId: string): Promise<void> {
    const { ready, hold } = this.queues.keys;
    await this.queues.run("fleetForget", [ready, hold, agentId]);
  }

  /** Agents with hints, those whose time comes first. Cheap whatever the fleet's size. */
  async agents(limit: number): Promise<string[]> {
    if (limit <= 0) return [];
    return this.queues.redis.zrange(this.queues.keys.ready, "0", String(limit - 1));
  }
}
