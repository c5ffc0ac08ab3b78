/** Workers that are killed outright while their agents work (PL-1 to PL-4, RL-7). `E2E_REPEAT=20` repeats each kill. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import {
  agentStatus,
  createAgent,
  createCompany,
  type RunAnswer,
  readEvents,
  readRun,
  untilEnded,
  untilSpawnStored,
  untilStarted,
  wake,
} from "../support/fleet-work.js";
import { isAlive } from "../support/leftovers.js";
import { repetitions } from "../support/repeat.js";

const REPEAT = repetitions(2);
const PATIENCE_MS = 60_000 + REPEAT * 30_000;

let fleet: Fleet;
let companyId: string;

/** Starts a held execution and answers the run once its child is known to the database. */
async function runUnderWay(agentId: string, taskKey: string): Promise<{ id: string; pid: number }> {
  const { id } = await wake(fleet, agentId, { taskKey });
  await untilStarted(fleet, id);
  return { id, pid: await untilSpawnStored(fleet, id) };
}

/** Kills the worker that holds a run; another one takes its place in the fleet. */
async function killHolder(runId: string): Promise<void> {
  await (await fleet.holderOf(runId)).kill();
  await fleet.startWorker();
}

/** Kills a run's worker and then its whole process group, as a machine that loses power would. */
async function killHolderAndChild(run: { id: string; pid: number }): Promise<void> {
  const holder = await fleet.holderOf(run.id);
  await holder.kill();
  process.kill(-run.pid, "SIGKILL");
  await eventually(`process ${run.pid} to be gone`, () => !isAlive(run.pid));
  const line = fleet.witness.started(run.id);
  if (line === undefined) throw new Error("the killed run had started");
  fleet.witness.noteGone(line);
  await fleet.startWorker();
}

async function retriesOf(runId: string): Promise<string[]> {
  return (await fleet.http.read<{ retries: string[] }>(`/api/heartbeat-runs/${runId}`)).retries;
}

describe.each([
  { how: "its children have a spool", spool: true },
  { how: "they have none", spool: false },
])("SIGKILL of a worker, $how", ({ spool }) => {
  beforeAll(async () => {
    fleet = await startFleet({ workers: 2, env: { RUN_SPOOL: String(spool) } });
    companyId = await createCompany(fleet);
  });
  afterAll(async () => fleet?.stop());

  // With a spool the child's own exit ends the run: workers-replaced.test.ts.
  it.skipIf(spool)(
    "PL-2, PL-3, PL-4, CL-17 its child alive: another worker of the host takes the run over, and the child's end retries it once (03-18, 04-11)",
    async () => {
      const agentId = await createAgent(fleet, {
        companyId,
        name: "Survivor",
        adapterConfig: fleet.witness.agentConfig("until_released"),
        heartbeat: { maxConcurrentRuns: 1 },
      });
      for (let round = 1; round <= REPEAT; round += 1) {
        const run = await runUnderWay(agentId, `alive-${round}`);
        const before = await tokenOf(run.id);
        await killHolder(run.id);

        const adopted = await eventually("the run to be taken over", async () => {
          const now = await readRun(fleet, run.id);
          return now.errorCode === "process_detached" ? now : null;
        });
        expect(adopted.status).toBe("running");
        expect(adopted.error).toBe(`Lost in-memory process handle, but child pid ${run.pid} is still alive`);
        expect(adopted.workerId).not.toBe(before.workerId);
        expect((await tokenOf(run.id)).claimToken).toBe(before.claimToken + 1);
        expect(isAlive(run.pid)).toBe(true);

        fleet.witness.release(run.id);
        const lost = await untilEnded(fleet, run.id);
        const text = `Process lost -- child pid ${run.pid} is no longer running`;
        expect(lost).toMatchObject({ status: "failed", errorCode: "process_lost", error: `${text}; retrying once` });
        const [retryId = "", ...more] = await retriesOf(run.id);
        expect(more).toEqual([]);
        const messages = (await readEvents(fleet, run.id)).map((event) => event.message);
        expect(messages.filter((message) => message?.startsWith("Lost in-memory process handle"))).toHaveLength(1);
        expect(messages).toContain(`${text}; queued retry ${retryId}`);

        const retry = await runOfRetry(retryId, run.id);
        await untilStarted(fleet, retry.id);
        fleet.witness.release(retry.id);
        expect(await untilEnded(fleet, retry.id)).toMatchObject({ status: "succeeded", processLossRetryCount: 1 });
      }
      expect(await agentStatus(fleet, agentId)).toBe("idle");
      await expectNothingBroken(fleet, () => 1);
    },
    PATIENCE_MS,
  );

  it(
    "PL-3, PL-4 its child dead: process_lost and one retry; the retry lost too ends it (03-18, 04-12)",
    async () => {
      const agentId = await createAgent(fleet, {
        companyId,
        name: "Victim",
        adapterConfig: fleet.witness.agentConfig("until_released"),
        heartbeat: { maxConcurrentRuns: 1 },
      });
      for (let round = 1; round <= REPEAT; round += 1) {
        const run = await runUnderWay(agentId, `dead-${round}`);
        await killHolderAndChild(run);
        const lost = await untilEnded(fleet, run.id);
        expect(lost).toMatchObject({ status: "failed", errorCode: "process_lost" });
        expect(lost.error).toMatch(/^Process lost -- .*; retrying once$/);

        const [retryId = ""] = await retriesOf(run.id);
        const retry = await runOfRetry(retryId, run.id);
        await untilStarted(fleet, retry.id);
        await killHolderAndChild({ id: retry.id, pid: await untilSpawnStored(fleet, retry.id) });
        const lostAgain = await untilEnded(fleet, retry.id);
        expect(lostAgain).toMatchObject({ status: "failed", errorCode: "process_lost", processLossRetryCount: 1 });
        expect(lostAgain.error).not.toContain("retrying");
        expect(await retriesOf(retry.id)).toEqual([]);
      }
      expect(await agentStatus(fleet, agentId)).toBe("error");
      await expectNothingBroken(fleet, () => 1);
    },
    PATIENCE_MS,
  );

  it("PL-3 only a grandchild alive: its group is terminated", async () => {
    const agentId = await createAgent(fleet, {
      companyId,
      name: "Parent",
      adapterConfig: { command: "/bin/sh", args: ["-c", `sleep 100 & echo $! >${fleet.scratch}/grandchild.$$; wait`] },
    });
    const { id } = await wake(fleet, agentId);
    const pid = await untilSpawnStored(fleet, id);
    await eventually("the grandchild", () => grandchildOf(pid));
    const grandchild = grandchildOf(pid) ?? 0;
    await (await fleet.holderOf(id)).kill();
    process.kill(pid, "SIGKILL");
    await fleet.startWorker();

    const lost = await untilEnded(fleet, id);
    expect(lost.error).toBe(
      `Process lost -- parent pid ${pid} exited, but descendant process group ${pid} was still alive and was terminated; retrying once`,
    );
    await eventually("the grandchild to be gone", () => !isAlive(grandchild));
    const [retryId = ""] = await retriesOf(id);
    await fleet.http.post(`/api/heartbeat-runs/${retryId}/cancel`);
    await untilEnded(fleet, retryId);
    await expectNothingBroken(fleet, () => 5);
  });
});

async function runOfRetry(retryId: string, lostId: string): Promise<RunAnswer> {
  const retry = await readRun(fleet, retryId);
  expect(retry).toMatchObject({ retryOfRunId: lostId, contextSnapshot: { wakeReason: "process_lost_retry" } });
  return retry;
}

async function tokenOf(runId: string): Promise<{ claimToken: number; workerId: string }> {
  const [row] = await fleet.db.sql.query<{ claimToken: number; workerId: string }>(
    `SELECT claim_token AS "claimToken", worker_id AS "workerId" FROM heartbeat_runs WHERE id = $1`,
    [runId],
  );
  if (row === undefined) throw new Error(`no run ${runId}`);
  return row;
}

function grandchildOf(pid: number): number | null {
  const file = `${fleet.scratch}/grandchild.${pid}`;
  if (!existsSync(file)) return null;
  return Number(readFileSync(file, "utf8").trim()) || null;
}
