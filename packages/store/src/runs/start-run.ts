/** EX-1, EX-8, EX-11, LG-5: what a worker writes while its run goes on. Every statement is fenced. */
import type { AgentStatus, JsonObject } from "@wakefleet/contracts";
import { toDatabaseJson } from "../database-json.js";
import { camelRow, type RunEventRow } from "../rows.js";
import type { Sql } from "../sql.js";
import type { RunFence, Transition } from "./fence.js";

export interface StartRunInput {
  readonly adapterType: string;
  readonly sessionIdBefore: string | null;
  /** Only the context keys the worker built (EX-8): a wake that joined meanwhile is not overwritten. */
  readonly contextKeys: JsonObject;
  readonly logStore: string;
  readonly logRef: string;
}

export interface StartedRun {
  readonly event: RunEventRow;
  /** The agent's status after it, and whether it changed. */
  readonly agentStatus: AgentStatus;
}

/**
 * One statement: the agent's runtime state row exists, session and context keys are stored, the log's place is known, the
 * agent is `running` unless it is not invokable by now (AL-1), and the event `run started` is written.
 */
export async function startRunIfHeld(sql: Sql, fence: RunFence, input: StartRunInput): Promise<Transition<StartedRun>> {
  const rows = await sql.query<Record<string, unknown>>(
    `WITH run AS (
       UPDATE heartbeat_runs SET session_id_before = $4,
              context_snapshot = coalesce(context_snapshot, '{}'::jsonb) || $5::jsonb,
              log_store = $6, log_ref = $7, event_seq = event_seq + 1, updated_at = now()
        WHERE id = $1 AND worker_id = $2 AND claim_token = $3 AND status = 'running'
       RETURNING id, company_id, agent_id, event_seq
     ), state AS (
       INSERT INTO agent_runtime_state (agent_id, company_id, adapter_type)
       SELECT agent_id, company_id, $8 FROM run ON CONFLICT (agent_id) DO NOTHING
     ), agent AS (
       UPDATE agents a SET status = 'running', updated_at = now()
         FROM run WHERE a.id = run.agent_id AND a.status NOT IN ('paused','terminated','pending_approval','running')
       RETURNING a.status
     ), event AS (
       INSERT INTO heartbeat_run_events (company_id, run_id, agent_id, seq, event_type, stream, level, message)
       SELECT company_id, id, agent_id, event_seq, 'lifecycle', 'system', 'info', 'run started' FROM run
       RETURNING *
     )
     SELECT event.*, coalesce((SELECT status FROM agent), (SELECT a.status FROM agents a WHERE a.id = event.agent_id)) AS agent_status
       FROM event`,
    [
      fence.runId,
      fence.workerId,
      fence.claimToken,
      input.sessionIdBefore,
      toDatabaseJson(input.contextKeys),
      input.logStore,
      input.logRef,
      input.adapterType,
    ],
    "start_run_if_held",
  );
  const row = rows[0];
  if (row === undefined) return { kind: "lost" };
  const { agent_status: agentStatus, ...event } = row;
  return { kind: "moved", row: { event: camelRow<RunEventRow>(event), agentStatus: agentStatus as AgentStatus } };
}

/** EX-11: the child's identity is stored at once. Answers false when the fence refused. */
export async function storeSpawnIfHeld(
  sql: Sql,
  fence: RunFence,
  child: { pid: number; processGroupId: number | null; startedAt: Date },
): Promise<boolean> {
  const rows = await sql.query(
    `UPDATE heartbeat_runs SET process_pid = $4, process_group_id = $5, process_started_at = $6, updated_at = now()
      WHERE id = $1 AND worker_id = $2 AND claim_token = $3 AND status = 'running' RETURNING id`,
    [fence.runId, fence.workerId, fence.claimToken, child.pid, child.processGroupId, child.startedAt],
    "store_spawn_if_held",
  );
  return rows.length === 1;
}

export interface OutputProgress {
  readonly runId: string;
  readonly claimToken: number;
  readonly lastOutputAt: Date;
  readonly seq: number;
  readonly stream: string;
  readonly bytes: number;
}

/** LG-5, for many runs of one worker at once. */
export async function storeOutputProgress(
  sql: Sql,
  workerId: string,
  progress: readonly OutputProgress[],
): Promise<void> {
  await sql.query(
    `UPDATE heartbeat_runs r SET last_output_at = p."lastOutputAt", last_output_seq = p.seq, last_output_stream = p.stream,
            last_output_bytes = p.bytes, updated_at = now()
       FROM jsonb_to_recordset($2::jsonb) AS p("runId" uuid, "claimToken" bigint, "lastOutputAt" timestamptz, seq int,
            stream text, bytes bigint)
      WHERE r.id = p."runId" AND r.worker_id = $1 AND r.claim_token = p."claimToken" AND r.status = 'running'`,
    [workerId, JSON.stringify(progress)],
    "store_output_progress",
  );
}
