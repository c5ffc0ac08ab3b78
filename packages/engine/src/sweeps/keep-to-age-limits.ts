/**
 * The sweep `retention` (RL-27): events and logs of finished runs go when they are older than their limits, which are by
 * configuration; without one they are kept. The runs, their results and excerpts, costs and activity stay.
 *
 * What must stay true: a log's file goes before its run says that there is none, so a sweep that dies in between finds it
 * again; whatever two sweeps do at once is done once. A turn does a bounded number of slices; what is left is the next one's.
 */
import type { RunLogStore } from "@wakefleet/run-logs";
import {
  type Database,
  deleteOldRunEvents,
  forgetRunLogs,
  listCompanies,
  listOldRunLogs,
  type OldRunLogPlace,
} from "@wakefleet/store";
import type { Log } from "../ports.js";

export interface RetentionDeps {
  readonly db: Database;
  readonly runLogs: Pick<RunLogStore, "kind" | "remove">;
  readonly log: Log;
}

/** Ages in days; null keeps for ever. */
export interface AgeLimits {
  readonly eventsDays: number | null;
  readonly logsDays: number | null;
}

/** How much a turn does at most. */
export interface RetentionSlices {
  /** Events that a slice looks at; it deletes all events of their runs. */
  readonly events: number;
  /** Logs that a slice removes. */
  readonly logs: number;
  /** Slices of events, and slices of logs. */
  readonly perTurn: number;
}

export interface RetentionCounts {
  readonly eventsDeleted: number;
  readonly logsDeleted: number;
  /** Logs that could not be removed; they are tried again in the next turn. */
  readonly failed: number;
}

const SLICES: RetentionSlices = { events: 1_000, logs: 200, perTurn: 500 };

/** One turn. Ends early when `signal` is aborted. */
export async function keepToAgeLimits(
  deps: RetentionDeps,
  { limits, signal, slices = SLICES }: { limits: AgeLimits; signal: AbortSignal; slices?: RetentionSlices },
): Promise<RetentionCounts> {
  const { eventsDays, logsDays } = limits;
  const eventsDeleted = eventsDays === null ? 0 : await deleteEvents(deps.db, { days: eventsDays, signal, slices });
  const logs =
    logsDays === null ? { logsDeleted: 0, failed: 0 } : await deleteLogs(deps, { days: logsDays, signal, slices });
  return { eventsDeleted, ...logs };
}

interface Turn {
  readonly days: number;
  readonly signal: AbortSignal;
  readonly slices: RetentionSlices;
}

async function deleteEvents(db: Database, { days, signal, slices }: Turn): Promise<number> {
  let left = slices.perTurn;
  let deleted = 0;
  for (const { id: companyId } of await listCompanies(db.sql, null)) {
    for (; left > 0 && !signal.aborted; left -= 1) {
      const slice = await db.transaction((tx) => deleteOldRunEvents(tx, { companyId, days, limit: slices.events }));
      if (slice.runs === 0) break;
      deleted += slice.events;
    }
  }
  return deleted;
}

async function deleteLogs(
  deps: RetentionDeps,
  { days, signal, slices }: Turn,
): Promise<{ readonly logsDeleted: number; readonly failed: number }> {
  const limit = slices.logs;
  const logStore = deps.runLogs.kind;
  let after: OldRunLogPlace | null = null;
  let logsDeleted = 0;
  let failed = 0;
  for (let left = slices.perTurn; left > 0 && !signal.aborted; left -= 1) {
    const old = await listOldRunLogs(deps.db.sql, { logStore, days, after, limit });
    const removed: string[] = [];
    for (const { runId, logRef } of old) {
      try {
        await deps.runLogs.remove(logRef);
        removed.push(runId);
      } catch (error) {
        failed += 1;
        deps.log.warn(
          { event: "run_log.not_removed", runId, err: error },
          "an old log is tried again in the next turn",
        );
      }
    }
    if (removed.length > 0) logsDeleted += await forgetRunLogs(deps.db.sql, removed);
    const last = old.at(-1);
    if (last === undefined || old.length < limit) break;
    after = last.place;
  }
  return { logsDeleted, failed };
}
