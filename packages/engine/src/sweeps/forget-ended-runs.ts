/**
 * What outlived its run on this host's disk (BY-9, AD-205): a worker died after the run's end was written and before the
 * spool was removed, or while an agent had files of its own, or somebody else ended the run. Each host's workers look
 * after their own disk.
 */
import type { RunPlaces } from "@wakefleet/adapters";
import { type Database, listEndedRuns } from "@wakefleet/store";

const BATCH = 500;

/** Removes what runs that have ended left in `places`; what this database does not know stays. Answers how many went. */
export async function forgetEndedRuns(deps: {
  readonly db: Database;
  readonly places: readonly RunPlaces[];
}): Promise<number> {
  let removed = 0;
  for (const place of deps.places) {
    const kept = await place.runIds();
    for (let at = 0; at < kept.length; at += BATCH) {
      for (const runId of await listEndedRuns(deps.db.sql, kept.slice(at, at + BATCH))) {
        await place.remove(runId);
        removed += 1;
      }
    }
  }
  return removed;
}
