/**
 * The activity log (AC-1, DM-80): append only. A row is written in the transaction of what it tells (AC-5), with details
 * that were redacted before (AC-2): use `redactObject` of the domain on the way in.
 */
import type { JsonObject } from "@wakefleet/contracts";
import { Conditions, type Page, pageOf } from "./conditions.js";
import { toDatabaseJson } from "./database-json.js";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** `activity_log` (DM-80). */
export interface ActivityRow {
  id: string;
  companyId: string;
  actorType: string;
  actorId: string;
  action: string;
  entityType: string;
  entityId: string;
  agentId: string | null;
  runId: string | null;
  details: JsonObject | null;
  createdAt: Date;
}

export type NewActivity = Omit<ActivityRow, "id" | "createdAt">;

/** Appends rows with one statement; answers them in the order given. */
export async function insertActivity(sql: Sql, entries: readonly NewActivity[]): Promise<ActivityRow[]> {
  if (entries.length === 0) return [];
  const rows = await sql.query<object>(
    `INSERT INTO activity_log
       (company_id, actor_type, actor_id, action, entity_type, entity_id, agent_id, run_id, details, created_at)
     SELECT t.company_id, t.actor_type, t.actor_id, t.action, t.entity_type, t.entity_id, t.agent_id, t.run_id,
            t.details, clock_timestamp()
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
                   $9::jsonb[]) WITH ORDINALITY
         AS t (company_id, actor_type, actor_id, action, entity_type, entity_id, agent_id, run_id, details, position)
      ORDER BY t.position
     RETURNING *`,
    [
      entries.map((entry) => entry.companyId),
      entries.map((entry) => entry.actorType),
      entries.map((entry) => entry.actorId),
      entries.map((entry) => entry.action),
      entries.map((entry) => entry.entityType),
      entries.map((entry) => entry.entityId),
      entries.map((entry) => entry.agentId),
      entries.map((entry) => entry.runId),
      entries.map((entry) => (entry.details === null ? null : toDatabaseJson(entry.details))),
    ],
    "insert_activity",
  );
  return rows.map((row) => camelRow<ActivityRow>(row));
}

export interface ActivityFilter {
  readonly companyId: string;
  readonly agentId?: string | undefined;
  readonly entityType?: string | undefined;
  readonly entityId?: string | undefined;
  readonly runId?: string | undefined;
  readonly action?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  /** Id of the last row of the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** Newest first, without rows of hidden issues (API-250, AC-4). */
export async function listActivity(sql: Sql, filter: ActivityFilter): Promise<Page<ActivityRow>> {
  const conditions = new Conditions()
    .when(filter.companyId, (p) => `a.company_id = ${p}`)
    .when(filter.agentId, (p) => `a.agent_id = ${p}`)
    .when(filter.entityType, (p) => `a.entity_type = ${p}`)
    .when(filter.entityId, (p) => `a.entity_id = ${p}`)
    .when(filter.runId, (p) => `a.run_id = ${p}`)
    .when(filter.action, (p) => `a.action = ${p}`)
    .when(filter.since, (p) => `a.created_at >= ${p}`)
    .when(filter.until, (p) => `a.created_at <= ${p}`)
    .when(
      filter.cursor,
      (p) => `(a.created_at, a.id) < (SELECT c.created_at, c.id FROM activity_log c WHERE c.id = ${p})`,
    )
    .always(
      `NOT (a.entity_type = 'issue' AND EXISTS (
         SELECT 1 FROM issues i WHERE i.hidden_at IS NOT NULL AND i.id = CASE
           WHEN a.entity_type = 'issue' AND a.entity_id ~ '^[0-9a-fA-F-]{36}$' THEN a.entity_id::uuid END))`,
    );
  const rows = await sql.query<object>(
    `SELECT a.* FROM activity_log a WHERE ${conditions.where}
      ORDER BY a.created_at DESC, a.id DESC LIMIT ${conditions.bind(filter.limit + 1)}`,
    conditions.values,
  );
  return pageOf(
    rows.map((row) => camelRow<ActivityRow>(row)),
    filter.limit,
  );
}
