/** The one row that the whole fleet shares (DM-84): the queue epoch of RL-21. */
import type { Sql } from "../sql.js";

/** The epoch PostgreSQL knows; made on first use. */
export async function readQueueEpoch(sql: Sql, newEpoch: string): Promise<string> {
  const rows = await sql.query<{ queueEpoch: string }>(
    `INSERT INTO fleet_state AS f (singleton_key, queue_epoch, schema_version) VALUES ('default', $1, '1')
     ON CONFLICT (singleton_key) DO UPDATE SET queue_epoch = coalesce(f.queue_epoch, excluded.queue_epoch)
     RETURNING queue_epoch AS "queueEpoch"`,
    [newEpoch],
  );
  const row = rows[0];
  if (row === undefined) throw new Error("fleet_state answers exactly one row");
  return row.queueEpoch;
}

/** Runs `work` while this process alone holds the named lock of the fleet; answers false when another holds it. */
export async function withFleetLock(tx: Sql, name: string, work: () => Promise<void>): Promise<boolean> {
  const rows = await tx.query<{ held: boolean }>(`SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS held`, [
    `wakefleet:${name}`,
  ]);
  if (rows[0]?.held !== true) return false;
  await work();
  return true;
}
