/**
 * Interactions of issues (DM-70, API-180 to API-182). Whoever writes one holds the issue's row: of two answers at once the
 * later sees the earlier.
 */
import type { InteractionContinuation, InteractionKind, InteractionStatus, JsonObject } from "@wakefleet/contracts";
import { toDatabaseJson } from "./database-json.js";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** `issue_thread_interactions`. */
export interface InteractionRow {
  id: string;
  companyId: string;
  issueId: string;
  kind: InteractionKind;
  status: InteractionStatus;
  continuationPolicy: InteractionContinuation;
  idempotencyKey: string | null;
  sourceCommentId: string | null;
  sourceRunId: string | null;
  title: string | null;
  summary: string | null;
  createdByAgentId: string | null;
  createdByUserId: string | null;
  resolvedByAgentId: string | null;
  resolvedByUserId: string | null;
  payload: JsonObject;
  result: JsonObject | null;
  resolvedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export type NewInteraction = Pick<
  InteractionRow,
  | "companyId"
  | "issueId"
  | "kind"
  | "continuationPolicy"
  | "idempotencyKey"
  | "sourceCommentId"
  | "sourceRunId"
  | "title"
  | "summary"
  | "createdByAgentId"
  | "createdByUserId"
  | "payload"
>;

const COLUMNS = `t.id, t.company_id, t.issue_id, t.kind, t.status, t.continuation_policy, t.idempotency_key,
  t.source_comment_id, t.source_run_id, t.title, t.summary, t.created_by_agent_id, t.created_by_user_id,
  t.resolved_by_agent_id, t.resolved_by_user_id, t.payload, t.result, t.resolved_at, t.created_at, t.updated_at`;

interface OfIssue {
  readonly companyId: string;
  readonly issueId: string;
}

async function select(sql: Sql, where: string, values: readonly unknown[]): Promise<InteractionRow[]> {
  const rows = await sql.query<object>(`SELECT ${COLUMNS} FROM issue_thread_interactions t WHERE ${where}`, [
    ...values,
  ]);
  return rows.map((row) => camelRow<InteractionRow>(row));
}

export async function insertInteraction(tx: Sql, interaction: NewInteraction): Promise<InteractionRow> {
  const rows = await tx.query<object>(
    `INSERT INTO issue_thread_interactions AS t (company_id, issue_id, kind, continuation_policy, idempotency_key,
            source_comment_id, source_run_id, title, summary, created_by_agent_id, created_by_user_id, payload)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING ${COLUMNS}`,
    [
      interaction.companyId,
      interaction.issueId,
      interaction.kind,
      interaction.continuationPolicy,
      interaction.idempotencyKey,
      interaction.sourceCommentId,
      interaction.sourceRunId,
      interaction.title,
      interaction.summary,
      interaction.createdByAgentId,
      interaction.createdByUserId,
      toDatabaseJson(interaction.payload),
    ],
  );
  if (rows[0] === undefined) throw new Error("inserting an interaction returned no row");
  return camelRow<InteractionRow>(rows[0]);
}

/** The latest interactions of an issue, oldest of them first. */
export async function listInteractions(
  sql: Sql,
  query: OfIssue & { readonly limit: number },
): Promise<InteractionRow[]> {
  const where = "t.company_id = $1 AND t.issue_id = $2 ORDER BY t.created_at DESC, t.id DESC LIMIT $3";
  const latest = await select(sql, where, [query.companyId, query.issueId, query.limit]);
  return latest.reverse();
}

/** Those that wait for an answer. */
export async function listPendingInteractions(sql: Sql, issue: OfIssue): Promise<InteractionRow[]> {
  const where = "t.company_id = $1 AND t.issue_id = $2 AND t.status = 'pending' ORDER BY t.created_at, t.id";
  return select(sql, where, [issue.companyId, issue.issueId]);
}

/** An interaction of this issue; null: there is none. */
export async function findInteraction(
  sql: Sql,
  key: { readonly issueId: string; readonly id: string },
): Promise<InteractionRow | null> {
  const [row] = await select(sql, "t.id = $1 AND t.issue_id = $2", [key.id, key.issueId]);
  return row ?? null;
}

/** The one that was made under this key. */
export async function findInteractionByKey(
  sql: Sql,
  key: OfIssue & { readonly idempotencyKey: string },
): Promise<InteractionRow | null> {
  const where = "t.company_id = $1 AND t.issue_id = $2 AND t.idempotency_key = $3";
  const [row] = await select(sql, where, [key.companyId, key.issueId, key.idempotencyKey]);
  return row ?? null;
}

/** Writes what became of a pending interaction. */
export async function resolveInteraction(
  tx: Sql,
  resolution: {
    readonly id: string;
    readonly status: Exclude<InteractionStatus, "pending">;
    readonly result: JsonObject;
    readonly agentId: string | null;
    readonly userId: string | null;
  },
): Promise<InteractionRow> {
  const { id, status, result, agentId, userId } = resolution;
  const rows = await tx.query<object>(
    `UPDATE issue_thread_interactions AS t SET status = $2, result = $3, resolved_by_agent_id = $4, resolved_by_user_id = $5,
            resolved_at = now(), updated_at = now()
      WHERE t.id = $1 AND t.status = 'pending' RETURNING ${COLUMNS}`,
    [id, status, toDatabaseJson(result), agentId, userId],
  );
  if (rows[0] === undefined) throw new Error(`interaction ${id} was resolved while its issue was locked`);
  return camelRow<InteractionRow>(rows[0]);
}
