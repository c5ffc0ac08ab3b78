/** Cost events that are reported (BU-40, BU-42, DM-79). What a run cost is booked with its end (`runs/end-run.ts`). */
import { camelRow } from "../rows.js";
import type { Sql } from "../sql.js";
import { COUNT_COSTS } from "./counters.js";

/** `cost_events` as they are answered. */
export interface CostEventRow {
  id: string;
  companyId: string;
  agentId: string;
  issueId: string | null;
  projectId: string | null;
  goalId: string | null;
  heartbeatRunId: string | null;
  billingCode: string | null;
  provider: string;
  biller: string;
  billingType: string;
  model: string;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  costCents: number;
  occurredAt: Date;
  createdAt: Date;
}

export type NewCostEvent = Omit<CostEventRow, "id" | "createdAt"> & {
  /** Unique in the instance where it is given: the event is booked once (DM-79). */
  readonly dedupeKey: string | null;
};

/**
 * The references of an event that are not of its company (BU-42): `issueId`, `projectId`, `goalId`, `heartbeatRunId`. Goals
 * come with a later part of the model: until then no company has one.
 */
export async function foreignCostReferences(
  tx: Sql,
  event: Pick<NewCostEvent, "companyId" | "issueId" | "projectId" | "goalId" | "heartbeatRunId">,
): Promise<string[]> {
  const rows = await tx.query<{ field: string }>(
    `SELECT field FROM (VALUES
       ('issueId', $2::uuid IS NULL OR EXISTS (SELECT 1 FROM issues WHERE id = $2 AND company_id = $1)),
       ('projectId', $3::uuid IS NULL OR EXISTS (SELECT 1 FROM projects WHERE id = $3 AND company_id = $1)),
       ('goalId', $5::uuid IS NULL),
       ('heartbeatRunId', $4::uuid IS NULL OR EXISTS (SELECT 1 FROM heartbeat_runs WHERE id = $4 AND company_id = $1))
     ) AS one(field, is_ours) WHERE NOT is_ours`,
    [event.companyId, event.issueId, event.projectId, event.heartbeatRunId, event.goalId],
    "foreign_cost_references",
  );
  return rows.map((row) => row.field);
}

/** Writes an event and counts it; null when its `dedupeKey` was booked before. */
export async function insertCostEvent(tx: Sql, event: NewCostEvent): Promise<CostEventRow | null> {
  const rows = await tx.query<object>(
    `WITH cost AS (
       INSERT INTO cost_events (company_id, agent_id, issue_id, project_id, goal_id, heartbeat_run_id, billing_code, provider,
              biller, billing_type, model, input_tokens, cached_input_tokens, output_tokens, cost_cents, occurred_at, dedupe_key)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
       ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
       RETURNING *
     ), ${COUNT_COSTS}
     SELECT * FROM cost`,
    [
      event.companyId,
      event.agentId,
      event.issueId,
      event.projectId,
      event.goalId,
      event.heartbeatRunId,
      event.billingCode,
      event.provider,
      event.biller,
      event.billingType,
      event.model,
      event.inputTokens,
      event.cachedInputTokens,
      event.outputTokens,
      event.costCents,
      event.occurredAt,
      event.dedupeKey,
    ],
    "insert_cost_event",
  );
  return rows[0] === undefined ? null : costEventOf(rows[0]);
}

/** The event that was booked under a key. */
export async function findCostEventByKey(tx: Sql, dedupeKey: string): Promise<CostEventRow | null> {
  const rows = await tx.query<object>("SELECT * FROM cost_events WHERE dedupe_key = $1", [dedupeKey]);
  return rows[0] === undefined ? null : costEventOf(rows[0]);
}

function costEventOf(row: object): CostEventRow {
  const { dedupeKey: _key, ...event } = camelRow<CostEventRow & { dedupeKey: string | null }>(row);
  return event;
}
