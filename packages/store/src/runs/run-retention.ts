/**
 * What finished runs left behind and need not keep (RL-27): their events, and the fields that say where their log is.
 *
 * What must stay true: only runs that ended, all steps of their end included, longer ago than the limit by the database's
 * clock; no statement waits for a lock or holds one that a claim waits for; event numbers stay 1 to `event_seq` (DM-94), so
 * a run loses all of its events or none.
 */
import type { Sql } from "../sql.js";

/** Over for longer than `days` (a parameter's name). */
const overFor = (days: string): string =>
  `r.finished_at < now() - make_interval(days => ${days}::int) AND r.finalized_at IS NOT NULL`;

/**
 * Deletes all events of some of a company's runs that are over for more than `days`: those runs that the company's
 * `limit` oldest such events belong to. To be called in a transaction, again until it answers no runs.
 */
export async function deleteOldRunEvents(
  tx: Sql,
  slice: { readonly companyId: string; readonly days: number; readonly limit: number },
): Promise<{ readonly runs: number; readonly events: number }> {
  // Locked by a statement of its own: the next one sees whatever was appended until then.
  const runs = await tx.query<{ id: string }>(
    `SELECT r.id FROM heartbeat_runs r
      WHERE r.id IN (
              SELECT e.run_id FROM heartbeat_run_events e JOIN heartbeat_runs r ON r.id = e.run_id
               WHERE e.company_id = $1 AND e.created_at < now() - make_interval(days => $2::int) AND ${overFor("$2")}
               ORDER BY e.created_at LIMIT $3)
        FOR NO KEY UPDATE OF r SKIP LOCKED`,
    [slice.companyId, slice.days, slice.limit],
  );
  if (runs.length === 0) return { runs: 0, events: 0 };
  const [deleted] = await tx.query<{ events: number }>(
    `WITH gone AS (DELETE FROM heartbeat_run_events WHERE run_id = ANY($1::uuid[]) RETURNING id),
          emptied AS (UPDATE heartbeat_runs SET event_seq = 0, updated_at = now() WHERE id = ANY($1::uuid[]))
     SELECT count(*)::int AS events FROM gone`,
    [runs.map(({ id }) => id)],
  );
  return { runs: runs.length, events: deleted?.events ?? 0 };
}

/**
 * Says of those of `runIds` that are over for more than `days` and whose log is in `logStore` that they have no log any more.
 * Answers whose log may now be removed: these, and those of which it was said before. Runs that somebody else changes just
 * now are left for the next time.
 */
export async function forgetOldRunLogs(
  sql: Sql,
  slice: { readonly logStore: string; readonly days: number; readonly runIds: readonly string[] },
): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `WITH old AS (
       SELECT r.id, r.log_ref FROM heartbeat_runs r WHERE r.id = ANY($1::uuid[]) AND ${overFor("$2")}
     ), forgotten AS (
       UPDATE heartbeat_runs SET log_store = NULL, log_ref = NULL, log_bytes = NULL, log_sha256 = NULL,
              log_compressed = false, updated_at = now()
        WHERE id IN (SELECT r.id FROM heartbeat_runs r JOIN old ON old.id = r.id
                      WHERE r.log_ref IS NOT NULL AND r.log_store = $3 FOR NO KEY UPDATE OF r SKIP LOCKED)
       RETURNING id
     )
     SELECT id FROM forgotten UNION ALL SELECT id FROM old WHERE log_ref IS NULL`,
    [slice.runIds, slice.days, slice.logStore],
  );
  return rows.map(({ id }) => id);
}
