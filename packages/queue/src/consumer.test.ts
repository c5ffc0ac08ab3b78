import { waitFor } from "@wakefleet/testkit";
import { Queue } from "bullmq";
import { describe, expect, it } from "vitest";
import { atEnd, type Corner, gate, jobData, openCorner, runJob } from "../test/support.js";
import { createFleetConsumer, type FleetJob } from "./consumer.js";
import { agentQueueName, agentQueuePrefix } from "./keys.js";
import { silentLog } from "./log.js";
import { releaseJob, removeJob } from "./recovery.js";
import type { Verdict } from "./verdict.js";

const jobKey = (corner: Corner, runId: string): string => corner.queues.queue("a").backend.toKey(runId);

const done: Verdict = { kind: "finished", returnValue: { status: "succeeded" } };

describe("the consumer of all queues", () => {
  it("QU-2 starts a job once, however often it was added", async () => {
    const corner = await openCorner();
    const started: FleetJob[] = [];
    await corner.consume({
      onJob: async (job) => {
        started.push(job);
        return done;
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => corner.add([runJob("a", "r1"), runJob("a", "r1")])));
    await corner.add([runJob("a", "r2")]);
    await waitFor(() => started.some(({ runId }) => runId === "r2"), { what: "the second run" });
    expect(started.map(({ runId }) => runId)).toEqual(["r1", "r2"]);
    expect(JSON.parse((await corner.queues.redis.hget(jobKey(corner, "r1"), "data")) ?? "")).toEqual(
      jobData("a", "r1"),
    );
  });

  it.each([
    [
      "that has fields which this version does not know",
      JSON.stringify({ ...jobData("a", "r1"), version: 9, more: {} }),
    ],
    ["without fields that this version writes", JSON.stringify({ runId: "r1", agentId: "a" })],
    ["that lost what it carried", ""],
  ])("RL-8, RL-1 tries a job %s: which run it is stands in its id", async (_what, data) => {
    const corner = await openCorner();
    await corner.add([runJob("a", "r1")]);
    await corner.queues.redis.hset(jobKey(corner, "r1"), "data", data);
    const started: FleetJob[] = [];
    await corner.consume({
      onJob: async (job) => {
        started.push(job);
        return done;
      },
    });
    await waitFor(() => started.length > 0, { what: "the job to be tried" });
    expect(started[0]).toMatchObject({ agentId: "a", runId: "r1" });
    await waitFor(async () => (await corner.control.counts(["a"]))[0]?.completed === 1, { what: "its end" });
  });

  it("QU-2 brings a run back whose finished job is kept, when asked to renew it", async () => {
    const corner = await openCorner();
    let starts = 0;
    await corner.consume({
      onJob: async () => {
        starts += 1;
        return done;
      },
    });
    await corner.add([runJob("a", "r1")]);
    await waitFor(async () => (await corner.control.counts(["a"]))[0]?.completed === 1, { what: "the first end" });
    await corner.add([runJob("a", "r1", { renew: true })]);
    await waitFor(() => starts === 2, { what: "the second start" });
  });

  it("QU-4 starts a delayed job when it is due, not before", async () => {
    const corner = await openCorner();
    const startedAt: number[] = [];
    await corner.consume({
      onJob: async () => {
        startedAt.push(Date.now());
        return done;
      },
    });
    const dueAt = Date.now() + 400;
    await corner.add([runJob("a", "r1", { delayUntilMs: dueAt })]);
    await waitFor(() => startedAt.length === 1, { what: "the delayed start" });
    expect(startedAt[0]).toBeGreaterThanOrEqual(dueAt);
  });

  it("QU-2 moves a delayed run to now", async () => {
    const corner = await openCorner();
    const started: string[] = [];
    await corner.consume({
      onJob: async ({ runId }) => {
        started.push(runId);
        return done;
      },
    });
    await corner.add([runJob("a", "r1", { delayUntilMs: Date.now() + 3_600_000 })]);
    await corner.add([runJob("a", "r1", { renew: true })]);
    await waitFor(() => started.length === 1, { what: "the start" });
  });

  it("QU-1 follows a raised limit at once", async () => {
    const corner = await openCorner();
    const { open, opened } = gate();
    const consumer = await corner.consume({ onJob: () => opened.then(() => done) });
    await corner.add(Array.from({ length: 8 }, (_, index) => runJob("a", `r${index}`)));
    await waitFor(() => consumer.state().inUse === 1, { what: "one job under way" });
    await corner.control.setConcurrency({ agentId: "a", concurrency: 4 });
    await waitFor(() => consumer.state().inUse === 4, { what: "four jobs under way" });
    open();
    await waitFor(async () => (await corner.control.counts(["a"]))[0]?.completed === 8, { what: "all ends" });
  });

  it("QU-3 takes numbered jobs in their order", async () => {
    const corner = await openCorner();
    const started: string[] = [];
    await corner.add([
      runJob("a", "low", { priority: 30 }),
      runJob("a", "critical", { priority: 10 }),
      runJob("a", "in-progress", { priority: 1 }),
    ]);
    await corner.control.setPriority({ agentId: "a", runId: "low", priority: 5 });
    await corner.consume({
      onJob: async ({ runId }) => {
        started.push(runId);
        return done;
      },
    });
    await waitFor(() => started.length === 3, { what: "three starts" });
    expect(started).toEqual(["in-progress", "low", "critical"]);
  });

  it("QU-8 starts another agent's job long before a flood is worked off", async () => {
    const corner = await openCorner();
    const started: string[] = [];
    const flood = Array.from({ length: 1_000 }, (_, index) => runJob("flood", `f${index}`, { concurrency: 10 }));
    await corner.consume({
      capacity: 10,
      onJob: async ({ agentId }) => {
        started.push(agentId);
        if (started.length === 100) await corner.add([runJob("other", "b1")]);
        return done;
      },
    });
    await corner.add(flood);
    await waitFor(() => started.length === 1_001, { what: "all starts", deadlineMs: 25_000 });
    expect(started.indexOf("other")).toBeLessThan(300);
  });

  it("QU-7 serves 2,000 queues over two connections", async () => {
    const corner = await openCorner();
    const { redis } = corner.queues;
    const clients = async (): Promise<number> =>
      String(await redis.client("LIST"))
        .split("\n")
        .filter(isOurs).length;
    const isOurs = (line: string): boolean => /name=(test|wakefleet:bell:consumer-)/.test(line);
    const before = await clients();
    let ended = 0;
    await corner.consume({
      capacity: 50,
      onJob: async () => {
        ended += 1;
        return done;
      },
    });
    await corner.add(Array.from({ length: 2_000 }, (_, index) => runJob(`agent-${index}`, `r${index}`)));
    await waitFor(() => ended === 2_000, { what: "all ends", deadlineMs: 25_000 });
    expect(await clients()).toBe(before + 1);
  });

  it("CL-2 sends a job back to its due time", async () => {
    const corner = await openCorner();
    const starts: number[] = [];
    const dueAt = Date.now() + 300;
    await corner.consume({
      onJob: async () => {
        starts.push(Date.now());
        return starts.length === 1 ? { kind: "notDue", dueAtMs: dueAt } : done;
      },
    });
    await corner.add([runJob("a", "r1")]);
    await waitFor(() => starts.length === 2, { what: "the second start" });
    expect(starts[1]).toBeGreaterThanOrEqual(dueAt);
  });

  it("CL-18 puts a refused job back without losing it or trying it in a tight loop", async () => {
    const corner = await openCorner();
    let refusals = 0;
    let allowed = false;
    const ended: string[] = [];
    await corner.consume({
      onJob: async ({ runId }) => {
        if (!allowed) {
          refusals += 1;
          return { kind: "putBack" };
        }
        ended.push(runId);
        return done;
      },
    });
    await corner.add(["r1", "r2", "r3", "r4"].map((runId) => runJob("a", runId, { concurrency: 2 })));
    await waitFor(() => refusals >= 4, { what: "a few refusals" });
    allowed = true;
    await waitFor(() => ended.length === 4, { what: "all ends" });
    expect(refusals).toBeLessThan(30);
  });

  it("CL-18 lets an agent's other jobs pass one that is laid aside", async () => {
    const corner = await openCorner();
    const ended: string[] = [];
    await corner.consume({
      onJob: async ({ runId, fetches }) => {
        if (runId === "locked" && fetches === 1) return { kind: "putBack", delayMs: 300 };
        ended.push(runId);
        return done;
      },
    });
    await corner.add([runJob("a", "locked"), runJob("a", "free")]);
    await waitFor(() => ended.length === 2, { what: "both ends" });
    expect(ended).toEqual(["free", "locked"]);
  });

  it("QU-6 shows what became of a run: a failed job with its error, a completed one with its outcome", async () => {
    const corner = await openCorner();
    await corner.consume({
      onJob: async ({ runId }) => (runId === "bad" ? { kind: "failed", error: "exit code 3" } : done),
    });
    await corner.add([runJob("a", "bad"), runJob("a", "good")]);
    await waitFor(async () => (await corner.control.counts(["a"]))[0]?.completed === 1, { what: "both ends" });
    const prefix = agentQueuePrefix(corner.queues.prefix, "a");
    const board = new Queue(agentQueueName("a"), { connection: corner.queues.redis, prefix });
    const [bad, good] = await Promise.all([board.getJob("bad"), board.getJob("good")]);
    expect(await bad?.getState()).toBe("failed");
    expect(bad?.failedReason).toBe("exit code 3");
    expect(good?.returnvalue).toEqual({ status: "succeeded" });
    expect(await board.getGlobalConcurrency()).toBe(1);
  });

  it("QU-6 keeps no more finished jobs and events than it should", async () => {
    const corner = await openCorner();
    let ended = 0;
    await corner.consume({
      onJob: async () => {
        ended += 1;
        return done;
      },
    });
    await corner.add(Array.from({ length: 300 }, (_, index) => runJob("a", `r${index}`, { concurrency: 5 })));
    await waitFor(() => ended === 300, { what: "all ends" });
    await waitFor(async () => (await corner.control.counts(["a"]))[0]?.active === 0, { what: "an idle queue" });
    expect((await corner.control.counts(["a"]))[0]?.completed).toBeLessThanOrEqual(50);
    const events = corner.queues.queue("a").backend.toKey("events");
    expect(await corner.queues.redis.xlen(events)).toBeLessThan(250);
  });

  it("QU-5 starts nothing of a paused agent, and goes on when it is resumed", async () => {
    const corner = await openCorner();
    const started: string[] = [];
    await corner.consume({
      onJob: async ({ runId }) => {
        started.push(runId);
        return done;
      },
    });
    await corner.control.ensureQueue({ agentId: "a", concurrency: 1, paused: true });
    await corner.add([runJob("a", "r1"), runJob("b", "r2")]);
    await waitFor(() => started.length === 1, { what: "the other agent's start" });
    const hinted = async (): Promise<boolean> => (await corner.control.activeAgents(10)).includes("a");
    await waitFor(async () => !(await hinted()), { what: "the paused agent's hint to be used up" });
    expect(started).toEqual(["r2"]);
    await corner.control.resume("a");
    await waitFor(() => started.length === 2, { what: "the start after resuming" });
  });

  it("QU-5 removes a terminated agent's queue, jobs under way included", async () => {
    const corner = await openCorner();
    const { open, opened } = gate();
    const consumer = await corner.consume({ onJob: () => opened.then(() => done) });
    await corner.add([runJob("a", "r1"), runJob("a", "r2"), runJob("a", "r3", { delayUntilMs: Date.now() + 9_000 })]);
    await waitFor(() => consumer.state().inUse === 1, { what: "one job under way" });
    await corner.control.removeQueue("a");
    open();
    await consumer.drain();
    expect(await corner.queues.redis.keys(`${agentQueuePrefix(corner.queues.prefix, "a")}:*`)).toEqual([]);
    expect(await corner.control.activeAgents(10)).toEqual([]);
  });

  it("CN-1 removes a cancelled run's waiting or delayed job, and leaves one under way to its claim", async () => {
    const corner = await openCorner();
    const { open, opened } = gate();
    const { queues } = corner;
    const consumer = await corner.consume({ onJob: () => opened.then(() => ({ kind: "gone" })) });
    await corner.add([runJob("a", "r1"), runJob("a", "r2"), runJob("a", "r3", { delayUntilMs: Date.now() + 9_000 })]);
    await waitFor(() => consumer.state().inUse === 1, { what: "one job under way" });
    expect(await removeJob({ queues, agentId: "a", runId: "r2" })).toBe("removed");
    expect(await removeJob({ queues, agentId: "a", runId: "r3" })).toBe("removed");
    expect(await removeJob({ queues, agentId: "a", runId: "r1" })).toBe("active");
    expect(await removeJob({ queues, agentId: "a", runId: "never" })).toBe("absent");
    open();
    await consumer.drain();
    expect((await corner.control.counts(["a"]))[0]).toMatchObject({ waiting: 0, active: 0, delayed: 0, completed: 1 });
  });

  it("RL-4 lets a released job's late holder change nothing", async () => {
    const corner = await openCorner();
    const { open, opened } = gate();
    const consumer = await corner.consume({ onJob: () => opened.then(() => done) });
    await corner.add([runJob("a", "r1"), runJob("a", "r2")]);
    await waitFor(() => consumer.state().inUse === 1, { what: "one job under way" });
    const outcome: Verdict = { kind: "failed", error: "process lost" };
    const { queues, ready } = corner;
    expect(await releaseJob({ queues, ready, agentId: "a", runId: "r1", outcome })).toBe("released");
    await waitFor(() => consumer.state().runIds.includes("r2"), { what: "the freed slot to be used" });
    open();
    await consumer.drain();
    expect((await corner.control.counts(["a"]))[0]).toMatchObject({ active: 0, failed: 1, completed: 1 });
    expect(await releaseJob({ queues, ready, agentId: "a", runId: "r1", outcome })).toBe("absent");
  });

  it("RL-1 puts a job back that could not be tried", async () => {
    const corner = await openCorner();
    let tries = 0;
    await corner.consume({
      onJob: async () => {
        tries += 1;
        if (tries === 1) throw new Error("the database is away");
        return done;
      },
    });
    await corner.add([runJob("a", "r1")]);
    await waitFor(async () => (await corner.control.counts(["a"]))[0]?.completed === 1, { what: "the end" });
    expect(tries).toBe(2);
  });

  it("RL-7 serves an agent whose taker died between take and fetch", async () => {
    const corner = await openCorner();
    await corner.add([runJob("a", "r1")]);
    expect((await corner.ready.take({ count: 1, visibilityMs: 300 })).taken).toHaveLength(1);
    const started: string[] = [];
    await corner.consume({
      onJob: async ({ runId }) => {
        started.push(runId);
        return done;
      },
    });
    await waitFor(() => started.length === 1, { what: "the start" });
  });

  it("RL-7 asks for a job that was fetched and never held, and does as it is told", async () => {
    const corner = await openCorner();
    await corner.add([runJob("a", "r1")]);
    const [taken] = (await corner.ready.take({ count: 1, visibilityMs: 100 })).taken;
    await corner.queues.queue("a").backend.moveToActive("token-of-the-dead", "dead-consumer");
    expect(taken?.agentId).toBe("a");
    const started: string[] = [];
    const asked: (string | null)[] = [];
    await corner.consume({
      onJob: async ({ runId }) => {
        started.push(runId);
        return done;
      },
      onOrphan: async ({ consumerId }) => {
        asked.push(consumerId);
        return { kind: "putBack", delayMs: 1 };
      },
    });
    await waitFor(() => started.length === 1, { what: "the start" });
    expect(asked).toEqual(["dead-consumer"]);
  });

  it("RL-7 finds a job that was fetched in its own name by a call whose answer was lost", async () => {
    const corner = await openCorner();
    await corner.add([runJob("a", "r1")]);
    await corner.queues.queue("a").backend.moveToActive("token", "forgetful");
    const started: string[] = [];
    await corner.consume({
      consumerId: "forgetful",
      onJob: async ({ runId }) => {
        started.push(runId);
        return done;
      },
    });
    await waitFor(() => started.length === 1, { what: "the start" });
  });

  it("QU-8 serves the others while one agent's queue is broken", async () => {
    const corner = await openCorner();
    const { queues } = corner;
    await corner.add([runJob("broken", "r1")]);
    const wait = queues.queue("broken").backend.toKey("wait");
    await queues.redis.rename(wait, `${wait}-aside`);
    await queues.redis.set(wait, "not a list");
    const started: string[] = [];
    await corner.consume({
      visibilityMs: 100,
      onJob: async ({ runId }) => {
        started.push(runId);
        return done;
      },
    });
    await corner.add(Array.from({ length: 20 }, (_, index) => runJob("sound", `s${index}`)));
    await waitFor(() => started.length === 20, { what: "the sound agent's starts" });
    await queues.redis.rename(`${wait}-aside`, wait);
    await waitFor(() => started.includes("r1"), { what: "the mended queue's start" });
  });

  it("RL-7 leaves a job to its holder while the database says so", async () => {
    const corner = await openCorner();
    await corner.add([runJob("a", "r1")]);
    await corner.queues.queue("a").backend.moveToActive("token", "dead-consumer");
    let asked = 0;
    await corner.consume({
      attentionMs: 50,
      onJob: async () => done,
      onOrphan: async () => {
        asked += 1;
        return { kind: "keep" };
      },
    });
    await waitFor(() => asked >= 3, { what: "repeated questions" });
    expect((await corner.control.counts(["a"]))[0]?.active).toBe(1);
  });

  it("RL-7 drains: jobs under way end, nothing else starts", async () => {
    const corner = await openCorner();
    const { open, opened } = gate();
    const consumer = await corner.consume({ capacity: 2, onJob: () => opened.then(() => done) });
    await corner.add(["a", "b", "c"].map((agentId) => runJob(agentId, `r-${agentId}`)));
    await waitFor(() => consumer.state().inUse === 2, { what: "two jobs under way" });
    const drained = consumer.drain();
    open();
    await drained;
    const counts = await corner.control.counts(["a", "b", "c"]);
    expect(counts.map(({ completed }) => completed).reduce((sum, count) => sum + count)).toBe(2);
    expect(counts.map(({ waiting }) => waiting).reduce((sum, count) => sum + count)).toBe(1);
    consumer.resume();
    const ended = async (): Promise<number> =>
      (await corner.control.counts(["a", "b", "c"])).filter(({ completed }) => completed === 1).length;
    await waitFor(async () => (await ended()) === 3, { what: "the last job" });
  });

  it("BY-10 paused before it is started, it takes nothing until it is resumed", async () => {
    const corner = await openCorner();
    const [held, free] = ["held", "free"].map((consumerId) =>
      createFleetConsumer({ queues: corner.queues, consumerId, capacity: 2, onJob: async () => done, log: silentLog }),
    );
    if (held === undefined || free === undefined) throw new Error("two consumers were made");
    for (const consumer of [held, free]) atEnd(() => consumer.stop());
    held.pause();
    await held.start();
    expect(held.state().mode).toBe("paused");
    await corner.add([runJob("a", "r1")]);
    expect((await corner.control.counts(["a"]))[0]).toMatchObject({ waiting: 1, active: 0, completed: 0 });
    await free.start();
    await waitFor(async () => (await corner.control.counts(["a"]))[0]?.completed === 1, {
      what: "the other to take it",
    });
    await free.stop();
    held.resume();
    await corner.add([runJob("a", "r2")]);
    await waitFor(async () => (await corner.control.counts(["a"]))[0]?.completed === 2, { what: "it to take one" });
  });
});
