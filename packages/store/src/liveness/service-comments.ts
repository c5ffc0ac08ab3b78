/**
 * Comments that the service writes (LV-22, DM-59): told apart from people's and agents' by a column, and made once by a key.
 */
import type { CommentRow } from "../comments.js";
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";

export interface ServiceComment {
  readonly companyId: string;
  readonly issueId: string;
  /** Whose comment it is shown as; null: nobody's. */
  readonly authorAgentId: string | null;
  readonly runId: string | null;
  readonly body: string;
  /** False for what counts as the run's own comment (FI-5). */
  readonly writtenByService: boolean;
  /** The same key never gives a second comment; null where the caller's own guard makes it happen once. */
  readonly dedupeKey: string | null;
}

/** Writes it and moves the issue's `updated_at` (CO-40). Null: it had been written. */
export async function insertServiceComment(tx: Sql, comment: ServiceComment): Promise<CommentRow | null> {
  const rows = await tx.query<object>(
    `WITH written AS (
       INSERT INTO issue_comments (company_id, issue_id, author_agent_id, created_by_run_id, body, written_by_service, dedupe_key)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
       RETURNING *
     ), touched AS (
       UPDATE issues i SET updated_at = now() FROM written WHERE i.id = written.issue_id
     )
     SELECT id, company_id, issue_id, author_agent_id, author_user_id, created_by_run_id, body, written_by_service,
            created_at, updated_at FROM written`,
    [
      comment.companyId,
      comment.issueId,
      comment.authorAgentId,
      comment.runId,
      comment.body,
      comment.writtenByService,
      comment.dedupeKey,
    ],
    "insert_service_comment",
  );
  return rows[0] === undefined ? null : camelRow<CommentRow>(rows[0]);
}
