/**
 * The relay (RL-20): runs whose job was not confirmed for more than a moment are dispatched. Every worker runs it; rows
 * are taken with SKIP LOCKED, so several share the work, and adding a job twice is harmless. It is what turns "committed"
 * into "executes" when the process that committed died, or Redis was away (WK-43).
 */
import { type Database, markDispatched, takeUndispatched } from "@wakefleet/store";
import { runJobOf } from "../dispatch/run-job.js";
import type { FaultPoints, RunQueue } from "../ports.js";

/** Younger rows are still in the hands of the process that wrote them. */
const LEFT_ALONE_MS = 1_000;
const BATCH = 500;

export interface RelayDeps {
  readonly db: Database;
  readonly queue: Pick<RunQueue, "dispatch">;
  readonly faults: FaultPoints;
}

/** Dispatches what is overdue, batch by batch until none is left; answers how many. Rejects when a store is away. */
export async function relayOutbox(
  deps: RelayDeps,
  options: { olderThanMs?: number; signal?: AbortSignal } = {},
): Promise<number> {
  let total = 0;
  for (;;) {
    const batch = await deps.db.transaction(async (tx) => {
      const runs = await takeUndispatched(tx, { limit: BATCH, olderThanMs: options.olderThanMs ?? LEFT_ALONE_MS });
      if (runs.length === 0) return { taken: 0, added: 0 };
      const added = await deps.queue.dispatch(runs.map(runJobOf));
      const runIds = runs.filter((_, index) => added[index] === true).map((run) => run.runId);
      await deps.faults.hit("after-enqueue-before-mark");
      if (runIds.length > 0) await markDispatched(tx, runIds);
      return { taken: runs.length, added: runIds.length };
    });
    total += batch.added;
    // A batch of which nothing was added means that the queue is away: the next round tries again.
    if (batch.taken < BATCH || batch.added === 0 || options.signal?.aborted === true) return total;
  }
}
