/** Projects and their workspaces (DM-71, API-200 to API-205): records only; where they lead is the workers' business. */
import type { JsonObject, PauseReason, ProjectCreate, ProjectWorkspaceCreate } from "@wakefleet/contracts";
import { agentShortName } from "@wakefleet/domain";
import { Conditions } from "./conditions.js";
import { toDatabaseJson } from "./database-json.js";
import { camelRow } from "./rows.js";
import type { Sql } from "./sql.js";

/** `projects`; `targetDate` is a day, `YYYY-MM-DD`. */
export interface ProjectRow {
  id: string;
  companyId: string;
  goalId: string | null;
  name: string;
  description: string | null;
  status: ProjectCreate["status"];
  leadAgentId: string | null;
  targetDate: string | null;
  color: string | null;
  env: JsonObject | null;
  executionWorkspacePolicy: JsonObject | null;
  pauseReason: PauseReason | null;
  pausedAt: Date | null;
  archivedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** `project_workspaces`. */
export interface ProjectWorkspaceRow {
  id: string;
  companyId: string;
  projectId: string;
  name: string;
  sourceType: ProjectWorkspaceCreate["sourceType"];
  cwd: string | null;
  repoUrl: string | null;
  repoRef: string | null;
  defaultRef: string | null;
  visibility: ProjectWorkspaceCreate["visibility"];
  setupCommand: string | null;
  cleanupCommand: string | null;
  remoteProvider: string | null;
  remoteWorkspaceRef: string | null;
  sharedWorkspaceKey: string | null;
  metadata: JsonObject | null;
  isPrimary: boolean;
  createdAt: Date;
  updatedAt: Date;
}

const PROJECT_COLUMNS = `p.id, p.company_id, p.goal_id, p.name, p.description, p.status, p.lead_agent_id,
  p.target_date::text AS target_date, p.color, p.env, p.execution_workspace_policy, p.pause_reason, p.paused_at,
  p.archived_at, p.created_at, p.updated_at`;

const PROJECT_FIELDS = {
  name: "name",
  description: "description",
  status: "status",
  leadAgentId: "lead_agent_id",
  targetDate: "target_date",
  color: "color",
  env: "env",
  executionWorkspacePolicy: "execution_workspace_policy",
  archivedAt: "archived_at",
} as const;
const WORKSPACE_FIELDS = {
  name: "name",
  sourceType: "source_type",
  cwd: "cwd",
  repoUrl: "repo_url",
  repoRef: "repo_ref",
  defaultRef: "default_ref",
  visibility: "visibility",
  setupCommand: "setup_command",
  cleanupCommand: "cleanup_command",
  remoteProvider: "remote_provider",
  remoteWorkspaceRef: "remote_workspace_ref",
  sharedWorkspaceKey: "shared_workspace_key",
  metadata: "metadata",
  isPrimary: "is_primary",
} as const;
const JSON_FIELDS: ReadonlySet<string> = new Set(["env", "executionWorkspacePolicy", "metadata"]);

type Values<Fields, Row> = { readonly [Field in keyof Fields & keyof Row]: Row[Field] };
type ProjectValues = Omit<Values<typeof PROJECT_FIELDS, ProjectRow>, "archivedAt"> & {
  readonly archivedAt: Date | string | null;
};
type WorkspaceValues = Values<typeof WORKSPACE_FIELDS, ProjectWorkspaceRow>;
type Changes<Whole> = { readonly [Field in keyof Whole]?: Whole[Field] | undefined };

function stored(field: string, value: unknown): unknown {
  return JSON_FIELDS.has(field) && value !== null ? toDatabaseJson(value as JsonObject) : value;
}

/** Inserts a row of the named columns; answers its id. Table and columns are our own text. */
async function insertRow(
  tx: Sql,
  row: {
    table: string;
    fixed: Record<string, string>;
    fields: Record<string, string>;
    values: Record<string, unknown>;
  },
): Promise<string> {
  const set = new Conditions();
  const columns = [...Object.keys(row.fixed), ...Object.values(row.fields)];
  const places = [
    ...Object.values(row.fixed).map((value) => set.bind(value)),
    ...Object.keys(row.fields).map((field) => set.bind(stored(field, row.values[field] ?? null))),
  ];
  const rows = await tx.query<{ id: string }>(
    `INSERT INTO ${row.table} (${columns.join(", ")}) VALUES (${places.join(", ")}) RETURNING id`,
    set.values,
  );
  if (rows[0] === undefined) throw new Error(`inserting into ${row.table} returned no row`);
  return rows[0].id;
}

/** Changes the columns whose fields are present (API-7). */
async function updateRow(
  tx: Sql,
  row: { table: string; id: string; fields: Record<string, string>; changes: Record<string, unknown> },
): Promise<void> {
  const set = new Conditions();
  const assignments = ["updated_at = now()"];
  for (const [field, column] of Object.entries(row.fields)) {
    const value = row.changes[field];
    if (value !== undefined) assignments.push(`${column} = ${set.bind(stored(field, value))}`);
  }
  await tx.query(`UPDATE ${row.table} SET ${assignments.join(", ")} WHERE id = ${set.bind(row.id)}`, set.values);
}

/** The projects of a company, oldest first. */
export async function listProjects(sql: Sql, query: { companyId: string; limit: number }): Promise<ProjectRow[]> {
  const rows = await sql.query<object>(
    `SELECT ${PROJECT_COLUMNS} FROM projects p WHERE p.company_id = $1 ORDER BY p.created_at, p.id LIMIT $2`,
    [query.companyId, query.limit],
  );
  return rows.map((row) => camelRow<ProjectRow>(row));
}

/** A project; with `lock` nobody else changes it or its workspaces meanwhile. */
export async function findProject(sql: Sql, key: { id: string; lock?: boolean }): Promise<ProjectRow | null> {
  const rows = await sql.query<object>(
    `SELECT ${PROJECT_COLUMNS} FROM projects p WHERE p.id = $1${key.lock === true ? " FOR NO KEY UPDATE" : ""}`,
    [key.id],
  );
  return rows[0] === undefined ? null : camelRow<ProjectRow>(rows[0]);
}

/** Ids of a company's projects with this short name (API-5): none, one, or two of several. */
export async function findProjectsByShortName(
  sql: Sql,
  name: { companyId: string; shortName: string },
): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `SELECT p.id FROM projects p
      WHERE p.company_id = $1 AND trim(both '-' from regexp_replace(lower(p.name), '[^a-z0-9]+', '-', 'g')) = $2 LIMIT 2`,
    [name.companyId, agentShortName(name.shortName)],
  );
  return rows.map(({ id }) => id);
}

export async function insertProject(tx: Sql, project: { companyId: string } & ProjectValues): Promise<string> {
  const { companyId, ...values } = project;
  return insertRow(tx, { table: "projects", fixed: { company_id: companyId }, fields: PROJECT_FIELDS, values });
}

export async function updateProject(tx: Sql, change: { id: string; changes: Changes<ProjectValues> }): Promise<void> {
  await updateRow(tx, { table: "projects", id: change.id, fields: PROJECT_FIELDS, changes: change.changes });
}

/** What still refers to a project and would be left without it: `issues`, `costs`, `budgets`. */
export async function listProjectUses(tx: Sql, projectId: string): Promise<string[]> {
  const rows = await tx.query<{ what: string }>(
    `SELECT what FROM (VALUES
       ('issues', EXISTS (SELECT 1 FROM issues WHERE project_id = $1)),
       ('costs', EXISTS (SELECT 1 FROM cost_events WHERE project_id = $1)),
       ('budgets', EXISTS (SELECT 1 FROM budget_policies WHERE scope_type = 'project' AND scope_id = $1))
     ) AS one(what, is_used) WHERE is_used`,
    [projectId],
  );
  return rows.map(({ what }) => what);
}

export async function deleteProject(tx: Sql, id: string): Promise<void> {
  await tx.query("DELETE FROM projects WHERE id = $1", [id]);
}

/** The workspaces of projects, the primary one first, then the oldest. */
export async function listProjectWorkspaces(sql: Sql, projectIds: readonly string[]): Promise<ProjectWorkspaceRow[]> {
  const rows = await sql.query<object>(
    `SELECT * FROM project_workspaces WHERE project_id = ANY($1::uuid[])
      ORDER BY project_id, is_primary DESC, created_at, id`,
    [projectIds],
  );
  return rows.map((row) => camelRow<ProjectWorkspaceRow>(row));
}

export async function insertProjectWorkspace(
  tx: Sql,
  workspace: { companyId: string; projectId: string } & WorkspaceValues,
): Promise<string> {
  const { companyId, projectId, ...values } = workspace;
  const fixed = { company_id: companyId, project_id: projectId };
  return insertRow(tx, { table: "project_workspaces", fixed, fields: WORKSPACE_FIELDS, values });
}

export async function updateProjectWorkspace(
  tx: Sql,
  change: { id: string; changes: Changes<WorkspaceValues> },
): Promise<void> {
  await updateRow(tx, {
    table: "project_workspaces",
    id: change.id,
    fields: WORKSPACE_FIELDS,
    changes: change.changes,
  });
}

/** Makes one workspace the only primary one of its project. Hold the project's row. */
export async function makePrimaryWorkspace(tx: Sql, workspace: { id: string; projectId: string }): Promise<void> {
  // Two statements: the unique index on the primary one is checked row by row.
  await tx.query(
    "UPDATE project_workspaces SET is_primary = false, updated_at = now() WHERE project_id = $1 AND is_primary AND id <> $2",
    [workspace.projectId, workspace.id],
  );
  await tx.query(
    "UPDATE project_workspaces SET is_primary = true, updated_at = now() WHERE id = $1 AND NOT is_primary",
    [workspace.id],
  );
}

export async function deleteProjectWorkspace(tx: Sql, id: string): Promise<void> {
  await tx.query("DELETE FROM project_workspaces WHERE id = $1", [id]);
}

/** Services that run in the workspaces, as they were last seen. */
export async function listWorkspaceServices(
  sql: Sql,
  workspaceIds: readonly string[],
): Promise<(Record<string, unknown> & { projectWorkspaceId: string | null })[]> {
  const rows = await sql.query<object>(
    "SELECT * FROM workspace_runtime_services WHERE project_workspace_id = ANY($1::uuid[]) ORDER BY created_at, id",
    [workspaceIds],
  );
  return rows.map((row) => camelRow<Record<string, unknown> & { projectWorkspaceId: string | null }>(row));
}
