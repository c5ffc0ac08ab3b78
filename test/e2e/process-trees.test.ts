/** What the processes of a run use, and that nothing of them outlives it (BY-10). Needs a process table (Linux). */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, readRun, untilEnded, untilSpawnStored, wake } from "../support/fleet-work.js";
import { isAlive } from "../support/leftovers.js";

interface Figures {
  readonly processes: number;
  readonly memoryBytes: number;
  readonly cpuMs: number;
  readonly openFiles: number;
}
type Tree = { readonly live: Figures; readonly peak: Figures } | null;

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet({ env: { RUN_MAX_PROCESSES: "20", RUN_MAX_MEMORY_MB: "150" } });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

async function start(script: string): Promise<string> {
  const agentId = await createAgent(fleet, {
    companyId,
    adapterConfig: { command: "/bin/sh", args: ["-c", script], graceSec: 1 },
  });
  return (await wake(fleet, agentId)).id;
}

const treeOf = async (runId: string): Promise<Tree> =>
  ((await readRun(fleet, runId)) as unknown as { processTree: Tree }).processTree;

describe.runIf(existsSync("/proc/self/environ"))("the process tree of a run", () => {
  it("BY-10 shows what all of it uses and used at most, also of what left its group", async () => {
    const id = await start(`setsid sleep 100 & sleep 100 & while [ ! -e ${fleet.scratch}/shown ]; do sleep 0.1; done`);
    const tree = await eventually("the figures", () => treeOf(id));
    expect(tree.live.processes).toBeGreaterThanOrEqual(3);
    expect(tree.live.memoryBytes).toBeGreaterThan(100_000);
    expect(tree.live.openFiles).toBeGreaterThan(3);
    expect(tree.peak.processes).toBeGreaterThanOrEqual(tree.live.processes);
    await fleet.http.post(`/api/heartbeat-runs/${id}/cancel`);
    await untilEnded(fleet, id);
    expect((await treeOf(id))?.peak.processes).toBeGreaterThanOrEqual(3);
    await expectNothingBroken(fleet, () => 1);
  });

  it("BY-10 ends with its run, also what left its group and obeys no TERM; the run's own exit stays", async () => {
    const file = `${fleet.scratch}/left`;
    const id = await start(
      `setsid sh -c 'trap "" TERM; echo $$ >${file}; while :; do sleep 0.1; done' >/dev/null 2>&1 &
       while [ ! -s ${file} ]; do sleep 0.05; done; echo All of it is done.; exit 0`,
    );
    expect(await untilEnded(fleet, id)).toMatchObject({ status: "succeeded", exitCode: 0 });
    expect(isAlive(Number(readFileSync(file, "utf8")))).toBe(false);
    await expectNothingBroken(fleet, () => 1);
  });

  it("BY-10 ends with its run, also what cleared its environment, once it was seen with its run", async () => {
    const [file, go] = [`${fleet.scratch}/hidden`, `${fleet.scratch}/seen`];
    const id = await start(
      `env -i setsid sh -c 'sleep 100 & echo $$ >${file}; wait' >/dev/null 2>&1 &
       while [ ! -e ${go} ]; do sleep 0.05; done; echo All of it is done.; exit 0`,
    );
    await eventually("it to be seen", async () => existsSync(file) && ((await treeOf(id))?.live.processes ?? 0) >= 3);
    writeFileSync(go, "");
    expect(await untilEnded(fleet, id)).toMatchObject({ status: "succeeded", exitCode: 0 });
    expect(isAlive(Number(readFileSync(file, "utf8")))).toBe(false);
    await expectNothingBroken(fleet, () => 1);
  });

  it.each([
    [
      "too many processes",
      "for i in $(seq 40); do sleep 100 & done; wait",
      /\d+ processes, and RUN_MAX_PROCESSES allows 20/,
    ],
    [
      "too much memory",
      `exec ${process.execPath} -e 'const kept = []; setInterval(() => kept.push(Buffer.alloc(8_000_000, 1)), 50)'`,
      /\d+ MiB of memory, and RUN_MAX_MEMORY_MB allows 150/,
    ],
  ])("BY-10 %s end it with its own code", async (_, script, text) => {
    const id = await start(script);
    const pid = await untilSpawnStored(fleet, id);
    const run = await untilEnded(fleet, id);
    expect(run).toMatchObject({ status: "failed", errorCode: "resource_limit" });
    expect(run.error).toMatch(text);
    expect(isAlive(pid)).toBe(false);
    await expectNothingBroken(fleet, () => 1);
  });
});

describe.runIf(existsSync("/proc/meminfo"))("a host under pressure", () => {
  it("BY-10 starts nothing; what waits is taken by a worker whose host is at ease", async () => {
    const pressed = await startFleet({ env: { HOST_MIN_MEMORY_PERCENT: "100" } });
    try {
      const company = await createCompany(pressed);
      const agentId = await createAgent(pressed, { companyId: company, adapterConfig: { command: "/bin/true" } });
      const { id } = await wake(pressed, agentId);
      const [worker] = pressed.workers;
      await eventually("the worker to say so", () => worker?.lastWords().includes("host.pressure"));
      // Its queue was rung; what takes work would have taken it before its dispatch was recorded.
      await eventually("the run to be dispatched", async () => (await queuedJobs(pressed, id)) === 1);
      expect(await readRun(pressed, id)).toMatchObject({ status: "queued" });
      await pressed.startWorker({ env: { HOST_MIN_MEMORY_PERCENT: "0" } });
      const run = await untilEnded(pressed, id);
      expect(run.status).toBe("succeeded");
      expect(run.workerId).toBe(await idOfWorker(pressed, 1));
      await expectNothingBroken(pressed, () => 1);
    } finally {
      await pressed.stop();
    }
  });
});

/** 1 once the run's job was handed to Redis. */
async function queuedJobs({ db }: Fleet, runId: string): Promise<number> {
  const rows = await db.sql.query("SELECT FROM heartbeat_runs WHERE id = $1 AND dispatched_at IS NOT NULL", [runId]);
  return rows.length;
}

async function idOfWorker({ db, workers }: Fleet, index: number): Promise<string | undefined> {
  const [row] = await db.sql.query<{ id: string }>("SELECT id FROM workers WHERE pid = $1", [workers[index]?.pid]);
  return row?.id;
}
