/**
 * Ends whose steps are not all done (FI-14, DM-30 `end_state`): the run is over, somebody still owes it something, and its
 * issue counts as worked on until that is done (RC-86).
 */
import { camelRow, type RunRow } from "../rows.js";
import type { Sql } from "../sql.js";

/** Says which steps an end still owes; none: it is finished. */
export async function setMissingEndSteps(tx: Sql, runId: string, missing: readonly string[]): Promise<void> {
  await tx.query(
    `UPDATE heartbeat_runs SET end_state = CASE WHEN cardinality($2::text[]) = 0 THEN NULL
              ELSE jsonb_build_object('missing', to_jsonb($2::text[])) END,
            finalized_at = CASE WHEN cardinality($2::text[]) = 0 THEN now() END, updated_at = now()
      WHERE id = $1 AND status IN ('succeeded','failed','cancelled','timed_out')`,
    [runId, missing],
    "set_missing_end_steps",
  );
}

/** The steps that a stored `end_state` names. */
export function missingEndSteps(endState: RunRow["endState"]): string[] {
  const missing =
    typeof endState === "object" && endState !== null && !Array.isArray(endState) ? endState["missing"] : null;
  return Array.isArray(missing) ? missing.filter((step) => typeof step === "string") : [];
}

/** Runs whose end is not finished, the longest ended first. */
export async function listUnfinishedEnds(
  sql: Sql,
  slice: { readonly limit: number; readonly afterId: string | null },
): Promise<{ id: string; agentId: string; issueId: string | null }[]> {
  return sql.query(
    `SELECT id, agent_id AS "agentId", issue_id AS "issueId" FROM heartbeat_runs
      WHERE finalized_at IS NULL AND status IN ('succeeded','failed','cancelled','timed_out')
        AND ($2::uuid IS NULL OR id > $2::uuid)
      ORDER BY id LIMIT $1`,
    [slice.limit, slice.afterId],
    "list_unfinished_ends",
  );
}

/** Such a run, its row locked; null: somebody finished it meanwhile. */
export async function lockUnfinishedEnd(tx: Sql, runId: string): Promise<RunRow | null> {
  const rows = await tx.query<Record<string, unknown>>(
    `SELECT * FROM heartbeat_runs WHERE id = $1 AND finalized_at IS NULL
        AND status IN ('succeeded','failed','cancelled','timed_out') FOR NO KEY UPDATE`,
    [runId],
    "lock_unfinished_end",
  );
  return rows[0] === undefined ? null : camelRow<RunRow>(rows[0]);
}
