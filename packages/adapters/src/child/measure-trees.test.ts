import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { eventually } from "../conformance/recorded-run.js";
import { createTreeMeter } from "./measure-trees.js";
import { hasProcessTable } from "./process-table.js";
import { endRunTree } from "./run-tree.js";

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

describe.runIf(hasProcessTable)("BY-10 what the trees of runs use", () => {
  it("BY-10 adds up each run's processes, in its group or not, and keeps runs apart", async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    const runs = [
      { runId: first, firstPid: startChild(first, "setsid sleep 60 & sleep 60 & wait") },
      { runId: second, firstPid: startChild(second, "while :; do :; done") },
      { runId: randomUUID(), firstPid: process.pid },
    ];
    const meter = createTreeMeter();
    try {
      const figures = await eventually("both trees to be there", async () => {
        const now = await meter.measure(runs);
        return now.get(first)?.figures.processes === 3 && (now.get(second)?.figures.cpuMs ?? 0) >= 50 && now;
      });
      expect([...figures.keys()].toSorted()).toEqual([first, second].toSorted());
      expect(figures.get(second)?.figures.processes).toBe(1);
      expect(figures.get(first)?.figures.memoryBytes).toBeGreaterThan(100_000);
      expect(figures.get(first)?.figures.openFiles).toBeGreaterThanOrEqual(9);
      expect(figures.get(first)?.figures.cpuMs).toBeLessThan(1_000);
    } finally {
      for (const run of runs.slice(0, 2)) await endRunTree({ ...run, graceMs: 2_000 });
    }
    expect((await meter.measure(runs)).size).toBe(0);
  });

  it("BY-10 looks at nothing while there is no run", async () => {
    expect((await createTreeMeter().measure([])).size).toBe(0);
  });
});
