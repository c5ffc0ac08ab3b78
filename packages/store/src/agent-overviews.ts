/** Agents as overviews show them (API-90): who reports to whom, and whose timer beats. Reading only. */
import type { AgentStatus, JsonObject } from "@wakefleet/contracts";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

export interface OrgAgent {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly status: AgentStatus;
  readonly reportsTo: string | null;
}

/** A company's agents that are not terminated, oldest first, at most `limit`. */
export async function listOrgAgents(sql: Sql, query: { companyId: string; limit: number }): Promise<OrgAgent[]> {
  return await sql.query<OrgAgent>(
    `SELECT id, name, role, status, reports_to AS "reportsTo" FROM agents
      WHERE company_id = $1 AND status <> 'terminated' ORDER BY created_at, id LIMIT $2`,
    [query.companyId, query.limit],
  );
}

export interface HeartbeatAgent {
  readonly id: string;
  readonly companyId: string;
  readonly companyName: string;
  readonly companyIssuePrefix: string;
  readonly agentName: string;
  readonly role: string;
  readonly title: string | null;
  readonly status: AgentStatus;
  readonly adapterType: string;
  readonly runtimeConfig: JsonObject;
  readonly lastHeartbeatAt: Date | null;
}

/** Agents of every company that may be woken, by company and name, at most `limit`. */
export async function listHeartbeatAgents(sql: Sql, limit: number): Promise<HeartbeatAgent[]> {
  const rows = await sql.query<object>(
    `SELECT a.id, a.company_id, c.name AS company_name, c.issue_prefix AS company_issue_prefix, a.name AS agent_name,
            a.role, a.title, a.status, a.adapter_type, a.runtime_config, a.last_heartbeat_at
       FROM agents a JOIN companies c ON c.id = a.company_id
      WHERE a.status NOT IN ('paused','terminated','pending_approval')
      ORDER BY c.name, a.name, a.id LIMIT $1`,
    [limit],
  );
  return rows.map((row) => camelRow<HeartbeatAgent>(row));
}
