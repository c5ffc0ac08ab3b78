/**
 * Deleting an agent with everything that is its own (DM-16, AL-16). What others did stays, also where it was about the
 * agent or its runs: only the reference goes (AC-6). Hold the agent's row; its runs have ended.
 */
import type { Sql } from "./sql.js";

/** What forbids it, asked under the agent's lock. */
export interface AgentDeletionFacts {
  readonly hasRunningRun: boolean;
  readonly hasCostEvents: boolean;
}

export async function readAgentDeletionFacts(tx: Sql, agentId: string): Promise<AgentDeletionFacts> {
  const rows = await tx.query<AgentDeletionFacts>(
    `SELECT EXISTS (SELECT 1 FROM heartbeat_runs WHERE agent_id = $1 AND status = 'running') AS "hasRunningRun",
            EXISTS (SELECT 1 FROM cost_events e JOIN agents a ON a.id = e.agent_id AND a.company_id = e.company_id
                     WHERE a.id = $1) AS "hasCostEvents"`,
    [agentId],
  );
  if (rows[0] === undefined) throw new Error("a SELECT of EXISTS answers one row");
  return rows[0];
}

/** In order: references of others become null, then what is the agent's own, children first. `$1` is the agent's id. */
const STEPS: readonly string[] = [
  "UPDATE agents SET reports_to = NULL WHERE reports_to = $1",
  `UPDATE issues SET assignee_agent_id = CASE WHEN assignee_agent_id = $1 THEN NULL ELSE assignee_agent_id END,
          created_by_agent_id = CASE WHEN created_by_agent_id = $1 THEN NULL ELSE created_by_agent_id END, updated_at = now()
    WHERE id IN (SELECT id FROM issues WHERE assignee_agent_id = $1 OR created_by_agent_id = $1 ORDER BY id FOR NO KEY UPDATE)`,
  "UPDATE projects SET lead_agent_id = NULL WHERE lead_agent_id = $1",
  "UPDATE approvals SET requested_by_agent_id = NULL WHERE requested_by_agent_id = $1",
  `UPDATE issue_thread_interactions SET
          created_by_agent_id = CASE WHEN created_by_agent_id = $1 THEN NULL ELSE created_by_agent_id END,
          resolved_by_agent_id = CASE WHEN resolved_by_agent_id = $1 THEN NULL ELSE resolved_by_agent_id END
    WHERE created_by_agent_id = $1 OR resolved_by_agent_id = $1`,
  `UPDATE agent_task_sessions SET last_run_id = NULL
    WHERE agent_id <> $1 AND last_run_id IN (SELECT id FROM heartbeat_runs WHERE agent_id = $1)`,
  "DELETE FROM heartbeat_run_events WHERE run_id IN (SELECT id FROM heartbeat_runs WHERE agent_id = $1)",
  "DELETE FROM agent_task_sessions WHERE agent_id = $1",
  `DELETE FROM activity_log WHERE actor_type = 'agent' AND agent_id = $1`,
  `DELETE FROM activity_log WHERE actor_type NOT IN ('agent','user')
      AND (agent_id = $1 OR run_id IN (SELECT id FROM heartbeat_runs WHERE agent_id = $1))`,
  "UPDATE activity_log SET agent_id = NULL WHERE agent_id = $1",
  "UPDATE activity_log SET run_id = NULL WHERE run_id IN (SELECT id FROM heartbeat_runs WHERE agent_id = $1)",
  "DELETE FROM issue_execution_decisions WHERE actor_agent_id = $1",
  "DELETE FROM issue_comments WHERE author_agent_id = $1",
  "DELETE FROM heartbeat_runs WHERE agent_id = $1",
  "DELETE FROM agent_wakeup_requests WHERE agent_id = $1",
  "DELETE FROM agent_api_keys WHERE agent_id = $1",
  "DELETE FROM agent_runtime_state WHERE agent_id = $1",
  "DELETE FROM principal_permission_grants WHERE principal_type = 'agent' AND principal_id = $1::uuid::text",
  "DELETE FROM company_memberships WHERE principal_type = 'agent' AND principal_id = $1::uuid::text",
  "DELETE FROM budget_incidents WHERE scope_type = 'agent' AND scope_id = $1",
  "DELETE FROM budget_policies WHERE scope_type = 'agent' AND scope_id = $1",
  "DELETE FROM budget_counters WHERE scope_type = 'agent' AND scope_id = $1",
  "DELETE FROM agents WHERE id = $1",
];

export async function deleteAgentRows(tx: Sql, agentId: string): Promise<void> {
  for (const step of STEPS) await tx.query(step, [agentId]);
}
