/** The outbox (RL-20, DM-32, DM-34): runs that are in PostgreSQL and not yet known to be in their queue. */
import type { RunStatus } from "@wakefleet/contracts";
import { camelRow, type RunRow } from "../rows.js";
import { type Sql, uuidOf } from "../sql.js";

/** The commit of this statement is not waited for on the disk. */
const COMMIT_NOT_AWAITED = "WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))";

/**
 * Marks runs whose job was added. A run that is no longer waiting keeps what it has.
 *
 * Its commit is not waited for on the disk: a mark that a crash of PostgreSQL loses is a run that is dispatched once
 * more, to the job it has. A worker that claims the run meanwhile waits for this row's lock, and so does not wait long.
 */
export async function markDispatched(sql: Sql, runIds: readonly string[]): Promise<void> {
  await sql.query(
    `${COMMIT_NOT_AWAITED}
     UPDATE heartbeat_runs SET dispatched_at = now(), updated_at = now()
      WHERE id = ANY($1::uuid[]) AND dispatched_at IS NULL AND status IN ('queued','scheduled_retry')
        AND (SELECT true FROM relaxed)`,
    [runIds],
    "mark_dispatched",
  );
}

/** Everything a job needs of its run, agent and issue (QU-2, QU-3). */
export interface UndispatchedRun {
  readonly runId: string;
  readonly companyId: string;
  readonly agentId: string;
  readonly agentName: string;
  readonly maxConcurrentRuns: number;
  readonly status: RunStatus;
  readonly source: string;
  readonly wakeReason: string | null;
  readonly attempt: number;
  readonly scheduledRetryAt: Date | null;
  readonly issueIdentifier: string | null;
  readonly issueStatus: string | null;
  readonly issuePriority: string | null;
  readonly hasUnresolvedBlockers: boolean;
  /** BY-3. */
  readonly isAskedByPerson: boolean;
  readonly createdAt: Date;
}

/** What a job needs of the runs in `picked` (id), in the order of their birth. */
export const SELECT_RUN_FOR_JOB = `
  SELECT r.id AS run_id, r.company_id, r.agent_id, a.name AS agent_name, a.max_concurrent_runs, r.status,
         r.invocation_source AS source, r.context_snapshot->>'wakeReason' AS wake_reason,
         r.scheduled_retry_attempt AS attempt, r.scheduled_retry_at, r.created_at,
         coalesce(jsonb_path_exists(r.context_snapshot, '$.wakeCauses[*] ? (@.requestedByType == "user")'), false)
           AS is_asked_by_person, i.identifier AS issue_identifier,
         i.status AS issue_status, i.priority AS issue_priority,
         EXISTS (
           SELECT 1 FROM issue_relations b JOIN issues x ON x.id = b.issue_id
            WHERE b.company_id = i.company_id AND b.related_issue_id = i.id AND b.type = 'blocks' AND x.status <> 'done'
         ) AS has_unresolved_blockers
    FROM picked p
    JOIN heartbeat_runs r ON r.id = p.id
    JOIN agents a ON a.id = r.agent_id
    LEFT JOIN issues i ON i.id = ${uuidOf("r.issue_id")} AND i.company_id = r.company_id
   ORDER BY r.created_at, r.id`;

/**
 * Takes waiting runs whose job was not confirmed for longer than `olderThanMs`, oldest first. Inside a transaction the
 * rows stay locked, so that two relays share the work instead of doing it twice (it would be harmless).
 */
export async function takeUndispatched(
  tx: Sql,
  options: { limit: number; olderThanMs: number },
): Promise<UndispatchedRun[]> {
  const rows = await tx.query<Record<string, unknown>>(
    `WITH picked AS (
       SELECT id FROM heartbeat_runs
        WHERE dispatched_at IS NULL AND status IN ('queued','scheduled_retry')
          AND created_at < now() - make_interval(secs => $2::float8 / 1000)
        ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED
     ) ${SELECT_RUN_FOR_JOB}`,
    [options.limit, options.olderThanMs],
    "take_undispatched",
  );
  return rows.map((row) => camelRow<UndispatchedRun>(row));
}

/** The same facts for runs named by id, e.g. those a transaction has just promoted. */
export async function readRunsForJobs(sql: Sql, runIds: readonly string[]): Promise<UndispatchedRun[]> {
  const rows = await sql.query<Record<string, unknown>>(
    `WITH picked AS (SELECT unnest($1::uuid[]) AS id) ${SELECT_RUN_FOR_JOB}`,
    [runIds],
    "read_runs_for_jobs",
  );
  return rows.map((row) => camelRow<UndispatchedRun>(row));
}

const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/**
 * RL-21: after Redis lost its data every waiting run needs a new job. All of them, `limit` ids at a time: agent by agent, so
 * that a queue's jobs come together, then the scheduled retries. Each slice is found by an index of what waits, however many
 * runs are over. A run that begins to wait while this goes on may be left out: whoever lets it wait dispatches it.
 */
export async function* sliceWaitingRuns(sql: Sql, limit: number): AsyncGenerator<readonly string[], void> {
  for (let after = [NIL_UUID, "-infinity", NIL_UUID]; ; ) {
    // Times as text: a date of the driver's would cut off their microseconds, and with them the place in the order.
    const rows = await sql.query<{ agentId: string; createdAt: string; id: string }>(
      `SELECT agent_id AS "agentId", created_at::text AS "createdAt", id FROM heartbeat_runs
        WHERE status = 'queued' AND (agent_id, created_at, id) > ($1::uuid, $2::timestamptz, $3::uuid)
        ORDER BY agent_id, created_at, id LIMIT $4`,
      [...after, limit],
    );
    const last = rows.at(-1);
    if (last === undefined) break;
    after = [last.agentId, last.createdAt, last.id];
    yield rows.map(({ id }) => id);
  }
  for (let after = ["-infinity", NIL_UUID]; ; ) {
    const rows = await sql.query<{ dueAt: string; id: string }>(
      `SELECT scheduled_retry_at::text AS "dueAt", id FROM heartbeat_runs
        WHERE status = 'scheduled_retry' AND (scheduled_retry_at, id) > ($1::timestamptz, $2::uuid)
        ORDER BY scheduled_retry_at, id LIMIT $3`,
      [...after, limit],
    );
    const last = rows.at(-1);
    if (last === undefined) break;
    after = [last.dueAt, last.id];
    yield rows.map(({ id }) => id);
  }
}

/**
 * RL-21, DM-34: what became of waiting runs whose jobs had been lost. Those that have a job again are marked anew, the others
 * not at all, so that the relay takes them up. A run that no longer waits keeps what it has.
 */
export async function markPutBack(
  sql: Sql,
  { withJob, withoutJob }: { withJob: readonly string[]; withoutJob: readonly string[] },
): Promise<void> {
  if (withJob.length > 0) {
    await sql.query(
      `${COMMIT_NOT_AWAITED}
       UPDATE heartbeat_runs SET dispatched_at = now(), updated_at = now()
        WHERE id = ANY($1::uuid[]) AND status IN ('queued','scheduled_retry') AND (SELECT true FROM relaxed)`,
      [withJob],
    );
  }
  if (withoutJob.length > 0) {
    await sql.query(
      `UPDATE heartbeat_runs SET dispatched_at = NULL, updated_at = now()
        WHERE id = ANY($1::uuid[]) AND status IN ('queued','scheduled_retry')`,
      [withoutJob],
    );
  }
}

/** Paused agents that still have waiting runs: their queues must be paused again after a rebuild (QU-5). */
export async function listPausedAgentsWithWork(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT a.id FROM agents a WHERE a.status = 'paused'
        AND EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.agent_id = a.id AND r.status IN ('queued','scheduled_retry'))`,
  );
  return rows.map((row) => row.id);
}

/** RT-6: a scheduled retry is due now and needs its job moved (DM-34); null when the run is no scheduled retry. */
export async function makeRetryDue(sql: Sql, runId: string): Promise<RunRow | null> {
  const rows = await sql.query<Record<string, unknown>>(
    `UPDATE heartbeat_runs SET scheduled_retry_at = now(), dispatched_at = NULL, updated_at = now()
      WHERE id = $1 AND status = 'scheduled_retry' RETURNING *`,
    [runId],
  );
  return rows[0] === undefined ? null : camelRow<RunRow>(rows[0]);
}
