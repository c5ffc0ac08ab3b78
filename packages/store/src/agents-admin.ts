/**
 * Agents as people manage them (API-70 to API-81): create, change, read. What runs change (`status` by runs,
 * `last_heartbeat_at`) and what pausing does to queues and runs is written elsewhere.
 */
import { type AgentStatus, type JsonObject, readHeartbeatPolicy } from "@wakefleet/contracts";
import { agentShortName } from "@wakefleet/domain";
import { CURRENT_MONTH_START } from "./companies.js";
import { Conditions, likeText, type Page, pageOf } from "./conditions.js";
import { toDatabaseJson } from "./database-json.js";
import { type AgentRow, camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

const COMPUTED = `coalesce((SELECT sum(e.cost_cents) FROM cost_events e
   WHERE e.company_id = a.company_id AND e.agent_id = a.id AND e.occurred_at >= ${CURRENT_MONTH_START}), 0)::bigint
   AS spent_monthly_cents_now`;

/** The short name of DM-21 as SQL; it must say what `agentShortName` of the domain says. */
const SHORT_NAME = `trim(both '-' from regexp_replace(lower(a.name), '[^a-z0-9]+', '-', 'g'))`;

function agentOf(row: object): AgentRow {
  const { spentMonthlyCentsNow, ...agent } = camelRow<AgentRow & { spentMonthlyCentsNow: number }>(row);
  return { ...agent, spentMonthlyCents: spentMonthlyCentsNow };
}

/** One agent with this month's spending. */
export async function findAgent(sql: Sql, id: string): Promise<AgentRow | null> {
  const rows = await sql.query<object>(`SELECT a.*, ${COMPUTED} FROM agents a WHERE a.id = $1`, [id], "find_agent");
  return rows[0] === undefined ? null : agentOf(rows[0]);
}

/** Agents of a company that are not terminated and have this short name (API-5): none, one, or several from old data. */
export async function findAgentsByShortName(
  sql: Sql,
  name: { companyId: string; shortName: string },
): Promise<{ id: string; companyId: string }[]> {
  const rows = await sql.query<object>(
    `SELECT a.id, a.company_id FROM agents a
      WHERE a.company_id = $1 AND a.status <> 'terminated' AND ${SHORT_NAME} = $2 LIMIT 2`,
    [name.companyId, agentShortName(name.shortName)],
  );
  return rows.map((row) => camelRow<{ id: string; companyId: string }>(row));
}

export interface AgentFilter {
  readonly companyId: string;
  readonly statuses?: readonly AgentStatus[] | undefined;
  readonly text?: string | undefined;
  readonly includeTerminated: boolean;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Oldest first (API-70). */
export async function listAgents(sql: Sql, filter: AgentFilter): Promise<Page<AgentRow>> {
  const conditions = new Conditions()
    .when(filter.companyId, (p) => `a.company_id = ${p}`)
    .when(filter.statuses, (p) => `a.status = ANY(${p}::text[])`)
    .when(filter.text === undefined ? undefined : likeText(filter.text), (p) => `a.name ILIKE ${p}`)
    .when(filter.cursor, (p) => `(a.created_at, a.id) > (SELECT c.created_at, c.id FROM agents c WHERE c.id = ${p})`);
  if (!filter.includeTerminated && filter.statuses === undefined) conditions.always("a.status <> 'terminated'");
  const rows = await sql.query<object>(
    `SELECT a.*, ${COMPUTED} FROM agents a WHERE ${conditions.where}
      ORDER BY a.created_at, a.id LIMIT ${conditions.bind(filter.limit + 1)}`,
    conditions.values,
  );
  return pageOf(rows.map(agentOf), filter.limit);
}

/**
 * Locks the company against other changes of its agents' names and reporting lines, then gives the short names that
 * are taken (AL-3). `exceptId` leaves one agent out.
 */
export async function lockAgentNames(
  tx: Sql,
  scope: { companyId: string; exceptId: string | null },
): Promise<ReadonlySet<string>> {
  await tx.query("SELECT id FROM companies WHERE id = $1 FOR NO KEY UPDATE", [scope.companyId]);
  const rows = await tx.query<{ short: string }>(
    `SELECT ${SHORT_NAME} AS short FROM agents a
      WHERE a.company_id = $1 AND a.status <> 'terminated' AND a.id IS DISTINCT FROM $2::uuid`,
    [scope.companyId, scope.exceptId],
  );
  return new Set(rows.map((row) => row.short));
}

export interface NewAgent {
  readonly companyId: string;
  readonly name: string;
  readonly role: string;
  readonly title: string | null;
  readonly icon: string | null;
  readonly capabilities: string | null;
  readonly reportsTo: string | null;
  readonly adapterType: string;
  readonly adapterConfig: JsonObject;
  readonly runtimeConfig: JsonObject;
  readonly defaultEnvironmentId: string | null;
  readonly budgetMonthlyCents: number;
  readonly permissions: JsonObject;
  readonly metadata: JsonObject | null;
  readonly status: "idle" | "pending_approval";
}

/** Inserts an agent with its clamped limit (DM-21), its runtime state (DM-22) and the grant `tasks:assign` (API-71). */
export async function insertAgent(tx: Sql, agent: NewAgent): Promise<AgentRow> {
  const rows = await tx.query<object>(
    `WITH a AS (
       INSERT INTO agents (company_id, name, role, title, icon, capabilities, reports_to, adapter_type, adapter_config,
                           runtime_config, default_environment_id, budget_monthly_cents, permissions, metadata, status,
                           max_concurrent_runs)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING *
     ), state AS (
       INSERT INTO agent_runtime_state (agent_id, company_id, adapter_type) SELECT id, company_id, adapter_type FROM a
     ), granted AS (
       INSERT INTO principal_permission_grants (company_id, principal_type, principal_id, permission_key)
       SELECT company_id, 'agent', id::text, 'tasks:assign' FROM a
     )
     SELECT a.*, 0::bigint AS spent_monthly_cents_now FROM a`,
    [
      agent.companyId,
      agent.name,
      agent.role,
      agent.title,
      agent.icon,
      agent.capabilities,
      agent.reportsTo,
      agent.adapterType,
      toDatabaseJson(agent.adapterConfig),
      toDatabaseJson(agent.runtimeConfig),
      agent.defaultEnvironmentId,
      agent.budgetMonthlyCents,
      toDatabaseJson(agent.permissions),
      agent.metadata === null ? null : toDatabaseJson(agent.metadata),
      agent.status,
      readHeartbeatPolicy(agent.runtimeConfig).maxConcurrentRuns,
    ],
  );
  if (rows[0] === undefined) throw new Error("inserting an agent returned no row");
  return agentOf(rows[0]);
}

/** Locks one agent for a change; null when there is none. */
export async function lockAgent(tx: Sql, id: string): Promise<AgentRow | null> {
  const rows = await tx.query<object>("SELECT * FROM agents WHERE id = $1 FOR NO KEY UPDATE", [id]);
  return rows[0] === undefined ? null : camelRow<AgentRow>(rows[0]);
}

const TEXT_COLUMNS = {
  name: "name",
  role: "role",
  title: "title",
  icon: "icon",
  capabilities: "capabilities",
  reportsTo: "reports_to",
  adapterType: "adapter_type",
  defaultEnvironmentId: "default_environment_id",
  budgetMonthlyCents: "budget_monthly_cents",
  spentMonthlyCents: "spent_monthly_cents",
} as const;
const JSON_COLUMNS = {
  adapterConfig: "adapter_config",
  runtimeConfig: "runtime_config",
  metadata: "metadata",
} as const;

export type AgentChanges = {
  [Field in keyof typeof TEXT_COLUMNS | keyof typeof JSON_COLUMNS]?: AgentRow[Field] | undefined;
};

/** Changes the fields that are present (API-7); `max_concurrent_runs` follows `runtimeConfig` (DM-21). */
export async function updateAgent(tx: Sql, change: { id: string; changes: AgentChanges }): Promise<AgentRow> {
  const set = new Conditions();
  const assignments: string[] = ["updated_at = now()"];
  for (const [field, column] of Object.entries(TEXT_COLUMNS)) {
    const value = change.changes[field as keyof typeof TEXT_COLUMNS];
    if (value !== undefined) assignments.push(`${column} = ${set.bind(value)}`);
  }
  for (const [field, column] of Object.entries(JSON_COLUMNS)) {
    const value = change.changes[field as keyof typeof JSON_COLUMNS];
    if (value !== undefined) assignments.push(`${column} = ${set.bind(value === null ? null : toDatabaseJson(value))}`);
  }
  const { runtimeConfig } = change.changes;
  if (runtimeConfig !== undefined) {
    assignments.push(`max_concurrent_runs = ${set.bind(readHeartbeatPolicy(runtimeConfig).maxConcurrentRuns)}`);
  }
  await tx.query(`UPDATE agents SET ${assignments.join(", ")} WHERE id = ${set.bind(change.id)}`, set.values);
  const updated = await findAgent(tx, change.id);
  if (updated === null) throw new Error(`agent ${change.id} vanished while it was locked`);
  return updated;
}

export interface Manager {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly title: string | null;
}

/** Longest chain of managers that is walked (CO-10). */
const CHAIN_LIMIT = 50;

/** Managers of an agent, nearest first, at most 50. A ring in old data ends the walk. */
export async function listChainOfCommand(sql: Sql, agentId: string): Promise<Manager[]> {
  return await sql.query<Manager>(
    `WITH RECURSIVE chain AS (
       SELECT m.id, m.name, m.role, m.title, m.reports_to, 1 AS depth
         FROM agents a JOIN agents m ON m.id = a.reports_to WHERE a.id = $1
       UNION ALL
       SELECT m.id, m.name, m.role, m.title, m.reports_to, c.depth + 1
         FROM chain c JOIN agents m ON m.id = c.reports_to WHERE c.depth < ${CHAIN_LIMIT}
     ) CYCLE id SET is_cycle USING path
     SELECT id, name, role, title FROM chain WHERE NOT is_cycle AND id <> $1 ORDER BY depth`,
    [agentId],
    "chain_of_command",
  );
}

export interface PermissionGrant {
  readonly permissionKey: string;
  readonly scope: JsonObject | null;
}

export async function listAgentGrants(sql: Sql, agent: { id: string; companyId: string }): Promise<PermissionGrant[]> {
  const rows = await sql.query<object>(
    `SELECT permission_key, scope FROM principal_permission_grants
      WHERE company_id = $1 AND principal_type = 'agent' AND principal_id = $2 ORDER BY permission_key`,
    [agent.companyId, agent.id],
    "agent_grants",
  );
  return rows.map((row) => camelRow<PermissionGrant>(row));
}

/** The driver and status of an environment of a company, for API-222; null when there is none. */
export async function findEnvironment(
  sql: Sql,
  environment: { id: string; companyId: string },
): Promise<{ driver: string; status: string } | null> {
  const rows = await sql.query<{ driver: string; status: string }>(
    "SELECT driver, status FROM environments WHERE id = $1 AND company_id = $2",
    [environment.id, environment.companyId],
  );
  return rows[0] ?? null;
}
