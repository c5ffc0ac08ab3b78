/**
 * The facts subtree holds rest on (TH-6, TH-8): the issues below a root by `parent_id`, their active runs, and the active
 * holds over them. A ring of parents ends the walk; another company's issues are never in it (DM-10).
 */
import type { Tree, TreeIssue, TreeRun } from "@wakefleet/domain";
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";

type MemberRow = Omit<TreeIssue, "runs">;
type RunOfTree = TreeRun & { readonly issueId: string };

/** SQL: the ids below `$1` with their depth, the root itself first. */
const TREE = `tree AS (
    SELECT i.id, 0 AS depth FROM issues i WHERE i.id = $1 AND i.company_id = $2
    UNION ALL
    SELECT c.id, t.depth + 1 FROM tree t JOIN issues c ON c.company_id = $2 AND c.parent_id = t.id
  ) CYCLE id SET is_cycle USING path`;

/** Reads the tree below a root. Empty when there is no such issue in the company. */
export async function readTree(sql: Sql, root: { companyId: string; rootIssueId: string }): Promise<Tree> {
  const members = await sql.query<object>(
    `WITH RECURSIVE ${TREE}, cancelled AS (
       SELECT DISTINCT ON (m.issue_id) m.issue_id, m.hold_id, m.issue_status, m.skipped
         FROM issue_tree_holds h JOIN issue_tree_hold_members m ON m.hold_id = h.id
        WHERE h.company_id = $2 AND h.root_issue_id = $1 AND h.mode = 'cancel' AND h.status = 'active'
        ORDER BY m.issue_id, m.skipped, h.created_at DESC, h.id
     )
     SELECT i.id, i.identifier, i.title, i.status, i.parent_id, t.depth, i.assignee_agent_id, i.assignee_user_id,
            ARRAY(SELECT h.id FROM issue_tree_holds h
                   WHERE h.company_id = $2 AND h.root_issue_id = i.id AND h.status = 'active' AND h.mode = 'pause'
                   ORDER BY h.created_at DESC, h.id) AS pause_hold_ids,
            CASE WHEN k.hold_id IS NOT NULL THEN
              jsonb_build_object('holdId', k.hold_id, 'status', k.issue_status, 'skipped', k.skipped) END AS cancelled
       FROM tree t JOIN issues i ON i.id = t.id LEFT JOIN cancelled k ON k.issue_id = t.id
      WHERE NOT t.is_cycle ORDER BY t.depth, i.created_at, i.id`,
    [root.rootIssueId, root.companyId],
  );
  const issues = members.map((row) => camelRow<MemberRow>(row));
  const runs = await listTreeRuns(sql, { companyId: root.companyId, issueIds: issues.map(({ id }) => id) });
  const byIssue = new Map<string, TreeRun[]>();
  for (const { issueId, ...run } of runs) byIssue.set(issueId, [...(byIssue.get(issueId) ?? []), run]);
  return {
    issues: issues.map((issue) => ({ ...issue, runs: byIssue.get(issue.id) ?? [] })),
    holdsAbove: await listHoldsAbove(sql, root),
  };
}

/** Active runs that name one of the issues or hold its lock, running ones first (TH-30). */
async function listTreeRuns(sql: Sql, tree: { companyId: string; issueIds: readonly string[] }): Promise<RunOfTree[]> {
  if (tree.issueIds.length === 0) return [];
  return sql.query<RunOfTree>(
    `SELECT f.id, f.agent_id AS "agentId", f.status, f.started_at AS "startedAt", f.created_at AS "createdAt",
            f.of_issue AS "issueId"
       FROM (
         SELECT r.*, r.issue_id AS of_issue FROM heartbeat_runs r
          WHERE r.company_id = $1 AND r.issue_id = ANY($2::text[]) AND r.status IN ('queued','scheduled_retry','running')
         UNION
         SELECT r.*, i.id::text FROM issues i JOIN heartbeat_runs r ON r.id = i.execution_run_id
          WHERE i.id = ANY($2::text[]::uuid[]) AND r.company_id = $1 AND r.status IN ('queued','scheduled_retry','running')
       ) f
      ORDER BY (f.status = 'running') DESC, f.created_at, f.id`,
    [tree.companyId, tree.issueIds],
  );
}

/** Active pause holds rooted above an issue, nearest first (TH-41). */
async function listHoldsAbove(sql: Sql, root: { companyId: string; rootIssueId: string }): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `WITH RECURSIVE up AS (
       SELECT i.id, i.parent_id, 0 AS depth FROM issues i WHERE i.id = $1 AND i.company_id = $2
       UNION ALL
       SELECT p.id, p.parent_id, u.depth + 1 FROM up u JOIN issues p ON p.id = u.parent_id AND p.company_id = $2
     ) CYCLE id SET is_cycle USING path
     SELECT h.id FROM up JOIN issue_tree_holds h ON h.root_issue_id = up.id AND h.company_id = $2
      WHERE up.depth > 0 AND NOT up.is_cycle AND h.status = 'active' AND h.mode = 'pause'
      ORDER BY up.depth, h.created_at DESC, h.id`,
    [root.rootIssueId, root.companyId],
  );
  return rows.map(({ id }) => id);
}
