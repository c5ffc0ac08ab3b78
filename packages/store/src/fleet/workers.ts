/**
 * Worker processes and their leases (DM-43 to DM-45, RL-22). A worker is one row and its runs carry its id; renewing is
 * one statement for the worker and all its runs. All times are the database's.
 */
import type { CancelKind } from "@wakefleet/contracts";
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";

export interface NewWorker {
  readonly id: string;
  readonly hostname: string;
  readonly bootId: string;
  readonly pid: number;
  readonly version: string;
  readonly capacity: number;
}

/** Registers a process start. An id is never used twice. */
export async function registerWorker(sql: Sql, worker: NewWorker): Promise<void> {
  await sql.query(
    `INSERT INTO workers (id, hostname, boot_id, pid, version, capacity) VALUES ($1, $2, $3, $4, $5, $6)`,
    [worker.id, worker.hostname, worker.bootId, worker.pid, worker.version, worker.capacity],
  );
}

export interface HeldRun {
  readonly runId: string;
  readonly claimToken: number;
  readonly cancelRequested: boolean;
  readonly cancelReason: string | null;
  readonly cancelKind: CancelKind | null;
}

/**
 * Renews the worker and the runs it knows it holds, and tells which it does hold: a run the answer lacks is no longer its
 * own (EX-14), and a cancel that was asked for is seen here even when no message arrived (CN-2).
 *
 * Only runs that are named are renewed: one that its worker lost sight of must run out of its lease and be recovered,
 * not be kept `running` for as long as the worker lives (EX-13).
 */
export async function renewLeases(
  sql: Sql,
  input: { workerId: string; leaseMs: number; runIds: readonly string[] },
): Promise<HeldRun[]> {
  return sql.query<HeldRun>(
    `WITH worker AS (
       UPDATE workers SET last_seen_at = clock_timestamp() WHERE id = $1
     )
     UPDATE heartbeat_runs SET lease_expires_at = clock_timestamp() + make_interval(secs => $2::float8 / 1000)
      WHERE worker_id = $1 AND status = 'running' AND id = ANY($3::uuid[])
     RETURNING id AS "runId", claim_token AS "claimToken", cancel_requested_at IS NOT NULL AS "cancelRequested",
               cancel_reason AS "cancelReason", cancel_kind AS "cancelKind"`,
    [input.workerId, input.leaseMs, input.runIds],
    "renew_leases",
  );
}

/** Told to stop: claims nothing more. */
export async function markWorkerDraining(sql: Sql, workerId: string): Promise<void> {
  await sql.query(`UPDATE workers SET draining = true, last_seen_at = clock_timestamp() WHERE id = $1`, [workerId]);
}

/** A clean exit. */
export async function markWorkerStopped(sql: Sql, workerId: string): Promise<void> {
  await sql.query(`UPDATE workers SET stopped_at = now(), draining = true WHERE id = $1 AND stopped_at IS NULL`, [
    workerId,
  ]);
}

/** Ends the leases of runs this worker lets go, so that nobody waits for them (PL-5). */
export async function releaseLeases(sql: Sql, input: { workerId: string; runIds: readonly string[] }): Promise<void> {
  await sql.query(
    `UPDATE heartbeat_runs SET lease_expires_at = clock_timestamp() - interval '1 millisecond', updated_at = now()
      WHERE worker_id = $1 AND id = ANY($2::uuid[]) AND status = 'running'`,
    [input.workerId, input.runIds],
  );
}

/** A running run whose lease is over, with what is known of its child and its host (PL-1, PL-2). */
export interface OrphanedRun {
  readonly runId: string;
  readonly companyId: string;
  readonly agentId: string;
  readonly issueId: string | null;
  readonly adapterType: string;
  readonly claimToken: number;
  readonly startToken: number | null;
  readonly workerId: string;
  readonly hostname: string | null;
  readonly bootId: string | null;
  readonly processPid: number | null;
  readonly processGroupId: number | null;
  readonly processStartedAt: Date | null;
  readonly processLossRetryCount: number;
  readonly leaseOverMs: number;
  readonly cancelRequested: boolean;
  readonly cancelReason: string | null;
  readonly cancelKind: CancelKind | null;
}

const SELECT_ORPHAN = `
  SELECT r.id AS run_id, r.company_id, r.agent_id, r.issue_id, a.adapter_type, r.claim_token, r.start_token, r.worker_id,
         w.hostname, w.boot_id, r.process_pid, r.process_group_id, r.process_started_at, r.process_loss_retry_count,
         (extract(epoch FROM clock_timestamp() - r.lease_expires_at) * 1000)::float8 AS lease_over_ms,
         r.cancel_requested_at IS NOT NULL AS cancel_requested, r.cancel_reason, r.cancel_kind
    FROM heartbeat_runs r
    JOIN agents a ON a.id = r.agent_id
    LEFT JOIN workers w ON w.id = r.worker_id
   WHERE r.status = 'running' AND r.lease_expires_at < clock_timestamp()`;

/** One run, if its lease is over. */
export async function findOrphanedRun(sql: Sql, runId: string): Promise<OrphanedRun | null> {
  const rows = await sql.query<Record<string, unknown>>(`${SELECT_ORPHAN} AND r.id = $1`, [runId]);
  return rows[0] === undefined ? null : camelRow<OrphanedRun>(rows[0]);
}

/** Runs whose lease is over, longest first. With `host` only those whose child was started there. */
export async function listOrphanedRuns(
  sql: Sql,
  options: { limit: number; host: { hostname: string; bootId: string } | null },
): Promise<OrphanedRun[]> {
  const rows = await sql.query<Record<string, unknown>>(
    `${SELECT_ORPHAN}
        AND ($2::text IS NULL OR (w.hostname = $2 AND w.boot_id = $3))
      ORDER BY r.lease_expires_at LIMIT $1`,
    [options.limit, options.host?.hostname ?? null, options.host?.bootId ?? null],
    "list_orphaned_runs",
  );
  return rows.map((row) => camelRow<OrphanedRun>(row));
}

/**
 * PL-2: a worker of the child's host takes a living child's run over: a new claim token and its own lease, the start
 * token left as it is. The warning's event is written once. Answers the new token, or null when somebody was faster.
 */
export async function adoptRunIfOrphaned(
  sql: Sql,
  input: { runId: string; claimToken: number; workerId: string; leaseMs: number; text: string },
): Promise<{ claimToken: number; warnedBefore: boolean } | null> {
  const rows = await sql.query<{ claimToken: number; warnedBefore: boolean }>(
    `WITH before AS (SELECT id, error_code FROM heartbeat_runs WHERE id = $1),
     run AS (
       UPDATE heartbeat_runs r SET worker_id = $3, claim_token = r.claim_token + 1,
              lease_expires_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000),
              error_code = 'process_detached', error = $5,
              event_seq = r.event_seq + CASE WHEN r.error_code IS DISTINCT FROM 'process_detached' THEN 1 ELSE 0 END,
              updated_at = now()
        WHERE r.id = $1 AND r.status = 'running' AND r.claim_token = $2 AND r.lease_expires_at < clock_timestamp()
       RETURNING r.*
     ), event AS (
       INSERT INTO heartbeat_run_events (company_id, run_id, agent_id, seq, event_type, stream, level, message)
       SELECT run.company_id, run.id, run.agent_id, run.event_seq, 'lifecycle', 'system', 'warn', $5
         FROM run JOIN before ON before.id = run.id WHERE before.error_code IS DISTINCT FROM 'process_detached'
     )
     SELECT run.claim_token AS "claimToken", before.error_code IS NOT DISTINCT FROM 'process_detached' AS "warnedBefore"
       FROM run JOIN before ON before.id = run.id`,
    [input.runId, input.claimToken, input.workerId, input.leaseMs, input.text],
  );
  return rows[0] ?? null;
}

/**
 * EX-14: of runs that are not this worker's any more, those whose living child somebody took over: they still run, under
 * another claim but the same start.
 */
export async function listRunsTakenOver(
  sql: Sql,
  lost: readonly { readonly runId: string; readonly claimToken: number; readonly startToken: number }[],
): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT r.id FROM jsonb_to_recordset($1::jsonb) AS l("runId" uuid, "claimToken" bigint, "startToken" bigint)
       JOIN heartbeat_runs r ON r.id = l."runId"
      WHERE r.status = 'running' AND r.start_token = l."startToken" AND r.claim_token <> l."claimToken"`,
    [JSON.stringify(lost)],
    "list_runs_taken_over",
  );
  return rows.map(({ id }) => id);
}

/**
 * Takes the claim of an orphaned run for as long as it takes to end what is left of it: whoever had it can change nothing
 * any more, and the slot is kept meanwhile. Answers the new token, or null when somebody was faster.
 */
export async function holdRunIfOrphaned(
  sql: Sql,
  input: { runId: string; claimToken: number; workerId: string; leaseMs: number },
): Promise<number | null> {
  const rows = await sql.query<{ claimToken: number }>(
    `UPDATE heartbeat_runs SET worker_id = $3, claim_token = claim_token + 1, updated_at = now(),
            lease_expires_at = clock_timestamp() + make_interval(secs => $4::float8 / 1000)
      WHERE id = $1 AND status = 'running' AND claim_token = $2 AND lease_expires_at < clock_timestamp()
     RETURNING claim_token AS "claimToken"`,
    [input.runId, input.claimToken, input.workerId, input.leaseMs],
  );
  return rows[0]?.claimToken ?? null;
}

/** DM-44: rows of workers that died long ago and that no run names are removed, a slice at a time. */
export async function removeDeadWorkers(sql: Sql, options: { olderThanMs: number; limit: number }): Promise<number> {
  const rows = await sql.query(
    `DELETE FROM workers WHERE id IN (
       SELECT w.id FROM workers w
        WHERE w.last_seen_at < now() - make_interval(secs => $1::float8 / 1000)
          AND NOT EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.worker_id = w.id AND r.status = 'running')
        LIMIT $2) RETURNING id`,
    [options.olderThanMs, options.limit],
  );
  return rows.length;
}
