/** A child that prints as fast as it can (LG-8): neither its worker's memory nor the disk grows with it. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, readLogLines, readRun, untilEnded, wake } from "../support/fleet-work.js";
import { isAlive, processesOf } from "../support/leftovers.js";

const MIB = 1024 * 1024;
/** As much as 04-9 says; `LG8_MEGABYTES=1000` is the long form, `LG8_LOG_MIB=256` the log's limit when nothing is configured. */
const PRINTED_BYTES = Number(process.env["LG8_MEGABYTES"] ?? 500) * 1_000_000;
const LOG_MAX_BYTES = Number(process.env["LG8_LOG_MIB"] ?? 8) * MIB;
/** 16 MiB that wait and 64 MiB that are kept, in segments of 4 MiB, and the first one (decision 15). */
const SPOOL_MAX_BYTES = 92 * MIB;

let fleet: Fleet;
let companyId: string;
beforeAll(async () => {
  fleet = await startFleet({ env: { RUN_LOG_MAX_BYTES: String(LOG_MAX_BYTES) } });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

/** Resident memory, bytes. */
function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
}

function bytesIn(folder: string): number {
  if (!existsSync(folder)) return 0;
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  // Files go while we look.
  return names.reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** The process that starts the worker's children (decision 15). */
function isKeeper(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("keeper-main");
}

async function runOf(script: string): Promise<string> {
  const agentId = await createAgent(fleet, { companyId, adapterConfig: { command: "/bin/sh", args: ["-c", script] } });
  return (await wake(fleet, agentId)).id;
}

describe.runIf(existsSync("/proc/self/status"))("a child that prints as fast as it can", () => {
  it("LG-8 its worker's memory stays, the spool is bounded, and the log keeps its tail and says so (04-9)", async () => {
    const [worker] = fleet.workers;
    if (worker === undefined) throw new Error("the fleet has a worker");
    // Everything the worker needs for any run is loaded and grown.
    await untilEnded(fleet, await runOf("yes warm | head -c 5000000; echo All of it is done."));
    const before = memoryOf(worker.pid);
    const keepers = processesOf(fleet.spoolDir).filter(isKeeper);
    expect(keepers).toHaveLength(1);

    const id = await runOf(
      `yes 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde | head -c ${PRINTED_BYTES}; echo; echo All of it is done.`,
    );
    let greatest = 0;
    let spool = 0;
    await eventually(
      "the run to end",
      async () => {
        greatest = Math.max(greatest, memoryOf(worker.pid));
        spool = Math.max(spool, bytesIn(join(fleet.spoolDir, id)));
        return (await readRun(fleet, id)).finishedAt;
      },
      600_000,
    );
    expect(greatest - before).toBeLessThan(64 * MIB);
    expect(spool).toBeLessThan(SPOOL_MAX_BYTES);
    for (const pid of keepers.filter(isAlive)) expect(memoryOf(pid)).toBeLessThan(150 * MIB);

    const run = await readRun(fleet, id);
    expect(run).toMatchObject({ status: "succeeded", exitCode: 0 });
    expect(run.logBytes).toBeLessThanOrEqual(LOG_MAX_BYTES);
    const lines = await readLogLines(fleet, id);
    expect(
      lines
        .map((line) => line.chunk)
        .join("")
        .endsWith("\nAll of it is done.\n"),
    ).toBe(true);
    await eventually("its spool to be gone", () => !existsSync(join(fleet.spoolDir, id)));
    await expectNothingBroken(fleet, () => 1);
  }, 900_000);

  it("LG-8 other runs of its worker come to their ends while it prints on", async () => {
    const flood = await runOf("exec yes It never stops.");
    await eventually("it to print", async () => (await readRun(fleet, flood)).lastOutputAt);
    for (let others = 0; others < 5; others += 1) {
      const other = await untilEnded(fleet, await runOf("for i in 1 2 3 4 5; do echo $i; done"));
      expect(other).toMatchObject({ status: "succeeded", exitCode: 0 });
    }
    expect(await readRun(fleet, flood)).toMatchObject({ status: "running" });
    await fleet.http.post(`/api/heartbeat-runs/${flood}/cancel`);
    expect(await untilEnded(fleet, flood)).toMatchObject({ status: "cancelled" });
    await expectNothingBroken(fleet, () => 1);
  });
});
