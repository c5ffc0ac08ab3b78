/**
 * Where stranded work may be (RC-1): one statement over the open, assigned issues sorts out what rests, what runs and what
 * cannot be helped now, and names the rest. Its answer is a hint; each issue is judged again under its lock.
 */
import type { Sql } from "../sql.js";

const ACTIVE = "('queued','scheduled_retry','running')";

export interface StrandedSurvey {
  /** Issues in order of id, at most `limit`. */
  readonly issueIds: string[];
  /** RC-17: their latest run succeeded and was of use, or not. */
  readonly productive: number;
  readonly successful: number;
  readonly skipped: number;
}

/** A part of the fleet: the issues of a company, or of one agent or project in it. */
export interface StrandedScope {
  readonly companyId: string;
  readonly scopeType: "company" | "agent" | "project";
  readonly scopeId: string;
}

/** Which candidates are a scope's: `$3` is its id, `$4` its company's. */
const IN_SCOPE = {
  company: "c.id = $3 AND c.id = $4",
  agent: "c.id = $4 AND i.assignee_agent_id = $3",
  project: "c.id = $4 AND i.project_id = $3",
} as const;

/** Looks at candidates with ids after `afterId`, in the whole fleet or in one scope of it. */
export async function surveyStrandedWork(
  sql: Sql,
  slice: { readonly afterId: string | null; readonly limit: number; readonly scope?: StrandedScope | undefined },
): Promise<StrandedSurvey> {
  const { scope } = slice;
  const rows = await sql.query<StrandedSurvey>(
    `WITH candidate AS (
       SELECT i.id, i.company_id, i.status, i.assignee_agent_id, i.checkout_run_id, i.execution_run_id, i.origin_kind
         FROM companies c JOIN issues i ON i.company_id = c.id AND i.status IN ('todo','in_progress')
        WHERE i.assignee_agent_id IS NOT NULL AND i.assignee_user_id IS NULL AND i.hidden_at IS NULL
          AND ($1::uuid IS NULL OR i.id > $1::uuid) ${scope === undefined ? "" : `AND ${IN_SCOPE[scope.scopeType]}`}
     ), judged AS (
       SELECT n.id, CASE
           WHEN a.id IS NULL OR a.status IN ('paused','terminated','pending_approval') THEN 'skipped'
           WHEN EXISTS (SELECT 1 FROM heartbeat_runs r WHERE r.company_id = n.company_id AND r.issue_id = n.id::text
                           AND r.status IN ${ACTIVE}) THEN 'skipped'
           WHEN n.status = 'todo' AND latest.status = 'succeeded' THEN 'skipped'
           WHEN latest.status = 'succeeded' THEN CASE
             WHEN latest.liveness_state IN ('advanced','completed','blocked','needs_followup') THEN 'productive'
             ELSE 'successful' END
           WHEN latest.status = 'cancelled' AND latest.cancel_kind = 'person' AND latest.cancel_recover IS NOT TRUE
             AND n.origin_kind <> 'stranded_issue_recovery' THEN 'skipped'
           WHEN latest.id IS NULL AND n.status = 'in_progress' AND n.checkout_run_id IS NULL AND n.execution_run_id IS NULL
             THEN 'skipped'
           WHEN n.origin_kind <> 'stranded_issue_recovery' AND EXISTS (
             SELECT 1 FROM issue_relations b JOIN issues x ON x.id = b.issue_id
              WHERE b.company_id = n.company_id AND b.related_issue_id = n.id AND b.type = 'blocks' AND x.status <> 'done')
             THEN 'skipped'
           ELSE 'look' END AS verdict
         FROM candidate n
         LEFT JOIN agents a ON a.id = n.assignee_agent_id AND a.company_id = n.company_id
         LEFT JOIN LATERAL (
           SELECT r.id, r.status, r.liveness_state, r.cancel_kind, r.cancel_recover FROM heartbeat_runs r
            WHERE r.company_id = n.company_id AND r.issue_id = n.id::text ORDER BY r.created_at DESC, r.id DESC LIMIT 1
         ) latest ON true
     )
     SELECT coalesce((SELECT array_agg(l.id ORDER BY l.id) FROM (
              SELECT id FROM judged WHERE verdict = 'look' ORDER BY id LIMIT $2) l), '{}') AS "issueIds",
            count(*) FILTER (WHERE verdict = 'productive') AS productive,
            count(*) FILTER (WHERE verdict = 'successful') AS successful,
            count(*) FILTER (WHERE verdict = 'skipped') AS skipped
       FROM judged`,
    [slice.afterId, slice.limit, ...(scope === undefined ? [] : [scope.scopeId, scope.companyId])],
    scope === undefined ? "survey_stranded_work" : `survey_stranded_work_of_${scope.scopeType}`,
  );
  return rows[0] ?? { issueIds: [], productive: 0, successful: 0, skipped: 0 };
}

/** RC-30: issues without an assignee that block open ones, and whose maker is an agent. In order of id. */
export async function listOrphanBlockers(
  sql: Sql,
  slice: { readonly afterId: string | null; readonly limit: number },
): Promise<{ issueId: string; creatorAgentId: string }[]> {
  return sql.query(
    `SELECT i.id AS "issueId", i.created_by_agent_id AS "creatorAgentId"
       FROM companies c JOIN issues i ON i.company_id = c.id AND i.status IN ('todo','blocked')
      WHERE i.assignee_agent_id IS NULL AND i.assignee_user_id IS NULL AND i.created_by_agent_id IS NOT NULL
        AND i.hidden_at IS NULL AND ($1::uuid IS NULL OR i.id > $1::uuid)
        AND EXISTS (SELECT 1 FROM issue_relations b JOIN issues x ON x.id = b.related_issue_id
                     WHERE b.company_id = i.company_id AND b.issue_id = i.id AND b.type = 'blocks'
                       AND x.company_id = i.company_id AND x.status NOT IN ('done','cancelled'))
      ORDER BY i.id LIMIT $2`,
    [slice.afterId, slice.limit],
    "list_orphan_blockers",
  );
}

/** The open issues that one blocks, by number. */
export async function listOpenBlocked(
  sql: Sql,
  blocker: { readonly companyId: string; readonly issueId: string },
): Promise<{ id: string; identifier: string | null }[]> {
  return sql.query(
    `SELECT x.id, x.identifier FROM issue_relations b JOIN issues x ON x.id = b.related_issue_id
      WHERE b.company_id = $1 AND b.issue_id = $2 AND b.type = 'blocks' AND x.company_id = $1
        AND x.status NOT IN ('done','cancelled')
      ORDER BY x.issue_number, x.id`,
    [blocker.companyId, blocker.issueId],
    "list_open_blocked",
  );
}
