/** Asking a running run to stop (CN-1, CN-2, DM-35). The owner ends it; whoever recovers it does if the owner is gone. */
import type { CancelKind, Decided } from "@wakefleet/contracts";
import { receiptParam, withReceipt } from "../receipt-sql.js";
import type { Sql } from "../sql.js";

export interface CancelRequest {
  readonly reason: string;
  readonly kind: CancelKind;
  readonly recover: boolean;
}

/** Marks running runs; the first request wins. Answers those that are running, with their workers. */
export async function requestCancelOfRunning(
  tx: Sql,
  runIds: readonly string[],
  cancel: CancelRequest,
): Promise<{ runId: string; workerId: string | null }[]> {
  return tx.query<{ runId: string; workerId: string | null }>(
    `UPDATE heartbeat_runs SET
        cancel_reason = CASE WHEN cancel_requested_at IS NULL THEN $2 ELSE cancel_reason END,
        cancel_kind = CASE WHEN cancel_requested_at IS NULL THEN $3 ELSE cancel_kind END,
        cancel_recover = CASE WHEN cancel_requested_at IS NULL THEN $4 ELSE cancel_recover END,
        cancel_requested_at = coalesce(cancel_requested_at, now()), updated_at = now()
      WHERE id = ANY($1::uuid[]) AND status = 'running'
     RETURNING id AS "runId", worker_id AS "workerId"`,
    [runIds, cancel.reason, cancel.kind, cancel.recover],
  );
}

/** Keeps with running runs why they are to stop; each with what it had told of its own cost (BY-6), `runCents`. */
export async function noteStopOfRunning(tx: Sql, runIds: readonly string[], decided: Decided): Promise<void> {
  await tx.query(
    `UPDATE heartbeat_runs r SET receipts = ${withReceipt("r", "d.receipt")}, updated_at = now()
       FROM (SELECT h.id, jsonb_set($2::jsonb, '{facts,runCents}', to_jsonb(coalesce(h.cost_so_far_cents, 0))) AS receipt
               FROM heartbeat_runs h WHERE h.id = ANY($1::uuid[])) d
      WHERE r.id = d.id AND r.status = 'running'`,
    [runIds, receiptParam(decided)],
  );
}

/** Keeps with a waiting run why it is not started yet. */
export async function noteWait(tx: Sql, runId: string, decided: Decided): Promise<void> {
  await tx.query(
    `UPDATE heartbeat_runs r SET receipts = ${withReceipt("r", "$2::jsonb")}, updated_at = now()
      WHERE r.id = $1 AND r.status IN ('queued','scheduled_retry')`,
    [runId, receiptParam(decided)],
    "note_wait",
  );
}

/** The agent's active runs, oldest first: what a pause or a termination cancels (CN-3). */
export async function listActiveRunIds(
  tx: Sql,
  agentId: string,
): Promise<{ id: string; status: string; issueId: string | null }[]> {
  return tx.query<{ id: string; status: string; issueId: string | null }>(
    `SELECT id, status, issue_id AS "issueId" FROM heartbeat_runs
      WHERE agent_id = $1 AND status IN ('queued','scheduled_retry','running') ORDER BY created_at, id`,
    [agentId],
  );
}

/** The cancel that was asked for a run this worker still holds; null without one, or when it is not held any more. */
export async function findRunCancel(
  sql: Sql,
  held: { runId: string; workerId: string; claimToken: number },
): Promise<{ reason: string; kind: CancelKind | null } | null> {
  const rows = await sql.query<{ reason: string; kind: CancelKind | null }>(
    `SELECT coalesce(cancel_reason, 'Cancelled by control plane') AS reason, cancel_kind AS kind FROM heartbeat_runs
      WHERE id = $1 AND worker_id = $2 AND claim_token = $3 AND status = 'running' AND cancel_requested_at IS NOT NULL`,
    [held.runId, held.workerId, held.claimToken],
  );
  return rows[0] ?? null;
}

/** How many of the runs are not over yet. */
export async function countUnfinishedRuns(sql: Sql, runIds: readonly string[]): Promise<number> {
  const rows = await sql.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM heartbeat_runs WHERE id = ANY($1::uuid[]) AND finished_at IS NULL",
    [runIds],
    "count_unfinished_runs",
  );
  return rows[0]?.count ?? 0;
}
