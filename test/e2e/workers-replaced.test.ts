/** Workers that are killed or replaced while agents work: no run ends for it, and not a byte of output is lost (BY-9). */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import {
  createAgent,
  createCompany,
  readEvents,
  readLogLines,
  readRun,
  untilEnded,
  untilSpawnStored,
  wake,
} from "../support/fleet-work.js";
import { isAlive } from "../support/leftovers.js";

const PRINTER = fileURLToPath(new URL("../support/printing-agent.mjs", import.meta.url));
/** `BY9_SECONDS=60` runs the long form of the restarts. */
const LONG_FORM_MS = Number(process.env["BY9_SECONDS"] ?? 0) * 1000;

let fleet: Fleet;
let companyId: string;
beforeEach(async () => {
  fleet = await startFleet({ workers: 0, env: { DRAIN_TIMEOUT_MS: "200" } });
  companyId = await createCompany(fleet);
});
afterEach(async () => fleet?.stop());

interface Printer {
  readonly agentId: string;
  release(): void;
  printed(name: "stdout" | "stderr"): string;
}

async function createPrinter(): Promise<Printer> {
  const out = join(fleet.scratch, "printed");
  const release = join(fleet.scratch, "enough");
  const agentId = await createAgent(fleet, {
    companyId,
    adapterConfig: { command: process.execPath, args: [PRINTER, out, release] },
  });
  return {
    agentId,
    release: () => writeFileSync(release, ""),
    printed: (name) => readFileSync(`${out}.${name}`, "utf8"),
  };
}

/** What the log holds of a stream. */
async function logged(runId: string, stream: "stdout" | "stderr"): Promise<string> {
  return (await readLogLines(fleet, runId))
    .filter((line) => line.stream === stream)
    .map((line) => line.chunk)
    .join("");
}

async function holder(runId: string): Promise<string> {
  return (await readRun(fleet, runId)).workerId ?? "";
}

async function untilTakenOver(runId: string, from: string): Promise<void> {
  await eventually("another worker to hold the run", async () => (await holder(runId)) !== from);
}

describe("a worker that goes while its agent works", () => {
  it("BY-9 three killed and two replaced: the run succeeds, its log is what the child printed, byte for byte (04-11)", async () => {
    const printer = await createPrinter();
    let worker = await fleet.startWorker();
    const { id } = await wake(fleet, printer.agentId);
    const pid = await untilSpawnStored(fleet, id);
    for (const how of ["SIGKILL", "SIGTERM", "SIGKILL", "SIGTERM", "SIGKILL"] as const) {
      await delay(Math.max(500, LONG_FORM_MS / 6) * (0.5 + Math.random()));
      const before = await holder(id);
      worker.signal(how);
      const next = await fleet.startWorker();
      expect(await worker.ended).toEqual(how === "SIGKILL" ? { signal: "SIGKILL" } : { code: 0 });
      await untilTakenOver(id, before);
      expect(isAlive(pid)).toBe(true);
      worker = next;
    }
    await delay(500);
    printer.release();

    expect(await untilEnded(fleet, id)).toMatchObject({ status: "succeeded", exitCode: 0, error: null });
    const stdout = await logged(id, "stdout");
    expect(stdout.split("\n").length).toBeGreaterThan(500);
    expect(stdout).toBe(printer.printed("stdout"));
    expect(await logged(id, "stderr")).toBe(printer.printed("stderr"));
    expect(isAlive(pid)).toBe(false);
    const messages = (await readEvents(fleet, id)).map((event) => event.message);
    expect(messages).toContain("Detached child process reported activity; cleared detached warning");
    expect(messages.filter((message) => message === "adapter invocation")).toHaveLength(1);
    await expectNothingBroken(fleet, () => 1);
  }, 300_000);

  it("BY-9 the child ends while no worker lives: its own exit decides, also when it failed", async () => {
    const agentId = await createAgent(fleet, {
      companyId,
      adapterConfig: {
        command: "/bin/sh",
        args: ["-c", `while [ ! -e ${fleet.scratch}/go ]; do sleep 0.05; done; echo last words; exit 7`],
      },
    });
    const worker = await fleet.startWorker();
    const { id } = await wake(fleet, agentId);
    const pid = await untilSpawnStored(fleet, id);
    await worker.kill();
    writeFileSync(`${fleet.scratch}/go`, "");
    await eventually("the child to end", () => !isAlive(pid));
    await fleet.startWorker();
    expect(await untilEnded(fleet, id)).toMatchObject({
      status: "failed",
      errorCode: "adapter_failed",
      error: "Process exited with code 7",
      exitCode: 7,
    });
    expect(await logged(id, "stdout")).toBe("last words\n");
    await expectNothingBroken(fleet, () => 1);
  });

  it("BY-9, AD-46 its time limit goes on in the hands of the next worker", async () => {
    const agentId = await createAgent(fleet, {
      companyId,
      adapterConfig: { command: "/bin/sh", args: ["-c", "sleep 100"], timeoutSec: 6, graceSec: 1 },
    });
    const worker = await fleet.startWorker();
    const { id } = await wake(fleet, agentId);
    const pid = await untilSpawnStored(fleet, id);
    await worker.kill();
    await fleet.startWorker();
    expect(await untilEnded(fleet, id)).toMatchObject({ status: "timed_out", errorCode: "timeout" });
    expect(isAlive(pid)).toBe(false);
    await expectNothingBroken(fleet, () => 1);
  });

  it("BY-9, CN-2 a run that was taken over is cancelled like any other", async () => {
    const printer = await createPrinter();
    const worker = await fleet.startWorker();
    const { id } = await wake(fleet, printer.agentId);
    const pid = await untilSpawnStored(fleet, id);
    const before = await holder(id);
    worker.signal("SIGTERM");
    await fleet.startWorker();
    await untilTakenOver(id, before);
    await fleet.http.post(`/api/heartbeat-runs/${id}/cancel`);
    expect(await untilEnded(fleet, id)).toMatchObject({ status: "cancelled", errorCode: "cancelled" });
    await eventually("the child to be gone", () => !isAlive(pid));
    await expectNothingBroken(fleet, () => 1);
  });
});
