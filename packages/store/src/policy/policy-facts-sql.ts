/**
 * SQL fragments for the facts that policies rest on: budgets (BU-15), pause holds (TH-10), blockers (DP-2), comments
 * (TH-21). Accepting and claiming put them into a statement they make anyway, so that a policy costs no round trip.
 * Every expression given to these functions is our own text, never input.
 */

/** The first instant of the current UTC month, by the database's clock (BU-2). */
export const CURRENT_MONTH = "(date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')";
/** The start of a `lifetime` window as it is written (BU-2). */
export const LIFETIME_START = "'1970-01-01 00:00:00+00'::timestamptz";

/**
 * A scalar: the budget facts of an agent row `a` (columns id, company_id, status, pause_reason) and of some projects, as
 * the domain's `BudgetFacts` has them. Reads counters, never cost events (BU-18).
 */
export function budgetFactsOf(agent: string, projectIds: string): string {
  return `(
    SELECT jsonb_build_object(
      'company', jsonb_build_object('id', c.id, 'status', c.status, 'pauseReason', c.pause_reason),
      'agent', jsonb_build_object('id', ${agent}.id, 'status', ${agent}.status, 'pauseReason', ${agent}.pause_reason),
      'projects', coalesce((
        SELECT jsonb_agg(jsonb_build_object('id', pr.id, 'isPaused', pr.paused_at IS NOT NULL, 'pauseReason', pr.pause_reason))
          FROM projects pr WHERE pr.id = ANY(${projectIds}) AND pr.company_id = c.id), '[]'::jsonb),
      'policies', coalesce((
        SELECT jsonb_agg(jsonb_build_object('scopeType', p.scope_type, 'scopeId', p.scope_id, 'amount', p.amount,
                 'observed', coalesce(b.observed_cents, 0)))
          FROM budget_policies p
          LEFT JOIN budget_counters b ON b.company_id = p.company_id AND b.scope_type = p.scope_type
               AND b.scope_id = p.scope_id
               AND b.window_start = CASE WHEN p.window_kind = 'lifetime' THEN ${LIFETIME_START} ELSE ${CURRENT_MONTH} END
         WHERE p.company_id = c.id AND p.is_active AND p.hard_stop_enabled AND p.amount > 0
           AND ((p.scope_type = 'company' AND p.scope_id = c.id)
             OR (p.scope_type = 'agent' AND p.scope_id = ${agent}.id)
             OR (p.scope_type = 'project' AND p.scope_id = ANY(${projectIds})))), '[]'::jsonb))
      FROM companies c WHERE c.id = ${agent}.company_id)`;
}

/**
 * A scalar: the pause hold over an issue, nearest first, or null (TH-10). The walk is one statement and is skipped when
 * the company has no active pause hold (TH-11); a ring of parents ends it.
 */
export function pauseHoldOver(issueId: string, companyId: string): string {
  return `(
    CASE WHEN EXISTS (SELECT 1 FROM issue_tree_holds h0 WHERE h0.company_id = ${companyId}
                        AND h0.status = 'active' AND h0.mode = 'pause') THEN (
      WITH RECURSIVE up AS (
        SELECT i0.id, i0.parent_id, 0 AS depth, ARRAY[i0.id] AS seen FROM issues i0 WHERE i0.id = ${issueId}
        UNION ALL
        SELECT p0.id, p0.parent_id, up.depth + 1, up.seen || p0.id
          FROM up JOIN issues p0 ON p0.id = up.parent_id WHERE NOT p0.id = ANY(up.seen)
      )
      SELECT jsonb_build_object('holdId', h.id, 'rootIssueId', h.root_issue_id, 'issueId', ${issueId},
               'isRoot', h.root_issue_id = ${issueId}, 'mode', h.mode, 'reason', h.reason, 'releasePolicy', h.release_policy)
        FROM up JOIN issue_tree_holds h ON h.root_issue_id = up.id AND h.company_id = ${companyId}
             AND h.status = 'active' AND h.mode = 'pause'
       ORDER BY up.depth, h.created_at DESC LIMIT 1) END)`;
}

/** A scalar: the issues that still block an issue, by title: only `done` resolves (DP-2, WK-25). */
export function unresolvedBlockersOf(issueId: string, companyId: string): string {
  return `coalesce((
    SELECT jsonb_agg(jsonb_build_object('id', x.id, 'identifier', x.identifier, 'title', x.title, 'status', x.status,
             'priority', x.priority, 'assigneeAgentId', x.assignee_agent_id, 'assigneeUserId', x.assignee_user_id)
             ORDER BY x.title, x.id)
      FROM issue_relations b JOIN issues x ON x.id = b.issue_id
     WHERE b.company_id = ${companyId} AND b.related_issue_id = ${issueId} AND b.type = 'blocks' AND x.status <> 'done'
  ), '[]'::jsonb)`;
}

/** A scalar: a comment of a company by its id as text, as the domain's `CommentFact`, or null. */
export function commentFactOf(commentId: string, companyId: string): string {
  return `(
    SELECT jsonb_build_object('id', m.id, 'issueId', m.issue_id, 'authorAgentId', m.author_agent_id,
             'authorUserId', m.author_user_id)
      FROM issue_comments m WHERE m.id = ${commentId} AND m.company_id = ${companyId})`;
}
