/**
 * The work of a budget's scope (BU-21): its active runs, and its requests that wait without a run. A run or request is a
 * project's by the project it names, where that is one of the company, else by its issue's.
 */
import { receiptParam, withReceipt } from "../receipt-sql.js";
import type { Sql } from "../sql.js";
import { uuidOf } from "../sql.js";
import type { BudgetScopeKey } from "./counters.js";

export interface ActiveRunOfScope {
  readonly id: string;
  readonly agentId: string;
  readonly issueId: string | null;
}

/** Condition: the row is of project `$2`, judged by the project its JSON names or by its issue. */
function isOfProject(row: { named: string; issueId: string }): string {
  const named = uuidOf(row.named);
  return `coalesce(
    (SELECT np.id FROM projects np WHERE np.id = ${named} AND np.company_id = $1),
    (SELECT ip.project_id FROM issues ip WHERE ip.id = ${uuidOf(row.issueId)} AND ip.company_id = $1)) = $2::uuid`;
}

const RUNS_OF = {
  company: "r.company_id = $1 AND $2::uuid IS NOT NULL",
  agent: "r.company_id = $1 AND r.agent_id = $2",
  project: `r.company_id = $1 AND ${isOfProject({ named: "r.context_snapshot->>'projectId'", issueId: "r.issue_id" })}`,
} as const;

const REQUESTS_OF = {
  company: "w.company_id = $1 AND $2::uuid IS NOT NULL",
  agent: "w.company_id = $1 AND w.agent_id = $2",
  project: `w.company_id = $1 AND ${isOfProject({ named: "w.payload->>'projectId'", issueId: "w.issue_id" })}`,
} as const;

/** Active runs of a scope, in issue order, as every taker of several issues goes. Hold the locks of their agents. */
export async function listActiveRunsOf(tx: Sql, scope: BudgetScopeKey): Promise<ActiveRunOfScope[]> {
  return tx.query<ActiveRunOfScope>(
    `SELECT r.id, r.agent_id AS "agentId", r.issue_id AS "issueId" FROM heartbeat_runs r
      WHERE r.status IN ('queued','scheduled_retry','running') AND ${RUNS_OF[scope.scopeType]}
      ORDER BY r.issue_id NULLS FIRST, r.created_at, r.id`,
    [scope.companyId, scope.scopeId],
    `active_runs_of_${scope.scopeType}`,
  );
}

/** → `cancelled`: the requests of a scope that wait without a run. The service's own give up their keys (DM-25). Answers their ids. */
export async function cancelWaitingRequestsOf(tx: Sql, scope: BudgetScopeKey, text: string): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `UPDATE agent_wakeup_requests w SET status = 'cancelled', error = $3, finished_at = now(), updated_at = now(),
            receipts = ${withReceipt("w", "$4::jsonb")},
            idempotency_key = CASE WHEN w.requested_by_actor_type = 'system' THEN NULL ELSE w.idempotency_key END
      WHERE w.status IN ('queued','deferred_issue_execution') AND w.run_id IS NULL AND ${REQUESTS_OF[scope.scopeType]}
     RETURNING w.id`,
    [
      scope.companyId,
      scope.scopeId,
      text,
      receiptParam({
        rule: "BU-21",
        outcome: "cancelled",
        facts: { error: text, scopeType: scope.scopeType, scopeId: scope.scopeId },
      }),
    ],
    `cancel_requests_of_${scope.scopeType}`,
  );
  return rows.map((row) => row.id);
}

/**
 * Locks a company and then every agent of it, in id order: while they are held nothing of the company is accepted, claimed
 * or ended, and no agent is added. For the rare decision that concerns the work of all.
 */
export async function lockCompanyAndAgents(tx: Sql, companyId: string): Promise<void> {
  await tx.query("SELECT id FROM companies WHERE id = $1 FOR NO KEY UPDATE", [companyId], "lock_company");
  await tx.query(
    "SELECT id FROM agents WHERE company_id = $1 ORDER BY id FOR NO KEY UPDATE",
    [companyId],
    "lock_company_agents",
  );
}
