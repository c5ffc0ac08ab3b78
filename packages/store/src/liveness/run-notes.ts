/** Columns of an ended run that a later step of its end writes (FI-7, LV-76), and the key that makes a step happen once. */
import type { Sql } from "../sql.js";

/** FI-7. */
export async function setCommentStatus(
  tx: Sql,
  run: {
    readonly id: string;
    readonly status: "not_applicable" | "satisfied" | "retry_queued" | "retry_exhausted";
    readonly commentId: string | null;
  },
): Promise<void> {
  await tx.query(
    `UPDATE heartbeat_runs SET issue_comment_status = $2, issue_comment_satisfied_by_comment_id = $3,
            issue_comment_retry_queued_at = CASE WHEN $2 = 'retry_queued' THEN now() ELSE issue_comment_retry_queued_at END,
            updated_at = now()
      WHERE id = $1`,
    [run.id, run.status, run.commentId],
    "set_comment_status",
  );
}

/** LV-76: the reason of an exhausted run, with its note. */
export async function setLivenessReason(tx: Sql, run: { readonly id: string; readonly reason: string }): Promise<void> {
  await tx.query(
    "UPDATE heartbeat_runs SET liveness_reason = $2, updated_at = now() WHERE id = $1 AND liveness_reason IS DISTINCT FROM $2",
    [run.id, run.reason],
    "set_liveness_reason",
  );
}

/** LV-73, RC-85: a request of the agent still has this key. */
export async function isRequestKeyTaken(
  sql: Sql,
  key: { readonly agentId: string; readonly key: string },
): Promise<boolean> {
  const rows = await sql.query<{ taken: boolean }>(
    "SELECT EXISTS (SELECT 1 FROM agent_wakeup_requests WHERE agent_id = $1 AND idempotency_key = $2) AS taken",
    [key.agentId, key.key],
    "is_request_key_taken",
  );
  return rows[0]?.taken === true;
}
