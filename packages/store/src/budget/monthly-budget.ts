/** The monthly policy that mirrors a company's or agent's `budget_monthly_cents` (DM-20, DM-21, DM-78). */
import type { Sql } from "../sql.js";

export interface MonthlyBudget {
  readonly companyId: string;
  readonly scopeType: "company" | "agent";
  readonly scopeId: string;
  /** Cents; 0 makes the policy inactive. */
  readonly amount: number;
  readonly userId: string | null;
}

/** Makes or changes the policy; an amount of 0 creates none and switches an existing one off. */
export async function mirrorMonthlyBudget(tx: Sql, budget: MonthlyBudget): Promise<void> {
  if (budget.amount === 0) {
    await tx.query(
      `UPDATE budget_policies SET amount = 0, is_active = false, updated_by_user_id = $4, updated_at = now()
        WHERE company_id = $1 AND scope_type = $2 AND scope_id = $3 AND metric = 'billed_cents'
          AND window_kind = 'calendar_month_utc'`,
      [budget.companyId, budget.scopeType, budget.scopeId, budget.userId],
    );
    return;
  }
  await tx.query(
    `INSERT INTO budget_policies
       (company_id, scope_type, scope_id, metric, window_kind, amount, created_by_user_id, updated_by_user_id)
     VALUES ($1, $2, $3, 'billed_cents', 'calendar_month_utc', $4, $5, $5)
     ON CONFLICT (company_id, scope_type, scope_id, metric, window_kind)
     DO UPDATE SET amount = excluded.amount, is_active = true, updated_by_user_id = excluded.updated_by_user_id,
                   updated_at = now()`,
    [budget.companyId, budget.scopeType, budget.scopeId, budget.amount, budget.userId],
  );
}
