/** RL-27: what is too old goes, in slices and without a claim waiting for it; everything else stays as it is. */
import { existsSync } from "node:fs";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createLocalRunLogStore } from "@wakefleet/run-logs";
import { deleteOldRunEvents, forgetOldRunLogs } from "@wakefleet/store";
import { aCompany, anAgent, aRun, insertRow } from "@wakefleet/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { workRun } from "../src/runs/work-run.js";
import { deleteOldEvents, deleteOldLogs, type RetentionSlices } from "../src/sweeps/keep-to-age-limits.js";
import { countRows, silentLog, type TestWorker, useWorld } from "./support.js";

const world = useWorld();
/** As many as an agent may have running (DM-36). */
const RUNS_AT_ONCE = 10;
let logDir: string;
let worker: TestWorker;
let companyId: string;
let agentId: string;

beforeAll(async () => {
  logDir = await mkdtemp(join(tmpdir(), "wakefleet-retention-"));
});
afterAll(() => rm(logDir, { recursive: true, force: true }));
beforeEach(async () => {
  // What an earlier test left old is not this one's.
  await sweep({ eventsDays: 1, logsDays: 1 });
  worker = await world.worker(async (context) => {
    await context.onLog("stdout", "said something\n");
    return { exitCode: 0, signal: null, timedOut: false };
  });
  companyId = await aCompany(world.db.sql);
  agentId = await anAgent(world.db.sql, { companyId, maxConcurrentRuns: RUNS_AT_ONCE });
});

const logs = (dir = logDir) => createLocalRunLogStore({ dir });
const signalOf = (isAborted = false) => (isAborted ? AbortSignal.abort() : new AbortController().signal);

/** Days; null keeps. */
interface AgeLimits {
  readonly eventsDays: number | null;
  readonly logsDays: number | null;
}
interface SweepOptions {
  readonly slices?: RetentionSlices;
  readonly signal?: AbortSignal;
  readonly runLogs?: ReturnType<typeof logs>;
}
const BOTH: AgeLimits = { eventsDays: 30, logsDays: 10 };

/** A turn of the fleet's sweep and one of this host's. */
async function sweep(
  limits: AgeLimits = BOTH,
  { slices, signal = signalOf(), runLogs = logs() }: SweepOptions = {},
): Promise<{ eventsDeleted: number; logsDeleted: number; failed: number }> {
  const { eventsDays, logsDays } = limits;
  const turn = { signal, ...(slices === undefined ? {} : { slices }) };
  const deps = { db: world.db, runLogs, log: silentLog };
  const events =
    eventsDays === null ? { eventsDeleted: 0 } : await deleteOldEvents(deps, { days: eventsDays, ...turn });
  const gone =
    logsDays === null ? { logsDeleted: 0, failed: 0 } : await deleteOldLogs(deps, { days: logsDays, ...turn });
  return { ...events, ...gone };
}

/** A run that went its whole way, its log in this test's folder. */
async function anEndedRun(daysAgo: number, dir = logDir): Promise<string> {
  const id = await aRun(world.db.sql, { companyId, agentId });
  const claimed = { ...worker.deps, runLogs: logs(dir) };
  await workRun(claimed, { runId: id, agentId });
  await age(id, daysAgo);
  const written = new Date(Date.now() - daysAgo * 24 * 3_600_000);
  await utimes(fileOf(id, dir), written, written);
  return id;
}

async function age(runId: string, days: number): Promise<void> {
  await world.db.sql.query(
    `UPDATE heartbeat_runs SET created_at = created_at - d, started_at = started_at - d, finished_at = finished_at - d,
            finalized_at = finalized_at - d FROM make_interval(days => $2::int) d WHERE id = $1`,
    [runId, days],
  );
  await world.db.sql.query(
    "UPDATE heartbeat_run_events SET created_at = created_at - make_interval(days => $2::int) WHERE run_id = $1",
    [runId, days],
  );
}

const eventsOf = (runId: string) => countRows(world.db.sql, "heartbeat_run_events WHERE run_id = $1", [runId]);
const fileOf = (runId: string, dir = logDir) => join(dir, companyId, agentId, `${runId}.ndjson`);

/** Everything that the database says, but for clocks of workers and the like. */
async function snapshot(): Promise<unknown> {
  return world.db.sql.query(
    `SELECT r.*, (SELECT jsonb_agg(to_jsonb(e) ORDER BY e.seq) FROM heartbeat_run_events e WHERE e.run_id = r.id) AS events
       FROM heartbeat_runs r WHERE r.company_id = $1 ORDER BY r.id`,
    [companyId],
  );
}

describe("what is too old", () => {
  it("RL-27 events and logs of finished runs go at their limits, the files from the disk; younger ones stay", async () => {
    const old = await anEndedRun(31);
    const middle = await anEndedRun(11);
    const young = await anEndedRun(9);
    const before = await world.run(young);
    const events = await eventsOf(old);
    expect(events).toBeGreaterThan(1);
    expect([old, middle, young].map((id) => existsSync(fileOf(id)))).toEqual([true, true, true]);

    expect(await sweep()).toEqual({ eventsDeleted: events, logsDeleted: 2, failed: 0 });

    expect(await eventsOf(old)).toBe(0);
    expect([old, middle, young].map((id) => existsSync(fileOf(id)))).toEqual([false, false, true]);
    const none = { logStore: null, logRef: null, logBytes: null, logSha256: null, logCompressed: false };
    expect(await world.run(old)).toMatchObject({ status: "succeeded", eventSeq: 0, ...none });
    expect(await world.run(middle)).toMatchObject({ status: "succeeded", eventSeq: await eventsOf(middle), ...none });
    expect(await eventsOf(middle)).toBeGreaterThan(1);
    expect((await world.run(old)).stdoutExcerpt).toContain("said something\n");
    expect(await world.run(young)).toEqual(before);
  });

  it("RL-27 without limits everything is kept", async () => {
    await anEndedRun(3_000);
    const before = await snapshot();
    expect(await sweep({ eventsDays: null, logsDays: null })).toEqual({ eventsDeleted: 0, logsDeleted: 0, failed: 0 });
    expect(await snapshot()).toEqual(before);
  });

  it("RL-27 runs that go on, wait, or whose end is not done keep theirs, however old", async () => {
    world.allow({ rules: ["DM-96"] });
    const running = await aRun(world.db.sql, { companyId, agentId });
    await worker.mustClaim({ id: running, agentId });
    await insertRow(world.db.sql, "heartbeat_run_events", {
      companyId,
      agentId,
      runId: running,
      seq: 2,
      eventType: "x",
    });
    await world.db.sql.query("UPDATE heartbeat_runs SET event_seq = 2 WHERE id = $1", [running]);
    await age(running, 400);
    const waiting = await aRun(world.db.sql, { companyId, agentId });
    await age(waiting, 400);
    const unfinished = await anEndedRun(400);
    await world.db.sql.query("UPDATE heartbeat_runs SET finalized_at = NULL WHERE id = $1", [unfinished]);
    const before = await snapshot();
    expect(await sweep()).toEqual({ eventsDeleted: 0, logsDeleted: 0, failed: 0 });
    expect(await snapshot()).toEqual(before);
    expect(existsSync(fileOf(unfinished))).toBe(true);
    await world.db.sql.query("UPDATE heartbeat_runs SET finalized_at = finished_at WHERE id = $1", [unfinished]);
  });

  it("AC-6, RL-27 activity, requests and costs are kept whatever goes", async () => {
    const old = await anEndedRun(400);
    await insertRow(world.db.sql, "activity_log", {
      companyId,
      actorType: "system",
      actorId: "test",
      action: "heartbeat.invoked",
      entityType: "run",
      entityId: old,
      runId: old,
      agentId,
      createdAt: new Date("2020-01-01T00:00:00Z"),
    });
    const kept = () =>
      Promise.all(
        ["activity_log", "agent_wakeup_requests", "cost_events", "heartbeat_runs"].map((table) =>
          countRows(world.db.sql, `${table} WHERE company_id = $1`, [companyId]),
        ),
      );
    const before = await kept();
    expect(before[0]).toBeGreaterThan(0);
    expect((await sweep()).logsDeleted).toBe(1);
    expect(await kept()).toEqual(before);
  });
});

describe("in slices", () => {
  it("RL-23, RL-27 a turn does so many slices, the next goes on, and one with nothing to do changes nothing", async () => {
    const old: string[] = [];
    for (let at = 0; at < 5; at += 1) old.push(await anEndedRun(40 + at));
    const slices = { size: 1, perTurn: 2 };
    const left = async () => (await Promise.all(old.map(eventsOf))).filter((count) => count > 0).length;
    expect((await sweep(BOTH, { slices })).logsDeleted).toBe(2);
    expect(await left()).toBe(3);
    expect(await eventsOf(old[4] ?? ""), "the oldest go first").toBe(0);
    await sweep(BOTH, { slices });
    expect(await left()).toBe(1);
    await sweep(BOTH, { slices });
    expect(await left()).toBe(0);
    const before = await snapshot();
    expect(await sweep(BOTH, { slices })).toEqual({ eventsDeleted: 0, logsDeleted: 0, failed: 0 });
    expect(await snapshot()).toEqual(before);
  });

  it("RL-23 two at once: each event and each log is deleted by one of them", async () => {
    const old = await Promise.all(Array.from({ length: RUNS_AT_ONCE }, () => anEndedRun(40)));
    const events = (await Promise.all(old.map(eventsOf))).reduce((sum, count) => sum + count, 0);
    const slices = { size: 3, perTurn: 100 };
    const both = await Promise.all([sweep(BOTH, { slices }), sweep(BOTH, { slices })]);
    // What one had locked the other left; nothing is left after a turn alone.
    const all = [...both, await sweep(BOTH)];
    expect(all.reduce((sum, { eventsDeleted }) => sum + eventsDeleted, 0)).toBe(events);
    expect(all.reduce((sum, { logsDeleted }) => sum + logsDeleted, 0)).toBe(RUNS_AT_ONCE);
    expect(old.filter((id) => existsSync(fileOf(id)))).toEqual([]);
  });

  it("RL-27 a file that cannot be removed keeps no other, and is tried again", async () => {
    const stuck = await anEndedRun(50);
    const next = await anEndedRun(40);
    const runLogs = logs();
    const refusing: typeof runLogs = {
      ...runLogs,
      remove: async (ref) => {
        if (ref.includes(stuck)) throw new Error("EPERM");
        return runLogs.remove(ref);
      },
    };
    const slices = { size: 1, perTurn: 10 };
    expect(await sweep(BOTH, { slices, runLogs: refusing })).toMatchObject({ logsDeleted: 1, failed: 1 });
    expect([stuck, next].map((id) => existsSync(fileOf(id)))).toEqual([true, false]);
    for (const id of [stuck, next]) expect(await world.run(id)).toMatchObject({ logRef: null, logBytes: null });
    expect(await sweep(BOTH, { slices })).toMatchObject({ logsDeleted: 1, failed: 0 });
    expect(existsSync(fileOf(stuck))).toBe(false);
  });

  it("RL-27 one that is told to stop begins no slice", async () => {
    const old = await anEndedRun(40);
    await sweep(BOTH, { signal: signalOf(true) });
    expect(await eventsOf(old)).toBeGreaterThan(0);
    expect(existsSync(fileOf(old))).toBe(true);
  });
});

describe("on hosts that share no folder", () => {
  let elsewhere: string;
  beforeAll(async () => {
    elsewhere = await mkdtemp(join(tmpdir(), "wakefleet-retention-"));
  });
  afterAll(() => rm(elsewhere, { recursive: true, force: true }));

  it("RL-27 a host removes its own logs, and says of no other's that it is gone", async () => {
    const here = await anEndedRun(40);
    const there = await anEndedRun(40, elsewhere);
    const before = await world.run(there);
    const logsOnly = { eventsDays: null, logsDays: 10 };
    expect(await sweep(logsOnly)).toMatchObject({ logsDeleted: 1, failed: 0 });
    expect((await world.run(here)).logRef).toBeNull();
    expect(await world.run(there)).toEqual(before);
    expect(existsSync(fileOf(there, elsewhere))).toBe(true);
    expect(await sweep(logsOnly, { runLogs: logs(elsewhere) })).toMatchObject({ logsDeleted: 1, failed: 0 });
    expect((await world.run(there)).logRef).toBeNull();
    expect(existsSync(fileOf(there, elsewhere))).toBe(false);
  });

  it("RL-27 what the database does not know stays, and keeps nothing from going", async () => {
    const old = await anEndedRun(40);
    const strange = ["notes.ndjson", "00000000-0000-4000-8000-00000000dead.ndjson"].map((name) =>
      join(logDir, companyId, agentId, name),
    );
    for (const file of strange) {
      await writeFile(file, "kept");
      await utimes(file, new Date(0), new Date(0));
    }
    expect(await sweep()).toMatchObject({ logsDeleted: 1, failed: 0 });
    expect([fileOf(old), ...strange].map((file) => existsSync(file))).toEqual([false, true, true]);
  });
});

describe("beside claims", () => {
  it("RL-27 a claim waits for no slice, and a slice for nobody's lock", async () => {
    const old = await anEndedRun(40);
    const other = await anEndedRun(41);
    const waiting = await aRun(world.db.sql, { companyId, agentId, retryOfRunId: old });
    await world.db.transaction(async (tx) => {
      const slice = await deleteOldRunEvents(tx, { companyId, days: 30, limit: 1_000 });
      expect(slice.runs).toBe(2);
      const logsOf = { logStore: "local_file", days: 10, runIds: [old, other] };
      expect((await forgetOldRunLogs(tx, logsOf)).sort()).toEqual([old, other].sort());
      // The slice is not committed: whatever waits for its locks would wait for ever.
      await aRun(world.db.sql, { companyId, agentId, retryOfRunId: other });
      await worker.mustClaim({ id: waiting, agentId });
      expect(await sweep()).toMatchObject({ eventsDeleted: 0, logsDeleted: 0 });
    });
  });

  it("RL-27 runs are claimed, worked and ended while the sweep deletes", async () => {
    const old = await Promise.all(Array.from({ length: RUNS_AT_ONCE }, () => anEndedRun(40)));
    let isOver = false;
    const slices = { size: 1, perTurn: 2 };
    const sweeping = (async () => {
      let counts = await sweep(BOTH, { slices });
      while (!isOver || counts.eventsDeleted + counts.logsDeleted > 0) {
        await pause(Math.random() * 3);
        counts = await sweep(BOTH, { slices });
      }
    })();
    const fresh: string[] = [];
    for (let at = 0; at < 20; at += 1) {
      fresh.push(await anEndedRun(0));
      await pause(Math.random() * 3);
    }
    isOver = true;
    await sweeping;
    for (const id of fresh) {
      expect(await world.run(id)).toMatchObject({ status: "succeeded", eventSeq: await eventsOf(id) });
      expect(existsSync(fileOf(id))).toBe(true);
    }
    expect(old.filter((id) => existsSync(fileOf(id)))).toEqual([]);
    expect(await Promise.all(old.map(eventsOf))).toEqual(old.map(() => 0));
  });
});
