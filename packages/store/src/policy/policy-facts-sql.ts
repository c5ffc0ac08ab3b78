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
      'company', jsonb_build_object('id', co.id, 'status', co.status, 'pauseReason', co.pause_reason),
      'agent', jsonb_build_object('id', ${agent}.id, 'status', ${agent}.status, 'pauseReason', ${agent}.pause_reason),
      'projects', coalesce((
        SELECT jsonb_agg(jsonb_build_object('id', bpr.id, 'isPaused', bpr.paused_at IS NOT NULL, 'pauseReason', bpr.pause_reason))
          FROM projects bpr WHERE bpr.id = ANY(${projectIds}) AND bpr.company_id = co.id), '[]'::jsonb),
      'policies', coalesce((
        SELECT jsonb_agg(jsonb_build_object('scopeType', bp.scope_type, 'scopeId', bp.scope_id, 'amount', bp.amount,
                 'observed', coalesce(bc.observed_cents, 0)))
          FROM budget_policies bp
          LEFT JOIN budget_counters bc ON bc.company_id = bp.company_id AND bc.scope_type = bp.scope_type
               AND bc.scope_id = bp.scope_id
               AND bc.window_start = CASE WHEN bp.window_kind = 'lifetime' THEN ${LIFETIME_START} ELSE ${CURRENT_MONTH} END
         WHERE bp.company_id = co.id AND bp.is_active AND bp.hard_stop_enabled AND bp.amount > 0
           AND ((bp.scope_type = 'company' AND bp.scope_id = co.id)
             OR (bp.scope_type = 'agent' AND bp.scope_id = ${agent}.id)
             OR (bp.scope_type = 'project' AND bp.scope_id = ANY(${projectIds})))), '[]'::jsonb))
      FROM companies co WHERE co.id = ${agent}.company_id)`;
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
      SELECT jsonb_build_object('holdId', hld.id, 'rootIssueId', hld.root_issue_id, 'issueId', ${issueId},
               'isRoot', hld.root_issue_id = ${issueId}, 'mode', hld.mode, 'reason', hld.reason, 'releasePolicy', hld.release_policy)
        FROM up JOIN issue_tree_holds hld ON hld.root_issue_id = up.id AND hld.company_id = ${companyId}
             AND hld.status = 'active' AND hld.mode = 'pause'
       ORDER BY up.depth, hld.created_at DESC LIMIT 1) END)`;
}

/** A scalar: the issues that still block an issue, by title: only `done` resolves (DP-2, WK-25). */
export function unresolvedBlockersOf(issueId: string, companyId: string): string {
  return `coalesce((
    SELECT jsonb_agg(jsonb_build_object('id', blk.id, 'identifier', blk.identifier, 'title', blk.title, 'status', blk.status,
             'priority', blk.priority, 'assigneeAgentId', blk.assignee_agent_id, 'assigneeUserId', blk.assignee_user_id)
             ORDER BY blk.title, blk.id)
      FROM issue_relations rel JOIN issues blk ON blk.id = rel.issue_id
     WHERE rel.company_id = ${companyId} AND rel.related_issue_id = ${issueId} AND rel.type = 'blocks' AND blk.status <> 'done'
  ), '[]'::jsonb)`;
}

/** A scalar: a comment of a company by its id as text, as the domain's `CommentFact`, or null. */
export function commentFactOf(commentId: string, companyId: string): string {
  return `(
    SELECT jsonb_build_object('id', cmt.id, 'issueId', cmt.issue_id, 'authorAgentId', cmt.author_agent_id,
             'authorUserId', cmt.author_user_id)
      FROM issue_comments cmt WHERE cmt.id = ${commentId} AND cmt.company_id = ${companyId})`;
}
