/**
 * Runs and wakeups as people and programs read them (API-104, API-105, API-120 to API-134). Reading only: every
 * transition of a run has its own writer elsewhere.
 */

import { EXHAUSTED_TEXT_START } from "@wakefleet/domain";
import { SOFT_LIMITS_OF_RUN, type SoftLimit } from "./budget/soft-limits.js";
import { Conditions, type Page, pageOf } from "./conditions.js";
import { camelRow, type RunEventRow, type RunRow, type WakeupRow } from "./rows.js";
import type { Sql } from "./sql.js";

export async function findRun(sql: Sql, id: string): Promise<RunRow | null> {
  const rows = await sql.query<object>("SELECT * FROM heartbeat_runs WHERE id = $1", [id], "find_run");
  return rows[0] === undefined ? null : camelRow<RunRow>(rows[0]);
}

/** Whether a run's wake was about this issue (CO-13). */
export async function isRunAboutIssue(sql: Sql, ids: { runId: string; issueId: string }): Promise<boolean> {
  const rows = await sql.query<object>("SELECT 1 AS about FROM heartbeat_runs WHERE id = $1 AND issue_id = $2", [
    ids.runId,
    ids.issueId,
  ]);
  return rows.length > 0;
}

/** Those of the given runs that have ended. */
export async function listEndedRuns(sql: Sql, ids: readonly string[]): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    "SELECT id FROM heartbeat_runs WHERE id = ANY($1::uuid[]) AND status NOT IN ('queued','scheduled_retry','running')",
    [ids],
    "list_ended_runs",
  );
  return rows.map(({ id }) => id);
}

/** What a run token is checked against (API-31). */
export interface RunTokenFacts {
  readonly agentId: string;
  readonly companyId: string;
  readonly status: string;
  readonly startToken: number | null;
  /** The run ended more than five minutes ago, by the database's clock. */
  readonly endedLongAgo: boolean;
  readonly agentStatus: string;
  readonly agentRole: string;
  readonly agentPermissions: Record<string, unknown>;
  /** What the agent is to be told of its budgets (BY-6). */
  readonly softLimits: readonly SoftLimit[];
}

export async function findRunTokenFacts(sql: Sql, runId: string): Promise<RunTokenFacts | null> {
  const rows = await sql.query<object>(
    `SELECT r.agent_id, r.company_id, r.status, r.start_token,
            (r.finished_at IS NOT NULL AND r.finished_at < now() - interval '5 minutes') AS ended_long_ago,
            a.status AS agent_status, a.role AS agent_role, a.permissions AS agent_permissions,
            ${SOFT_LIMITS_OF_RUN} AS soft_limits
       FROM heartbeat_runs r JOIN agents a ON a.id = r.agent_id WHERE r.id = $1`,
    [runId],
    "run_token_facts",
  );
  return rows[0] === undefined ? null : camelRow<RunTokenFacts>(rows[0]);
}

/**
 * Whether a run still is the one that was started under this claim (BY-8). The row stays locked against its end until the
 * transaction is over; call it last, after every other lock (agents, issues, then runs).
 */
export async function holdClaim(tx: Sql, claim: { runId: string; claimToken: number }): Promise<boolean> {
  const rows = await tx.query<object>(
    "SELECT 1 FROM heartbeat_runs WHERE id = $1 AND start_token = $2 FOR SHARE",
    [claim.runId, claim.claimToken],
    "hold_claim",
  );
  return rows.length > 0;
}

export interface RunFilter {
  readonly companyId: string;
  readonly agentId?: string | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly sources?: readonly string[] | undefined;
  readonly issueId?: string | undefined;
  readonly taskKey?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  /** Only runs whose wakeup this key's principal posted (API-36). */
  readonly requestedBy?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Newest first (API-120). */
export async function listRuns(sql: Sql, filter: RunFilter): Promise<Page<RunRow>> {
  const conditions = new Conditions()
    .when(filter.companyId, (p) => `r.company_id = ${p}`)
    .when(filter.agentId, (p) => `r.agent_id = ${p}`)
    .when(filter.statuses, (p) => `r.status = ANY(${p}::text[])`)
    .when(filter.sources, (p) => `r.invocation_source = ANY(${p}::text[])`)
    .when(filter.issueId, (p) => `r.issue_id = ${p}`)
    .when(filter.taskKey, (p) => `r.task_key = ${p}`)
    .when(filter.since, (p) => `r.created_at >= ${p}`)
    .when(filter.until, (p) => `r.created_at <= ${p}`)
    .when(
      filter.requestedBy,
      (p) => `EXISTS (SELECT 1 FROM agent_wakeup_requests w WHERE w.run_id = r.id
                 AND w.requested_by_actor_type = 'user' AND w.requested_by_actor_id = ${p})`,
    )
    .when(
      filter.cursor,
      (p) => `(r.created_at, r.id) < (SELECT c.created_at, c.id FROM heartbeat_runs c WHERE c.id = ${p})`,
    );
  const rows = await sql.query<object>(
    `SELECT r.* FROM heartbeat_runs r WHERE ${conditions.where}
      ORDER BY r.created_at DESC, r.id DESC LIMIT ${conditions.bind(filter.limit + 1)}`,
    conditions.values,
  );
  return pageOf(
    rows.map((row) => camelRow<RunRow>(row)),
    filter.limit,
  );
}

export interface RunWorker {
  readonly id: string;
  readonly hostname: string;
  readonly pid: number;
  readonly alive: boolean;
}

/** The worker that holds or held a run, and the runs that retried it (API-121). `leaseMs` says how long one is alive (DM-44). */
export async function findRunCompany(
  sql: Sql,
  query: { run: RunRow; leaseMs: number },
): Promise<{ worker: RunWorker | null; retries: string[] }> {
  const [workers, retries] = await Promise.all([
    query.run.workerId === null
      ? []
      : sql.query<RunWorker>(
          `SELECT id, hostname, pid,
                  (stopped_at IS NULL AND last_seen_at > now() - $2 * interval '1 millisecond') AS alive
             FROM workers WHERE id = $1`,
          [query.run.workerId, query.leaseMs],
        ),
    sql.query<{ id: string }>("SELECT id FROM heartbeat_runs WHERE retry_of_run_id = $1 ORDER BY created_at, id", [
      query.run.id,
    ]),
  ]);
  return { worker: workers[0] ?? null, retries: retries.map((row) => row.id) };
}

/** RD-4, RT-5: what was said of runs whose bounded retries are used up, by run id. */
export async function readRetryExhaustedReasons(
  sql: Sql,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (runIds.length === 0) return new Map();
  const rows = await sql.query<{ runId: string; message: string }>(
    `SELECT run_id AS "runId", message FROM heartbeat_run_events
      WHERE run_id = ANY($1::uuid[]) AND event_type = 'lifecycle' AND message LIKE $2 ORDER BY run_id, seq`,
    [runIds, `${EXHAUSTED_TEXT_START}%`],
    "read_retry_exhausted_reasons",
  );
  return new Map(rows.map((row) => [row.runId, row.message]));
}

/** Events by number (API-122). */
export async function listRunEvents(
  sql: Sql,
  filter: { runId: string; afterSeq: number; limit: number },
): Promise<RunEventRow[]> {
  const rows = await sql.query<object>(
    "SELECT * FROM heartbeat_run_events WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    [filter.runId, filter.afterSeq, filter.limit],
  );
  return rows.map((row) => camelRow<RunEventRow>(row));
}

/** A run with what live lists show of its agent. */
export interface LiveRun extends RunRow {
  agentName: string;
  adapterType: string;
}

const WITH_AGENT = `SELECT r.*, a.name AS agent_name, a.adapter_type FROM heartbeat_runs r JOIN agents a ON a.id = r.agent_id`;

/** Queued and running ones, newest first, filled up to `minCount` with the newest finished ones (API-131). */
export async function listLiveRuns(
  sql: Sql,
  filter: { companyId: string; limit: number; minCount: number },
): Promise<LiveRun[]> {
  const live = await sql.query<object>(
    `${WITH_AGENT} WHERE r.company_id = $1 AND r.status IN ('queued', 'running')
      ORDER BY r.created_at DESC, r.id DESC LIMIT $2`,
    [filter.companyId, filter.limit],
  );
  const missing = Math.min(filter.minCount, filter.limit) - live.length;
  const finished =
    missing <= 0
      ? []
      : await sql.query<object>(
          `${WITH_AGENT} WHERE r.company_id = $1 AND r.status NOT IN ('queued', 'running', 'scheduled_retry')
            ORDER BY r.created_at DESC, r.id DESC LIMIT $2`,
          [filter.companyId, missing],
        );
  return [...live, ...finished].map((row) => camelRow<LiveRun>(row));
}

/** Queued and running runs about one issue, newest first (API-132). */
export async function listIssueLiveRuns(sql: Sql, issue: { id: string; companyId: string }): Promise<LiveRun[]> {
  const rows = await sql.query<object>(
    `${WITH_AGENT} WHERE r.company_id = $1 AND r.issue_id = $2 AND r.status IN ('queued', 'running')
      ORDER BY r.created_at DESC, r.id DESC LIMIT 1000`,
    [issue.companyId, issue.id],
  );
  return rows.map((row) => camelRow<LiveRun>(row));
}

/**
 * The run that works on an issue now (API-133): the lock's, if it is queued or running and about this issue; else, for an
 * `in_progress` issue, its assignee's running one.
 */
export async function findActiveIssueRun(sql: Sql, issueId: string): Promise<LiveRun | null> {
  const rows = await sql.query<object>(
    `SELECT r.*, a.name AS agent_name, a.adapter_type
       FROM issues i JOIN heartbeat_runs r ON r.company_id = i.company_id AND r.issue_id = i.id::text
       JOIN agents a ON a.id = r.agent_id
      WHERE i.id = $1 AND (
        (r.id = i.execution_run_id AND r.status IN ('queued', 'running'))
        OR (i.status = 'in_progress' AND r.agent_id = i.assignee_agent_id AND r.status = 'running'))
      ORDER BY (r.id = i.execution_run_id) DESC NULLS LAST, r.created_at DESC LIMIT 1`,
    [issueId],
  );
  return rows[0] === undefined ? null : camelRow<LiveRun>(rows[0]);
}

/** Runs about an issue, or that left activity on it, newest first (API-134). */
export async function listIssueRuns(
  sql: Sql,
  filter: { issueId: string; companyId: string; limit: number },
): Promise<LiveRun[]> {
  const rows = await sql.query<object>(
    `${WITH_AGENT} WHERE r.company_id = $1 AND (r.issue_id = $2 OR r.id IN (
        SELECT l.run_id FROM activity_log l
         WHERE l.entity_type = 'issue' AND l.entity_id = $2 AND l.company_id = $1 AND l.run_id IS NOT NULL))
      ORDER BY r.created_at DESC, r.id DESC LIMIT $3`,
    [filter.companyId, filter.issueId, filter.limit],
  );
  return rows.map((row) => camelRow<LiveRun>(row));
}

export async function findWakeup(sql: Sql, id: string): Promise<WakeupRow | null> {
  const rows = await sql.query<object>("SELECT * FROM agent_wakeup_requests WHERE id = $1", [id], "find_wakeup");
  return rows[0] === undefined ? null : camelRow<WakeupRow>(rows[0]);
}

/** True when a person's or key's wake caused or joined this run (API-36: enqueue keys read only their own). */
export async function isRunRequestedBy(sql: Sql, query: { runId: string; actorId: string }): Promise<boolean> {
  const rows = await sql.query<{ id: string }>(
    `SELECT id FROM agent_wakeup_requests
      WHERE run_id = $1 AND requested_by_actor_type = 'user' AND requested_by_actor_id = $2 LIMIT 1`,
    [query.runId, query.actorId],
  );
  return rows.length > 0;
}

export interface WakeupFilter {
  readonly companyId: string;
  readonly agentId?: string | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly source?: string | undefined;
  readonly issueId?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly requestedBy?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Newest first (API-105). */
export async function listWakeups(sql: Sql, filter: WakeupFilter): Promise<Page<WakeupRow>> {
  const conditions = new Conditions()
    .when(filter.companyId, (p) => `w.company_id = ${p}`)
    .when(filter.agentId, (p) => `w.agent_id = ${p}`)
    .when(filter.statuses, (p) => `w.status = ANY(${p}::text[])`)
    .when(filter.source, (p) => `w.source = ${p}`)
    .when(filter.issueId, (p) => `w.issue_id = ${p}`)
    .when(filter.idempotencyKey, (p) => `w.idempotency_key = ${p}`)
    .when(filter.requestedBy, (p) => `w.requested_by_actor_type = 'user' AND w.requested_by_actor_id = ${p}`)
    .when(filter.since, (p) => `w.requested_at >= ${p}`)
    .when(filter.until, (p) => `w.requested_at <= ${p}`)
    .when(
      filter.cursor,
      (p) => `(w.requested_at, w.id) < (SELECT c.requested_at, c.id FROM agent_wakeup_requests c WHERE c.id = ${p})`,
    );
  const rows = await sql.query<object>(
    `SELECT w.* FROM agent_wakeup_requests w WHERE ${conditions.where}
      ORDER BY w.requested_at DESC, w.id DESC LIMIT ${conditions.bind(filter.limit + 1)}`,
    conditions.values,
  );
  return pageOf(
    rows.map((row) => camelRow<WakeupRow>(row)),
    filter.limit,
  );
}

/** Several runs by id, in no order. */
export async function findRuns(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, RunRow>> {
  if (ids.length === 0) return new Map();
  const rows = await sql.query<object>("SELECT * FROM heartbeat_runs WHERE id = ANY($1::uuid[])", [ids]);
  return new Map(rows.map((row) => camelRow<RunRow>(row)).map((run) => [run.id, run]));
}
