/**
 * Budget policies (BU-1, DM-78) with what their windows have observed. Hold the scope's counters (`lockBudgetCounters`)
 * when you decide on what you read here.
 */
import type { BudgetMetric, BudgetWindowKind } from "@wakefleet/contracts";
import { type BudgetWindow, budgetWindow, type PolicyFacts, type PolicySetting } from "@wakefleet/domain";
import { CURRENT_MONTH, LIFETIME_START } from "../policy/policy-facts-sql.js";
import { camelRow } from "../rows.js";
import { type Sql, uuidOf } from "../sql.js";
import type { BudgetScopeKey } from "./counters.js";

/** A policy, its current window and the state of its scope. */
export interface PolicyState extends BudgetScopeKey, PolicyFacts {
  readonly id: string;
  readonly metric: BudgetMetric;
  readonly windowKind: BudgetWindowKind;
  readonly window: BudgetWindow;
  readonly scopeName: string;
  /** As BU-11 shows it; a terminated agent is not paused. */
  readonly isPaused: boolean;
  readonly pauseReason: string | null;
}

/** SQL: the start of a statement on policies; `more` are further columns, of our own text. */
const policyStates = (more = ""): string => `
  SELECT ${more} p.id, p.company_id, p.scope_type, p.scope_id, p.metric, p.window_kind, p.amount, p.warn_percent,
         p.hard_stop_enabled, p.notify_enabled, p.is_active, coalesce(b.observed_cents, 0) AS observed,
         EXISTS (SELECT 1 FROM budget_incidents i WHERE i.policy_id = p.id AND i.window_start = win.start
                    AND i.threshold_type = 'soft' AND i.status = 'open') AS soft_is_open,
         EXISTS (SELECT 1 FROM budget_incidents i WHERE i.policy_id = p.id AND i.window_start = win.start
                    AND i.threshold_type = 'hard' AND i.status = 'open') AS hard_is_open,
         coalesce(a.name, pr.name, co.name) AS scope_name,
         coalesce(CASE p.scope_type WHEN 'agent' THEN a.status IN ('paused','terminated','pending_approval')
              WHEN 'project' THEN pr.paused_at IS NOT NULL ELSE co.status <> 'active' END, false) AS scope_is_paused,
         coalesce(CASE p.scope_type WHEN 'agent' THEN a.status = 'paused' WHEN 'project' THEN pr.paused_at IS NOT NULL
              ELSE co.status = 'paused' END, false) AS is_paused,
         CASE p.scope_type WHEN 'agent' THEN a.pause_reason WHEN 'project' THEN pr.pause_reason
              ELSE co.pause_reason END AS pause_reason,
         now() AS fact_now
    FROM budget_policies p
    JOIN companies co ON co.id = p.company_id
    LEFT JOIN agents a ON p.scope_type = 'agent' AND a.id = p.scope_id
    LEFT JOIN projects pr ON p.scope_type = 'project' AND pr.id = p.scope_id
    CROSS JOIN LATERAL (
      SELECT CASE WHEN p.window_kind = 'lifetime' THEN ${LIFETIME_START} ELSE ${CURRENT_MONTH} END AS start) win
    LEFT JOIN budget_counters b ON b.company_id = p.company_id AND b.scope_type = p.scope_type AND b.scope_id = p.scope_id
         AND b.window_start = win.start`;

const POLICY_STATE = policyStates();

/** BU-33: company, agent, project. */
const IN_ORDER = "ORDER BY array_position(ARRAY['company','agent','project'], p.scope_type), p.scope_id, p.window_kind";

function stateOf<State extends PolicyState = PolicyState>(row: object): State {
  const { factNow, ...state } = camelRow<Omit<State, "window"> & { factNow: Date }>(row);
  return { ...state, window: budgetWindow(state.windowKind, factNow) } as unknown as State;
}

/** A policy with what the running runs of its scope have told and nobody booked yet (BY-6). */
export interface PolicyInFlight extends PolicyState {
  /** Cents. */
  readonly inFlight: number;
}

/** SQL: the project that the cost of run `r` will be booked for (BU-41). */
export const BOOKED_PROJECT = `coalesce(
  (SELECT i.project_id FROM issues i WHERE i.id = ${uuidOf("r.issue_id")} AND i.company_id = r.company_id),
  (SELECT np.id FROM projects np WHERE np.id = ${uuidOf("r.context_snapshot->>'projectId'")} AND np.company_id = r.company_id))`;

/** SQL: run `r` spends on the budget of policy `p`. */
const SPENDS_ON = `r.company_id = p.company_id AND CASE p.scope_type WHEN 'company' THEN true
  WHEN 'agent' THEN r.agent_id = p.scope_id ELSE ${BOOKED_PROJECT} = p.scope_id END`;

const IN_FLIGHT = `(SELECT coalesce(sum(r.cost_so_far_cents), 0)::bigint FROM heartbeat_runs r
  WHERE r.status = 'running' AND r.cost_so_far_cents > 0 AND ${SPENDS_ON}) AS in_flight,`;

const IS_COUNTED = "p.is_active AND p.amount > 0 AND p.metric = 'billed_cents'";

/** The policies that some running runs spend on, each with those of the runs that do. */
export async function listPoliciesOverRuns(
  sql: Sql,
  runIds: readonly string[],
): Promise<(PolicyInFlight & { readonly runIds: readonly string[] })[]> {
  const rows = await sql.query<object>(
    `SELECT * FROM (${policyStates(`${IN_FLIGHT}
         ARRAY(SELECT r.id FROM heartbeat_runs r WHERE r.id = ANY($1::uuid[]) AND ${SPENDS_ON}) AS run_ids,`)}
       WHERE p.company_id IN (SELECT company_id FROM heartbeat_runs WHERE id = ANY($1::uuid[])) AND ${IS_COUNTED}
     ) state WHERE run_ids <> '{}'`,
    [runIds],
    "list_policies_over_runs",
  );
  return rows.map((row) => stateOf<PolicyInFlight & { readonly runIds: readonly string[] }>(row));
}

/** The same by their ids, in the order of BU-33; those that count no more are left out. */
export async function readPoliciesInFlight(tx: Sql, policyIds: readonly string[]): Promise<PolicyInFlight[]> {
  const rows = await tx.query<object>(
    `${policyStates(IN_FLIGHT)} WHERE p.id = ANY($1::uuid[]) AND ${IS_COUNTED} ${IN_ORDER}`,
    [policyIds],
    "read_policies_in_flight",
  );
  return rows.map((row) => stateOf<PolicyInFlight>(row));
}

/** The policies that a cost event may move: of the company, some agents and some projects, in this order (BU-33). */
export async function readPoliciesOf(
  tx: Sql,
  scopes: { companyId: string; agentIds: readonly string[]; projectIds: readonly string[] },
): Promise<PolicyState[]> {
  const rows = await tx.query<object>(
    `${POLICY_STATE}
      WHERE p.company_id = $1 AND ${IS_COUNTED}
        AND ((p.scope_type = 'company' AND p.scope_id = $1) OR (p.scope_type = 'agent' AND p.scope_id = ANY($2::uuid[]))
          OR (p.scope_type = 'project' AND p.scope_id = ANY($3::uuid[])))
      ${IN_ORDER}`,
    [scopes.companyId, scopes.agentIds, scopes.projectIds],
    "read_policies_of",
  );
  return rows.map(stateOf);
}

/** Every policy of a company, last changed first (BU-11). */
export async function listPolicies(sql: Sql, companyId: string): Promise<PolicyState[]> {
  const rows = await sql.query<object>(
    `${POLICY_STATE} WHERE p.company_id = $1 ORDER BY p.updated_at DESC, p.id DESC`,
    [companyId],
  );
  return rows.map(stateOf);
}

/** One policy by its id. */
export async function findPolicy(sql: Sql, policyId: string): Promise<PolicyState | null> {
  const rows = await sql.query<object>(`${POLICY_STATE} WHERE p.id = $1`, [policyId], "find_policy");
  return rows[0] === undefined ? null : stateOf(rows[0]);
}

export type PolicyKey = BudgetScopeKey & { readonly metric: BudgetMetric; readonly windowKind: BudgetWindowKind };

/** The policy of BU-1's key. */
export async function findPolicyByKey(sql: Sql, key: PolicyKey): Promise<PolicyState | null> {
  const rows = await sql.query<object>(
    `${POLICY_STATE} WHERE p.company_id = $1 AND p.scope_type = $2 AND p.scope_id = $3 AND p.metric = $4
        AND p.window_kind = $5`,
    [key.companyId, key.scopeType, key.scopeId, key.metric, key.windowKind],
    "find_policy_by_key",
  );
  return rows[0] === undefined ? null : stateOf(rows[0]);
}

/**
 * Stores a policy on its key and answers its id (BU-5). A month policy of a company or agent also stands in that row's
 * `budget_monthly_cents`. Hold the scope's counters.
 */
export async function storePolicy(
  tx: Sql,
  policy: PolicyKey & PolicySetting & { readonly userId: string | null },
): Promise<string> {
  const rows = await tx.query<{ id: string }>(
    `INSERT INTO budget_policies (company_id, scope_type, scope_id, metric, window_kind, amount, warn_percent,
            hard_stop_enabled, notify_enabled, is_active, created_by_user_id, updated_by_user_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
     ON CONFLICT (company_id, scope_type, scope_id, metric, window_kind) DO UPDATE SET
            amount = excluded.amount, warn_percent = excluded.warn_percent,
            hard_stop_enabled = excluded.hard_stop_enabled, notify_enabled = excluded.notify_enabled,
            is_active = excluded.is_active, updated_by_user_id = excluded.updated_by_user_id, updated_at = now()
     RETURNING id`,
    [
      policy.companyId,
      policy.scopeType,
      policy.scopeId,
      policy.metric,
      policy.windowKind,
      policy.amount,
      policy.warnPercent,
      policy.hardStopEnabled,
      policy.notifyEnabled,
      policy.isActive,
      policy.userId,
    ],
    "store_policy",
  );
  const id = rows[0]?.id;
  if (id === undefined) throw new Error("an upsert answers the row it wrote");
  if (policy.windowKind === "calendar_month_utc" && policy.scopeType !== "project") {
    const table = policy.scopeType === "company" ? "companies" : "agents";
    await tx.query(`UPDATE ${table} SET budget_monthly_cents = $2, updated_at = now() WHERE id = $1`, [
      policy.scopeId,
      policy.amount,
    ]);
  }
  return id;
}
