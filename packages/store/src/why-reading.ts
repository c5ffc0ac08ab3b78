/** What the answers of BY-1 rest on beside receipts: an agent's queue, slots, deferred requests and budget as they are now. */
import type { ActorType, InvocationSource, Receipt, WakeupStatus } from "@wakefleet/contracts";
import type { BudgetFacts } from "@wakefleet/domain";
import { budgetFactsOf } from "./policy/policy-facts-sql.js";
import { camelRow } from "./rows.js";
import { SELECT_RUN_FOR_JOB, type UndispatchedRun } from "./runs/outbox.js";
import { type Sql, uuidOf } from "./sql.js";

/** An agent's waiting runs with what orders them, oldest first. */
export async function listWaitingRuns(
  sql: Sql,
  query: { agentId: string; companyId: string; limit: number },
): Promise<UndispatchedRun[]> {
  const rows = await sql.query<object>(
    `WITH picked AS (
       SELECT id FROM heartbeat_runs
        WHERE company_id = $2 AND agent_id = $1 AND status IN ('queued','scheduled_retry') ORDER BY created_at, id LIMIT $3
     ) ${SELECT_RUN_FOR_JOB}`,
    [query.agentId, query.companyId, query.limit],
    "list_waiting_runs",
  );
  return rows.map((row) => camelRow<UndispatchedRun>(row));
}

/** A request that waits behind another's run. */
export interface DeferredBehind {
  readonly requestId: string;
  readonly issueId: string;
  readonly runId: string | null;
  readonly agentId: string | null;
  readonly status: string | null;
}

export interface AgentWhyFacts {
  readonly now: Date;
  readonly runningRunIds: readonly string[];
  readonly queued: number;
  readonly scheduledRetry: number;
  readonly deferredCount: number;
  /** The oldest few of them. */
  readonly deferred: readonly DeferredBehind[];
  readonly budget: BudgetFacts;
  readonly workersAlive: number;
}

/** How many deferred requests are shown one by one. */
const DEFERRED_SHOWN = 5;

/** One statement. `leaseMs` says how long a worker counts as alive (DM-44). */
export async function readAgentWhyFacts(
  sql: Sql,
  query: { agentId: string; companyId: string; leaseMs: number },
): Promise<AgentWhyFacts> {
  const rows = await sql.query<AgentWhyFacts>(
    `SELECT now() AS now,
            coalesce((SELECT array_agg(r.id ORDER BY r.started_at) FROM heartbeat_runs r
                       WHERE r.agent_id = a.id AND r.status = 'running'), '{}') AS "runningRunIds",
            (SELECT count(*)::int FROM heartbeat_runs r WHERE r.agent_id = a.id AND r.status = 'queued') AS queued,
            (SELECT count(*)::int FROM heartbeat_runs r
              WHERE r.company_id = a.company_id AND r.agent_id = a.id AND r.status = 'scheduled_retry') AS "scheduledRetry",
            (SELECT count(*)::int FROM agent_wakeup_requests w
              WHERE w.company_id = a.company_id AND w.agent_id = a.id AND w.status = 'deferred_issue_execution') AS "deferredCount",
            coalesce((SELECT jsonb_agg(d.*) FROM (
               SELECT w.id AS "requestId", w.issue_id AS "issueId", h.id AS "runId", h.agent_id AS "agentId", h.status
                 FROM agent_wakeup_requests w
                 LEFT JOIN issues i ON i.id = ${uuidOf("w.issue_id")} AND i.company_id = w.company_id
                 LEFT JOIN heartbeat_runs h ON h.id = i.execution_run_id
                WHERE w.company_id = a.company_id AND w.agent_id = a.id AND w.status = 'deferred_issue_execution'
                ORDER BY w.requested_at LIMIT ${DEFERRED_SHOWN}) d), '[]'::jsonb) AS deferred,
            ${budgetFactsOf("a", "'{}'::uuid[]")} AS budget,
            (SELECT count(*)::int FROM workers w WHERE w.stopped_at IS NULL
                AND w.last_seen_at > now() - $2 * interval '1 millisecond') AS "workersAlive"
       FROM agents a WHERE a.id = $1 AND a.company_id = $3`,
    [query.agentId, query.leaseMs, query.companyId],
    "agent_why_facts",
  );
  const facts = rows[0];
  if (facts === undefined) throw new Error(`agent ${query.agentId} is gone`);
  return facts;
}

export interface RunWakeup {
  readonly id: string;
  readonly status: WakeupStatus;
  readonly source: InvocationSource;
  readonly reason: string | null;
  readonly requestedByActorType: ActorType | null;
  readonly requestedByActorId: string | null;
  readonly requestedAt: Date;
  readonly receipts: readonly Receipt[];
}

/** The requests that became or joined a run, oldest first. */
export async function listWakeupsOfRun(sql: Sql, query: { runId: string; limit: number }): Promise<RunWakeup[]> {
  const rows = await sql.query<object>(
    `SELECT id, status, source, reason, requested_by_actor_type, requested_by_actor_id, requested_at, receipts
       FROM agent_wakeup_requests WHERE run_id = $1 ORDER BY requested_at, id LIMIT $2`,
    [query.runId, query.limit],
    "list_wakeups_of_run",
  );
  return rows.map((row) => camelRow<RunWakeup>(row));
}
