/**
 * Spools that outlived their run (BY-9): its worker died after the run's end was written and before the spool was removed,
 * or somebody else ended it. Each host's workers look after their own disk.
 */
import type { Spool } from "@wakefleet/adapters";
import { type Database, listEndedRuns } from "@wakefleet/store";

const BATCH = 500;

/** Removes the spools of runs that have ended; what this database does not know stays. Answers how many went. */
export async function forgetSpools(deps: {
  readonly db: Database;
  readonly spool: Pick<Spool, "runIds" | "remove">;
}): Promise<number> {
  const kept = deps.spool.runIds();
  let removed = 0;
  for (let at = 0; at < kept.length; at += BATCH) {
    for (const runId of await listEndedRuns(deps.db.sql, kept.slice(at, at + BATCH))) {
      await deps.spool.remove(runId);
      removed += 1;
    }
  }
  return removed;
}
