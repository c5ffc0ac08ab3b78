/** Pausing and resuming a scope for its budget (BU-20, BU-24): the guards stand in the statements. */
import type { Sql } from "../sql.js";
import type { BudgetScopeKey } from "./counters.js";

const PAUSE = {
  agent: `UPDATE agents SET status = 'paused', pause_reason = 'budget', paused_at = now(), next_timer_at = NULL,
                 updated_at = now()
           WHERE id = $1 AND company_id = $2 AND status IN ('active','idle','running','error') RETURNING id`,
  company: `UPDATE companies SET status = 'paused', pause_reason = 'budget', paused_at = now(), updated_at = now()
             WHERE id = $1 AND id = $2 AND status = 'active' RETURNING id`,
  project: `UPDATE projects SET pause_reason = 'budget', paused_at = now(), updated_at = now()
             WHERE id = $1 AND company_id = $2 AND paused_at IS NULL RETURNING id`,
} as const;

const RESUME = {
  agent: `UPDATE agents SET status = 'idle', pause_reason = NULL, paused_at = NULL, updated_at = now()
           WHERE id = $1 AND company_id = $2 AND status = 'paused' AND pause_reason = 'budget' RETURNING id`,
  company: `UPDATE companies SET status = 'active', pause_reason = NULL, paused_at = NULL, updated_at = now()
             WHERE id = $1 AND id = $2 AND status = 'paused' AND pause_reason = 'budget' RETURNING id`,
  project: `UPDATE projects SET pause_reason = NULL, paused_at = NULL, updated_at = now()
             WHERE id = $1 AND company_id = $2 AND pause_reason = 'budget' RETURNING id`,
} as const;

/** Pauses a scope; false when it was paused before, for whatever reason, and keeps it. Hold its row's lock order. */
export async function pauseScopeForBudget(tx: Sql, scope: BudgetScopeKey): Promise<boolean> {
  const rows = await tx.query(
    PAUSE[scope.scopeType],
    [scope.scopeId, scope.companyId],
    `pause_${scope.scopeType}_budget`,
  );
  return rows.length > 0;
}

/** Resumes a scope that its budget had paused; false for any other. */
export async function resumeScopeFromBudget(tx: Sql, scope: BudgetScopeKey): Promise<boolean> {
  const rows = await tx.query(
    RESUME[scope.scopeType],
    [scope.scopeId, scope.companyId],
    `resume_${scope.scopeType}_budget`,
  );
  return rows.length > 0;
}

/** Locks the row of a scope, before its counters (agents before counters, a company before its agents). */
export async function lockBudgetScope(tx: Sql, scope: Pick<BudgetScopeKey, "scopeType" | "scopeId">): Promise<void> {
  const table = { company: "companies", agent: "agents", project: "projects" }[scope.scopeType];
  await tx.query(`SELECT id FROM ${table} WHERE id = $1 FOR NO KEY UPDATE`, [scope.scopeId], `lock_${table}_row`);
}

/** What names a budget's scope. */
export interface ScopeOwner {
  readonly companyId: string;
  readonly name: string;
}

/** The company a scope belongs to; null when there is no such scope (BU-5). */
export async function findBudgetScope(
  sql: Sql,
  scope: Pick<BudgetScopeKey, "scopeType" | "scopeId">,
): Promise<ScopeOwner | null> {
  const text = {
    company: `SELECT id AS "companyId", name FROM companies WHERE id = $1`,
    agent: `SELECT company_id AS "companyId", name FROM agents WHERE id = $1`,
    project: `SELECT company_id AS "companyId", name FROM projects WHERE id = $1`,
  }[scope.scopeType];
  const rows = await sql.query<ScopeOwner>(text, [scope.scopeId]);
  return rows[0] ?? null;
}
