/**
 * Timers (WK-50, WK-51): an index on `next_timer_at` makes a tick cost what is due, not what exists. The rows are locked
 * while their wakes are decided in the same transaction, so that an agent gets one wake an interval whoever ticks.
 */
import type { Sql } from "../sql.js";

export interface DueTimer {
  readonly agentId: string;
  readonly companyId: string;
}

/** Locks agents whose timer is due, most overdue first, skipping those another tick is working on. */
export async function lockDueTimers(tx: Sql, limit: number): Promise<DueTimer[]> {
  return tx.query<DueTimer>(
    `SELECT id AS "agentId", company_id AS "companyId" FROM agents
      WHERE next_timer_at IS NOT NULL AND next_timer_at <= clock_timestamp()
      ORDER BY next_timer_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED`,
    [limit],
    "lock_due_timers",
  );
}

/** Moves decided timers on: one interval after the last due time, or after now when intervals were missed. */
export async function advanceTimers(
  tx: Sql,
  timers: readonly { agentId: string; intervalSec: number }[],
): Promise<void> {
  await tx.query(
    `UPDATE agents a SET next_timer_at = CASE WHEN t."intervalSec" <= 0 THEN NULL
            WHEN a.next_timer_at + make_interval(secs => t."intervalSec") > clock_timestamp()
              THEN a.next_timer_at + make_interval(secs => t."intervalSec")
            ELSE clock_timestamp() + make_interval(secs => t."intervalSec") END, updated_at = now()
       FROM jsonb_to_recordset($1::jsonb) AS t("agentId" uuid, "intervalSec" float8)
      WHERE a.id = t."agentId"`,
    [JSON.stringify(timers)],
    "advance_timers",
  );
}

/** Milliseconds until the next timer is due; null when there is none. Not below 0. */
export async function nextTimerDelayMs(sql: Sql): Promise<number | null> {
  const rows = await sql.query<{ delayMs: number | null }>(
    // GREATEST ignores nulls: without a timer it would answer 0, "due now".
    `SELECT CASE WHEN min(next_timer_at) IS NOT NULL
                 THEN greatest(0, extract(epoch FROM min(next_timer_at) - clock_timestamp()) * 1000)::float8 END AS "delayMs"
       FROM agents WHERE next_timer_at IS NOT NULL`,
    [],
    "next_timer_delay",
  );
  return rows[0]?.delayMs ?? null;
}

/** Sets an agent's timer from its policy after a change of policy or status (WK-51); null interval: no timer. */
export async function armTimer(tx: Sql, input: { agentId: string; intervalSec: number | null }): Promise<void> {
  await tx.query(
    `UPDATE agents SET next_timer_at = CASE WHEN $2::float8 IS NULL THEN NULL
            ELSE coalesce(last_heartbeat_at, created_at) + make_interval(secs => $2::float8) END
      WHERE id = $1`,
    [input.agentId, input.intervalSec],
  );
}
