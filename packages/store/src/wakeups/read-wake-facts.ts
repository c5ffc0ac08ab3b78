/**
 * Everything the decision on a set of wakes rests on, read in one statement under the locks of lock-wake-targets.ts:
 * active runs of the same task or issue, deferred requests, sessions, and what an idempotency key was answered before.
 * Each part is an index lookup (DM-27, DM-31); nothing filters on a JSON column (RL-25).
 */
import type { JsonObject } from "@wakefleet/contracts";
import { runFromJson } from "../database-json.js";
import type { RunRow } from "../rows.js";
import type { Sql } from "../sql.js";

export interface WakeFactsQuery {
  /** Wakes without an issue: which (agent, task key) they are about. Same length. */
  readonly taskAgentIds: readonly string[];
  readonly taskKeys: readonly (string | null)[];
  /** Locked issues, each in its company. */
  readonly issueIds: readonly string[];
  readonly companyIds: readonly string[];
  /** Lock holders named by the issues; they count if they are active. */
  readonly lockRunIds: readonly string[];
  /** (agent, key) pairs to look up (WK-42). Same length. */
  readonly keyAgentIds: readonly string[];
  readonly keys: readonly string[];
}

export interface StoredAnswer {
  readonly agentId: string;
  readonly idempotencyKey: string;
  readonly fingerprint: string;
  readonly responseStatus: number;
  readonly responseJson: JsonObject;
}

export interface DeferredRequest {
  readonly id: string;
  readonly agentId: string;
  readonly issueId: string;
  readonly payload: JsonObject | null;
}

export interface TaskSessionFact {
  readonly agentId: string;
  readonly adapterType: string;
  /** Null: the agent's own runtime session. */
  readonly taskKey: string | null;
  readonly displayId: string | null;
}

export interface WakeFacts {
  readonly runs: RunRow[];
  /** Names of the agents of `runs` that were not locked by this transaction. */
  readonly agentNames: ReadonlyMap<string, string>;
  readonly deferred: DeferredRequest[];
  readonly answers: StoredAnswer[];
  readonly sessions: TaskSessionFact[];
}

const ACTIVE = "('queued','scheduled_retry','running')";

const READ_WAKE_FACTS = `
  WITH task AS (SELECT agent_id, task_key FROM unnest($1::uuid[], $2::text[]) AS t(agent_id, task_key)),
       named AS (SELECT company_id, issue_id FROM unnest($3::uuid[], $4::text[]) AS n(company_id, issue_id)),
       keyed AS (SELECT agent_id, key FROM unnest($6::uuid[], $7::text[]) AS k(agent_id, key)),
       active AS (
         SELECT r.* FROM (SELECT DISTINCT * FROM task WHERE task_key IS NOT NULL) t JOIN heartbeat_runs r
                ON r.agent_id = t.agent_id AND r.task_key = t.task_key AND r.status IN ${ACTIVE}
         UNION
         SELECT r.* FROM (SELECT DISTINCT agent_id FROM task WHERE task_key IS NULL) t JOIN heartbeat_runs r
                ON r.agent_id = t.agent_id AND r.task_key IS NULL AND r.status IN ${ACTIVE}
         UNION
         SELECT r.* FROM named n JOIN heartbeat_runs r
                ON r.company_id = n.company_id AND r.issue_id = n.issue_id AND r.status IN ${ACTIVE}
         UNION
         SELECT r.* FROM heartbeat_runs r WHERE r.id = ANY($5::uuid[]) AND r.status IN ${ACTIVE}
       )
  SELECT 'run' AS kind, to_jsonb(active) || jsonb_build_object('agent_name', a.name) AS doc
    FROM active JOIN agents a ON a.id = active.agent_id
  UNION ALL
  SELECT 'deferred', jsonb_build_object('id', w.id, 'agentId', w.agent_id, 'issueId', w.issue_id, 'payload', w.payload)
    FROM named n JOIN agent_wakeup_requests w
      ON w.company_id = n.company_id AND w.issue_id = n.issue_id AND w.status = 'deferred_issue_execution'
  UNION ALL
  SELECT 'answer', jsonb_build_object('agentId', w.agent_id, 'idempotencyKey', w.idempotency_key,
           'fingerprint', w.idempotency_fingerprint, 'responseStatus', w.response_status, 'responseJson', w.response_json)
    FROM keyed k JOIN agent_wakeup_requests w ON w.agent_id = k.agent_id AND w.idempotency_key = k.key
  UNION ALL
  SELECT 'session', jsonb_build_object('agentId', s.agent_id, 'adapterType', s.adapter_type, 'taskKey', s.task_key,
           'displayId', s.session_display_id)
    FROM (SELECT DISTINCT * FROM task WHERE task_key IS NOT NULL) t
    JOIN agents a ON a.id = t.agent_id
    JOIN agent_task_sessions s ON s.company_id = a.company_id AND s.agent_id = t.agent_id
         AND s.adapter_type = a.adapter_type AND s.task_key = t.task_key
  UNION ALL
  SELECT 'session', jsonb_build_object('agentId', s.agent_id, 'adapterType', s.adapter_type, 'taskKey', NULL,
           'displayId', s.session_id)
    FROM (SELECT DISTINCT agent_id FROM task WHERE task_key IS NULL) t
    JOIN agent_runtime_state s ON s.agent_id = t.agent_id`;

/** Reads the facts. */
export async function readWakeFacts(tx: Sql, query: WakeFactsQuery): Promise<WakeFacts> {
  const rows = await tx.query<{ kind: string; doc: Record<string, unknown> }>(
    READ_WAKE_FACTS,
    [
      query.taskAgentIds,
      query.taskKeys,
      query.companyIds,
      query.issueIds,
      query.lockRunIds,
      query.keyAgentIds,
      query.keys,
    ],
    "read_wake_facts",
  );
  const facts = {
    runs: [] as RunRow[],
    agentNames: new Map<string, string>(),
    deferred: [] as DeferredRequest[],
    answers: [] as StoredAnswer[],
    sessions: [] as TaskSessionFact[],
  };
  for (const { kind, doc } of rows) {
    if (kind === "run") {
      const { agent_name: name, ...row } = doc;
      const run = runFromJson(row);
      facts.runs.push(run);
      facts.agentNames.set(run.agentId, name as string);
    } else if (kind === "deferred") facts.deferred.push(doc as unknown as DeferredRequest);
    else if (kind === "answer") facts.answers.push(doc as unknown as StoredAnswer);
    else facts.sessions.push(doc as unknown as TaskSessionFact);
  }
  return facts;
}
