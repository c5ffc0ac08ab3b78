/**
 * What the end of a run rests on beside the adapter's result, read in one statement (RL-25): the evidence (LV-14 to
 * LV-20), the run's own comments, its issue, the summary before. The run's row is locked by it, so that a checkout that
 * gives this run another issue either is seen by the statements after it, or finds the run ended.
 */
import type { IssueStatus, JsonObject } from "@wakefleet/contracts";
import { CONTINUATION_SUMMARY_KEY, DEFERRED_CONTEXT_KEY, type RunEvidence } from "@wakefleet/domain";
import { type Sql, uuidOf } from "../sql.js";

/** The document a refresh rests on (LV-90). */
export interface SummaryDocument {
  readonly documentId: string;
  readonly body: string;
  readonly revisionNumber: number;
}

export interface EndFacts {
  readonly context: JsonObject;
  readonly continuationAttempt: number;
  /** Null: the run names none, or it is gone. */
  readonly issue: {
    readonly id: string;
    readonly companyId: string;
    readonly identifier: string | null;
    readonly title: string;
    readonly description: string | null;
    readonly status: IssueStatus;
    readonly priority: string;
  } | null;
  readonly evidence: RunEvidence;
  /** Bodies of the run's latest five comments on its issue, oldest of them first (LV-24). */
  readonly comments: readonly string[];
  /** Its newest comment there (FI-5, FI-7); the service's own do not count (LV-22). */
  readonly commentId: string | null;
  readonly summary: SummaryDocument | null;
  /** FI-7. */
  readonly hasDeferredCommentWake: boolean;
}

interface FactsRow extends Omit<EndFacts, "evidence" | "context"> {
  readonly context: JsonObject | null;
  readonly evidence: Omit<RunEvidence, "latestAtMs">;
  readonly latest_at: Date | null;
}

/** LV-18, LV-22: what the run's agent did, not what was done about the run. */
const AGENTS_ACTIVITY = `
  l.actor_type = 'agent' AND l.agent_id = run.agent_id
  AND l.action NOT IN ('environment.lease_acquired', 'environment.lease_released')
  AND NOT (l.entity_type = 'heartbeat_run' AND l.entity_id = run.id::text)`;

/** The issue's continuation summary as it now is; `issue` and `company` are our own expressions. */
export function summaryDocumentOf(issue: string, company: string): string {
  return `(
    SELECT jsonb_build_object('documentId', d.id, 'body', d.latest_body, 'revisionNumber', d.latest_revision_number)
      FROM issue_documents sl JOIN documents d ON d.id = sl.document_id
     WHERE sl.company_id = ${company} AND sl.issue_id = ${issue} AND sl.key = '${CONTINUATION_SUMMARY_KEY}')`;
}

/** Reads them and locks the run's row. Agent and issue are locked already. Null: there is no such run. */
export async function readEndFacts(tx: Sql, runId: string): Promise<EndFacts | null> {
  const rows = await tx.query<FactsRow>(
    `WITH run AS MATERIALIZED (
       SELECT r.id, r.company_id, r.agent_id, r.issue_id, ${uuidOf("r.issue_id")} AS issue_uuid, r.context_snapshot,
              r.continuation_attempt
         FROM heartbeat_runs r WHERE r.id = $1 FOR NO KEY UPDATE
     ),
     comments AS (
       SELECT k.id, k.body, k.created_at FROM run JOIN issue_comments k
           ON k.created_by_run_id = run.id AND k.issue_id = run.issue_uuid WHERE NOT k.written_by_service
     ),
     revisions AS (
       SELECT v.created_at, d.key FROM run JOIN document_revisions v ON v.created_by_run_id = run.id
         JOIN issue_documents d ON d.document_id = v.document_id AND d.issue_id = run.issue_uuid
        WHERE d.key <> '${CONTINUATION_SUMMARY_KEY}'
     ),
     products AS (
       SELECT p.created_at FROM run JOIN issue_work_products p
           ON p.created_by_run_id = run.id AND p.issue_id = run.issue_uuid
     ),
     operations AS (
       SELECT o.started_at FROM run JOIN workspace_operations o ON o.heartbeat_run_id = run.id
     ),
     activity AS (
       SELECT l.created_at FROM run JOIN activity_log l ON l.run_id = run.id WHERE ${AGENTS_ACTIVITY}
     ),
     events AS (
       SELECT e.created_at FROM run JOIN heartbeat_run_events e ON e.run_id = run.id
        WHERE e.event_type NOT IN ('lifecycle', 'adapter.invoke', 'error')
     )
     SELECT run.context_snapshot AS context, run.continuation_attempt AS "continuationAttempt",
            (SELECT jsonb_build_object('id', i.id, 'companyId', i.company_id, 'identifier', i.identifier, 'title', i.title,
                      'description', i.description, 'status', i.status, 'priority', i.priority)
               FROM issues i WHERE i.id = run.issue_uuid AND i.company_id = run.company_id) AS issue,
            jsonb_build_object('issueComments', (SELECT count(*) FROM comments),
              'documentRevisions', (SELECT count(*) FROM revisions),
              'planRevisions', (SELECT count(*) FROM revisions WHERE key = 'plan'),
              'workProducts', (SELECT count(*) FROM products), 'workspaceOperations', (SELECT count(*) FROM operations),
              'activityEvents', (SELECT count(*) FROM activity), 'toolEvents', (SELECT count(*) FROM events)) AS evidence,
            greatest((SELECT max(created_at) FROM comments), (SELECT max(created_at) FROM revisions),
              (SELECT max(created_at) FROM products), (SELECT max(started_at) FROM operations),
              (SELECT max(created_at) FROM activity), (SELECT max(created_at) FROM events)) AS latest_at,
            coalesce((SELECT jsonb_agg(latest.body ORDER BY latest.created_at, latest.id) FROM (
              SELECT * FROM comments ORDER BY created_at DESC, id DESC LIMIT 5) latest), '[]'::jsonb) AS comments,
            (SELECT id FROM comments ORDER BY created_at DESC, id DESC LIMIT 1) AS "commentId",
            ${summaryDocumentOf("run.issue_uuid", "run.company_id")} AS summary,
            coalesce((SELECT bool_or(w.payload->'${DEFERRED_CONTEXT_KEY}'->>'wakeCommentId' IS NOT NULL)
                        FROM agent_wakeup_requests w
                       WHERE w.company_id = run.company_id AND w.issue_id = run.issue_id AND w.agent_id = run.agent_id
                         AND w.status = 'deferred_issue_execution'), false) AS "hasDeferredCommentWake"
       FROM run`,
    [runId],
    "read_end_facts",
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { latest_at: latestAt, context, evidence, ...facts } = row;
  return { ...facts, context: context ?? {}, evidence: { ...evidence, latestAtMs: latestAt?.getTime() ?? null } };
}
