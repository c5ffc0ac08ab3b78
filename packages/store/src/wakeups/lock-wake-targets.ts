/**
 * The locks under which wakes are decided: first the agents, then the issues, each in id order, so that no two
 * transactions of the fleet can wait for each other in a circle. Claims and ends take them in the same order.
 *
 * `FOR NO KEY UPDATE` is enough to exclude each other and does not stand in the way of rows that merely refer to the
 * agent or issue (their foreign keys take `FOR KEY SHARE`).
 */
import type { IssuePriority, IssueStatus, JsonObject } from "@wakefleet/contracts";
import { type AgentRow, camelRow } from "../rows.js";
import type { Sql } from "../sql.js";

export type LockedAgent = Pick<
  AgentRow,
  | "id"
  | "companyId"
  | "name"
  | "status"
  | "adapterType"
  | "adapterConfig"
  | "runtimeConfig"
  | "maxConcurrentRuns"
  | "defaultEnvironmentId"
>;

export interface LockedAgents {
  readonly agents: ReadonlyMap<string, LockedAgent>;
  /** The transaction's instant by the database's clock (DM-4). */
  readonly now: Date;
}

/** Locks the agents that exist among `agentIds`. */
export async function lockAgents(tx: Sql, agentIds: readonly string[]): Promise<LockedAgents> {
  const rows = await tx.query<Record<string, unknown> & { now: Date }>(
    `SELECT a.id, a.company_id, a.name, a.status, a.adapter_type, a.adapter_config, a.runtime_config, a.max_concurrent_runs,
            a.default_environment_id, n.now
       FROM (SELECT now() AS now) n
       LEFT JOIN (
         SELECT * FROM agents WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
       ) a ON true`,
    [agentIds],
    "lock_agents",
  );
  const agents = new Map<string, LockedAgent>();
  for (const row of rows) {
    const agent = camelRow<LockedAgent & { now: Date }>(row);
    if (agent.id !== null) agents.set(agent.id, agent);
  }
  return { agents, now: rows[0]?.now ?? new Date(0) };
}

export interface LockedIssue {
  readonly id: string;
  readonly companyId: string;
  readonly identifier: string | null;
  readonly status: IssueStatus;
  readonly priority: IssuePriority;
  readonly assigneeAgentId: string | null;
  readonly executionRunId: string | null;
  readonly executionState: JsonObject | null;
  readonly hasUnresolvedBlockers: boolean;
}

/** Locks the issues that exist among `issueIds` and says whether something blocks them (only `done` resolves, API-162). */
export async function lockIssues(tx: Sql, issueIds: readonly string[]): Promise<ReadonlyMap<string, LockedIssue>> {
  const rows = await tx.query<Record<string, unknown>>(
    `SELECT i.id, i.company_id, i.identifier, i.status, i.priority, i.assignee_agent_id, i.execution_run_id,
            i.execution_state, EXISTS (
              SELECT 1 FROM issue_relations b JOIN issues x ON x.id = b.issue_id
               WHERE b.company_id = i.company_id AND b.related_issue_id = i.id AND b.type = 'blocks' AND x.status <> 'done'
            ) AS has_unresolved_blockers
       FROM issues i WHERE i.id = ANY($1::uuid[]) ORDER BY i.id FOR NO KEY UPDATE OF i`,
    [issueIds],
    "lock_issues",
  );
  return new Map(rows.map((row) => [row["id"] as string, camelRow<LockedIssue>(row)]));
}
