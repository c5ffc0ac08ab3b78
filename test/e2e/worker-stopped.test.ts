/** Workers that are told to stop (PL-5), and workers that stand still for longer than their lease (CL-17, DM-35). */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectEachExecutedOnce, expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import type { FleetProcess } from "../support/fleet-process.js";
import {
  createAgent,
  createCompany,
  readEvents,
  readRun,
  runCounts,
  untilEnded,
  untilSettled,
  untilSpawnStored,
  untilStarted,
  wake,
  wakeMany,
} from "../support/fleet-work.js";
import { isAlive, isStopped } from "../support/leftovers.js";
import { repeated } from "../support/repeat.js";

let fleet: Fleet;
let companyId: string;

beforeEach(async () => {
  fleet = await startFleet({ workers: 0 });
  companyId = await createCompany(fleet);
});
afterEach(async () => fleet?.stop());

function createHeld(
  hold: "until_released" | { seconds: number } = "until_released",
  config: object = {},
): Promise<string> {
  return createAgent(fleet, {
    companyId,
    adapterConfig: fleet.witness.agentConfig(hold, { ...config }),
    heartbeat: { maxConcurrentRuns: 1 },
  });
}

async function runUnderWay(agentId: string): Promise<{ id: string; pid: number }> {
  const { id } = await wake(fleet, agentId);
  await untilStarted(fleet, id);
  return { id, pid: await untilSpawnStored(fleet, id) };
}

async function retriesOf(runId: string): Promise<string[]> {
  return (await fleet.http.read<{ retries: string[] }>(`/api/heartbeat-runs/${runId}`)).retries;
}

describe("a worker told to stop", () => {
  it(
    "PL-5 SIGTERM: a run of 3 s finishes, nothing more is claimed, exit code 0; the next worker takes what waits (04-13)",
    repeated(),
    async () => {
      const worker = await fleet.startWorker();
      const agentId = await createHeld({ seconds: 3 });
      const run = await runUnderWay(agentId);
      const waiting = await wakeMany(fleet, agentId, 2);
      worker.signal("SIGTERM");
      expect(await worker.ended).toEqual({ code: 0 });
      expect(await readRun(fleet, run.id)).toMatchObject({ status: "succeeded", exitCode: 0 });
      expect(await runCounts(fleet)).toEqual({ succeeded: 1, queued: 2 });
      const [row] = await fleet.db.sql.query<{ stopped: boolean }>(
        "SELECT stopped_at IS NOT NULL AS stopped FROM workers",
      );
      expect(row?.stopped).toBe(true);

      await fleet.startWorker();
      await untilSettled(fleet);
      expectEachExecutedOnce(fleet, [run.id, ...waiting]);
      await expectNothingBroken(fleet, () => 1);
    },
  );

  it("PL-5 a rolling restart under load loses nothing and runs nothing twice", repeated(), async () => {
    await Promise.all([fleet.startWorker(), fleet.startWorker()]);
    const agentIds = await Promise.all(Array.from({ length: 4 }, () => createHeld({ seconds: 0.1 })));
    const runIds = (await Promise.all(agentIds.map((agentId) => wakeMany(fleet, agentId, 15)))).flat();
    for (const old of [...fleet.workers]) {
      await eventually("some runs to end", async () => ((await runCounts(fleet)).succeeded ?? 0) > 5);
      old.signal("SIGTERM");
      await fleet.startWorker();
      expect(await old.ended).toEqual({ code: 0 });
    }
    await untilSettled(fleet);
    expect(await runCounts(fleet)).toEqual({ succeeded: 60 });
    expectEachExecutedOnce(fleet, runIds);
    await expectNothingBroken(fleet, () => 1);
  });

  it.each([
    { how: "--terminate", args: ["--terminate"], env: {} },
    { how: "without a spool", args: [], env: { RUN_SPOOL: "false" } },
  ])(
    "PL-5, PL-4 $how: what outlasts the drain is terminated and handed over at once, to one retry",
    async ({ args, env }) => {
      // A lease that nobody could have waited for.
      const worker = await fleet.startWorker({ args, env: { DRAIN_TIMEOUT_MS: "200", LEASE_MS: "60000", ...env } });
      const agentId = await createHeld();
      const run = await runUnderWay(agentId);
      worker.signal("SIGTERM");
      expect(await worker.ended).toEqual({ code: 0 });
      expect(isAlive(run.pid)).toBe(false);
      const lost = await readRun(fleet, run.id);
      expect(lost).toMatchObject({ status: "failed", errorCode: "process_lost" });
      expect(lost.error).toMatch(/; retrying once$/);
      const [retryId = "", ...more] = await retriesOf(run.id);
      expect(more).toEqual([]);

      await fleet.startWorker();
      await untilStarted(fleet, retryId);
      fleet.witness.release();
      expect((await untilEnded(fleet, retryId)).status).toBe("succeeded");
      await expectNothingBroken(fleet, () => 1);
    },
  );

  it("PL-5 a second signal ends it at once; its child goes on and is taken over", repeated(), async () => {
    const worker = await fleet.startWorker();
    const agentId = await createHeld();
    const run = await runUnderWay(agentId);
    worker.signal("SIGTERM");
    await eventually("the worker to drain", () => worker.lastWords().includes("worker.draining"));
    worker.signal("SIGTERM");
    expect(await worker.ended).toEqual({ code: 1 });
    expect(isAlive(run.pid)).toBe(true);
    await fleet.startWorker();
    await eventually(
      "the run to be taken over",
      async () => (await readRun(fleet, run.id)).errorCode === "process_detached",
    );
    fleet.witness.release();
    await untilSettled(fleet);
    expect(await readRun(fleet, run.id)).toMatchObject({ status: "succeeded", errorCode: null, exitCode: 0 });
    expect(await runCounts(fleet)).toEqual({ succeeded: 1 });
    await expectNothingBroken(fleet, () => 1);
  });

  it(
    "PL-5, BY-9 SIGTERM: what outlasts the drain goes on, its lease ends at once, and the next worker brings it to its end",
    repeated(),
    async () => {
      // A lease that nobody could have waited for.
      const worker = await fleet.startWorker({ env: { DRAIN_TIMEOUT_MS: "200", LEASE_MS: "600000" } });
      const agentId = await createHeld();
      const run = await runUnderWay(agentId);
      worker.signal("SIGTERM");
      expect(await worker.ended).toEqual({ code: 0 });
      expect(isAlive(run.pid)).toBe(true);
      expect(await readRun(fleet, run.id)).toMatchObject({ status: "running" });
      await fleet.startWorker();
      await eventually(
        "the run to be taken over",
        async () => (await readRun(fleet, run.id)).errorCode === "process_detached",
      );
      fleet.witness.release();
      expect(await untilEnded(fleet, run.id)).toMatchObject({ status: "succeeded", errorCode: null, error: null });
      await untilSettled(fleet);
      expectEachExecutedOnce(fleet, [run.id]);
      await expectNothingBroken(fleet, () => 1);
    },
  );

  it("PL-5, BY-9 SIGTERM while it takes a run over: it does not wait for the agent, and the next worker has it", async () => {
    const first = await fleet.startWorker();
    const agentId = await createHeld();
    const run = await runUnderWay(agentId);
    await first.kill();
    const env = { DRAIN_TIMEOUT_MS: "0", WAKEFLEET_FAULTS: "after-adoption-before-execute:delay=1500" };
    const second = await fleet.startWorker({ env });
    await eventually("the run to be taken over", async () => {
      const { workerId } = await readRun(fleet, run.id);
      return (await fleet.db.sql.query("SELECT FROM workers WHERE id = $1 AND pid = $2", [workerId, second.pid]))
        .length;
    });
    second.signal("SIGTERM");
    expect(await second.ended).toEqual({ code: 0 });
    expect(isAlive(run.pid)).toBe(true);
    await fleet.startWorker();
    fleet.witness.release();
    expect(await untilEnded(fleet, run.id)).toMatchObject({ status: "succeeded", error: null });
    await untilSettled(fleet);
    expectEachExecutedOnce(fleet, [run.id]);
    await expectNothingBroken(fleet, () => 1);
  });
});

describe("a worker that stands still for longer than its lease", () => {
  /** Everything of a run that a late writer could change. */
  async function factsOf(runId: string): Promise<unknown> {
    return {
      run: await fleet.db.sql.query("SELECT to_jsonb(r.*) AS run FROM heartbeat_runs r WHERE id = $1", [runId]),
      events: await readEvents(fleet, runId),
      request: await fleet.db.sql.query(
        "SELECT to_jsonb(w.*) AS request FROM agent_wakeup_requests w JOIN heartbeat_runs r ON r.wakeup_request_id = w.id WHERE r.id = $1",
        [runId],
      ),
    };
  }

  /** Wakes a stopped worker and settles when it has found out what it lost and has renewed since. */
  async function resumeAndSettle(worker: FleetProcess): Promise<void> {
    const lastSeen = async (): Promise<Date | undefined> => {
      const [row] = await fleet.db.sql.query<{ at: Date }>("SELECT last_seen_at AS at FROM workers WHERE pid = $1", [
        worker.pid,
      ]);
      return row?.at;
    };
    const before = await lastSeen();
    worker.resume();
    const after = await eventually("the first renewal after", async () => {
      const now = await lastSeen();
      return now !== undefined && before !== undefined && now > before ? now : null;
    });
    await eventually("the second renewal after", async () => ((await lastSeen()) ?? after) > after);
  }

  it(
    "DM-33, CL-17 its child ended meanwhile: nothing it does afterwards changes the run, its events or its log",
    repeated(),
    async () => {
      const stopped = await fleet.startWorker();
      const agentId = await createHeld();
      const run = await runUnderWay(agentId);
      stopped.pause();
      await fleet.startWorker();
      await eventually(
        "the run to be taken over",
        async () => (await readRun(fleet, run.id)).errorCode === "process_detached",
      );
      fleet.witness.release(run.id);
      expect(await untilEnded(fleet, run.id)).toMatchObject({ status: "succeeded", errorCode: null });
      const facts = await factsOf(run.id);
      const [{ token } = { token: 0 }] = await fleet.db.sql.query<{ token: number }>(
        "SELECT claim_token AS token FROM heartbeat_runs WHERE id = $1",
        [run.id],
      );
      expect(token).toBe(2);

      await resumeAndSettle(stopped);
      expect(await factsOf(run.id)).toEqual(facts);
      fleet.witness.release();
      await untilSettled(fleet);
      expect(await factsOf(run.id)).toEqual(facts);
      await expectNothingBroken(fleet, () => 1);
    },
  );

  it(
    "EX-14, BY-9, RL-4 its child alive: when it comes back it lets go, and the run ends once, by its child's own exit",
    repeated(),
    async () => {
      const stopped = await fleet.startWorker();
      const agentId = await createHeld();
      const run = await runUnderWay(agentId);
      stopped.pause();
      await fleet.startWorker();
      await eventually(
        "the run to be taken over",
        async () => (await readRun(fleet, run.id)).errorCode === "process_detached",
      );
      await resumeAndSettle(stopped);
      expect(isAlive(run.pid)).toBe(true);
      fleet.witness.release();
      expect(await untilEnded(fleet, run.id)).toMatchObject({ status: "succeeded", errorCode: null });
      await untilSettled(fleet);
      expect(await runCounts(fleet)).toEqual({ succeeded: 1 });
      expectEachExecutedOnce(fleet, [run.id]);
      await expectNothingBroken(fleet, () => 1);
    },
  );

  it(
    "CN-2, DM-35 a cancel is noted at once and ends the run cancelled, not failed, once the lease is over",
    repeated(),
    async () => {
      const stopped = await fleet.startWorker();
      const agentId = await createHeld("until_released", { graceSec: 1 });
      const run = await runUnderWay(agentId);
      await fleet.startWorker();
      stopped.pause();
      const asked = await fleet.http.post<{ cancelRequestedAt: string | null }>(`/api/heartbeat-runs/${run.id}/cancel`);
      expect(asked.body.cancelRequestedAt).not.toBeNull();
      expect(await untilEnded(fleet, run.id)).toMatchObject({ status: "cancelled", errorCode: "cancelled" });
      await eventually("the child to be gone", () => !isAlive(run.pid));
      expect(await retriesOf(run.id)).toEqual([]);
      await resumeAndSettle(stopped);
      expect((await readRun(fleet, run.id)).status).toBe("cancelled");
      await expectNothingBroken(fleet, () => 1);
    },
  );

  it(
    "RL-4 at the very last step before the start: once it goes on it starts nothing of the claim that was given away",
    repeated(),
    async () => {
      const stopped = await fleet.startWorker({ env: { WAKEFLEET_FAULTS: "before-child-start:stop" } });
      const agentId = await createAgent(fleet, {
        companyId,
        adapterConfig: fleet.witness.agentConfig("none"),
        heartbeat: { maxConcurrentRuns: 1 },
      });
      const run = await wake(fleet, agentId);
      await eventually("the worker to stand still", () => isStopped(stopped.pid));
      stopped.pause();
      expect((await readRun(fleet, run.id)).status).toBe("running");
      await fleet.startWorker();
      expect(await untilEnded(fleet, run.id)).toMatchObject({ status: "failed", errorCode: "process_lost" });
      const next = await wake(fleet, agentId, { taskKey: "next" });
      expect((await untilEnded(fleet, next.id)).status).toBe("succeeded");
      await resumeAndSettle(stopped);
      await eventually("it to say so", () => stopped.lastWords(20_000).includes("run.start_refused"));
      expect(fleet.witness.lines().filter(({ runId }) => runId === run.id)).toEqual([]);
      expectEachExecutedOnce(fleet, [next.id]);
      await expectNothingBroken(fleet, () => 1);
    },
  );
});
