/** Work products of issues (DM-67, API-167, API-168): at most one primary of each type, kept by a unique index. */
import type { JsonObject, WorkProductCreate } from "@wakefleet/contracts";
import { Conditions } from "./conditions.js";
import { toDatabaseJson } from "./database-json.js";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** `issue_work_products`. */
export interface WorkProductRow {
  id: string;
  companyId: string;
  projectId: string | null;
  issueId: string;
  executionWorkspaceId: string | null;
  runtimeServiceId: string | null;
  type: WorkProductCreate["type"];
  status: WorkProductCreate["status"];
  provider: string;
  title: string;
  externalId: string | null;
  url: string | null;
  summary: string | null;
  reviewState: WorkProductCreate["reviewState"];
  isPrimary: boolean;
  healthStatus: WorkProductCreate["healthStatus"];
  metadata: JsonObject | null;
  createdByRunId: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export type NewWorkProduct = Omit<WorkProductRow, "id" | "createdAt" | "updatedAt">;

const COLUMNS = {
  projectId: "project_id",
  executionWorkspaceId: "execution_workspace_id",
  runtimeServiceId: "runtime_service_id",
  type: "type",
  status: "status",
  provider: "provider",
  title: "title",
  externalId: "external_id",
  url: "url",
  summary: "summary",
  reviewState: "review_state",
  isPrimary: "is_primary",
  healthStatus: "health_status",
  metadata: "metadata",
  createdByRunId: "created_by_run_id",
} as const;

export type WorkProductChanges = { [Field in keyof typeof COLUMNS]?: WorkProductRow[Field] | undefined };

function stored(field: string, value: unknown): unknown {
  return field === "metadata" && value !== null ? toDatabaseJson(value as JsonObject) : value;
}

/** The work products of an issue, primary ones first, then the newest. */
export async function listWorkProducts(
  sql: Sql,
  query: { companyId: string; issueId: string; limit: number },
): Promise<WorkProductRow[]> {
  const rows = await sql.query<object>(
    `SELECT * FROM issue_work_products WHERE company_id = $1 AND issue_id = $2
      ORDER BY is_primary DESC, updated_at DESC, id LIMIT $3`,
    [query.companyId, query.issueId, query.limit],
  );
  return rows.map((row) => camelRow<WorkProductRow>(row));
}

export async function findWorkProduct(sql: Sql, id: string): Promise<WorkProductRow | null> {
  const rows = await sql.query<object>("SELECT * FROM issue_work_products WHERE id = $1", [id]);
  return rows[0] === undefined ? null : camelRow<WorkProductRow>(rows[0]);
}

/** Takes the place of the primary of a type away from whatever has it, so that another may take it. Hold the issue's row. */
export async function unsetPrimary(tx: Sql, primary: { issueId: string; type: string }): Promise<void> {
  await tx.query(
    "UPDATE issue_work_products SET is_primary = false, updated_at = now() WHERE issue_id = $1 AND type = $2 AND is_primary",
    [primary.issueId, primary.type],
  );
}

export async function insertWorkProduct(tx: Sql, product: NewWorkProduct): Promise<WorkProductRow> {
  const set = new Conditions();
  const fields = Object.entries(COLUMNS) as [keyof typeof COLUMNS, string][];
  const places = [set.bind(product.companyId), set.bind(product.issueId)];
  for (const [field] of fields) places.push(set.bind(stored(field, product[field])));
  const rows = await tx.query<object>(
    `INSERT INTO issue_work_products (company_id, issue_id, ${fields.map(([, column]) => column).join(", ")})
     VALUES (${places.join(", ")}) RETURNING *`,
    set.values,
  );
  if (rows[0] === undefined) throw new Error("inserting a work product returned no row");
  return camelRow<WorkProductRow>(rows[0]);
}

/** Changes the fields that are present (API-7). Null: it is gone. */
export async function updateWorkProduct(
  tx: Sql,
  change: { id: string; changes: WorkProductChanges },
): Promise<WorkProductRow | null> {
  const set = new Conditions();
  const assignments = ["updated_at = now()"];
  for (const [field, column] of Object.entries(COLUMNS)) {
    const value = change.changes[field as keyof typeof COLUMNS];
    if (value !== undefined) assignments.push(`${column} = ${set.bind(stored(field, value))}`);
  }
  const rows = await tx.query<object>(
    `UPDATE issue_work_products SET ${assignments.join(", ")} WHERE id = ${set.bind(change.id)} RETURNING *`,
    set.values,
  );
  return rows[0] === undefined ? null : camelRow<WorkProductRow>(rows[0]);
}

export async function deleteWorkProduct(tx: Sql, id: string): Promise<void> {
  await tx.query("DELETE FROM issue_work_products WHERE id = $1", [id]);
}

/** The references of a work product that name nothing of its company (DM-95). */
export async function foreignWorkProductReferences(
  tx: Sql,
  references: { companyId: string } & Pick<
    WorkProductChanges,
    "projectId" | "executionWorkspaceId" | "runtimeServiceId" | "createdByRunId"
  >,
): Promise<string[]> {
  const asked = [
    ["projectId", "projects", references.projectId],
    ["executionWorkspaceId", "execution_workspaces", references.executionWorkspaceId],
    ["runtimeServiceId", "workspace_runtime_services", references.runtimeServiceId],
    ["createdByRunId", "heartbeat_runs", references.createdByRunId],
  ] as const;
  const foreign: string[] = [];
  for (const [field, table, id] of asked) {
    if (id === null || id === undefined) continue;
    const rows = await tx.query(`SELECT 1 FROM ${table} WHERE id = $1 AND company_id = $2`, [id, references.companyId]);
    if (rows.length === 0) foreign.push(field);
  }
  return foreign;
}
