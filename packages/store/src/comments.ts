/** Comments of issues (DM-59, CO-40). */
import { Conditions } from "./conditions.js";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** `issue_comments` as they are answered; the key that makes a service's comment happen once stays inside. */
export interface CommentRow {
  id: string;
  companyId: string;
  issueId: string;
  authorAgentId: string | null;
  authorUserId: string | null;
  createdByRunId: string | null;
  body: string;
  writtenByService: boolean;
  createdAt: Date;
  updatedAt: Date;
}

const COLUMNS = `k.id, k.company_id, k.issue_id, k.author_agent_id, k.author_user_id, k.created_by_run_id, k.body,
  k.written_by_service, k.created_at, k.updated_at`;

export type NewComment = Pick<
  CommentRow,
  "companyId" | "issueId" | "authorAgentId" | "authorUserId" | "createdByRunId" | "body"
>;

export async function insertComment(tx: Sql, comment: NewComment): Promise<CommentRow> {
  const rows = await tx.query<object>(
    `INSERT INTO issue_comments AS k (company_id, issue_id, author_agent_id, author_user_id, created_by_run_id, body)
     VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${COLUMNS}`,
    [
      comment.companyId,
      comment.issueId,
      comment.authorAgentId,
      comment.authorUserId,
      comment.createdByRunId,
      comment.body,
    ],
  );
  if (rows[0] === undefined) throw new Error("inserting a comment returned no row");
  return camelRow<CommentRow>(rows[0]);
}

export async function findComment(sql: Sql, key: { issueId: string; id: string }): Promise<CommentRow | null> {
  const rows = await sql.query<object>(`SELECT ${COLUMNS} FROM issue_comments k WHERE k.id = $1 AND k.issue_id = $2`, [
    key.id,
    key.issueId,
  ]);
  return rows[0] === undefined ? null : camelRow<CommentRow>(rows[0]);
}

/**
 * Comments of an issue in an order; with `after`, those that follow that comment in it. An unknown anchor gives none
 * (API-158).
 */
export async function listComments(
  sql: Sql,
  filter: { issueId: string; after?: string | undefined; order: "asc" | "desc"; limit: number },
): Promise<CommentRow[]> {
  const direction = filter.order === "asc" ? "ASC" : "DESC";
  const conditions = new Conditions()
    .when(filter.issueId, (p) => `k.issue_id = ${p}`)
    .when(
      filter.after,
      (p) => `(k.created_at, k.id) ${filter.order === "asc" ? ">" : "<"}
        (SELECT c.created_at, c.id FROM issue_comments c WHERE c.id = ${p} AND c.issue_id = k.issue_id)`,
    );
  const rows = await sql.query<object>(
    `SELECT ${COLUMNS} FROM issue_comments k WHERE ${conditions.where}
      ORDER BY k.created_at ${direction}, k.id ${direction} LIMIT ${conditions.bind(filter.limit)}`,
    conditions.values,
  );
  return rows.map((row) => camelRow<CommentRow>(row));
}

/** Clears the warning that a run's child is detached: its agent was heard of (API-157, PL-2). */
export async function clearDetachedWarning(tx: Sql, runId: string): Promise<void> {
  await tx.query(
    `UPDATE heartbeat_runs SET error = NULL, error_code = NULL, updated_at = now()
      WHERE id = $1 AND status = 'running' AND error_code = 'process_detached'`,
    [runId],
  );
}
