/** What an agent needs of an issue in one call (API-144), beside what other readings answer: comments so far, where it works. */
import { camelRow, type IssueRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** How far the conversation is. */
export interface CommentCursor {
  readonly totalComments: number;
  readonly latestCommentId: string | null;
  readonly latestCommentAt: Date | null;
}

export async function readCommentCursor(sql: Sql, issueId: string): Promise<CommentCursor> {
  const [row] = await sql.query<object>(
    `SELECT (SELECT count(*) FROM issue_comments k WHERE k.issue_id = $1) AS total_comments,
            latest.id AS latest_comment_id, latest.created_at AS latest_comment_at
       FROM (SELECT 1) one LEFT JOIN LATERAL (
         SELECT k.id, k.created_at FROM issue_comments k WHERE k.issue_id = $1
          ORDER BY k.created_at DESC, k.id DESC LIMIT 1) latest ON true`,
    [issueId],
    "read_comment_cursor",
  );
  return row === undefined
    ? { totalComments: 0, latestCommentId: null, latestCommentAt: null }
    : camelRow<CommentCursor>(row);
}

/** The issue's project and execution workspace, by name: nothing of them that may hold a secret. */
export interface IssuePlace {
  readonly project: { readonly id: string; readonly name: string; readonly description: string | null } | null;
  readonly currentExecutionWorkspace: {
    readonly id: string;
    readonly name: string;
    readonly mode: string;
    readonly status: string;
    readonly branchName: string | null;
  } | null;
}

export async function readIssuePlace(sql: Sql, issue: Pick<IssueRow, "id" | "companyId">): Promise<IssuePlace> {
  const [row] = await sql.query<IssuePlace>(
    `SELECT (SELECT jsonb_build_object('id', p.id, 'name', p.name, 'description', p.description)
               FROM projects p WHERE p.id = i.project_id AND p.company_id = i.company_id) AS project,
            (SELECT jsonb_build_object('id', w.id, 'name', w.name, 'mode', w.mode, 'status', w.status, 'branchName', w.branch_name)
               FROM execution_workspaces w WHERE w.id = i.execution_workspace_id AND w.company_id = i.company_id)
              AS "currentExecutionWorkspace"
       FROM issues i WHERE i.id = $1 AND i.company_id = $2`,
    [issue.id, issue.companyId],
    "read_issue_place",
  );
  return row ?? { project: null, currentExecutionWorkspace: null };
}
