/** Answers that were kept for repeated requests and whose day is over (API-308). */
import { type Database, forgetRepeatables } from "@wakefleet/store";

const BATCH = 1_000;

/** Deletes them batch by batch, until none is left or the signal aborts. Answers how many went. */
export async function forgetAnswers(
  deps: { readonly db: Database },
  signal: AbortSignal,
): Promise<{ readonly forgotten: number }> {
  let forgotten = 0;
  for (let batch = BATCH; batch === BATCH && !signal.aborted; forgotten += batch) {
    batch = await forgetRepeatables(deps.db.sql, BATCH);
  }
  return { forgotten };
}
