/** An agent's runtime state and task sessions as people read and reset them (API-87 to API-89, DM-22, DM-23). */
import type { JsonObject } from "@wakefleet/contracts";
import { HEARTBEAT_TASK_KEY } from "@wakefleet/domain";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

export interface AgentRuntimeStateRow {
  agentId: string;
  companyId: string;
  adapterType: string;
  sessionId: string | null;
  stateJson: JsonObject;
  lastRunId: string | null;
  lastRunStatus: string | null;
  totalInputTokens: number;
  totalOutputTokens: number;
  totalCachedInputTokens: number;
  totalCostCents: number;
  lastError: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface AgentTaskSessionRow {
  id: string;
  companyId: string;
  agentId: string;
  adapterType: string;
  taskKey: string;
  sessionParamsJson: JsonObject | null;
  sessionDisplayId: string | null;
  lastRunId: string | null;
  lastError: string | null;
  createdAt: Date;
  updatedAt: Date;
}

interface AgentIdentity {
  readonly id: string;
  readonly companyId: string;
  readonly adapterType: string;
}

/** Reads the state; a missing row is made (API-87). */
export async function ensureAgentRuntimeState(sql: Sql, agent: AgentIdentity): Promise<AgentRuntimeStateRow> {
  await sql.query(
    `INSERT INTO agent_runtime_state (agent_id, company_id, adapter_type) VALUES ($1, $2, $3)
     ON CONFLICT (agent_id) DO NOTHING`,
    [agent.id, agent.companyId, agent.adapterType],
  );
  const rows = await sql.query<object>("SELECT * FROM agent_runtime_state WHERE agent_id = $1", [agent.id]);
  if (rows[0] === undefined) throw new Error(`runtime state of agent ${agent.id} vanished`);
  return camelRow<AgentRuntimeStateRow>(rows[0]);
}

/** Newest first (API-88). */
export async function listAgentTaskSessions(sql: Sql, agent: AgentIdentity): Promise<AgentTaskSessionRow[]> {
  const rows = await sql.query<object>(
    `SELECT * FROM agent_task_sessions WHERE company_id = $1 AND agent_id = $2
      ORDER BY updated_at DESC, created_at DESC LIMIT 1000`,
    [agent.companyId, agent.id],
  );
  return rows.map((row) => camelRow<AgentTaskSessionRow>(row));
}

/**
 * Forgets sessions (API-89, SE-62): with a task key the one of that key and the agent's adapter, without one all of them
 * and the state; the agent's own goes both times. What runs meanwhile of that key leaves no session at its end (SE-63).
 * Answers how many task sessions went.
 */
export async function resetAgentSessions(tx: Sql, reset: AgentIdentity & { taskKey: string | null }): Promise<number> {
  // Runs before sessions, as an end locks them.
  await tx.query(
    `UPDATE heartbeat_runs SET session_reset_at = now(), updated_at = now()
      WHERE agent_id = $1 AND status = 'running'
        AND ($2::text IS NULL OR $2 = coalesce(task_key,
               CASE WHEN context_snapshot->>'wakeSource' = 'timer' THEN '${HEARTBEAT_TASK_KEY}' END))`,
    [reset.id, reset.taskKey],
  );
  const cleared = await tx.query<{ id: string }>(
    `DELETE FROM agent_task_sessions
      WHERE company_id = $1 AND agent_id = $2 AND ($3::text IS NULL OR (task_key = $3 AND adapter_type = $4))
      RETURNING id`,
    [reset.companyId, reset.id, reset.taskKey, reset.adapterType],
  );
  await tx.query(
    `UPDATE agent_runtime_state SET session_id = NULL, last_error = NULL, updated_at = now(),
            state_json = CASE WHEN $2::text IS NULL THEN '{}' ELSE state_json END
      WHERE agent_id = $1`,
    [reset.id, reset.taskKey],
  );
  return cleared.length;
}
