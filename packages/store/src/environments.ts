/** Environments and the leases of runs on them as people read them (API-224, DM-75). Leases are taken and given back elsewhere. */
import type { EnvironmentLeaseStatus, JsonObject } from "@wakefleet/contracts";
import { Conditions, type Page, pageOf } from "./conditions.js";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** `environment_leases`. */
export interface EnvironmentLeaseRow {
  readonly id: string;
  readonly companyId: string;
  readonly environmentId: string;
  readonly executionWorkspaceId: string | null;
  readonly issueId: string | null;
  readonly heartbeatRunId: string | null;
  readonly status: EnvironmentLeaseStatus;
  readonly leasePolicy: string;
  readonly provider: string | null;
  readonly providerLeaseId: string | null;
  readonly acquiredAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date | null;
  readonly releasedAt: Date | null;
  readonly failureReason: string | null;
  readonly cleanupStatus: string | null;
  readonly metadata: JsonObject | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An environment as runs need it. */
export interface EnvironmentRow {
  readonly id: string;
  readonly companyId: string;
  readonly name: string;
  readonly driver: string;
  readonly status: string;
}

/** One environment of any company; null when there is none. */
export async function findEnvironmentById(sql: Sql, id: string): Promise<EnvironmentRow | null> {
  const rows = await sql.query<EnvironmentRow>(
    `SELECT id, company_id AS "companyId", name, driver, status FROM environments WHERE id = $1`,
    [id],
  );
  return rows[0] ?? null;
}

/** One page of an environment's leases, the newest first. */
export async function listEnvironmentLeases(
  sql: Sql,
  filter: {
    companyId: string;
    environmentId: string;
    status?: EnvironmentLeaseStatus | undefined;
    cursor?: string | undefined;
    limit: number;
  },
): Promise<Page<EnvironmentLeaseRow>> {
  const conditions = new Conditions()
    .when(filter.companyId, (p) => `l.company_id = ${p}`)
    .when(filter.environmentId, (p) => `l.environment_id = ${p}`)
    .when(filter.status, (p) => `l.status = ${p}`)
    .when(
      filter.cursor,
      (p) => `(l.acquired_at, l.id) < (SELECT c.acquired_at, c.id FROM environment_leases c WHERE c.id = ${p})`,
    );
  const rows = await sql.query<object>(
    `SELECT l.* FROM environment_leases l WHERE ${conditions.where}
      ORDER BY l.acquired_at DESC, l.id DESC LIMIT ${conditions.bind(filter.limit + 1)}`,
    conditions.values,
  );
  return pageOf(
    rows.map((row) => camelRow<EnvironmentLeaseRow>(row)),
    filter.limit,
  );
}

export async function findEnvironmentLease(sql: Sql, id: string): Promise<EnvironmentLeaseRow | null> {
  const rows = await sql.query<object>("SELECT * FROM environment_leases WHERE id = $1", [id]);
  return rows[0] === undefined ? null : camelRow<EnvironmentLeaseRow>(rows[0]);
}
