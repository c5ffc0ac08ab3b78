/**
 * From the outbox to the queue (RL-20). After a commit the new runs are handed over here; they reach Redis in pipelined
 * batches and are then marked dispatched. Whatever fails stays `dispatched_at` null, and the relay of any worker takes it
 * up: this path is the fast one, never the only one.
 *
 * Memory is bounded: beyond `MAX_BUFFERED` runs the rest is left to the relay.
 */
import { type Database, markDispatched } from "@wakefleet/store";
import type { FaultPoints, Log, RunJob, RunQueue } from "../ports.js";

const MAX_BUFFERED = 20_000;
const BATCH = 500;

export interface RunDispatcherDeps {
  readonly db: Database;
  readonly queue: Pick<RunQueue, "dispatch">;
  readonly faults: FaultPoints;
  readonly log: Log;
}

export interface RunDispatcher {
  /** Takes runs whose transaction committed. Returns at once. */
  hand(jobs: readonly RunJob[]): void;
  /** Dispatches and marks one batch; answers how many are in their queues. Rejects when Redis or PostgreSQL is away. */
  dispatch(jobs: readonly RunJob[]): Promise<number>;
  /** Resolves when everything handed over so far was tried. */
  idle(): Promise<void>;
}

export function createRunDispatcher(deps: RunDispatcherDeps): RunDispatcher {
  const buffer: RunJob[] = [];
  let flushing: Promise<void> | null = null;

  async function dispatch(jobs: readonly RunJob[]): Promise<number> {
    await deps.faults.hit("after-commit-before-enqueue");
    const added = await deps.queue.dispatch(jobs);
    await deps.faults.hit("after-enqueue-before-mark");
    const runIds = jobs.filter((_, index) => added[index] === true).map((job) => job.data.runId);
    if (runIds.length > 0) await markDispatched(deps.db.sql, runIds);
    return runIds.length;
  }

  async function flush(): Promise<void> {
    while (buffer.length > 0) {
      const batch = buffer.splice(0, BATCH);
      try {
        await dispatch(batch);
      } catch (error) {
        deps.log.warn(
          { event: "outbox.left_to_relay", err: error, runs: batch.length },
          "could not dispatch after the commit; the relay will",
        );
      }
    }
  }

  return {
    hand(jobs) {
      buffer.push(...jobs.slice(0, Math.max(0, MAX_BUFFERED - buffer.length)));
      flushing ??= flush().finally(() => {
        flushing = null;
      });
    },
    dispatch,
    async idle() {
      while (flushing !== null) await flushing;
    },
  };
}
