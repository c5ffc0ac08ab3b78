/**
 * Incidents: a threshold of a policy that was met (BU-30 to BU-35, DM-78), and the approvals that ask about them. At most
 * one is open for a policy, window and threshold; the database has a unique index behind it.
 */
import type {
  BudgetIncidentStatus,
  BudgetScopeType,
  BudgetThresholdType,
  BudgetWindowKind,
  JsonObject,
} from "@wakefleet/contracts";
import { toDatabaseJson } from "../database-json.js";
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";

/** `budget_incidents` (DM-78). */
export interface BudgetIncidentRow {
  id: string;
  companyId: string;
  policyId: string;
  scopeType: BudgetScopeType;
  scopeId: string;
  metric: string;
  windowKind: BudgetWindowKind;
  windowStart: Date;
  windowEnd: Date;
  thresholdType: BudgetThresholdType;
  amountLimit: number;
  amountObserved: number;
  status: BudgetIncidentStatus;
  approvalId: string | null;
  resolvedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export type NewIncident = Pick<
  BudgetIncidentRow,
  | "companyId"
  | "policyId"
  | "scopeType"
  | "scopeId"
  | "metric"
  | "windowKind"
  | "windowStart"
  | "windowEnd"
  | "thresholdType"
  | "amountLimit"
  | "amountObserved"
> & {
  /** BU-32; null makes no approval. */
  readonly approvalPayload: JsonObject | null;
};

/** Opens an incident, with its approval where there is one. Hold the counters of the scope. */
export async function openIncident(tx: Sql, incident: NewIncident): Promise<BudgetIncidentRow> {
  const rows = await tx.query<object>(
    `WITH approval AS (
       INSERT INTO approvals (company_id, type, status, payload)
       SELECT $1, 'budget_override_required', 'pending', $12::jsonb WHERE $12::jsonb IS NOT NULL RETURNING id
     )
     INSERT INTO budget_incidents (company_id, policy_id, scope_type, scope_id, metric, window_kind, window_start, window_end,
            threshold_type, amount_limit, amount_observed, approval_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, least($11::bigint, 2147483647)::int, (SELECT id FROM approval))
     RETURNING *`,
    [
      incident.companyId,
      incident.policyId,
      incident.scopeType,
      incident.scopeId,
      incident.metric,
      incident.windowKind,
      incident.windowStart,
      incident.windowEnd,
      incident.thresholdType,
      incident.amountLimit,
      incident.amountObserved,
      incident.approvalPayload === null ? null : toDatabaseJson(incident.approvalPayload),
    ],
    "open_incident",
  );
  const [row] = rows;
  if (row === undefined) throw new Error("an insert answers the row it wrote");
  return camelRow<BudgetIncidentRow>(row);
}

/** Who decided, and what they said to it. */
export interface IncidentDecision {
  readonly userId: string | null;
  readonly note: string | null;
}

/** → `resolved`: the open incidents of a policy, in every window, with their approvals → `approved`. Answers how many. */
export async function resolveOpenIncidents(
  tx: Sql,
  resolve: { policyId: string; only: "soft" | "all"; decision: IncidentDecision },
): Promise<number> {
  const rows = await tx.query<{ count: number }>(
    `WITH closed AS (
       UPDATE budget_incidents SET status = 'resolved', resolved_at = now(), updated_at = now()
        WHERE policy_id = $1 AND status = 'open' AND ($2 = 'all' OR threshold_type = 'soft') RETURNING approval_id
     ), decided AS (
       UPDATE approvals a SET status = 'approved', decision_note = $3, decided_by_user_id = $4, decided_at = now(),
              updated_at = now()
         FROM closed WHERE a.id = closed.approval_id AND a.status IN ('pending','revision_requested')
     )
     SELECT count(*)::int AS count FROM closed`,
    [resolve.policyId, resolve.only, resolve.decision.note, resolve.decision.userId],
    "resolve_open_incidents",
  );
  return rows[0]?.count ?? 0;
}

/** `open` → `dismissed`, its approval → `rejected` (BU-34). False when it is not open. */
export async function dismissIncidentIfOpen(
  tx: Sql,
  dismiss: { incidentId: string; decision: IncidentDecision },
): Promise<boolean> {
  const rows = await tx.query<{ id: string }>(
    `WITH closed AS (
       UPDATE budget_incidents SET status = 'dismissed', resolved_at = now(), updated_at = now()
        WHERE id = $1 AND status = 'open' RETURNING id, approval_id
     ), decided AS (
       UPDATE approvals a SET status = 'rejected', decision_note = $2, decided_by_user_id = $3, decided_at = now(),
              updated_at = now()
         FROM closed WHERE a.id = closed.approval_id AND a.status IN ('pending','revision_requested')
     )
     SELECT id FROM closed`,
    [dismiss.incidentId, dismiss.decision.note, dismiss.decision.userId],
    "dismiss_incident",
  );
  return rows[0] !== undefined;
}

/** An incident, with the status of its approval. */
export interface IncidentWithApproval extends BudgetIncidentRow {
  approvalStatus: string | null;
  scopeName: string;
}

const WITH_APPROVAL = `
  SELECT i.*, ap.status AS approval_status, coalesce(a.name, pr.name, co.name) AS scope_name
    FROM budget_incidents i
    JOIN companies co ON co.id = i.company_id
    LEFT JOIN approvals ap ON ap.id = i.approval_id
    LEFT JOIN agents a ON i.scope_type = 'agent' AND a.id = i.scope_id
    LEFT JOIN projects pr ON i.scope_type = 'project' AND pr.id = i.scope_id`;

/** An incident of a company. */
export async function findIncident(
  sql: Sql,
  incident: { id: string; companyId: string },
): Promise<IncidentWithApproval | null> {
  const rows = await sql.query<object>(`${WITH_APPROVAL} WHERE i.id = $1 AND i.company_id = $2`, [
    incident.id,
    incident.companyId,
  ]);
  return rows[0] === undefined ? null : camelRow<IncidentWithApproval>(rows[0]);
}

/** The open incidents of a company, newest first (BU-11). */
export async function listOpenIncidents(sql: Sql, companyId: string): Promise<IncidentWithApproval[]> {
  const rows = await sql.query<object>(
    `${WITH_APPROVAL} WHERE i.company_id = $1 AND i.status = 'open' ORDER BY i.created_at DESC, i.id DESC`,
    [companyId],
  );
  return rows.map((row) => camelRow<IncidentWithApproval>(row));
}
