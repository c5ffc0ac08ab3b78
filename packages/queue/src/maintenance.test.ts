import { waitFor } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";
import { atEnd, type Corner, gate, openCorner } from "../test/support.js";
import { askForSweep } from "./ask-for-sweep.js";
import { type ControlMessage, publishControl, subscribeControl } from "./control-channel.js";
import { createMaintenance, type Maintenance, maintenancePrefix, type Sweep } from "./maintenance.js";

function maintain(corner: Corner, sweeps: Sweep[]): Maintenance {
  const maintenance = createMaintenance({ queues: corner.queues, sweeps });
  atEnd(() => maintenance.stop());
  maintenance.start();
  return maintenance;
}

function completedOf(corner: Corner): Promise<number> {
  return corner.queues.redis.zcard(`${maintenancePrefix(corner.queues.prefix)}:maintenance:completed`);
}

describe("the maintenance queue", () => {
  it("RL-23 runs a sweep at its interval, by one worker at a time", async () => {
    const corner = await openCorner();
    let underWay = 0;
    let most = 0;
    let runs = 0;
    const sweep: Sweep = {
      name: "outbox",
      everyMs: 60,
      run: async () => {
        underWay += 1;
        most = Math.max(most, underWay);
        await corner.queues.redis.ping();
        underWay -= 1;
        runs += 1;
      },
    };
    maintain(corner, [sweep]);
    maintain(corner, [sweep]);
    await waitFor(() => runs >= 6, { what: "six runs" });
    expect(most).toBe(1);
  });

  it("RL-23 does not start a sweep that is still under way", async () => {
    const corner = await openCorner();
    const { open, opened } = gate();
    let starts = 0;
    const maintenance = maintain(corner, [
      {
        name: "slow",
        everyMs: 3_600_000,
        run: async () => {
          starts += 1;
          await opened;
        },
      },
    ]);
    await waitFor(() => starts === 1, { what: "the first run" });
    await maintenance.runNow("slow");
    await waitFor(async () => (await completedOf(corner)) === 1, { what: "the second to give way" });
    expect(starts).toBe(1);
    open();
  });

  it("RL-5 arms lost schedulers again, and leaves armed ones alone", async () => {
    const corner = await openCorner();
    let runs = 0;
    const maintenance = maintain(corner, [
      {
        name: "timers",
        everyMs: 50,
        run: async () => {
          runs += 1;
        },
      },
    ]);
    await waitFor(() => runs >= 1, { what: "the first run" });
    const keys = await corner.queues.redis.keys(`${corner.queues.prefix}*`);
    await corner.queues.redis.del(...keys);
    const before = runs;
    await maintenance.ensure();
    await maintenance.ensure();
    await waitFor(() => runs >= before + 3, { what: "runs after the loss" });
  });

  it("RC-83 runs a sweep when asked and answers its counters; one that is under way is run again after it", async () => {
    const corner = await openCorner();
    const { open, opened } = gate();
    let runs = 0;
    const scheduled: Sweep = {
      name: "counting",
      everyMs: 3_600_000,
      run: async () => {
        runs += 1;
        const run = runs;
        if (run === 1) await opened;
        return { runs: run };
      },
    };
    const failing: Sweep = {
      name: "failing",
      everyMs: 3_600_000,
      run: async () => {
        throw new Error("no luck");
      },
    };
    const silent: Sweep = { name: "silent", everyMs: 3_600_000, run: async () => undefined };
    maintain(corner, [scheduled, failing, silent]);
    await waitFor(() => runs === 1, { what: "the scheduled run" });
    const asked = askForSweep(corner.queues, { name: "counting", timeoutMs: 20_000 });
    await waitFor(async () => (await completedOf(corner)) >= 1, { what: "the question to be turned away" });
    open();
    expect(await asked).toEqual({ outcome: "done", counters: { runs: 2 } });

    expect(await askForSweep(corner.queues, { name: "failing", timeoutMs: 20_000 })).toEqual({
      outcome: "failed",
      error: "no luck",
    });
    const done = { outcome: "done", counters: null };
    expect(await askForSweep(corner.queues, { name: "silent", timeoutMs: 20_000 })).toEqual(done);
    expect(await askForSweep(corner.queues, { name: "newer", timeoutMs: 20_000 })).toMatchObject({
      outcome: "unknown_sweep",
    });
  });

  it("RC-83 without a worker a question is taken back when its time is over", async () => {
    const corner = await openCorner();
    expect(await askForSweep(corner.queues, { name: "timers", timeoutMs: 300 })).toEqual({ outcome: "not_run" });
    const waiting = `${maintenancePrefix(corner.queues.prefix)}:maintenance:wait`;
    expect(await corner.queues.redis.llen(waiting)).toBe(0);
  });

  it("RC-80 a sweep that is off is not armed and ignores schedulers of others, but runs when asked", async () => {
    const corner = await openCorner();
    let runs = 0;
    const sweep: Sweep = {
      name: "timers",
      everyMs: 50,
      isOff: true,
      run: async () => {
        runs += 1;
      },
    };
    const maintenance = maintain(corner, [sweep]);
    await maintenance.ensure();
    await maintenance.runNow("timers");
    await waitFor(async () => (await completedOf(corner)) === 1, { what: "the job to be let pass" });
    expect(runs).toBe(0);
    const schedulers = `${maintenancePrefix(corner.queues.prefix)}:maintenance:repeat`;
    expect(await corner.queues.redis.zcard(schedulers)).toBe(0);
    expect(await askForSweep(corner.queues, { name: "timers", timeoutMs: 20_000 })).toMatchObject({ outcome: "done" });
    expect(runs).toBe(1);
  });

  it("RL-23 says which sweeps there are when asked for another", async () => {
    const corner = await openCorner();
    const maintenance = maintain(corner, [{ name: "timers", everyMs: 60_000, run: async () => undefined }]);
    await expect(maintenance.runNow("timer")).rejects.toThrow('There is no sweep "timer"; there are timers.');
  });
});

describe("the control channel", () => {
  it("CN-1 carries a cancellation to every subscriber, and leaves out what it cannot read", async () => {
    const corner = await openCorner();
    const heard: ControlMessage[][] = [[], []];
    for (const messages of heard) {
      const subscription = subscribeControl({
        queues: corner.queues,
        name: "test-control",
        onMessage: (message) => messages.push(message),
      });
      atEnd(() => subscription.close());
    }
    await waitFor(
      async () => {
        const [, count] = (await corner.queues.redis.pubsub("NUMSUB", corner.queues.keys.control)) as [string, number];
        return Number(count) === 2;
      },
      { what: "both subscriptions" },
    );
    await corner.queues.redis.publish(corner.queues.keys.control, '{"kind":"from-the-future"}');
    const message: ControlMessage = { kind: "cancel-run", runId: "r1", workerId: null };
    await publishControl(corner.queues, message);
    await waitFor(() => heard.every((messages) => messages.length === 1), { what: "the message" });
    expect(heard).toEqual([[message], [message]]);
  });
});
