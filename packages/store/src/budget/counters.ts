/**
 * What budgets have observed (BU-3, BU-18, DM-84): a sum for each scope and window, kept in the statement that writes a
 * cost event, so that asking never costs by the number of events. `cost_events` is the truth: the sums can be made again.
 *
 * Rows are always taken in the order of their key. Whoever holds the rows of a scope decides about its policies alone:
 * booking, setting a policy and resolving an incident all come through here first.
 */
import type { BudgetScopeType } from "@wakefleet/contracts";
import { CURRENT_MONTH, LIFETIME_START } from "../policy/policy-facts-sql.js";
import type { Sql } from "../sql.js";

export interface BudgetScopeKey {
  readonly companyId: string;
  readonly scopeType: BudgetScopeType;
  readonly scopeId: string;
}

/** SQL: the first instant of the UTC month of `instant`, an expression of our own. */
const monthOf = (instant: string): string => `(date_trunc('month', ${instant} AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')`;

/**
 * A member of a WITH list that adds the rows of `cost` (company_id, agent_id, project_id, occurred_at, cost_cents), which
 * the statement has just inserted, to the sums of their company, agent and project, in both windows.
 */
export const COUNT_COSTS = `counters AS (
    INSERT INTO budget_counters AS b (company_id, scope_type, scope_id, window_start, observed_cents)
    SELECT cost.company_id, scope.type, scope.id, win.start, sum(cost.cost_cents)
      FROM cost
      CROSS JOIN LATERAL (VALUES ('agent', cost.agent_id), ('company', cost.company_id), ('project', cost.project_id))
        AS scope(type, id)
      CROSS JOIN LATERAL (VALUES (${LIFETIME_START}), (${monthOf("cost.occurred_at")})) AS win(start)
     WHERE scope.id IS NOT NULL AND cost.cost_cents > 0
     GROUP BY cost.company_id, scope.type, scope.id, win.start
     ORDER BY cost.company_id, scope.type, scope.id, win.start
    ON CONFLICT (company_id, scope_type, scope_id, window_start)
    DO UPDATE SET observed_cents = b.observed_cents + excluded.observed_cents, updated_at = now()
  )`;

/** Takes the sums of a scope for the caller's transaction: nobody else books on it or changes its policies meanwhile. */
export async function lockBudgetCounters(tx: Sql, scope: BudgetScopeKey): Promise<void> {
  await tx.query(
    `INSERT INTO budget_counters AS b (company_id, scope_type, scope_id, window_start)
     SELECT $1::uuid, $2, $3::uuid, win.start FROM (VALUES (${LIFETIME_START}), (${CURRENT_MONTH})) AS win(start)
      ORDER BY win.start
     ON CONFLICT (company_id, scope_type, scope_id, window_start) DO UPDATE SET observed_cents = b.observed_cents`,
    [scope.companyId, scope.scopeType, scope.scopeId],
    "lock_budget_counters",
  );
}

/**
 * Sets the cached `spent_monthly_cents` of a company and of some of its agents to their sums of this month (BU-43). Whoever
 * reads them is given the sum itself. A company row that somebody else holds is left to the next event, because waiting for
 * it while agents are locked could end in a circle.
 */
export async function refreshSpentMonthly(
  tx: Sql,
  spent: { companyId: string; agentIds: readonly string[] },
): Promise<void> {
  const sum = (scopeType: string, scopeId: string): string =>
    `least(coalesce((SELECT b.observed_cents FROM budget_counters b WHERE b.company_id = $1 AND b.scope_type = '${scopeType}'
        AND b.scope_id = ${scopeId} AND b.window_start = ${CURRENT_MONTH}), 0), 2147483647)::int`;
  await tx.query(
    `WITH agents_spent AS (
       UPDATE agents a SET spent_monthly_cents = ${sum("agent", "a.id")}
        WHERE a.company_id = $1 AND a.id = ANY($2::uuid[])
     )
     UPDATE companies co SET spent_monthly_cents = ${sum("company", "co.id")}
      WHERE co.id = (SELECT free.id FROM companies free WHERE free.id = $1 FOR NO KEY UPDATE SKIP LOCKED)`,
    [spent.companyId, spent.agentIds],
    "refresh_spent_monthly",
  );
}

/** Sums that did not say what the events say. */
export interface RebuiltCounter extends BudgetScopeKey {
  readonly windowStart: Date;
  readonly before: number;
  readonly after: number;
}

/**
 * Makes the sums of a company again from its cost events (BU-18) and answers those that were wrong; none in a healthy
 * database. Bookings of the company wait until it is done. Run it in a transaction.
 */
export async function rebuildBudgetCounters(tx: Sql, companyId: string): Promise<RebuiltCounter[]> {
  await tx.query(
    `SELECT 1 FROM budget_counters WHERE company_id = $1 ORDER BY scope_type, scope_id, window_start FOR UPDATE`,
    [companyId],
  );
  await lockBudgetCounters(tx, { companyId, scopeType: "company", scopeId: companyId });
  return tx.query<RebuiltCounter>(
    `WITH truth AS (
       SELECT scope.type, scope.id, win.start, sum(e.cost_cents) AS cents
         FROM cost_events e
         CROSS JOIN LATERAL (VALUES ('agent', e.agent_id), ('company', e.company_id), ('project', e.project_id))
           AS scope(type, id)
         CROSS JOIN LATERAL (VALUES (${LIFETIME_START}), (${monthOf("e.occurred_at")})) AS win(start)
        WHERE e.company_id = $1 AND scope.id IS NOT NULL
        GROUP BY 1, 2, 3
     ), wrong AS (
       SELECT coalesce(t.type, b.scope_type) AS type, coalesce(t.id, b.scope_id) AS id,
              coalesce(t.start, b.window_start) AS start, coalesce(b.observed_cents, 0) AS before,
              coalesce(t.cents, 0)::bigint AS after
         FROM truth t
         FULL JOIN (SELECT * FROM budget_counters WHERE company_id = $1) b
           ON b.scope_type = t.type AND b.scope_id = t.id AND b.window_start = t.start
        WHERE coalesce(b.observed_cents, 0) <> coalesce(t.cents, 0)
     ), mended AS (
       INSERT INTO budget_counters (company_id, scope_type, scope_id, window_start, observed_cents)
       SELECT $1, type, id, start, after FROM wrong ORDER BY type, id, start
       ON CONFLICT (company_id, scope_type, scope_id, window_start)
       DO UPDATE SET observed_cents = excluded.observed_cents, updated_at = now()
     )
     SELECT $1::uuid AS "companyId", type AS "scopeType", id AS "scopeId", start AS "windowStart", before, after
       FROM wrong ORDER BY type, id, start`,
    [companyId],
  );
}
