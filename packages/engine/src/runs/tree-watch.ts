/**
 * Looks at the process trees of the runs this worker holds (BY-10): what they use is kept with the run, and a run that uses
 * more than it may is stopped.
 *
 * What must stay true: nothing is looked at while no run has a process; a look costs one pass over the process table and,
 * every ten seconds, one statement for all runs.
 */
import { RunAborted, type TreeFigures, type TreeMeter } from "@wakefleet/adapters";
import { type Database, type RunTreeRow, storeRunTrees } from "@wakefleet/store";
import type { Log } from "../ports.js";
import type { HeldRun, HeldRuns } from "./held-runs.js";

/** LG-5's kind of figure: what people see may be this old, milliseconds. */
const STORE_EVERY_MS = 10_000;
const MIB = 1024 * 1024;

/** What a run's processes may use together; null is no limit. */
export interface TreeLimits {
  /** `RUN_MAX_PROCESSES`. */
  readonly processes: number | null;
  /** `RUN_MAX_MEMORY_MB`, as bytes. */
  readonly memoryBytes: number | null;
}

export interface TreeWatchDeps {
  readonly db: Database;
  readonly held: HeldRuns;
  readonly meter: TreeMeter;
  readonly limits: TreeLimits;
  readonly log: Log;
}

/** Answers one look; call it again and again. */
export function createTreeWatch(deps: TreeWatchDeps): () => Promise<void> {
  const storedAtMs = new WeakMap<HeldRun, number>();
  return async () => {
    const running = deps.held.all().filter((held) => held.firstPid !== null && !held.ending);
    const asked = running.map((held) => ({ runId: held.fence.runId, firstPid: held.firstPid ?? 0 }));
    const measured = await deps.meter.measure(asked);
    const nowMs = performance.now();
    const due: HeldRun[] = [];
    for (const held of running) {
      const tree = measured.get(held.fence.runId);
      if (tree === undefined) continue;
      const { figures } = tree;
      held.treeMembers = tree.members;
      held.tree = { live: figures, peak: greatest(held.tree?.peak, figures) };
      const storedAt = storedAtMs.get(held);
      const excess = excessOf(figures, deps.limits);
      if (excess !== null) stop(deps, held, excess);
      if (excess === null && storedAt !== undefined && nowMs - storedAt < STORE_EVERY_MS) continue;
      storedAtMs.set(held, nowMs);
      due.push(held);
    }
    if (due.length === 0) return;
    const rows = due.map(({ fence, tree }) => ({ runId: fence.runId, claimToken: fence.claimToken, tree }));
    const [first] = due;
    if (first !== undefined) await storeRunTrees(deps.db.sql, first.fence.workerId, rows);
  };
}

function stop({ held: runs, log }: TreeWatchDeps, held: HeldRun, excess: string): void {
  const text = `Stopped: its processes used too much. ${excess}`;
  if (!runs.abort(held.fence.runId, new RunAborted("over_limit", text))) return;
  log.warn({ event: "run.over_limit", ...held.fence, tree: held.tree }, text);
}

/** What is over its limit, in words; null when nothing is. */
export function excessOf(figures: TreeFigures, limits: TreeLimits): string | null {
  if (limits.processes !== null && figures.processes > limits.processes) {
    return `${figures.processes} processes, and RUN_MAX_PROCESSES allows ${limits.processes}.`;
  }
  if (limits.memoryBytes !== null && figures.memoryBytes > limits.memoryBytes) {
    const used = Math.ceil(figures.memoryBytes / MIB);
    return `${used} MiB of memory, and RUN_MAX_MEMORY_MB allows ${Math.floor(limits.memoryBytes / MIB)}.`;
  }
  return null;
}

function greatest(peak: RunTreeRow["peak"] | undefined, live: TreeFigures): RunTreeRow["peak"] {
  if (peak === undefined) return live;
  return {
    processes: Math.max(peak.processes, live.processes),
    memoryBytes: Math.max(peak.memoryBytes, live.memoryBytes),
    cpuMs: Math.max(peak.cpuMs, live.cpuMs),
    openFiles: Math.max(peak.openFiles, live.openFiles),
  };
}
