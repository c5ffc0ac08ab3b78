/**
 * Everything that a run's children started, also what left their process group (BY-10): found by the run's id in its
 * environment, which every descendant inherits (AD-53). Only where there is a process table (Linux); elsewhere a tree is
 * its group.
 *
 * What must stay true: nobody else's processes are signalled: what does not carry the run's id is no part of it; and a
 * look costs little for a run that was short, since only processes younger than its child are looked at.
 */
import { readdir, readFile } from "node:fs/promises";
import { isProcessAlive, KILLED_GROUP_WAIT_MS, signalProcess, waitUntilGone } from "./process-group.js";
import { hasProcessTable, readProcess } from "./process-table.js";

/** A process of a run's tree. */
export interface TreeMember {
  readonly pid: number;
  readonly startedAt: Date;
}

/** What became of a tree that was to end. */
export interface EndedTree {
  /** Members that were still there. */
  readonly found: number;
  /** Members that not even SIGKILL ended in time. */
  readonly survived: number;
}

/** The living processes of a run. `firstPid` is that of its first child: what is older is not looked at. */
export async function findRunTree(run: { readonly runId: string; readonly firstPid: number }): Promise<TreeMember[]> {
  if (!hasProcessTable) return [];
  const names = await readdir("/proc");
  const lowest = await lowestPid(run.firstPid);
  const members: TreeMember[] = [];
  for (const name of names) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid < lowest || pid === process.pid) continue;
    if ((await runIdOf(pid)) !== run.runId) continue;
    const entry = readProcess(pid);
    if (entry !== null && !entry.isZombie) members.push({ pid, startedAt: entry.startedAt });
  }
  return members;
}

/**
 * Ends what is left of a run's tree: TERM, up to `graceMs` milliseconds, then KILL. What starts meanwhile is found too.
 */
export async function endRunTree(run: {
  readonly runId: string;
  readonly firstPid: number;
  readonly graceMs: number;
}): Promise<EndedTree> {
  const first = await findRunTree(run);
  if (first.length === 0) return { found: 0, survived: 0 };
  let living = first;
  const isGone = async (): Promise<boolean> => {
    if (living.some(isProcessAlive)) return false;
    living = await findRunTree(run);
    return living.length === 0;
  };
  for (const member of living) signalProcess(member, "SIGTERM");
  if (await waitUntilGone({ isGone, timeoutMs: run.graceMs })) return { found: first.length, survived: 0 };
  const killed = async (): Promise<boolean> => {
    for (const member of living) signalProcess(member, "SIGKILL");
    return isGone();
  };
  const gone = await waitUntilGone({ isGone: killed, timeoutMs: KILLED_GROUP_WAIT_MS });
  return { found: first.length, survived: gone ? 0 : living.length };
}

/** Pids are given out in order: younger ones are greater, unless the system began anew at 1 since. */
export async function lowestPid(firstPid: number): Promise<number> {
  const lastGiven = Number((await readFile("/proc/loadavg", "latin1")).trim().split(" ").at(-1));
  return lastGiven >= firstPid ? firstPid : 2;
}

/** The run that a process belongs to; null for none. */
export async function runIdOf(pid: number): Promise<string | null> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1");
    return /\0WAKEFLEET_RUN_ID=([^\0]*)\0/.exec(`\0${environment}`)?.[1] ?? null;
  } catch {
    // It ended, or it is another user's.
    return null;
  }
}
