/** Running runs that say nothing, what is known of them, and the decisions of people about them (RC-40 to RC-49). */
import { runFromJson } from "../database-json.js";
import { camelRow, type IssueRow, type RunRow } from "../rows.js";
import { type Sql, uuidOf } from "../sql.js";

/** A scalar: the end of the quiet decision that is in force for a run, or null (RC-48). `run` and `now` are our own texts. */
export function quietUntilOf(run: string, now: string): string {
  return `(SELECT max(q.snoozed_until) FROM heartbeat_run_watchdog_decisions q
            WHERE q.run_id = ${run} AND q.decision IN ('snooze','continue') AND q.snoozed_until > ${now})`;
}

const SILENT_SINCE = "coalesce(r.last_output_at, r.process_started_at, r.started_at, r.created_at)";

export interface SilentRunQuery {
  readonly suspicionMs: number;
  readonly companyId: string | null;
  /** Null: the database's clock. */
  readonly now: Date | null;
  readonly limit: number;
  /** The last run of the slice before. */
  readonly afterId: string | null;
}

/** RC-44: silent runs without a quiet decision, oldest created first; and how many are kept quiet. */
export async function listSilentRuns(
  sql: Sql,
  query: SilentRunQuery,
): Promise<{ runs: { id: string; agentId: string; companyId: string; logRef: string | null }[]; snoozed: number }> {
  const rows = await sql.query<{
    runs: { id: string; agentId: string; companyId: string; logRef: string | null }[];
    snoozed: number;
  }>(
    `WITH silent AS (
       SELECT r.id, r.agent_id, r.company_id, r.log_ref, r.created_at, ${quietUntilOf("r.id", "coalesce($3, clock_timestamp())")} AS quiet_until
         FROM heartbeat_runs r
        WHERE r.status = 'running' AND ($2::uuid IS NULL OR r.company_id = $2::uuid)
          AND ${SILENT_SINCE} <= coalesce($3, clock_timestamp()) - make_interval(secs => $1::float8 / 1000)
     )
     SELECT (SELECT count(*) FROM silent WHERE quiet_until IS NOT NULL) AS snoozed,
            coalesce((SELECT jsonb_agg(jsonb_build_object('id', s.id, 'agentId', s.agent_id, 'companyId', s.company_id, 'logRef', s.log_ref)
                        ORDER BY s.created_at, s.id) FROM (
              SELECT * FROM silent WHERE quiet_until IS NULL AND ($5::uuid IS NULL OR (created_at, id) >
                       (SELECT a.created_at, a.id FROM heartbeat_runs a WHERE a.id = $5::uuid))
               ORDER BY created_at, id LIMIT $4) s), '[]'::jsonb) AS runs`,
    [query.suspicionMs, query.companyId, query.now, query.limit, query.afterId],
    "list_silent_runs",
  );
  return rows[0] ?? { runs: [], snoozed: 0 };
}

/** RC-46a: the issue a run is about: context `issueId`, else `taskId`, if it is one of the company and not hidden. */
export async function findSourceIssueId(sql: Sql, runId: string): Promise<string | null> {
  const rows = await sql.query<{ id: string }>(
    `SELECT i.id FROM heartbeat_runs r
       JOIN issues i ON i.company_id = r.company_id AND i.hidden_at IS NULL
        AND i.id = coalesce(${uuidOf("r.issue_id")}, ${uuidOf("r.context_snapshot->>'taskId'")})
      WHERE r.id = $1`,
    [runId],
    "find_source_issue_id",
  );
  return rows[0]?.id ?? null;
}

export interface SilentRunFacts {
  readonly run: RunRow;
  readonly now: Date;
  readonly issuePrefix: string;
  readonly agent: { readonly name: string; readonly adapterType: string } | null;
  readonly worker: { readonly id: string; readonly hostname: string | null; readonly leaseIsFresh: boolean } | null;
  readonly snoozedUntil: Date | null;
  /** The open evaluation issue of the run. */
  readonly evaluation: IssueRow | null;
  readonly closedEvaluationAt: Date | null;
  readonly dismissedAt: Date | null;
  readonly endedWindowAt: Date | null;
}

/** Locks a running run's row and reads what a scan decides on; null: it does not run any more. */
export async function lockSilentRun(
  tx: Sql,
  target: { readonly runId: string; readonly now: Date | null },
): Promise<SilentRunFacts | null> {
  const locked = await tx.query<{ id: string }>(
    "SELECT id FROM heartbeat_runs WHERE id = $1 AND status = 'running' FOR NO KEY UPDATE",
    [target.runId],
    "lock_silent_run",
  );
  if (locked.length === 0) return null;
  const rows = await tx.query<
    Omit<SilentRunFacts, "run" | "evaluation"> & {
      run: Record<string, unknown>;
      workerId: string | null;
      hostname: string | null;
      leaseIsFresh: boolean | null;
    }
  >(
    `SELECT to_jsonb(r.*) AS run, n.now, c.issue_prefix AS "issuePrefix",
            CASE WHEN a.id IS NOT NULL THEN jsonb_build_object('name', a.name, 'adapterType', a.adapter_type) END AS agent,
            r.worker_id AS "workerId", w.hostname, r.lease_expires_at > n.now AS "leaseIsFresh",
            ${quietUntilOf("r.id", "n.now")} AS "snoozedUntil",
            (SELECT max(e.created_at) FROM issues e WHERE e.company_id = r.company_id
                AND e.origin_kind = 'stale_active_run_evaluation' AND e.origin_id = r.id::text
                AND (e.status IN ('done','cancelled') OR e.hidden_at IS NOT NULL) AND e.created_at >= ${SILENT_SINCE}) AS "closedEvaluationAt",
            (SELECT max(q.created_at) FROM heartbeat_run_watchdog_decisions q WHERE q.run_id = r.id
                AND q.decision = 'dismissed_false_positive' AND q.created_at >= ${SILENT_SINCE}) AS "dismissedAt",
            (SELECT max(q.created_at) FROM heartbeat_run_watchdog_decisions q WHERE q.run_id = r.id
                AND q.decision IN ('snooze','continue') AND q.snoozed_until <= n.now) AS "endedWindowAt"
       FROM heartbeat_runs r CROSS JOIN (SELECT coalesce($2::timestamptz, clock_timestamp()) AS now) n
       JOIN companies c ON c.id = r.company_id
       LEFT JOIN agents a ON a.id = r.agent_id AND a.company_id = r.company_id
       LEFT JOIN workers w ON w.id = r.worker_id
      WHERE r.id = $1`,
    [target.runId, target.now],
    "read_silent_run",
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { run, workerId, hostname, leaseIsFresh, ...facts } = row;
  const evaluations = await tx.query<object>(
    `SELECT * FROM issues WHERE company_id = $1 AND origin_kind = 'stale_active_run_evaluation' AND origin_id = $2::text
        AND hidden_at IS NULL AND status NOT IN ('done','cancelled') ORDER BY created_at DESC, id DESC LIMIT 1
        FOR NO KEY UPDATE`,
    [run["company_id"], target.runId],
    "lock_open_evaluation",
  );
  return {
    ...facts,
    run: runFromJson(run),
    worker: workerId === null ? null : { id: workerId, hostname, leaseIsFresh: leaseIsFresh === true },
    evaluation: evaluations[0] === undefined ? null : camelRow<IssueRow>(evaluations[0]),
  };
}

export interface EvaluationEvidence {
  readonly events: { createdAt: Date; eventType: string; level: string | null; message: string | null }[];
  readonly children: { id: string; identifier: string | null; status: string; title: string }[];
  readonly blockers: { id: string; identifier: string | null; status: string; title: string }[];
}

/** RC-47a: the run's last events, and what hangs around its issue. */
export async function readEvaluationEvidence(
  sql: Sql,
  target: { readonly runId: string; readonly companyId: string; readonly sourceIssueId: string | null },
): Promise<EvaluationEvidence> {
  const events = await sql.query<EvaluationEvidence["events"][number]>(
    `SELECT l.created_at AS "createdAt", l.event_type AS "eventType", l.level, l.message FROM (
       SELECT * FROM heartbeat_run_events WHERE run_id = $1 ORDER BY seq DESC LIMIT 8) l ORDER BY l.seq`,
    [target.runId],
    "read_last_run_events",
  );
  if (target.sourceIssueId === null) return { events, children: [], blockers: [] };
  const related = await sql.query<EvaluationEvidence["children"][number] & { kind: "child" | "blocker" }>(
    `(SELECT 'child' AS kind, i.id, i.identifier, i.status, i.title FROM issues i
       WHERE i.company_id = $1 AND i.parent_id = $2 AND i.hidden_at IS NULL ORDER BY i.updated_at DESC, i.id LIMIT 8)
     UNION ALL
     (SELECT 'blocker', i.id, i.identifier, i.status, i.title FROM issue_relations b JOIN issues i ON i.id = b.issue_id
       WHERE b.company_id = $1 AND b.related_issue_id = $2 AND b.type = 'blocks' ORDER BY i.issue_number, i.id LIMIT 8)`,
    [target.companyId, target.sourceIssueId],
    "read_related_work",
  );
  const of = (wanted: string) => related.filter(({ kind }) => kind === wanted).map(({ kind: _, ...issue }) => issue);
  return { events, children: of("child"), blockers: of("blocker") };
}

/** RC-41: what is known about a run's silence beside its own row. */
export interface SilenceNotes {
  /** The database's clock (RC-88). */
  readonly now: Date;
  readonly snoozedUntil: Date | null;
  readonly evaluationIssueId: string | null;
  readonly evaluationIssueIdentifier: string | null;
  readonly evaluationIssueAssigneeAgentId: string | null;
}

/** By run id; nothing is asked for no runs. */
export async function readSilenceNotes(
  sql: Sql,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, SilenceNotes>> {
  if (runIds.length === 0) return new Map();
  const rows = await sql.query<SilenceNotes & { id: string }>(
    `SELECT r.id, clock_timestamp() AS now, ${quietUntilOf("r.id", "clock_timestamp()")} AS "snoozedUntil",
            e.id AS "evaluationIssueId", e.identifier AS "evaluationIssueIdentifier",
            e.assignee_agent_id AS "evaluationIssueAssigneeAgentId"
       FROM heartbeat_runs r
       LEFT JOIN LATERAL (
         SELECT i.id, i.identifier, i.assignee_agent_id FROM issues i
          WHERE i.company_id = r.company_id AND i.origin_kind = 'stale_active_run_evaluation' AND i.origin_id = r.id::text
            AND i.hidden_at IS NULL AND i.status NOT IN ('done','cancelled')
          ORDER BY i.created_at DESC, i.id DESC LIMIT 1) e ON true
      WHERE r.id = ANY($1::uuid[])`,
    [runIds],
    "read_silence_notes",
  );
  return new Map(rows.map(({ id, ...notes }) => [id, notes]));
}

/** `heartbeat_run_watchdog_decisions` (RC-48). */
export interface WatchdogDecisionRow {
  id: string;
  companyId: string;
  runId: string;
  evaluationIssueId: string | null;
  decision: string;
  snoozedUntil: Date | null;
  reason: string | null;
  createdByAgentId: string | null;
  createdByUserId: string | null;
  createdByRunId: string | null;
  createdAt: Date;
}

export async function insertWatchdogDecision(
  tx: Sql,
  decision: Omit<WatchdogDecisionRow, "id" | "createdAt">,
): Promise<WatchdogDecisionRow> {
  const rows = await tx.query<object>(
    `INSERT INTO heartbeat_run_watchdog_decisions (company_id, run_id, evaluation_issue_id, decision, snoozed_until, reason,
         created_by_agent_id, created_by_user_id, created_by_run_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *`,
    [
      decision.companyId,
      decision.runId,
      decision.evaluationIssueId,
      decision.decision,
      decision.snoozedUntil,
      decision.reason,
      decision.createdByAgentId,
      decision.createdByUserId,
      decision.createdByRunId,
    ],
    "insert_watchdog_decision",
  );
  if (rows[0] === undefined) throw new Error("inserting a watchdog decision returned no row");
  return camelRow<WatchdogDecisionRow>(rows[0]);
}
