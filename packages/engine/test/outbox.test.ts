/** From the commit to the queue, with a real Redis: by the dispatcher, by relays, and after a Redis that lost everything. */
import { queuePriority } from "@wakefleet/domain";
import { AgentQueues, closeRedis, connectRedis, waitUntilReady } from "@wakefleet/queue";
import { type Database, markDispatched, sliceWaitingRuns } from "@wakefleet/store";
import { aCompany, anAgent, anIssue, aRun, testRedisPrefix, testRedisUrl } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFleetRunQueue } from "../src/dispatch/fleet-run-queue.js";
import { createRunDispatcher } from "../src/dispatch/run-dispatcher.js";
import { runJobOf } from "../src/dispatch/run-job.js";
import type { FaultPointName, RunJob, RunQueue } from "../src/ports.js";
import { rebuildQueues } from "../src/sweeps/rebuild-queues.js";
import { relayOutbox } from "../src/sweeps/relay-outbox.js";
import { countRows, silentLog, useWorld } from "./support.js";

const world = useWorld();
const prefix = testRedisPrefix();
const redis = connectRedis({ url: testRedisUrl(), name: "test", log: silentLog });
const queue = createFleetRunQueue(new AgentQueues({ redis, prefix, log: silentLog }));
const noFaults = { hit: async () => undefined };
let companyId: string;

beforeAll(async () => {
  await waitUntilReady(redis, 10_000);
  companyId = await aCompany(world.db.sql);
});
afterAll(() => closeRedis(redis));

const agent = (columns = {}) => anAgent(world.db.sql, { companyId, ...columns });
const undispatched = (agentId: string) =>
  countRows(world.db.sql, "heartbeat_runs WHERE agent_id = $1 AND dispatched_at IS NULL", [agentId]);
/** The job ids an agent's queue holds, in whatever state. */
async function jobsOf(agentId: string): Promise<string[]> {
  const keys = await redis.keys(`${prefix}*${agentId}*`);
  const uuid = /:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
  return keys.map((key) => uuid.exec(key)?.[1] ?? "").filter((id) => id !== "" && id !== agentId);
}
async function waitingRuns(agentId: string, count: number): Promise<string[]> {
  const old = new Date(Date.now() - 60_000);
  return Promise.all(
    Array.from({ length: count }, (_, n) =>
      aRun(world.db.sql, { companyId, agentId, taskKey: `k${n}`, createdAt: old }),
    ),
  );
}
/** A queue in front of the real one that notes what it was given. */
function noting(given: string[]): Pick<RunQueue, "dispatch"> {
  return {
    dispatch: (jobs) => {
      given.push(...jobs.map((job) => job.data.runId));
      return queue.dispatch(jobs);
    },
  };
}

describe("the dispatcher", () => {
  const dispatcher = (
    faults: { hit(name: FaultPointName): Promise<void> } = noFaults,
    to: Pick<RunQueue, "dispatch"> = queue,
  ) => createRunDispatcher({ db: world.db, queue: to, faults, log: silentLog });
  const jobFor = async (agentId: string): Promise<RunJob> => {
    const { run } = await world.wake({ agentId });
    const job = world.told.jobs.find(({ data }) => data.runId === run?.id);
    if (job === undefined) throw new Error("no job was handed over");
    return job;
  };

  it("RL-20, DM-34 adds the job under the run's id and marks the run", async () => {
    const agentId = await agent();
    const job = await jobFor(agentId);
    const one = dispatcher();
    one.hand([job]);
    await one.idle();
    expect(await undispatched(agentId)).toBe(0);
    expect(await jobsOf(agentId)).toContain(job.data.runId);
  });

  it.each(["after-commit-before-enqueue", "after-enqueue-before-mark"] as const)(
    "WK-43 what dies %s is relayed, once (check 17)",
    async (point) => {
      const agentId = await agent();
      const job = await jobFor(agentId);
      const one = dispatcher({
        hit: async (name) => {
          if (name === point) throw new Error("the process died");
        },
      });
      one.hand([job]);
      await one.idle();
      expect(await undispatched(agentId)).toBe(1);
      await relayOutbox({ db: world.db, queue, faults: noFaults }, { olderThanMs: -1_000 });
      expect(await undispatched(agentId)).toBe(0);
      expect((await jobsOf(agentId)).filter((id) => id === job.data.runId)).toHaveLength(1);
    },
  );

  it("WK-43 while Redis is away wakes are accepted and stay open (01 check 17)", async () => {
    const agentId = await agent();
    const away = { dispatch: async () => Promise.reject(new Error("Redis is away")) };
    const one = dispatcher(noFaults, away);
    one.hand([await jobFor(agentId)]);
    await one.idle();
    expect(await undispatched(agentId)).toBe(1);
  });

  it("DM-34 a run that is running or terminal is never marked", async () => {
    const agentId = await agent();
    const job = await jobFor(agentId);
    await world.db.sql.query(
      "UPDATE heartbeat_runs SET status = 'cancelled', finished_at = now(), finalized_at = now() WHERE id = $1",
      [job.data.runId],
    );
    await world.db.sql.query(
      "UPDATE agent_wakeup_requests SET status = 'cancelled', finished_at = now() WHERE run_id = $1",
      [job.data.runId],
    );
    await dispatcher().dispatch([job]);
    expect(await undispatched(agentId)).toBe(1);
  });
});

describe("the relay", () => {
  it("RL-20 leaves young rows to the process that wrote them", async () => {
    const agentId = await agent();
    await world.wake({ agentId });
    await relayOutbox({ db: world.db, queue, faults: noFaults });
    expect(await undispatched(agentId)).toBe(1);
    await relayOutbox({ db: world.db, queue, faults: noFaults }, { olderThanMs: -1_000 });
  });

  it("RL-20 several relays at once share the work: each run is given out once", async () => {
    const agentId = await agent();
    const runIds = await waitingRuns(agentId, 120);
    const given: string[] = [];
    const relays = [world.db, world.pool(), world.pool()].map((db) =>
      relayOutbox({ db, queue: noting(given), faults: noFaults }),
    );
    const counts = await Promise.all(relays);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(120);
    expect([...given].sort()).toEqual([...runIds].sort());
    expect(await undispatched(agentId)).toBe(0);
  });

  it("RL-20 a relay that dies between add and mark has taken nothing away", async () => {
    const agentId = await agent();
    const [runId] = await waitingRuns(agentId, 1);
    const dying = { hit: async () => Promise.reject(new Error("the process died")) };
    await expect(relayOutbox({ db: world.db, queue, faults: dying })).rejects.toThrow("the process died");
    expect(await undispatched(agentId)).toBe(1);
    await relayOutbox({ db: world.db, queue, faults: noFaults });
    expect((await jobsOf(agentId)).filter((id) => id === runId)).toHaveLength(1);
  });

  it("QU-2, QU-3, QU-4 a job carries small facts, the issue's priority and a retry's due time; never the context", async () => {
    const agentId = await agent({ name: "Ann", heartbeat: { maxConcurrentRuns: 3 } });
    const issueId = await anIssue(world.db.sql, {
      companyId,
      identifier: "T-1",
      status: "in_progress",
      priority: "high",
    });
    const scheduledRetryAt = new Date(Date.now() + 3_600_000);
    const contextSnapshot = { issueId, wakeReason: "why", secret: "hidden" };
    const createdAt = new Date(Date.now() - 60_000);
    const runId = await aRun(world.db.sql, {
      companyId,
      agentId,
      issueId,
      contextSnapshot,
      status: "scheduled_retry",
      scheduledRetryAt,
      scheduledRetryAttempt: 2,
      createdAt,
    });
    const jobs: RunJob[] = [];
    const collecting = { dispatch: async (given: readonly RunJob[]) => given.map((job) => jobs.push(job) > 0) };
    await relayOutbox({ db: world.db, queue: collecting, faults: noFaults });
    expect(jobs).toEqual([
      {
        data: {
          runId,
          companyId,
          agentId,
          agentName: "Ann",
          issueIdentifier: "T-1",
          wakeReason: "why",
          source: "on_demand",
          attempt: 2,
        },
        concurrency: 3,
        priority: queuePriority({
          issue: { status: "in_progress", priority: "high", hasUnresolvedBlockers: false },
          isAskedByPerson: false,
          waitsSince: scheduledRetryAt,
        }),
        delayUntilMs: scheduledRetryAt.getTime(),
        renew: true,
      },
    ]);
  });

  it("QU-3 a run without an issue goes after every ready issue and before every blocked one", () => {
    const facts = {
      runId: "r",
      companyId: "c",
      agentId: "a",
      agentName: "n",
      maxConcurrentRuns: 1,
      status: "queued" as const,
    };
    const rest = { source: "on_demand", wakeReason: null, attempt: 0, scheduledRetryAt: null, issueIdentifier: null };
    const none = {
      issueStatus: null,
      issuePriority: null,
      hasUnresolvedBlockers: false,
      isAskedByPerson: false,
      createdAt: new Date(),
    };
    const priority = (issue: object) => runJobOf({ ...facts, ...rest, ...none, ...issue }).priority;
    const ready = priority({ issueStatus: "todo", issuePriority: "low" });
    const blocked = priority({ issueStatus: "in_progress", issuePriority: "critical", hasUnresolvedBlockers: true });
    expect(ready).toBeLessThan(priority({}));
    expect(priority({})).toBeLessThan(blocked);
  });
});

describe("after Redis lost its data", () => {
  it("RL-21 every queued and scheduled run comes again, no other, slice by slice (01 check 18)", async () => {
    const agentId = await agent({ status: "paused" });
    const queued = await waitingRuns(agentId, 7);
    const scheduled = await aRun(world.db.sql, { companyId, agentId, status: "scheduled_retry", taskKey: "s" });
    const running = await aRun(world.db.sql, { companyId, agentId, status: "running", taskKey: "r" });
    await world.db.sql.query("UPDATE heartbeat_runs SET dispatched_at = now() WHERE agent_id = $1", [agentId]);
    const slices: (readonly string[])[] = [];
    for await (const runIds of sliceWaitingRuns(world.db.sql, 3)) slices.push(runIds);
    expect(Math.max(...slices.map((runIds) => runIds.length))).toBe(3);
    const all = slices.flat();
    expect(all).toEqual(expect.arrayContaining([...queued, scheduled]));
    expect(new Set(all).size).toBe(all.length);
    expect(all).not.toContain(running);
    const given: string[] = [];
    const paused: string[] = [];
    await rebuildQueues({
      db: world.db,
      queue: { ...noting(given), pause: async (id) => void paused.push(id) },
      log: silentLog,
    });
    expect(given).toEqual(expect.arrayContaining([...queued, scheduled]));
    expect(given).not.toContain(running);
    expect(new Set(given).size).toBe(given.length);
    expect(paused).toContain(agentId);
    expect(await undispatched(agentId)).toBe(0);
  });

  it("DM-34, RL-21 a run that got its job again is marked anew, one that the queue refused is not marked and is relayed", async () => {
    const agentId = await agent();
    const [back = "", refused = ""] = await waitingRuns(agentId, 2);
    await world.db.sql.query(
      "UPDATE heartbeat_runs SET dispatched_at = now() - interval '1 minute' WHERE agent_id = $1",
      [agentId],
    );
    const [before] = await world.db.sql.query<{ now: Date }>("SELECT now()");
    const refusing: Pick<RunQueue, "dispatch" | "pause"> = {
      dispatch: async (jobs) => {
        const added = await queue.dispatch(jobs.filter(({ data }) => data.runId !== refused));
        return jobs.map(({ data }) => data.runId !== refused && added.length > 0);
      },
      pause: async () => undefined,
    };
    await rebuildQueues({ db: world.db, queue: refusing, log: silentLog });
    expect(await jobsOf(agentId)).toEqual([back]);
    const [marks] = await world.db.sql.query<{ back: Date; refused: Date | null }>(
      `SELECT max(dispatched_at) FILTER (WHERE id = $1) AS back, max(dispatched_at) FILTER (WHERE id = $2) AS refused
         FROM heartbeat_runs`,
      [back, refused],
    );
    expect(marks?.back.getTime()).toBeGreaterThanOrEqual(before?.now.getTime() ?? Number.POSITIVE_INFINITY);
    expect(marks?.refused).toBeNull();
    await relayOutbox({ db: world.db, queue, faults: noFaults });
    expect(await jobsOf(agentId)).toContain(refused);
    expect(await undispatched(agentId)).toBe(0);
  });

  it("RL-21 a rebuild that loses PostgreSQL on its way rejects, and the next one puts everything back", async () => {
    const agentId = await agent();
    const runIds = await waitingRuns(agentId, 5);
    const failing: Database["sql"] = {
      query: async (text, values, name) => {
        if (text.includes("SET dispatched_at = now()")) throw new Error("PostgreSQL is away");
        return world.db.sql.query(text, values, name);
      },
    };
    const parts = { queue: { ...noting([]), pause: async () => undefined }, log: silentLog };
    await expect(rebuildQueues({ db: { ...world.db, sql: failing }, ...parts })).rejects.toThrow("PostgreSQL is away");
    expect(await rebuildQueues({ db: world.db, ...parts })).toBeGreaterThanOrEqual(5);
    expect((await jobsOf(agentId)).sort()).toEqual(runIds.sort());
    expect(await undispatched(agentId)).toBe(0);
  });

  it("RL-5, RL-21 a run whose job was lost is put back also when its mark is set after the rebuild took it away", async () => {
    const agentId = await agent();
    const [runId = ""] = await waitingRuns(agentId, 1);
    // The process that had added its job before the loss comes to mark it only now.
    let isLate = true;
    const lateMark: Database["sql"] = {
      query: async (text, values, name) => {
        const rows = await world.db.sql.query(text, values, name);
        if (isLate) await markDispatched(world.db.sql, [runId]);
        isLate = false;
        return rows as never;
      },
    };
    const given: string[] = [];
    await rebuildQueues({
      db: { ...world.db, sql: lateMark },
      queue: { ...noting(given), pause: async () => undefined },
      log: silentLog,
    });
    expect(given).toContain(runId);
    expect(await jobsOf(agentId)).toContain(runId);
  });
});
