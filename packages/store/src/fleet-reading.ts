/**
 * The fleet in numbers (API-300). Every figure comes from a partial index over what is active, so its cost follows the
 * work in hand and not the history or the number of agents that are idle.
 */
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

export interface FleetTotals {
  agents: number;
  queued: number;
  running: number;
  scheduledRetry: number;
  deferredWakeups: number;
  undispatched: number;
  oldestQueuedAgeSec: number | null;
}

/** Counts for the fleet, or for one company. */
export async function readFleetTotals(sql: Sql, companyId: string | null): Promise<FleetTotals> {
  const rows = await sql.query<object>(
    `WITH active AS (
       SELECT status, created_at, dispatched_at FROM heartbeat_runs
        WHERE status IN ('queued', 'scheduled_retry', 'running') AND ($1::uuid IS NULL OR company_id = $1)
     )
     SELECT (SELECT count(*) FROM agents WHERE status <> 'terminated' AND ($1::uuid IS NULL OR company_id = $1)) AS agents,
            count(*) FILTER (WHERE status = 'queued') AS queued,
            count(*) FILTER (WHERE status = 'running') AS running,
            count(*) FILTER (WHERE status = 'scheduled_retry') AS scheduled_retry,
            (SELECT count(*) FROM agent_wakeup_requests
              WHERE status = 'deferred_issue_execution' AND ($1::uuid IS NULL OR company_id = $1)) AS deferred_wakeups,
            count(*) FILTER (WHERE dispatched_at IS NULL AND status IN ('queued', 'scheduled_retry')) AS undispatched,
            extract(epoch FROM now() - min(created_at) FILTER (WHERE status = 'queued'))::float8 AS oldest_queued_age_sec
       FROM active`,
    [companyId],
  );
  if (rows[0] === undefined) throw new Error("counting the fleet returned no row");
  return camelRow<FleetTotals>(rows[0]);
}

export interface FleetWorker {
  id: string;
  hostname: string;
  pid: number;
  version: string;
  startedAt: Date;
  lastSeenAt: Date;
  alive: boolean;
  draining: boolean;
  capacity: number;
  running: number;
}

/** Workers that live, or were seen within the last day, newest first; `leaseMs` says how long one is alive (DM-44). */
export async function listWorkers(sql: Sql, options: { leaseMs: number; limit: number }): Promise<FleetWorker[]> {
  const rows = await sql.query<object>(
    `SELECT w.id, w.hostname, w.pid, w.version, w.started_at, w.last_seen_at, w.draining, w.capacity,
            (w.stopped_at IS NULL AND w.last_seen_at > now() - $1 * interval '1 millisecond') AS alive,
            (SELECT count(*) FROM heartbeat_runs r WHERE r.worker_id = w.id AND r.status = 'running') AS running
       FROM workers w WHERE w.last_seen_at > now() - interval '1 day'
      ORDER BY w.last_seen_at DESC, w.id LIMIT $2`,
    [options.leaseMs, options.limit],
  );
  return rows.map((row) => camelRow<FleetWorker>(row));
}

export interface FleetAgent {
  id: string;
  name: string;
  companyId: string;
  status: string;
  maxConcurrentRuns: number;
}

/**
 * A page of agents by id: those with active runs, or all of them (`?all=true`). `cursor` is the last id of the page before.
 */
export async function listFleetAgents(
  sql: Sql,
  filter: { companyId: string | null; all: boolean; cursor: string | null; limit: number },
): Promise<FleetAgent[]> {
  const rows = await sql.query<object>(
    `SELECT a.id, a.name, a.company_id, a.status, a.max_concurrent_runs FROM agents a
      WHERE a.status <> 'terminated' AND ($1::uuid IS NULL OR a.company_id = $1) AND ($2::uuid IS NULL OR a.id > $2)
        AND ($3 OR a.id IN (SELECT agent_id FROM heartbeat_runs
                             WHERE status IN ('queued', 'scheduled_retry', 'running')))
      ORDER BY a.id LIMIT $4`,
    [filter.companyId, filter.cursor, filter.all, filter.limit],
  );
  return rows.map((row) => camelRow<FleetAgent>(row));
}
