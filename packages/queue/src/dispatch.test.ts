import { createRequire } from "node:module";
import { waitFor } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";
import { openCorner, runJob } from "../test/support.js";
import { LAYOUT_VERSION } from "./dispatch.js";

describe("dispatching (RL-20)", () => {
  it("QU-1 names the layout of the installed BullMQ; after an upgrade, read its scripts again first", () => {
    const { version } = createRequire(import.meta.url)("bullmq/package.json") as { version: string };
    expect(LAYOUT_VERSION).toBe(`bullmq:${version}`);
  });

  it("QU-1 sets a queue's limit with its first job, and leaves a limit that is there", async () => {
    const { add, control } = await openCorner();
    await add([runJob("a", "r1", { concurrency: 3 })]);
    expect((await control.counts(["a"]))[0]).toMatchObject({ waiting: 1, concurrency: 3 });
    await control.setConcurrency({ agentId: "a", concurrency: 7 });
    await add([runJob("a", "r2", { concurrency: 3 })]);
    expect((await control.counts(["a"]))[0]).toMatchObject({ waiting: 2, concurrency: 7 });
  });

  it("WK-43 answers for each job of a batch over many agents, in order", async () => {
    const { tryAdd, control } = await openCorner();
    const jobs = Array.from({ length: 1_200 }, (_, index) => runJob(`agent-${index % 300}`, `r${index}`));
    const results = await tryAdd(jobs);
    expect(results).toEqual(jobs.map(({ data: { runId } }) => ({ runId, ok: true })));
    const counts = await control.counts(Array.from({ length: 300 }, (_, index) => `agent-${index}`));
    expect(counts.every(({ waiting }) => waiting === 4)).toBe(true);
  });

  it("RL-10 answers for a broken queue's job alone, and the others are taken", async () => {
    const { queues, tryAdd, control } = await openCorner();
    await queues.redis.set(queues.queue("broken").backend.toKey("wait"), "not a list");
    const results = await tryAdd([runJob("broken", "r1"), runJob("sound", "r2")]);
    expect(results.map(({ ok }) => ok)).toEqual([false, true]);
    expect((await control.counts(["sound"]))[0]?.waiting).toBe(1);
  });

  it("QU-2, RL-21 a batch that must come again adds what is lost, and finds each other job in whatever state it is", async () => {
    const { queues, add, tryAdd, consume, control } = await openCorner();
    const later = Date.now() + 3_600_000;
    const done: string[] = [];
    await add([runJob("a", "r-ended")]);
    const consumer = await consume({
      onJob: async ({ runId }) => {
        done.push(runId);
        return { kind: "finished", returnValue: null };
      },
    });
    await waitFor(() => done.length === 1, { what: "the end" });
    await waitFor(async () => (await queues.queue("a").backend.getState("r-ended")) === "completed", {
      what: "its state",
    });
    await consumer.stop();
    await add([runJob("a", "r-waiting", { priority: 9 }), runJob("b", "r-delayed", { delayUntilMs: later })]);
    const renewed = ["r-ended", "r-waiting", "lost-0"].map((runId) => runJob("a", runId, { priority: 5, renew: true }));
    const others = Array.from({ length: 30 }, (_, n) => runJob(`c${n % 3}`, `lost-${n + 1}`, { renew: true }));
    const results = await tryAdd([...renewed, runJob("b", "r-delayed", { renew: true }), ...others]);
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    const counts = await control.counts(["a", "b", "c0", "c1", "c2"]);
    expect(counts.map(({ waiting, delayed }) => [waiting, delayed])).toEqual([
      [3, 0],
      [1, 0],
      [10, 0],
      [10, 0],
      [10, 0],
    ]);
  });

  it("QU-4 moves a delayed run to another time when renewed", async () => {
    const { queues, add, consume } = await openCorner();
    const started: number[] = [];
    await add([runJob("a", "r1", { delayUntilMs: Date.now() + 3_600_000 })]);
    const dueAt = Date.now() + 300;
    await add([runJob("a", "r1", { delayUntilMs: dueAt, renew: true })]);
    expect(await queues.queue("a").backend.getState("r1")).toBe("delayed");
    await consume({
      onJob: async () => {
        started.push(Date.now());
        return { kind: "finished", returnValue: null };
      },
    });
    await waitFor(() => started.length === 1, { what: "the start" });
    expect(started[0]).toBeGreaterThanOrEqual(dueAt);
  });
});
