/** Projects over HTTP (API-200 to API-203). */
import {
  asJsonObject,
  type JsonObject,
  type ProjectCreate,
  type ProjectPatch,
  WakefleetError,
} from "@wakefleet/contracts";
import { findHostCommandPaths } from "@wakefleet/domain";
import {
  deleteProject,
  findAgent,
  findProject,
  insertProject,
  listProjects,
  listProjectUses,
  type ProjectRow,
  type Sql,
  updateProject,
} from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import { found } from "../http/query-fields.js";
import { mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";
import { checkedEnv } from "../secrets/check-env.js";
import { PROJECT_NOT_FOUND, type ProjectReference, requireProject } from "./find-project.js";
import { presentProjects } from "./present-project.js";
import { addWorkspace } from "./project-workspaces.js";

interface CompanyCall {
  readonly caller: Principal;
  readonly companyId: string;
}

/** API-200. */
export async function readProjects(deps: ApiDeps, call: CompanyCall & { limit: number }): Promise<object[]> {
  const { id: companyId } = await requireCompany(deps, call);
  return presentProjects(deps.db.sql, await listProjects(deps.db.sql, { companyId, limit: call.limit }));
}

/** API-200. */
export async function readProject(deps: ApiDeps, call: ProjectReference): Promise<object> {
  return presentOne(deps.db.sql, await requireProject(deps, call));
}

/** API-201: with its first workspace, or not at all. */
export async function createProject(
  deps: ApiDeps,
  call: CompanyCall & { body: ProjectCreate; sent: unknown },
): Promise<object> {
  const { caller } = call;
  const { id: companyId } = await requireCompany(deps, call);
  const { workspace, goalId: _, goalIds: __, ...body } = call.body;
  assertNoHostCommands(caller, call.sent);
  const id = await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    await assertReferences(tx, { companyId, body: call.body });
    const env = await envToStore(tx, { deps, caller, companyId, env: body.env, stored: null });
    const projectId = await insertProject(tx, { ...body, companyId, env });
    note({
      companyId,
      action: "project.created",
      entityType: "project",
      entityId: projectId,
      details: { name: body.name, workspaceId: null },
    });
    if (workspace !== undefined) {
      await addWorkspace({ tx, note }, { companyId, projectId, body: workspace, refusal: "unprocessable" });
    }
    return projectId;
  });
  return presentOne(deps.db.sql, found(await findProject(deps.db.sql, { id }), PROJECT_NOT_FOUND));
}

/** API-202. */
export async function patchProject(
  deps: ApiDeps,
  call: ProjectReference & { body: ProjectPatch; sent: unknown },
): Promise<object> {
  const { caller, body } = call;
  const { id, companyId } = await requireProject(deps, call);
  assertNoHostCommands(caller, call.sent);
  const project = await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const before = found(await findProject(tx, { id, lock: true }), PROJECT_NOT_FOUND);
    await assertReferences(tx, { companyId, body });
    const env =
      body.env === undefined
        ? undefined
        : await envToStore(tx, { deps, caller, companyId, env: body.env, stored: before.env });
    const { goalId: _, goalIds: __, ...changes } = body;
    await updateProject(tx, { id, changes: { ...changes, env } });
    const changedKeys = Object.keys(body).sort();
    note({ companyId, action: "project.updated", entityType: "project", entityId: id, details: { changedKeys } });
    return found(await findProject(tx, { id }), PROJECT_NOT_FOUND);
  });
  return presentOne(deps.db.sql, project);
}

/** API-203: only the board, and only what nothing refers to. */
export async function removeProject(deps: ApiDeps, call: ProjectReference): Promise<object> {
  const { caller } = call;
  const project = await requireProject(deps, call);
  assertBoard(caller);
  const answer = await presentOne(deps.db.sql, project);
  const { id, companyId, name } = project;
  await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    found(await findProject(tx, { id, lock: true }), PROJECT_NOT_FOUND);
    const usedBy = await listProjectUses(tx, id);
    if (usedBy.length > 0) {
      throw new WakefleetError("conflict", "Project is still in use; archive it instead", { usedBy });
    }
    await deleteProject(tx, id);
    note({ companyId, action: "project.deleted", entityType: "project", entityId: id, details: { name } });
  });
  return answer;
}

async function presentOne(sql: Sql, project: ProjectRow): Promise<object> {
  return found((await presentProjects(sql, [project]))[0], PROJECT_NOT_FOUND);
}

/** API-37: commands that run on a host are set by people. Looks at what was sent, before defaults. */
export function assertNoHostCommands(caller: Principal, sent: unknown): void {
  if (caller.kind !== "agent") return;
  const paths = findHostCommandPaths(asJsonObject(sent), "");
  if (paths.length === 0) return;
  throw new WakefleetError(
    "forbidden",
    `Agent keys cannot modify host-executed workspace commands (${paths.join(", ")}).`,
  );
}

async function assertReferences(
  tx: Sql,
  check: { companyId: string; body: Pick<ProjectPatch, "leadAgentId" | "goalId" | "goalIds"> },
): Promise<void> {
  const { leadAgentId = null, goalId = null, goalIds = [] } = check.body;
  if (leadAgentId !== null) {
    const lead = await findAgent(tx, leadAgentId);
    if (lead === null) throw new WakefleetError("not_found", "Agent not found");
    if (lead.companyId !== check.companyId) {
      throw new WakefleetError("unprocessable", "Lead agent must belong to same company");
    }
  }
  // Goals come with a later part of the model: no company has one yet.
  if (goalId !== null || goalIds.length > 0) {
    throw new WakefleetError("unprocessable", "Goal does not belong to company");
  }
}

async function envToStore(
  tx: Sql,
  save: {
    deps: Pick<ApiDeps, "settings">;
    caller: Principal;
    companyId: string;
    env: JsonObject | null;
    stored: JsonObject | null;
  },
): Promise<JsonObject | null> {
  const { deps, caller, companyId, env, stored } = save;
  if (env === null) return null;
  return checkedEnv(tx, { settings: deps.settings, caller, companyId, env, path: "env", stored: stored ?? undefined });
}
