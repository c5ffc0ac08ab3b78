import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Corner, openCorner } from "../test/support.js";
import { nextLook } from "./peek.js";
import type { Taken } from "./ready-set.js";

const LONG_MS = 60_000;

async function takeOne(corner: Corner): Promise<Taken> {
  const { taken } = await corner.ready.take({ count: 1, visibilityMs: LONG_MS });
  expect(taken).toHaveLength(1);
  return taken[0]!;
}

const nothingMore = { at: null, withinMs: null };

describe("the ready set", () => {
  it("RL-24 hands an agent to one taker only", async () => {
    const { ready } = await openCorner();
    await ready.signal({ signals: [{ agentId: "a", at: "now" }], slotFreed: false });
    const takes = await Promise.all(Array.from({ length: 5 }, () => ready.take({ count: 5, visibilityMs: LONG_MS })));
    expect(takes.flatMap(({ taken }) => taken)).toHaveLength(1);
  });

  it("RL-24 keeps a signal that came while the agent was looked at", async () => {
    const corner = await openCorner();
    await corner.ready.signal({ signals: [{ agentId: "a", at: "now" }], slotFreed: false });
    const taken = await takeOne(corner);
    await corner.ready.signal({ signals: [{ agentId: "a", at: "now" }], slotFreed: false });
    await corner.ready.settle({ ...taken, lookAgain: nothingMore });
    expect((await takeOne(corner)).agentId).toBe("a");
  });

  it("RL-24 keeps a signal that came after the take had expired and before its late settlement", async () => {
    const corner = await openCorner();
    await corner.ready.signal({ signals: [{ agentId: "a", at: "now" }], slotFreed: false });
    const { taken } = await corner.ready.take({ count: 1, visibilityMs: -1_000 });
    await corner.ready.signal({ signals: [{ agentId: "a", at: "now" }], slotFreed: false });
    await corner.ready.settle({ ...taken[0]!, lookAgain: nothingMore });
    expect((await takeOne(corner)).agentId).toBe("a");
  });

  it("RL-7 gives the hint of a taker that died back by itself", async () => {
    const corner = await openCorner();
    await corner.ready.signal({ signals: [{ agentId: "a", at: "now" }], slotFreed: false });
    await corner.ready.take({ count: 1, visibilityMs: -1 });
    expect((await takeOne(corner)).agentId).toBe("a");
  });

  it("RL-24 does not let a late settlement touch the next taker's hint", async () => {
    const corner = await openCorner();
    await corner.ready.signal({ signals: [{ agentId: "a", at: "now" }], slotFreed: false });
    const first = (await corner.ready.take({ count: 1, visibilityMs: -1 })).taken[0]!;
    await corner.ready.take({ count: 1, visibilityMs: -1 });
    await corner.ready.settle({ ...first, lookAgain: nothingMore });
    expect((await takeOne(corner)).agentId).toBe("a");
  });

  it("QU-8 takes the longest waiting agents first and sends one with more work to the back", async () => {
    const corner = await openCorner();
    const { ready } = corner;
    await ready.signal({ signals: [{ agentId: "flooded", at: 1_000 }], slotFreed: false });
    await ready.signal({ signals: [{ agentId: "other", at: 2_000 }], slotFreed: false });
    const first = await takeOne(corner);
    expect(first.agentId).toBe("flooded");
    await ready.settle({ ...first, lookAgain: { at: "now", withinMs: null } });
    expect((await takeOne(corner)).agentId).toBe("other");
    expect((await takeOne(corner)).agentId).toBe("flooded");
  });

  it("QU-4 keeps the earlier of two times and says how long to wait for it", async () => {
    const { ready } = await openCorner();
    const soon = Date.now() + 30_000;
    await ready.signal({ signals: [{ agentId: "a", at: soon }], slotFreed: false });
    await ready.signal({ signals: [{ agentId: "a", at: soon + 30_000 }], slotFreed: false });
    const { taken, nextInMs } = await ready.take({ count: 1, visibilityMs: LONG_MS });
    expect(taken).toHaveLength(0);
    expect(nextInMs).toBeGreaterThan(0);
    expect(nextInMs).toBeLessThanOrEqual(30_000);
  });

  it("CL-18 holds an agent after a refusal, through mere adds, until a slot is freed", async () => {
    const corner = await openCorner();
    const { ready } = corner;
    await ready.hold({ agentId: "a", forMs: LONG_MS });
    await ready.signal({ signals: [{ agentId: "a", at: "now" }], slotFreed: false });
    expect((await ready.take({ count: 1, visibilityMs: LONG_MS })).taken).toHaveLength(0);
    await ready.signal({ signals: [{ agentId: "a", at: "now" }], slotFreed: true });
    expect((await takeOne(corner)).agentId).toBe("a");
  });

  it("CL-18 leaves a hint for the end of a hold, whatever the hint was before", async () => {
    const corner = await openCorner();
    await corner.ready.signal({ signals: [{ agentId: "a", at: "now" }], slotFreed: false });
    await corner.ready.hold({ agentId: "a", forMs: 0 });
    expect((await takeOne(corner)).agentId).toBe("a");
  });

  it("RL-24 rings once for any number of signals, and again when a taker leaves some", async () => {
    const { ready, queues } = await openCorner();
    await ready.signal({ signals: ["a", "b", "c"].map((agentId) => ({ agentId, at: "now" })), slotFreed: false });
    await ready.signal({ signals: [{ agentId: "d", at: "now" }], slotFreed: false });
    expect(await queues.redis.llen(queues.keys.bell)).toBe(1);
    await queues.redis.del(queues.keys.bell);
    await ready.take({ count: 1, visibilityMs: LONG_MS });
    expect(await queues.redis.llen(queues.keys.bell)).toBe(1);
  });
});

/** A queue in memory that obeys a limit, and consumers that may stop for ever between any two steps. */
class Model {
  private readonly waiting: number[] = [0, 0];
  private readonly active: { alive: boolean }[][] = [[], []];
  private readonly hands = new Map<number, { taken: Taken; agent: number } | null>();
  private readonly jobs = new Map<number, { agent: number; job: { alive: boolean } }>();
  started = 0;
  added = 0;

  constructor(
    private readonly corner: Corner,
    private readonly limit: number,
    private readonly visibilityMs: number,
  ) {}

  private id(agent: number): string {
    return `agent-${agent}`;
  }

  private state(agent: number) {
    const active = this.active[agent]!.length;
    return { waiting: this.waiting[agent]!, active, nextDueMs: null, paused: false, concurrency: this.limit };
  }

  async add(agent: number): Promise<void> {
    this.waiting[agent]! += 1;
    this.added += 1;
    await this.corner.ready.signal({ signals: [{ agentId: this.id(agent), at: "now" }], slotFreed: false });
  }

  async take(consumer: number): Promise<void> {
    if (this.hands.get(consumer)) return;
    const { taken } = await this.corner.ready.take({ count: 1, visibilityMs: this.visibilityMs });
    const first = taken[0];
    if (first) this.hands.set(consumer, { taken: first, agent: Number(first.agentId.slice(-1)) });
  }

  fetch(consumer: number): void {
    const hand = this.hands.get(consumer);
    if (!hand || this.jobs.has(consumer)) return;
    if (this.waiting[hand.agent]! === 0 || this.active[hand.agent]!.length >= this.limit) return;
    this.waiting[hand.agent]! -= 1;
    this.started += 1;
    const job = { alive: true };
    this.active[hand.agent]!.push(job);
    this.jobs.set(consumer, { agent: hand.agent, job });
  }

  async settle(consumer: number): Promise<void> {
    const hand = this.hands.get(consumer);
    if (!hand) return;
    const lookAgain = nextLook({ state: this.state(hand.agent), fetched: true, attentionMs: 5 });
    this.hands.delete(consumer);
    await this.corner.ready.settle({ ...hand.taken, lookAgain });
    // The orphan search: a dead holder's job leaves `active`, and the agent is signalled.
    const dead = this.active[hand.agent]!.filter(({ alive }) => !alive);
    if (dead.length === 0) return;
    this.active[hand.agent] = this.active[hand.agent]!.filter(({ alive }) => alive);
    await this.signal(hand.agent);
  }

  async finish(consumer: number): Promise<void> {
    const held = this.jobs.get(consumer);
    if (!held) return;
    this.jobs.delete(consumer);
    this.active[held.agent] = this.active[held.agent]!.filter((job) => job !== held.job);
    await this.signal(held.agent);
  }

  private async signal(agent: number): Promise<void> {
    if (this.waiting[agent]! === 0) return;
    await this.corner.ready.signal({ signals: [{ agentId: this.id(agent), at: "now" }], slotFreed: true });
  }

  /** Between its finish and its signal, in the middle of a look, with a job: the consumer is never heard of again. */
  crash(consumer: number, afterFinish: boolean): void {
    this.hands.delete(consumer);
    const held = this.jobs.get(consumer);
    this.jobs.delete(consumer);
    if (!held) return;
    if (afterFinish) this.active[held.agent] = this.active[held.agent]!.filter((job) => job !== held.job);
    else held.job.alive = false;
  }

  left(): number {
    return this.waiting[0]! + this.waiting[1]!;
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant("add" as const), agent: fc.integer({ min: 0, max: 1 }) }),
  fc.record({
    do: fc.constantFrom("take", "fetch", "settle", "finish", "crash", "crashAfterFinish"),
    consumer: fc.integer({ min: 0, max: 2 }),
  }),
);

describe("no wake-up is lost", () => {
  it("RL-7 RL-24 every job starts, whatever three consumers did and wherever they died", async () => {
    const corner = await openCorner();
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 2 }),
        fc.constantFrom(0, 20),
        async (steps, limit, visibilityMs) => {
          await corner.queues.redis.del(corner.queues.keys.ready, corner.queues.keys.hold, corner.queues.keys.bell);
          const model = new Model(corner, limit, visibilityMs);
          for (const next of steps) {
            if (next.do === "add") await model.add(next.agent);
            else if (next.do === "take") await model.take(next.consumer);
            else if (next.do === "fetch") model.fetch(next.consumer);
            else if (next.do === "settle") await model.settle(next.consumer);
            else if (next.do === "finish") await model.finish(next.consumer);
            else model.crash(next.consumer, next.do === "crashAfterFinish");
          }
          for (const consumer of [0, 1, 2]) model.crash(consumer, false);
          const deadline = Date.now() + 5_000;
          while (model.left() > 0 && Date.now() < deadline) {
            await model.take(9);
            model.fetch(9);
            await model.settle(9);
            await model.finish(9);
          }
          expect(model.left()).toBe(0);
          expect(model.started).toBe(model.added);
        },
      ),
      { numRuns: 150 },
    );
  });
});
