/**
 * What the process trees of runs use at this moment (BY-10): one pass over the process table for all of them. Only where
 * there is one (Linux); elsewhere nothing is known.
 *
 * What must stay true: a process costs the reading of its environment once, however often it is looked at; processes that
 * end while they are looked at are no error.
 */
import { readdir, readFile } from "node:fs/promises";
import { hasProcessTable } from "./process-table.js";
import { lowestPid, runIdOf } from "./run-tree.js";

const CLOCK_TICKS_PER_SECOND = 100;

/** What a tree uses. */
export interface TreeFigures {
  readonly processes: number;
  /** Resident memory of all members added up; pages they share count for each. */
  readonly memoryBytes: number;
  /** Processor time of the living members and of the children they waited for. */
  readonly cpuMs: number;
  readonly openFiles: number;
}

/** Measures trees again and again. */
export interface TreeMeter {
  /** The figures of each run that has a living process, by run id. `firstPid` is that of a run's first child. */
  measure(runs: readonly { readonly runId: string; readonly firstPid: number }[]): Promise<Map<string, TreeFigures>>;
}

/** `runId` null: no process of a run. Start ticks tell a pid that was given away again. */
interface Known {
  readonly startTicks: string;
  readonly runId: string | null;
}

export function createTreeMeter(): TreeMeter {
  let known = new Map<number, Known>();
  return {
    async measure(runs) {
      const totals = new Map<string, TreeFigures>();
      if (!hasProcessTable || runs.length === 0) return totals;
      const wanted = new Set(runs.map(({ runId }) => runId));
      const lowest = await lowestPid(Math.min(...runs.map(({ firstPid }) => firstPid)));
      const seen = new Map<number, Known>();
      for (const name of await readdir("/proc")) {
        const pid = Number(name);
        if (!Number.isSafeInteger(pid) || pid < lowest || pid === process.pid) continue;
        const stat = await readStat(pid);
        if (stat === null) continue;
        const before = known.get(pid);
        // A member that has just been forked runs its program, and so its environment, in a moment: it is asked again.
        const runId =
          before?.startTicks === stat.startTicks && before.runId !== null ? before.runId : await runIdOf(pid);
        seen.set(pid, { startTicks: stat.startTicks, runId });
        if (runId === null || !wanted.has(runId)) continue;
        totals.set(runId, add(totals.get(runId), { ...(await readUse(pid)), processes: 1, cpuMs: stat.cpuMs }));
      }
      known = seen;
      return totals;
    },
  };
}

function add(sum: TreeFigures | undefined, one: TreeFigures): TreeFigures {
  if (sum === undefined) return one;
  return {
    processes: sum.processes + one.processes,
    memoryBytes: sum.memoryBytes + one.memoryBytes,
    cpuMs: sum.cpuMs + one.cpuMs,
    openFiles: sum.openFiles + one.openFiles,
  };
}

/** Null for a process that has ended. proc(5): the fields follow the command's closing bracket. */
async function readStat(pid: number): Promise<{ readonly startTicks: string; readonly cpuMs: number } | null> {
  const line = await readOrNothing(`/proc/${pid}/stat`);
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  if (startTicks === undefined || state === "Z" || state === "X") return null;
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { startTicks, cpuMs: (ticks * 1000) / CLOCK_TICKS_PER_SECOND };
}

async function readUse(pid: number): Promise<Pick<TreeFigures, "memoryBytes" | "openFiles">> {
  const [status, files] = await Promise.all([
    readOrNothing(`/proc/${pid}/status`),
    // Another user's, or gone.
    readdir(`/proc/${pid}/fd`).catch(() => []),
  ]);
  return { memoryBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024, openFiles: files.length };
}

async function readOrNothing(path: string): Promise<string> {
  try {
    return await readFile(path, "latin1");
  } catch {
    // It ended while we look.
    return "";
  }
}
