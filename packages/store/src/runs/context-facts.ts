/** What a run's context is made of beside the wake (CX-1 steps 4, 5, 9): its issue, its comments, its summary. One statement. */
import type { JsonObject } from "@wakefleet/contracts";
import { CONTINUATION_SUMMARY_KEY, type ContextIssue, type ContextSummary, type WakeComment } from "@wakefleet/domain";
import type { Sql } from "../sql.js";

export interface ContextFacts {
  /** Null: the run names none, or it is gone, or another company's. */
  readonly issue:
    | (ContextIssue & {
        readonly assigneeAgentId: string | null;
        readonly assigneeAdapterOverrides: JsonObject | null;
        readonly projectId: string | null;
        readonly projectWorkspaceId: string | null;
        readonly executionWorkspaceSettings: JsonObject | null;
      })
    | null;
  /** Those that exist in the company; the last one asked for has its whole body, the others as much as a payload holds. */
  readonly comments: readonly WakeComment[];
  readonly summary: ContextSummary | null;
}

/** Characters read of a comment that is not the wake's own; more than any payload shows (CX-32). */
const BODY_CHARS = 4_001;

type Dated<T, K extends keyof T> = Omit<T, K> & { [Key in K]: string };

/** Reads them. `issueId` and `commentIds` are uuids. */
export async function readContextFacts(
  sql: Sql,
  query: { readonly companyId: string; readonly issueId: string | null; readonly commentIds: readonly string[] },
): Promise<ContextFacts> {
  const { companyId, issueId, commentIds } = query;
  const rows = await sql.query<{
    issue: ContextFacts["issue"];
    comments: Dated<WakeComment, "createdAt">[];
    summary: Dated<ContextSummary, "updatedAt"> | null;
  }>(
    `SELECT (SELECT jsonb_build_object('id', i.id, 'identifier', i.identifier, 'title', i.title,
                      'description', i.description, 'status', i.status, 'priority', i.priority,
                      'assigneeAgentId', i.assignee_agent_id, 'assigneeAdapterOverrides', i.assignee_adapter_overrides,
                      'projectId', i.project_id, 'projectWorkspaceId', i.project_workspace_id,
                      'executionWorkspaceSettings', i.execution_workspace_settings)
               FROM issues i WHERE i.id = $2 AND i.company_id = $1) AS issue,
            coalesce((SELECT jsonb_agg(jsonb_build_object('id', k.id, 'issueId', k.issue_id,
                      'body', CASE WHEN k.id = $4::uuid THEN k.body ELSE left(k.body, ${BODY_CHARS}) END,
                      'createdAt', k.created_at, 'authorAgentId', k.author_agent_id, 'authorUserId', k.author_user_id))
               FROM issue_comments k WHERE k.id = ANY($3::uuid[]) AND k.company_id = $1), '[]'::jsonb) AS comments,
            (SELECT jsonb_build_object('key', l.key, 'title', d.title, 'body', d.latest_body, 'updatedAt', d.updated_at)
               FROM issue_documents l JOIN documents d ON d.id = l.document_id
              WHERE l.company_id = $1 AND l.issue_id = $2 AND l.key = '${CONTINUATION_SUMMARY_KEY}') AS summary`,
    [companyId, issueId, commentIds, commentIds.at(-1) ?? null],
    "read_context_facts",
  );
  const row = rows[0];
  if (row === undefined) throw new Error("the context facts query answers exactly one row");
  const { issue, comments, summary } = row;
  return {
    issue,
    comments: comments.map((comment) => ({ ...comment, createdAt: new Date(comment.createdAt) })),
    // A summary is its issue's: of a foreign or missing one nothing is told.
    summary: summary === null || issue === null ? null : { ...summary, updatedAt: new Date(summary.updatedAt) },
  };
}
