/** Costs and budgets as people read them (BU-11, BU-45): reading only. */
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";

/** Both ends inside; null does not bound. */
export interface CostRange {
  readonly companyId: string;
  readonly from: Date | null;
  readonly to: Date | null;
}

const IN_RANGE = `e.company_id = $1 AND ($2::timestamptz IS NULL OR e.occurred_at >= $2)
  AND ($3::timestamptz IS NULL OR e.occurred_at <= $3)`;

const values = (range: CostRange): unknown[] => [range.companyId, range.from, range.to];

/** What a company spent in a range, cents. */
export async function sumCosts(sql: Sql, range: CostRange): Promise<number> {
  const rows = await sql.query<{ cents: number }>(
    `SELECT coalesce(sum(e.cost_cents), 0)::bigint AS cents FROM cost_events e WHERE ${IN_RANGE}`,
    values(range),
  );
  return rows[0]?.cents ?? 0;
}

/** An agent's costs in a range (BU-45). */
export interface AgentCosts {
  agentId: string;
  agentName: string;
  agentStatus: string;
  costCents: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  apiRunCount: number;
  subscriptionRunCount: number;
  subscriptionInputTokens: number;
  subscriptionCachedInputTokens: number;
  subscriptionOutputTokens: number;
}

/** Agents with events in the range, dearest first. */
export async function listCostsByAgent(sql: Sql, range: CostRange): Promise<AgentCosts[]> {
  const subscription = "e.billing_type IN ('subscription_included','subscription_overage')";
  const tokens = (column: string, filter = ""): string => `coalesce(sum(e.${column})${filter}, 0)::bigint`;
  const rows = await sql.query<object>(
    `SELECT e.agent_id, a.name AS agent_name, a.status AS agent_status, ${tokens("cost_cents")} AS cost_cents,
            ${tokens("input_tokens")} AS input_tokens, ${tokens("cached_input_tokens")} AS cached_input_tokens,
            ${tokens("output_tokens")} AS output_tokens,
            count(DISTINCT e.heartbeat_run_id) FILTER (WHERE e.billing_type = 'metered_api')::int AS api_run_count,
            count(DISTINCT e.heartbeat_run_id) FILTER (WHERE ${subscription})::int AS subscription_run_count,
            ${tokens("input_tokens", ` FILTER (WHERE ${subscription})`)} AS subscription_input_tokens,
            ${tokens("cached_input_tokens", ` FILTER (WHERE ${subscription})`)} AS subscription_cached_input_tokens,
            ${tokens("output_tokens", ` FILTER (WHERE ${subscription})`)} AS subscription_output_tokens
       FROM cost_events e JOIN agents a ON a.id = e.agent_id
      WHERE ${IN_RANGE}
      GROUP BY e.agent_id, a.name, a.status ORDER BY cost_cents DESC, e.agent_id`,
    values(range),
  );
  return rows.map((row) => camelRow<AgentCosts>(row));
}

export interface BudgetCounts {
  readonly pausedAgentCount: number;
  readonly pausedProjectCount: number;
  readonly pendingApprovalCount: number;
}

/** What of a company is paused for its budget, and how many approvals wait for an answer about one (BU-11). */
export async function countBudgetPauses(sql: Sql, companyId: string): Promise<BudgetCounts> {
  const rows = await sql.query<BudgetCounts>(
    `SELECT (SELECT count(*)::int FROM agents WHERE company_id = $1 AND status = 'paused' AND pause_reason = 'budget')
              AS "pausedAgentCount",
            (SELECT count(*)::int FROM projects WHERE company_id = $1 AND pause_reason = 'budget') AS "pausedProjectCount",
            (SELECT count(*)::int FROM approvals WHERE company_id = $1 AND status = 'pending'
                AND type = 'budget_override_required') AS "pendingApprovalCount"`,
    [companyId],
  );
  return rows[0] ?? { pausedAgentCount: 0, pausedProjectCount: 0, pendingApprovalCount: 0 };
}
