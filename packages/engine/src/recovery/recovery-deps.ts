/** What every sweep of recovery needs, and how it opens its transactions. */
import { type Database, isRetryable, type Sql } from "@wakefleet/store";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { NewId } from "../ids.js";
import type { FaultPoints, LiveEventPublisher, Log } from "../ports.js";
import { type AfterCommit, carryOut, nothingAfterCommit } from "../runs/after-commit.js";

export interface RecoverySweepDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
  readonly events: LiveEventPublisher;
  readonly log: Log;
  readonly faults?: FaultPoints;
  /** LV-97; absent: the specification's. */
  readonly summaryPathRoots?: readonly string[];
}

const MAX_ATTEMPTS = 4;

/**
 * One transaction of a sweep, again when PostgreSQL broke a circle of locks (nothing had happened), and what it leaves to do
 * once it is committed.
 */
export async function inRecovery<T>(
  deps: Pick<RecoverySweepDeps, "db" | "dispatcher" | "events">,
  work: (tx: Sql, after: AfterCommit) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const after = nothingAfterCommit();
    try {
      const result = await deps.db.transaction((tx) => work(tx, after));
      carryOut(deps, after);
      return result;
    } catch (error) {
      if (!isRetryable(error) || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

/** Items a sweep takes at a time. */
export const SWEEP_SLICE = 200;

/**
 * Walks what `next` names, slice by slice, until there is no more or the process stops. One item's failure is logged and
 * the next has its turn (RC-19c).
 */
export async function forEachSlice<Item>(
  walk: {
    readonly signal: AbortSignal;
    readonly log: Log;
    readonly sweep: string;
    readonly next: (after: Item | null) => Promise<readonly Item[]>;
    readonly nameOf: (item: Item) => string;
  },
  visit: (item: Item) => Promise<void>,
): Promise<number> {
  let last: Item | null = null;
  let failed = 0;
  for (;;) {
    const slice: readonly Item[] = await walk.next(last);
    for (const item of slice) {
      if (walk.signal.aborted) return failed;
      try {
        await visit(item);
      } catch (error) {
        failed += 1;
        walk.log.warn(
          { event: "sweep.item_failed", sweep: walk.sweep, id: walk.nameOf(item), err: error },
          "the sweep goes on without this one",
        );
      }
    }
    last = slice.at(-1) ?? null;
    if (last === null || slice.length < SWEEP_SLICE || walk.signal.aborted) return failed;
  }
}
