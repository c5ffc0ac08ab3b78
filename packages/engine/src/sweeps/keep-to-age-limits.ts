/**
 * Age limits (RL-27): events and logs of finished runs go when they are older than their limits, which are by configuration;
 * without one they are kept. The runs, their results and excerpts, costs and activity stay.
 *
 * Events are the fleet's (sweep `retention`). Logs are files, and hosts need not share the folder they are in: every worker
 * looks after the logs that lie with it, and says of no other that it is gone.
 *
 * What must stay true: a run says that it has no log before its file goes, so whoever dies in between leaves a file that is
 * found again; whatever two do at once is done once. A turn does a bounded number of slices; what is left is the next one's.
 */
import { GUID_PATTERN } from "@wakefleet/contracts";
import type { KeptRunLog, RunLogStore } from "@wakefleet/run-logs";
import { type Database, deleteOldRunEvents, forgetOldRunLogs, listCompanies } from "@wakefleet/store";
import type { Log } from "../ports.js";

const DAY_MS = 24 * 3_600_000;

/** What one turn is about. */
export interface RetentionTurn {
  /** Age in days. */
  readonly days: number;
  /** Ends the turn early, between two slices. */
  readonly signal: AbortSignal;
  readonly slices?: RetentionSlices;
}

/** How much a turn does at most. */
export interface RetentionSlices {
  /** Events or logs that a slice looks at; of events it deletes all that their runs have. */
  readonly size: number;
  readonly perTurn: number;
}

const SLICES_OF_EVENTS: RetentionSlices = { size: 1_000, perTurn: 500 };
const SLICES_OF_LOGS: RetentionSlices = { size: 200, perTurn: 500 };

/** One turn over the events of the fleet. */
export async function deleteOldEvents(
  { db }: { readonly db: Database },
  { days, signal, slices = SLICES_OF_EVENTS }: RetentionTurn,
): Promise<{ readonly eventsDeleted: number }> {
  let left = slices.perTurn;
  let eventsDeleted = 0;
  for (const { id: companyId } of await listCompanies(db.sql, null)) {
    for (; left > 0 && !signal.aborted; left -= 1) {
      const slice = await db.transaction((tx) => deleteOldRunEvents(tx, { companyId, days, limit: slices.size }));
      if (slice.runs === 0) break;
      eventsDeleted += slice.events;
    }
  }
  return { eventsDeleted };
}

export interface OldLogsDeps {
  readonly db: Database;
  readonly runLogs: Pick<RunLogStore, "kind" | "list" | "remove">;
  readonly log: Log;
}

export interface OldLogCounts {
  readonly logsDeleted: number;
  /** Logs that could not be removed; they are tried again in the next turn. */
  readonly failed: number;
}

/** One turn over the logs that lie with this process. Those of runs that the database does not know stay. */
export async function deleteOldLogs(
  deps: OldLogsDeps,
  { days, signal, slices = SLICES_OF_LOGS }: RetentionTurn,
): Promise<OldLogCounts> {
  let counts: OldLogCounts = { logsDeleted: 0, failed: 0 };
  let left = slices.perTurn;
  let slice: KeptRunLog[] = [];
  const removeSlice = async (): Promise<void> => {
    const { logsDeleted, failed } = await deleteSlice(deps, { days, slice });
    counts = { logsDeleted: counts.logsDeleted + logsDeleted, failed: counts.failed + failed };
    slice = [];
    left -= 1;
  };
  for await (const kept of deps.runLogs.list({ quietForMs: days * DAY_MS })) {
    if (signal.aborted || left <= 0) break;
    // Anybody may put a file there; the database takes ids only.
    if (GUID_PATTERN.test(kept.runId)) slice.push(kept);
    if (slice.length >= slices.size) await removeSlice();
  }
  if (slice.length > 0 && !signal.aborted) await removeSlice();
  if (counts.logsDeleted > 0) deps.log.info({ event: "run_logs.deleted", ...counts }, "logs of old runs were deleted");
  return counts;
}

async function deleteSlice(
  deps: OldLogsDeps,
  { days, slice }: { readonly days: number; readonly slice: readonly KeptRunLog[] },
): Promise<OldLogCounts> {
  const runIds = slice.map(({ runId }) => runId);
  const forgotten = new Set(await forgetOldRunLogs(deps.db.sql, { logStore: deps.runLogs.kind, days, runIds }));
  let logsDeleted = 0;
  let failed = 0;
  for (const { runId, ref } of slice.filter((kept) => forgotten.has(kept.runId))) {
    try {
      if (await deps.runLogs.remove(ref)) logsDeleted += 1;
    } catch (error) {
      failed += 1;
      deps.log.warn({ event: "run_log.not_removed", runId, err: error }, "an old log is tried again in the next turn");
    }
  }
  return { logsDeleted, failed };
}
