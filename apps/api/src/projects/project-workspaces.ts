/** The workspaces of a project over HTTP (API-204, API-205). A project that has workspaces has one primary one. */
import {
  asJsonObject,
  type JsonObject,
  type ProjectWorkspaceCreate,
  type ProjectWorkspacePatch,
  WakefleetError,
} from "@wakefleet/contracts";
import { missingOfWorkspace, shownUrl, workspaceNameOf } from "@wakefleet/domain";
import {
  deleteProjectWorkspace,
  findProject,
  insertProjectWorkspace,
  listProjectWorkspaces,
  makePrimaryWorkspace,
  type ProjectRow,
  type ProjectWorkspaceRow,
  type Sql,
  updateProjectWorkspace,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { found, pathId } from "../http/query-fields.js";
import { type Mutation, mutate } from "../mutate.js";
import { actorOf } from "../principal.js";
import { PROJECT_NOT_FOUND, type ProjectReference, requireProject } from "./find-project.js";
import { presentWorkspaces } from "./present-project.js";

const NOT_FOUND = "Project workspace not found";
const INVALID = "Invalid project workspace payload";

type WorkspaceReference = ProjectReference & { readonly workspaceId: string };

/** API-204. */
export async function readWorkspaces(deps: ApiDeps, call: ProjectReference): Promise<object[]> {
  const { id } = await requireProject(deps, call);
  return presentWorkspaces(deps.db.sql, await listProjectWorkspaces(deps.db.sql, [id]));
}

/** API-204. */
export async function createWorkspace(
  deps: ApiDeps,
  call: ProjectReference & { body: ProjectWorkspaceCreate },
): Promise<object> {
  const { caller, body } = call;
  const { id: projectId, companyId } = await requireProject(deps, call);
  const id = await mutate(deps, actorOf(caller), async (mutation) => {
    await lockProject(mutation.tx, projectId);
    return addWorkspace(mutation, { companyId, projectId, body, refusal: "bad_request" });
  });
  return presentOne(deps.db.sql, { projectId, id });
}

/** Adds a workspace to a project that is new or locked; the first one is the primary one. */
export async function addWorkspace(
  { tx, note }: Pick<Mutation, "tx" | "note">,
  add: {
    readonly companyId: string;
    readonly projectId: string;
    readonly body: ProjectWorkspaceCreate;
    /** How an incomplete one is refused: with its sentence, or as a part of a whole. */
    readonly refusal: "bad_request" | "unprocessable";
  },
): Promise<string> {
  const { companyId, projectId, body } = add;
  const { runtimeConfig, metadata, name, isPrimary, ...columns } = body;
  const missing = missingOfWorkspace(body);
  if (missing !== null) {
    throw add.refusal === "bad_request"
      ? new WakefleetError("bad_request", missing)
      : new WakefleetError("unprocessable", INVALID, { reason: missing });
  }
  const others = await listProjectWorkspaces(tx, [projectId]);
  const id = await insertProjectWorkspace(tx, {
    ...columns,
    companyId,
    projectId,
    name: name ?? workspaceNameOf(body),
    metadata: withRuntimeConfig(metadata, runtimeConfig),
    isPrimary: false,
  });
  if (isPrimary || others.length === 0) await makePrimaryWorkspace(tx, { id, projectId });
  note({
    companyId,
    action: "project.workspace_created",
    entityType: "project",
    entityId: projectId,
    details: { workspaceId: id, name: name ?? workspaceNameOf(body) },
  });
  return id;
}

/** API-205. The primary one stays so until another takes its place. */
export async function patchWorkspace(
  deps: ApiDeps,
  call: WorkspaceReference & { body: ProjectWorkspacePatch },
): Promise<object> {
  const { caller } = call;
  const project = await requireProject(deps, call);
  const id = await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const workspace = await lockWorkspace(tx, { project, workspaceId: call.workspaceId });
    const { runtimeConfig, metadata = workspace.metadata, name, isPrimary, ...sent } = call.body;
    const columns = withKeptCredentials(sent, workspace);
    const changed = { ...workspace, ...present(columns) };
    const missing = missingOfWorkspace(changed);
    if (missing !== null) throw new WakefleetError("unprocessable", INVALID, { reason: missing });
    const kept = asJsonObject(workspace.metadata)["runtimeConfig"];
    await updateProjectWorkspace(tx, {
      id: workspace.id,
      changes: {
        ...columns,
        ...(name === undefined ? {} : { name: name ?? workspaceNameOf(changed) }),
        metadata: withRuntimeConfig(metadata, runtimeConfig === undefined ? asObjectOrNull(kept) : runtimeConfig),
      },
    });
    if (isPrimary === true) await makePrimaryWorkspace(tx, { id: workspace.id, projectId: project.id });
    const details = { workspaceId: workspace.id, changedKeys: Object.keys(call.body).sort() };
    noteChange(note, { project, action: "project.workspace_updated", details });
    return workspace.id;
  });
  return presentOne(deps.db.sql, { projectId: project.id, id });
}

/** API-205: the oldest of the others takes the place of a primary one. */
export async function removeWorkspace(deps: ApiDeps, call: WorkspaceReference): Promise<object> {
  const { caller, workspaceId } = call;
  const project = await requireProject(deps, call);
  const known = await findWorkspace(deps.db.sql, { project, workspaceId });
  const [answer] = await presentWorkspaces(deps.db.sql, [known]);
  await mutate(deps, actorOf(caller), async ({ tx, note }) => {
    const workspace = await lockWorkspace(tx, { project, workspaceId });
    await deleteProjectWorkspace(tx, workspace.id);
    const [next] = await listProjectWorkspaces(tx, [project.id]);
    if (workspace.isPrimary && next !== undefined) {
      await makePrimaryWorkspace(tx, { id: next.id, projectId: project.id });
    }
    const details = { workspaceId: workspace.id, name: workspace.name };
    noteChange(note, { project, action: "project.workspace_deleted", details });
  });
  return found(answer, NOT_FOUND);
}

/** Whoever sends an address back as it was shown, without its credentials (WS-28), means the one that is stored. */
function withKeptCredentials<Sent extends { repoUrl?: string | null | undefined }>(
  sent: Sent,
  stored: ProjectWorkspaceRow,
): Sent {
  const isAsShown = stored.repoUrl !== null && sent.repoUrl === shownUrl(stored.repoUrl);
  return isAsShown ? { ...sent, repoUrl: stored.repoUrl } : sent;
}

async function lockProject(tx: Sql, id: string): Promise<void> {
  found(await findProject(tx, { id, lock: true }), PROJECT_NOT_FOUND);
}

async function lockWorkspace(tx: Sql, key: { project: ProjectRow; workspaceId: string }): Promise<ProjectWorkspaceRow> {
  await lockProject(tx, key.project.id);
  return findWorkspace(tx, key);
}

async function findWorkspace(
  sql: Sql,
  key: { project: ProjectRow; workspaceId: string },
): Promise<ProjectWorkspaceRow> {
  const id = pathId(key.workspaceId, NOT_FOUND);
  const workspaces = await listProjectWorkspaces(sql, [key.project.id]);
  return found(
    workspaces.find((workspace) => workspace.id === id),
    NOT_FOUND,
  );
}

async function presentOne(sql: Sql, key: { projectId: string; id: string }): Promise<object> {
  const workspaces = await presentWorkspaces(sql, await listProjectWorkspaces(sql, [key.projectId]));
  return found(
    workspaces.find(({ id }) => id === key.id),
    NOT_FOUND,
  );
}

function noteChange(note: Mutation["note"], what: { project: ProjectRow; action: string; details: JsonObject }): void {
  const { project, action, details } = what;
  note({ companyId: project.companyId, action, entityType: "project", entityId: project.id, details });
}

/** `runtimeConfig` lives in the metadata (DM-71). */
function withRuntimeConfig(metadata: JsonObject | null, runtimeConfig: JsonObject | null): JsonObject | null {
  if (runtimeConfig === null && metadata === null) return null;
  const { runtimeConfig: _, ...rest } = metadata ?? {};
  return runtimeConfig === null ? rest : { ...rest, runtimeConfig };
}

function asObjectOrNull(value: unknown): JsonObject | null {
  const object = asJsonObject(value);
  return Object.keys(object).length === 0 ? null : object;
}

/** The members that were sent. */
function present<Sent extends object>(sent: Sent): { [Key in keyof Sent]: Exclude<Sent[Key], undefined> } {
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Sent]: Exclude<Sent[Key], undefined>;
  };
}
