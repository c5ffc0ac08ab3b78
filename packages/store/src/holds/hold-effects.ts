/** What a hold does to the issues and requests of its tree (TH-30 to TH-34), and what one that ends must wake (TH-42). */
import type { Decided, IssueStatus } from "@wakefleet/contracts";
import { DEFERRED_CONTEXT_KEY } from "@wakefleet/domain";
import { receiptParam, withReceipt } from "../receipt-sql.js";
import { type Sql, uuidOf } from "../sql.js";

export interface CancelledRequest {
  readonly id: string;
  readonly agentId: string;
  readonly issueId: string;
  readonly reason: string | null;
}

/** → `cancelled`: the requests about the issues that wait without a run. The service's own give up their keys (DM-25). */
export async function cancelWaitingRequestsOfIssues(
  tx: Sql,
  cancel: { companyId: string; issueIds: readonly string[]; text: string; decided: Decided },
): Promise<CancelledRequest[]> {
  return tx.query<CancelledRequest>(
    `UPDATE agent_wakeup_requests w SET status = 'cancelled', error = $3, finished_at = now(), updated_at = now(),
            receipts = ${withReceipt("w", "$4::jsonb")},
            idempotency_key = CASE WHEN w.requested_by_actor_type = 'system' THEN NULL ELSE w.idempotency_key END
      WHERE w.company_id = $1 AND w.issue_id = ANY($2::text[]) AND w.run_id IS NULL
        AND w.status IN ('queued','deferred_issue_execution')
     RETURNING w.id, w.agent_id AS "agentId", w.issue_id AS "issueId", w.reason`,
    [cancel.companyId, cancel.issueIds, cancel.text, receiptParam(cancel.decided)],
  );
}

/** Cancels issues that are not over yet and takes their locks away (TH-31). Hold their rows. Answers those it cancelled. */
export async function cancelIssues(tx: Sql, issueIds: readonly string[]): Promise<string[]> {
  await forgetLocks(tx, issueIds);
  const rows = await tx.query<{ id: string }>(
    `UPDATE issues SET status = 'cancelled', cancelled_at = now(), completed_at = NULL, checkout_run_id = NULL,
            execution_run_id = NULL, execution_agent_name_key = NULL, execution_locked_at = NULL, updated_at = now()
      WHERE id = ANY($1::uuid[]) AND status NOT IN ('done','cancelled') RETURNING id`,
    [issueIds],
  );
  return rows.map(({ id }) => id);
}

/** Gives cancelled issues back the status they had; work that had begun starts again at `todo` (TH-34). Hold their rows. */
export async function restoreIssues(
  tx: Sql,
  restored: readonly { readonly id: string; readonly status: IssueStatus }[],
): Promise<void> {
  const issueIds = restored.map(({ id }) => id);
  await forgetLocks(tx, issueIds);
  await tx.query(
    `UPDATE issues i SET status = s.status, cancelled_at = NULL, completed_at = NULL, checkout_run_id = NULL,
            execution_run_id = NULL, execution_agent_name_key = NULL, execution_locked_at = NULL, updated_at = now()
       FROM unnest($1::uuid[], $2::text[]) AS s (id, status)
      WHERE i.id = s.id AND i.status = 'cancelled'`,
    [issueIds, restored.map(({ status }) => (status === "in_progress" ? "todo" : status))],
  );
}

/** The marks that running runs carry of the locks they held (DM-36). */
async function forgetLocks(tx: Sql, issueIds: readonly string[]): Promise<void> {
  await tx.query(
    "UPDATE heartbeat_runs SET lock_issue_id = NULL, updated_at = now() WHERE lock_issue_id = ANY($1::uuid[])",
    [issueIds],
  );
}

/** An issue that a released hold had kept from its agent. */
export interface StoppedIssue {
  readonly issueId: string;
  readonly agentId: string;
  /** Comments whose wakes the hold refused or ended, oldest first. */
  readonly commentIds: readonly string[];
}

/**
 * TH-42: of the issues, those that wait for their agent because of a hold: open, with an assignee that may be woken, and
 * since `since` a run of theirs was ended or a wake of theirs refused or cancelled by a hold. `texts`: what says so on a
 * cancelled request.
 */
export async function listIssuesStoppedByHold(
  tx: Sql,
  asked: { companyId: string; issueIds: readonly string[]; since: Date; texts: readonly string[] },
): Promise<StoppedIssue[]> {
  return tx.query<StoppedIssue>(
    `WITH since AS (
       -- Rows carry the start of their transaction, which may have waited for the hold's: a little earlier counts too, but
       -- nothing of a hold before, whose release has woken already.
       SELECT greatest($3::timestamptz - interval '30 seconds', (
                SELECT max(h.released_at) FROM issue_tree_holds h
                 WHERE h.company_id = $1 AND h.mode = 'pause' AND h.released_at <= $3)) AS at
     ), refused AS (
       SELECT w.issue_id, w.payload->>'commentId' AS last_comment, w.payload->'${DEFERRED_CONTEXT_KEY}'->'wakeCommentIds' AS comments
         FROM since, agent_wakeup_requests w
        WHERE w.company_id = $1 AND w.issue_id = ANY($2::text[]) AND (
              (w.status = 'skipped' AND w.reason = 'issue_tree_hold_active' AND w.requested_at >= since.at)
           OR (w.status = 'cancelled' AND w.error = ANY($4::text[]) AND w.finished_at >= since.at))
     ), stopped AS (
       SELECT * FROM refused
       UNION ALL
       -- A run that never started told its agent nothing of the comments it carried.
       SELECT r.issue_id, NULL, CASE WHEN r.started_at IS NULL THEN r.context_snapshot->'wakeCommentIds' END
         FROM since, heartbeat_runs r
        WHERE r.company_id = $1 AND r.issue_id = ANY($2::text[]) AND r.cancel_kind = 'hold'
          AND coalesce(r.cancel_requested_at, r.finished_at) >= since.at
     ), untold AS (
       SELECT s.issue_id, ${uuidOf("t.comment_id")} AS comment_id FROM stopped s
        CROSS JOIN LATERAL (
          SELECT s.last_comment AS comment_id
          UNION ALL
          SELECT jsonb_array_elements_text(CASE WHEN jsonb_typeof(s.comments) = 'array' THEN s.comments ELSE '[]' END)
        ) t
     )
     SELECT i.id AS "issueId", i.assignee_agent_id AS "agentId",
            ARRAY(SELECT c.id FROM issue_comments c
                   WHERE c.issue_id = i.id AND c.id IN (SELECT u.comment_id FROM untold u WHERE u.issue_id = i.id::text)
                   ORDER BY c.created_at, c.id) AS "commentIds"
       FROM issues i JOIN agents a ON a.id = i.assignee_agent_id AND a.company_id = i.company_id
      WHERE i.company_id = $1 AND i.id = ANY($2::text[]::uuid[]) AND i.status NOT IN ('backlog','done','cancelled')
        AND i.hidden_at IS NULL AND a.status NOT IN ('paused','terminated','pending_approval')
        AND EXISTS (SELECT 1 FROM stopped s WHERE s.issue_id = i.id::text)
      ORDER BY i.id`,
    [asked.companyId, asked.issueIds, asked.since, asked.texts],
  );
}
