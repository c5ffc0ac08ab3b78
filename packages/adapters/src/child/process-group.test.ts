import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../conformance/recorded-run.js";
import { inspectProcess, type StoredProcess, signalGroup, terminateProcessGroup } from "./process-group.js";
import { readProcess } from "./process-table.js";

const started: number[] = [];

afterEach(() => {
  for (const pid of started.splice(0)) signalGroup(pid, "SIGKILL");
});

/** A shell in its own group that prints `ready` when it is; `printed` is what it printed first. */
async function startGroup(
  script: string,
): Promise<{ child: ChildProcess; stored: StoredProcess & { pid: number }; printed: string }> {
  const child = spawn("/bin/sh", ["-c", script], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  const pid = child.pid;
  if (pid === undefined || child.stdout === null) throw new Error("no child");
  started.push(pid);
  const startedAt = readProcess(pid)?.startedAt ?? new Date();
  const [printed] = await once(child.stdout.setEncoding("utf8"), "data");
  return { child, stored: { pid, processGroupId: pid, startedAt }, printed: String(printed) };
}

describe("PL-2 PL-3 looking a stored process up", () => {
  it("PL-2 finds the living process", async () => {
    const { stored } = await startGroup("echo ready; exec sleep 600");
    expect(await inspectProcess(stored)).toBe("alive");
  });

  it("PL-2 rules a reused pid out by its start time", async () => {
    const { stored } = await startGroup("echo ready; exec sleep 600");
    const anHourAgo = new Date(Date.now() - 3_600_000);
    expect(await inspectProcess({ ...stored, startedAt: anHourAgo })).toBe("dead");
  });

  it("PL-3 tells a group whose parent ended from a living parent", async () => {
    const { child, stored } = await startGroup("sleep 600 & echo ready; exit 0");
    if (child.exitCode === null) await once(child, "exit");
    expect(await inspectProcess(stored)).toBe("group_only");
  });

  it("PL-3 finds nobody when all ended, or nothing was stored", async () => {
    const { child, stored } = await startGroup("echo ready; exit 0");
    if (child.exitCode === null) await once(child, "exit");
    expect(await inspectProcess(stored)).toBe("dead");
    expect(await inspectProcess({ pid: null, processGroupId: null, startedAt: null })).toBe("dead");
  });

  it("PL-2 counts a zombie as dead", async () => {
    // The inner shell ends only after the outer one has become a `sleep`, which reaps nobody.
    const becameSleep = 'until [ "$(cat /proc/$$/comm)" = sleep ]; do sleep 0.02; done';
    const { child, printed } = await startGroup(`(${becameSleep}; exit 0) & echo "ready $!"; exec sleep 600`);
    const zombie = Number(/ready (\d+)/.exec(printed)?.[1]);
    await eventually("the inner shell is a zombie", () => readProcess(zombie)?.isZombie === true);
    expect(await inspectProcess({ pid: zombie, processGroupId: null, startedAt: null })).toBe("dead");
    child.kill("SIGKILL");
  });
});

describe("AD-48 PL-3 ending a stored group", () => {
  it("AD-48 ends one that obeys", async () => {
    const { stored } = await startGroup("echo ready; exec sleep 600");
    expect(await terminateProcessGroup({ ...stored, graceMs: 10_000 })).toBe("terminated");
    expect(await inspectProcess(stored)).toBe("dead");
  });

  it("AD-51 kills one that does not", async () => {
    const { stored } = await startGroup("trap '' TERM; echo ready; while :; do sleep 0.05; done");
    expect(await terminateProcessGroup({ ...stored, graceMs: 300 })).toBe("killed");
    expect(await inspectProcess(stored)).toBe("dead");
  });

  it("PL-3 ends descendants whose parent is gone", async () => {
    const { child, stored } = await startGroup("sleep 600 & echo ready; exit 0");
    if (child.exitCode === null) await once(child, "exit");
    expect(await terminateProcessGroup({ ...stored, graceMs: 10_000 })).toBe("terminated");
    expect(await inspectProcess(stored)).toBe("dead");
  });

  it("PL-2 leaves a stranger alone who got the pid", async () => {
    const { stored } = await startGroup("echo ready; exec sleep 600");
    const asked = { ...stored, startedAt: new Date(Date.now() - 3_600_000), graceMs: 0 };
    expect(await terminateProcessGroup(asked)).toBe("already_gone");
    expect(await inspectProcess(stored)).toBe("alive");
  });

  it.each([0, 1, -1, Number.NaN])("AD-46 never signals the group %d", (group) => {
    expect(signalGroup(group, "SIGTERM")).toBe(false);
  });
});
