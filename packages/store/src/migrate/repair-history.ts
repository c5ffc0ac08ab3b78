/**
 * Clears up after a process that died, or a script that failed, in the middle of a migration.
 *
 * What must stay true: a script and its mark commit together (`whole-script-adapter.ts`), so a row without the mark belongs
 * to a script that left nothing behind, once that script has ended: a killed process's script may still be running.
 * Called under the migration lock only, on one connection.
 */
import type { Sql } from "../sql.js";
import { SCRIPT_COMMITTED, SCRIPT_LOCK } from "./whole-script-adapter.js";

/** Finishes rows whose script was committed, marks the others rolled back, and returns a line about each. */
export async function repairHistory(sql: Sql): Promise<string[]> {
  await sql.query("SELECT pg_advisory_lock($1)", [SCRIPT_LOCK]);
  await sql.query("SELECT pg_advisory_unlock($1)", [SCRIPT_LOCK]);
  const finished = await sql.query<{ name: string }>(
    `UPDATE "_prisma_migrations" SET finished_at = now(), logs = NULL, applied_steps_count = 1
      WHERE finished_at IS NULL AND rolled_back_at IS NULL AND logs = $1 RETURNING migration_name AS name`,
    [SCRIPT_COMMITTED],
  );
  const rolledBack = await sql.query<{ name: string }>(
    `UPDATE "_prisma_migrations" SET rolled_back_at = now()
      WHERE finished_at IS NULL AND rolled_back_at IS NULL RETURNING migration_name AS name`,
  );
  return [
    ...finished.map(
      ({ name }) =>
        `Migration ${name} had been applied by a process that died before it could say so: noted as applied.`,
    ),
    ...rolledBack.map(({ name }) => `Migration ${name} had been begun and left nothing behind: it is applied again.`),
  ];
}

/** Takes the mark off rows that the engine has finished, so that the table reads as Prisma alone would have left it. */
export async function clearMarks(sql: Sql): Promise<void> {
  await sql.query(`UPDATE "_prisma_migrations" SET logs = NULL WHERE finished_at IS NOT NULL AND logs = $1`, [
    SCRIPT_COMMITTED,
  ]);
}
