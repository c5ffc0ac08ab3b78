import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { eventually } from "../conformance/recorded-run.js";
import { createTreeMeter } from "./measure-trees.js";
import { isProcessAlive } from "./process-group.js";
import { hasProcessTable, readProcess } from "./process-table.js";
import { endRunTree, findRunTree } from "./run-tree.js";

/** Starts a shell as a run's child would be and answers its pid. */
function startChild(runId: string, script: string): number {
  const child = spawn("/bin/sh", ["-c", script], {
    detached: true,
    stdio: "ignore",
    env: { PATH: process.env["PATH"] ?? "", WAKEFLEET_RUN_ID: runId },
  });
  child.unref();
  if (child.pid === undefined) throw new Error("the shell did not start");
  return child.pid;
}

const isAlive = (pid: number): boolean => {
  const entry = readProcess(pid);
  return entry !== null && isProcessAlive(entry);
};

describe.runIf(hasProcessTable)("BY-10 a run's tree", () => {
  it("BY-10 ends descendants that left the group, obey no TERM and outlive their parent, and nobody else's", async () => {
    const runId = randomUUID();
    const other = startChild(randomUUID(), "exec sleep 60");
    const firstPid = startChild(
      runId,
      "setsid sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' & setsid sleep 60 & exit 0",
    );
    await eventually("both to have left", async () => (await findRunTree({ runId, firstPid })).length >= 2);
    await eventually("their parent to be gone", () => !isAlive(firstPid));
    const members = await findRunTree({ runId, firstPid });

    const ended = await endRunTree({ runId, firstPid, graceMs: 300 });
    expect(ended.found).toBeGreaterThanOrEqual(2);
    expect(ended.survived).toBe(0);
    expect(members.filter(isProcessAlive)).toEqual([]);
    expect(await findRunTree({ runId, firstPid })).toEqual([]);
    expect(isAlive(other)).toBe(true);
    process.kill(other, "SIGKILL");
  });

  it("BY-10 finds what cleared its environment and left the group: by who started it, then by having seen it", async () => {
    const runId = randomUUID();
    const other = startChild(randomUUID(), "env -i setsid sleep 60 & exec sleep 60");
    const firstPid = startChild(runId, "env -i setsid sh -c 'while :; do sleep 0.1; done' & wait");
    const meter = createTreeMeter();
    const look = async () => (await meter.measure([{ runId, firstPid }])).get(runId)?.members ?? [];
    const hides = (pid: number): boolean =>
      pid !== firstPid && !readFileSync(`/proc/${pid}/environ`, "latin1").includes(runId);
    const hidden = await eventually("it to hide", async () => (await look()).find(({ pid }) => hides(pid)));
    expect((await findRunTree({ runId, firstPid })).map(({ pid }) => pid)).toContain(hidden.pid);

    process.kill(firstPid, "SIGKILL");
    await eventually("its parent to be gone", () => !isAlive(firstPid));
    expect(await findRunTree({ runId, firstPid })).toEqual([]);
    const known = await look();
    expect(known.map(({ pid }) => pid)).toContain(hidden.pid);
    expect(await endRunTree({ runId, firstPid, known, graceMs: 2_000 })).toMatchObject({ survived: 0 });
    expect(isProcessAlive(hidden)).toBe(false);
    expect(await look()).toEqual([]);
    expect(isAlive(other)).toBe(true);
    process.kill(-other, "SIGKILL");
  });

  it("BY-10 what was given the pid of one that was known is nobody's", async () => {
    const runId = randomUUID();
    const stranger = startChild(randomUUID(), "exec sleep 60");
    const entry = readProcess(stranger);
    if (entry === null) throw new Error("the stranger lives");
    const known = [{ ...entry, startTicks: String(Number(entry.startTicks) - 1) }];
    expect(await endRunTree({ runId, firstPid: stranger, known, graceMs: 2_000 })).toEqual({ found: 0, survived: 0 });
    expect(isAlive(stranger)).toBe(true);
    process.kill(stranger, "SIGKILL");
  });

  it("BY-10 a run that left nothing costs one look", async () => {
    expect(await endRunTree({ runId: randomUUID(), firstPid: process.pid, graceMs: 60_000 })).toEqual({
      found: 0,
      survived: 0,
    });
  });
});
