/**
 * What the process trees of runs use at this moment (BY-10): one pass over the process table for all of them. Only where
 * there is one (Linux); elsewhere nothing is known.
 *
 * What must stay true: a member costs the reading of its environment once, however often it is looked at; one that was
 * seen as a run's stays so as long as it lives; processes that end while they are looked at are no error.
 */
import { readdir, readFile } from "node:fs/promises";
import { hasProcessTable, scanProcesses } from "./process-table.js";
import { type KnownProcess, lowestPid, runsOf, type TreeMember } from "./run-tree.js";

/** What a tree uses. */
export interface TreeFigures {
  readonly processes: number;
  /** Resident memory of all members added up; pages they share count for each. */
  readonly memoryBytes: number;
  /** Processor time of the living members and of the children they waited for. */
  readonly cpuMs: number;
  readonly openFiles: number;
}

/** One run's tree at a look. */
export interface MeasuredTree {
  readonly figures: TreeFigures;
  /** Who belongs to it, also those that nothing but this look will show to be the run's (`endRunTree`). */
  readonly members: readonly TreeMember[];
}

/** Measures trees again and again. */
export interface TreeMeter {
  /** The trees of those runs that have a living process, by run id. `firstPid` is that of a run's first child. */
  measure(runs: readonly { readonly runId: string; readonly firstPid: number }[]): Promise<Map<string, MeasuredTree>>;
}

export function createTreeMeter(): TreeMeter {
  let known = new Map<number, KnownProcess>();
  return {
    async measure(runs) {
      const measured = new Map<string, { figures: TreeFigures; readonly members: TreeMember[] }>();
      if (!hasProcessTable || runs.length === 0) return measured;
      const wanted = new Set(runs.map(({ runId }) => runId));
      const entries = await scanProcesses(await lowestPid(Math.min(...runs.map(({ firstPid }) => firstPid))));
      const runOf = await runsOf(entries, known);
      known = new Map(entries.map(({ pid, startTicks }) => [pid, { startTicks, runId: runOf.get(pid) ?? null }]));
      for (const { pid, startedAt, startTicks, cpuMs } of entries) {
        const runId = runOf.get(pid);
        if (runId === undefined || !wanted.has(runId)) continue;
        const tree = measured.get(runId) ?? { figures: NOTHING, members: [] };
        tree.figures = add(tree.figures, { ...(await readUse(pid)), processes: 1, cpuMs });
        tree.members.push({ pid, startedAt, startTicks });
        measured.set(runId, tree);
      }
      return measured;
    },
  };
}

const NOTHING: TreeFigures = { processes: 0, memoryBytes: 0, cpuMs: 0, openFiles: 0 };

function add(sum: TreeFigures, one: TreeFigures): TreeFigures {
  return {
    processes: sum.processes + one.processes,
    memoryBytes: sum.memoryBytes + one.memoryBytes,
    cpuMs: sum.cpuMs + one.cpuMs,
    openFiles: sum.openFiles + one.openFiles,
  };
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
