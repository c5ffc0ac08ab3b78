/**
 * Everything that a run's children started, also what left their process group (BY-10): found by the run's id in its
 * environment, which every descendant inherits (AD-53), by whom it was started, and by having been seen as the run's
 * before: a descendant that cleared its environment, or wrote over it, is nobody's by the time its parent has ended. Only
 * where there is a process table (Linux); elsewhere a tree is its group.
 *
 * What must stay true: nobody else's processes are signalled: what neither carries the run's id nor comes from what does
 * is no part of it; and a look costs little for a run that was short, since only processes younger than its child are
 * looked at.
 */
import { readFile } from "node:fs/promises";
import { isProcessAlive, KILLED_GROUP_WAIT_MS, signalProcess, waitUntilGone } from "./process-group.js";
import { hasProcessTable, type ProcessEntry, scanProcesses } from "./process-table.js";

/** A process of a run's tree. */
export type TreeMember = Pick<ProcessEntry, "pid" | "startedAt" | "startTicks">;

/** What became of a tree that was to end. */
export interface EndedTree {
  /** Members that were still there. */
  readonly found: number;
  /** Members that not even SIGKILL ended in time. */
  readonly survived: number;
}

/** A run whose tree is looked for. */
export interface TreeOfRun {
  readonly runId: string;
  /** Of its first child: what is older is not looked at. */
  readonly firstPid: number;
  /** What was seen as the run's before, and may hide by now. */
  readonly known?: readonly TreeMember[];
}

/** The living processes of a run. */
export async function findRunTree(run: TreeOfRun): Promise<TreeMember[]> {
  if (!hasProcessTable) return [];
  const known = new Map(run.known?.map(({ pid, startTicks }) => [pid, { startTicks, runId: run.runId }]));
  const entries = await scanProcesses(await lowestPid(run.firstPid));
  const runs = await runsOf(entries, known);
  return entries.filter(({ pid }) => runs.get(pid) === run.runId);
}

/** What a process was found to be; `runId` null: no process of a run. */
export interface KnownProcess {
  readonly startTicks: string;
  readonly runId: string | null;
}

/**
 * The run of each process that belongs to one, by pid: the one it was known for, the one its environment names, or that
 * of whoever started it. This process belongs to none.
 */
export async function runsOf(
  entries: readonly ProcessEntry[],
  known: ReadonlyMap<number, KnownProcess>,
): Promise<ReadonlyMap<number, string>> {
  const runs = new Map<number, string>();
  for (const { pid, startTicks } of entries) {
    if (pid === process.pid) continue;
    const before = known.get(pid);
    // One that has just been forked runs its program, and so its environment, in a moment: what was none is asked again.
    const runId = before?.startTicks === startTicks && before.runId !== null ? before.runId : await runIdOf(pid);
    if (runId !== null) runs.set(pid, runId);
  }
  const parents = new Map(entries.map(({ pid, parentPid }) => [pid, parentPid]));
  for (const { pid } of entries) {
    const line: number[] = [];
    let at: number | undefined = pid;
    // A pid that was given away while we looked could make a circle.
    while (at !== undefined && at !== process.pid && !runs.has(at) && !line.includes(at)) {
      line.push(at);
      at = parents.get(at);
    }
    const runId = at === undefined ? undefined : runs.get(at);
    if (runId !== undefined) for (const descendant of line) runs.set(descendant, runId);
  }
  return runs;
}

/**
 * Ends what is left of a run's tree: TERM, up to `graceMs` milliseconds, then KILL. What starts meanwhile is found too.
 */
export async function endRunTree(run: TreeOfRun & { readonly graceMs: number }): Promise<EndedTree> {
  const first = await findRunTree(run);
  if (first.length === 0) return { found: 0, survived: 0 };
  let living = first;
  let known = [...(run.known ?? []), ...first];
  const isGone = async (): Promise<boolean> => {
    if (living.some(isProcessAlive)) return false;
    living = await findRunTree({ ...run, known });
    known = [...known, ...living];
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

/** The run that a process's environment names; null for none. */
async function runIdOf(pid: number): Promise<string | null> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1");
    return /\0WAKEFLEET_RUN_ID=([^\0]*)\0/.exec(`\0${environment}`)?.[1] ?? null;
  } catch {
    // It ended, or it is another user's.
    return null;
  }
}
