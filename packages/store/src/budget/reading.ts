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

/** Sums every breakdown of costs has. */
interface CostSums {
  costCents: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
}

const sumOf = (column: string): string => `coalesce(sum(e.${column}), 0)::bigint`;
const SUMS = `${sumOf("cost_cents")} AS cost_cents, ${sumOf("input_tokens")} AS input_tokens,
  ${sumOf("cached_input_tokens")} AS cached_input_tokens, ${sumOf("output_tokens")} AS output_tokens`;
const RUN_COUNTS = `count(DISTINCT e.heartbeat_run_id) FILTER (WHERE e.billing_type = 'metered_api')::int AS api_run_count,
  count(DISTINCT e.heartbeat_run_id) FILTER (WHERE e.billing_type IN ('subscription_included','subscription_overage'))::int
    AS subscription_run_count`;

export interface AgentModelCosts extends CostSums {
  agentId: string;
  agentName: string;
  provider: string;
  biller: string;
  billingType: string;
  model: string;
}

/** BU-46: by agent and model, dearest first. */
export async function listCostsByAgentModel(sql: Sql, range: CostRange): Promise<AgentModelCosts[]> {
  return breakdown<AgentModelCosts>(
    sql,
    range,
    `SELECT e.agent_id, a.name AS agent_name, e.provider, e.biller, e.billing_type, e.model, ${SUMS}
       FROM cost_events e JOIN agents a ON a.id = e.agent_id WHERE ${IN_RANGE}
      GROUP BY e.agent_id, a.name, e.provider, e.biller, e.billing_type, e.model
      ORDER BY cost_cents DESC, e.agent_id, e.provider, e.biller, e.billing_type, e.model`,
  );
}

export interface ProviderCosts extends CostSums {
  provider: string;
  biller: string;
  billingType: string;
  model: string;
  apiRunCount: number;
  subscriptionRunCount: number;
}

/** BU-46: by provider, biller, billing type and model, dearest first. */
export async function listCostsByProvider(sql: Sql, range: CostRange): Promise<ProviderCosts[]> {
  return breakdown<ProviderCosts>(
    sql,
    range,
    `SELECT e.provider, e.biller, e.billing_type, e.model, ${SUMS}, ${RUN_COUNTS} FROM cost_events e WHERE ${IN_RANGE}
      GROUP BY e.provider, e.biller, e.billing_type, e.model
      ORDER BY cost_cents DESC, e.provider, e.biller, e.billing_type, e.model`,
  );
}

export interface BillerCosts extends CostSums {
  biller: string;
  providerCount: number;
  modelCount: number;
  apiRunCount: number;
  subscriptionRunCount: number;
}

/** BU-46: by biller, dearest first. */
export async function listCostsByBiller(sql: Sql, range: CostRange): Promise<BillerCosts[]> {
  return breakdown<BillerCosts>(
    sql,
    range,
    `SELECT e.biller, ${SUMS}, ${RUN_COUNTS}, count(DISTINCT e.provider)::int AS provider_count,
            count(DISTINCT e.model)::int AS model_count
       FROM cost_events e WHERE ${IN_RANGE} GROUP BY e.biller ORDER BY cost_cents DESC, e.biller`,
  );
}

export interface ProjectCosts extends CostSums {
  projectId: string | null;
  projectName: string | null;
}

/** BU-46: by project; an event without one counts for the project of an issue that its run left activity on. */
export async function listCostsByProject(sql: Sql, range: CostRange): Promise<ProjectCosts[]> {
  return breakdown<ProjectCosts>(
    sql,
    range,
    `WITH e AS (
       SELECT c.*, coalesce(c.project_id, (
                SELECT i.project_id FROM activity_log l JOIN issues i ON i.id::text = l.entity_id AND i.company_id = l.company_id
                 WHERE c.project_id IS NULL AND l.run_id = c.heartbeat_run_id AND l.company_id = c.company_id
                   AND l.entity_type = 'issue' AND i.project_id IS NOT NULL
                 ORDER BY l.created_at DESC, l.id LIMIT 1)) AS counted_for
         FROM cost_events c
        WHERE ${IN_RANGE.replaceAll("e.", "c.")}
     )
     SELECT e.counted_for AS project_id, p.name AS project_name, ${SUMS}
       FROM e LEFT JOIN projects p ON p.id = e.counted_for
      GROUP BY e.counted_for, p.name ORDER BY cost_cents DESC, e.counted_for`,
  );
}

export interface WindowCosts extends CostSums {
  provider: string;
  /** `mixed` where several billed for the provider. */
  biller: string;
  window: string;
  windowHours: number;
}

/** The rolling windows of BU-46, hours. */
const WINDOWS = [
  ["5h", 5],
  ["24h", 24],
  ["7d", 168],
] as const;

/** BU-46: what each provider cost in the last five hours, day and week. */
export async function listWindowSpend(sql: Sql, companyId: string): Promise<WindowCosts[]> {
  const rows = await sql.query<object>(
    `SELECT e.provider, CASE WHEN count(DISTINCT e.biller) = 1 THEN min(e.biller) ELSE 'mixed' END AS biller,
            w.name AS window, w.hours AS window_hours, ${SUMS}
       FROM unnest($2::text[], $3::int[]) AS w (name, hours)
       JOIN cost_events e ON e.company_id = $1 AND e.occurred_at >= now() - make_interval(hours => w.hours)
      GROUP BY e.provider, w.name, w.hours ORDER BY e.provider, w.hours`,
    [companyId, WINDOWS.map(([name]) => name), WINDOWS.map(([, hours]) => hours)],
  );
  return rows.map((row) => camelRow<WindowCosts>(row));
}

async function breakdown<Row>(sql: Sql, range: CostRange, text: string): Promise<Row[]> {
  const rows = await sql.query<object>(text, values(range));
  return rows.map((row) => camelRow<Row>(row));
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
