/** Approvals and the issues they are about (DM-84, API-183 to API-186). Budgets make and close their own (BU-32). */
import type { ApprovalStatus, ApprovalType, JsonObject } from "@wakefleet/contracts";
import { Conditions, type Page, pageOf } from "./conditions.js";
import { toDatabaseJson } from "./database-json.js";
import { type AgentRow, camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** `approvals`. */
export interface ApprovalRow {
  id: string;
  companyId: string;
  type: ApprovalType;
  requestedByAgentId: string | null;
  requestedByUserId: string | null;
  status: ApprovalStatus;
  payload: JsonObject;
  decisionNote: string | null;
  decidedByUserId: string | null;
  decidedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export type NewApproval = Pick<
  ApprovalRow,
  "companyId" | "type" | "requestedByAgentId" | "requestedByUserId" | "payload"
>;

export async function insertApproval(tx: Sql, approval: NewApproval): Promise<ApprovalRow> {
  const rows = await tx.query<object>(
    `INSERT INTO approvals (company_id, type, requested_by_agent_id, requested_by_user_id, payload)
     VALUES ($1, $2, $3, $4, $5) RETURNING *`,
    [
      approval.companyId,
      approval.type,
      approval.requestedByAgentId,
      approval.requestedByUserId,
      toDatabaseJson(approval.payload),
    ],
  );
  if (rows[0] === undefined) throw new Error("inserting an approval returned no row");
  return camelRow<ApprovalRow>(rows[0]);
}

/** An approval; with `lock` nobody else decides it meanwhile. Take agents' locks first. */
export async function findApproval(sql: Sql, key: { id: string; lock?: boolean }): Promise<ApprovalRow | null> {
  const rows = await sql.query<object>(
    `SELECT * FROM approvals WHERE id = $1${key.lock === true ? " FOR NO KEY UPDATE" : ""}`,
    [key.id],
  );
  return rows[0] === undefined ? null : camelRow<ApprovalRow>(rows[0]);
}

/** Approvals of a company, newest first. */
export async function listApprovals(
  sql: Sql,
  filter: {
    readonly companyId: string;
    readonly statuses?: readonly string[] | undefined;
    readonly cursor?: string | undefined;
    readonly limit: number;
  },
): Promise<Page<ApprovalRow>> {
  const conditions = new Conditions()
    .when(filter.companyId, (p) => `a.company_id = ${p}`)
    .when(filter.statuses, (p) => `a.status = ANY(${p}::text[])`)
    .when(
      filter.cursor,
      (p) => `(a.created_at, a.id) < (SELECT c.created_at, c.id FROM approvals c WHERE c.id = ${p})`,
    );
  const rows = await sql.query<object>(
    `SELECT a.* FROM approvals a WHERE ${conditions.where} ORDER BY a.created_at DESC, a.id DESC
      LIMIT ${conditions.bind(filter.limit + 1)}`,
    conditions.values,
  );
  return pageOf(
    rows.map((row) => camelRow<ApprovalRow>(row)),
    filter.limit,
  );
}

/** Writes a decision; a decision that sends it back or takes it in again keeps who decided before. Lock it first. */
export async function decideApprovalRow(
  tx: Sql,
  decision: {
    readonly id: string;
    readonly status: ApprovalStatus;
    readonly note: string | null;
    readonly userId: string | null;
    readonly payload?: JsonObject | undefined;
  },
): Promise<ApprovalRow> {
  const isOver = decision.status === "approved" || decision.status === "rejected";
  const rows = await tx.query<object>(
    `UPDATE approvals SET status = $2, decision_note = coalesce($3, decision_note),
            decided_by_user_id = CASE WHEN $4 THEN $5 ELSE decided_by_user_id END,
            decided_at = CASE WHEN $4 THEN now() ELSE decided_at END, payload = coalesce($6::jsonb, payload), updated_at = now()
      WHERE id = $1 RETURNING *`,
    [
      decision.id,
      decision.status,
      decision.note,
      isOver,
      decision.userId,
      decision.payload === undefined ? null : toDatabaseJson(decision.payload),
    ],
  );
  if (rows[0] === undefined) throw new Error(`approval ${decision.id} vanished while it was locked`);
  return camelRow<ApprovalRow>(rows[0]);
}

/** Links issues to an approval; those that are linked stay so. */
export async function linkApproval(
  tx: Sql,
  link: {
    readonly companyId: string;
    readonly approvalId: string;
    readonly issueIds: readonly string[];
    readonly agentId: string | null;
    readonly userId: string | null;
  },
): Promise<void> {
  // One instant later for each, so that the first linked one stays the first.
  await tx.query(
    `INSERT INTO issue_approvals (company_id, issue_id, approval_id, linked_by_agent_id, linked_by_user_id, created_at)
     SELECT $1, l.id, $2, $4, $5, now() + l.place * interval '1 microsecond'
       FROM unnest($3::uuid[]) WITH ORDINALITY AS l (id, place)
     ON CONFLICT (issue_id, approval_id) DO NOTHING`,
    [link.companyId, link.approvalId, link.issueIds, link.agentId, link.userId],
  );
}

/** False when they were not linked. */
export async function unlinkApproval(tx: Sql, link: { issueId: string; approvalId: string }): Promise<boolean> {
  const rows = await tx.query(
    "DELETE FROM issue_approvals WHERE issue_id = $1 AND approval_id = $2 RETURNING issue_id",
    [link.issueId, link.approvalId],
  );
  return rows.length > 0;
}

/** The issues an approval is about, first linked first. */
export async function listApprovalIssueIds(sql: Sql, approvalId: string): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT l.issue_id AS id FROM issue_approvals l WHERE l.approval_id = $1 ORDER BY l.created_at, l.issue_id`,
    [approvalId],
  );
  return rows.map(({ id }) => id);
}

/** The approvals an issue is linked to, newest first. */
export async function listIssueApprovals(sql: Sql, issue: { id: string; companyId: string }): Promise<ApprovalRow[]> {
  const rows = await sql.query<object>(
    `SELECT a.* FROM issue_approvals l JOIN approvals a ON a.id = l.approval_id AND a.company_id = $2
      WHERE l.issue_id = $1 ORDER BY a.created_at DESC, a.id`,
    [issue.id, issue.companyId],
  );
  return rows.map((row) => camelRow<ApprovalRow>(row));
}

/** The incident that a budget's approval belongs to (BU-32). */
export async function findIncidentOfApproval(sql: Sql, approvalId: string): Promise<string | null> {
  const rows = await sql.query<{ id: string }>(
    "SELECT id FROM budget_incidents WHERE approval_id = $1 ORDER BY created_at DESC LIMIT 1",
    [approvalId],
  );
  return rows[0]?.id ?? null;
}

/** `pending_approval` → `idle` (AL-14). Null when it waits for no approval. Hold the agent's row. */
export async function approveAgentIfPending(tx: Sql, agentId: string): Promise<AgentRow | null> {
  const rows = await tx.query<object>(
    "UPDATE agents SET status = 'idle', updated_at = now() WHERE id = $1 AND status = 'pending_approval' RETURNING *",
    [agentId],
  );
  return rows[0] === undefined ? null : camelRow<AgentRow>(rows[0]);
}
