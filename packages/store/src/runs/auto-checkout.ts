/** The worker's own checkout of its run's issue (EX-2, CO-23, CO-25 to CO-29, CO-33): one compare-and-set. */
import type { Sql } from "../sql.js";
import type { RunFence } from "./fence.js";

const isLive = (column: string): string =>
  `EXISTS (SELECT 1 FROM heartbeat_runs h WHERE h.id = ${column} AND h.status IN ('queued','scheduled_retry','running'))`;

/**
 * Makes the issue the run's: `in_progress`, both locks. False where another live run holds it, or it is not in a state to
 * be taken (CO-29), or the run is not this worker's any more. Call it with the issue's row locked by an earlier statement,
 * so that what is read of the locks' holders is not older than the lock.
 */
export async function checkOutIssueIfFree(
  tx: Sql,
  fence: RunFence,
  checkout: { readonly issueId: string; readonly agentId: string; readonly agentNameKey: string },
): Promise<boolean> {
  const rows = await tx.query(
    `WITH taken AS (
       UPDATE issues i SET status = 'in_progress', checkout_run_id = $2, execution_run_id = $2,
              execution_agent_name_key = $6,
              execution_locked_at = CASE WHEN i.execution_run_id = $2 THEN i.execution_locked_at ELSE now() END,
              started_at = CASE WHEN i.status = 'in_progress' THEN i.started_at ELSE now() END,
              completed_at = NULL, cancelled_at = NULL, updated_at = now()
        WHERE i.id = $1 AND i.assignee_agent_id = $5
          AND (i.execution_run_id IS NULL OR i.execution_run_id = $2 OR NOT ${isLive("i.execution_run_id")})
          AND (i.checkout_run_id IS NULL OR i.checkout_run_id = $2
               OR (i.status = 'in_progress' AND NOT ${isLive("i.checkout_run_id")}))
          AND i.status IN ('todo','backlog','blocked','in_progress')
          AND EXISTS (SELECT 1 FROM heartbeat_runs r
                       WHERE r.id = $2 AND r.worker_id = $3 AND r.claim_token = $4 AND r.status = 'running')
       RETURNING i.id
     ), marked AS (
       UPDATE heartbeat_runs r SET lock_issue_id = taken.id, updated_at = now() FROM taken
        WHERE r.id = $2 AND r.lock_issue_id IS DISTINCT FROM taken.id
     )
     SELECT id FROM taken`,
    [checkout.issueId, fence.runId, fence.workerId, fence.claimToken, checkout.agentId, checkout.agentNameKey],
    "check_out_issue_if_free",
  );
  return rows.length === 1;
}
