/** Projects and workspaces as they are answered (API-200): nothing secret of an `env`, and where the code is. */
import { asJsonObject } from "@wakefleet/contracts";
import { agentShortName, localFolderOf, redactAdapterConfig, repoNameOf, shownUrl } from "@wakefleet/domain";
import {
  listProjectWorkspaces,
  listWorkspaceServices,
  type ProjectRow,
  type ProjectWorkspaceRow,
  type Sql,
} from "@wakefleet/store";

type Services = Awaited<ReturnType<typeof listWorkspaceServices>>;

/** With their workspaces, in their order. */
export async function presentProjects(sql: Sql, projects: readonly ProjectRow[]): Promise<object[]> {
  const workspaces = await listProjectWorkspaces(
    sql,
    projects.map(({ id }) => id),
  );
  const presented = await presentWorkspaces(sql, workspaces);
  return projects.map((project) => {
    const own = presented.filter(({ projectId }) => projectId === project.id);
    const primary = own.find(({ isPrimary }) => isPrimary) ?? null;
    return {
      ...project,
      env: project.env === null ? null : (redactAdapterConfig({ env: project.env })["env"] ?? null),
      urlKey: agentShortName(project.name),
      goalIds: project.goalId === null ? [] : [project.goalId],
      goals: [],
      workspaces: own,
      primaryWorkspace: primary,
      codebase: codebaseOf(primary),
    };
  });
}

/** Workspaces with their services. */
export async function presentWorkspaces(sql: Sql, workspaces: readonly ProjectWorkspaceRow[]) {
  const services = await listWorkspaceServices(
    sql,
    workspaces.map(({ id }) => id),
  );
  return workspaces.map((workspace) => presentWorkspace(workspace, services));
}

function presentWorkspace(workspace: ProjectWorkspaceRow, services: Services) {
  return {
    ...workspace,
    cwd: localFolderOf(workspace.cwd),
    repoUrl: workspace.repoUrl === null ? null : shownUrl(workspace.repoUrl),
    defaultRef: workspace.defaultRef ?? workspace.repoRef,
    runtimeConfig: asJsonObject(workspace.metadata)["runtimeConfig"] ?? null,
    runtimeServices: services.filter(({ projectWorkspaceId }) => projectWorkspaceId === workspace.id),
  };
}

/** The folder that the service keeps itself lies on the workers' hosts: this process does not know it. */
function codebaseOf(primary: ReturnType<typeof presentWorkspace> | null): object {
  const localFolder = primary?.cwd ?? null;
  return {
    workspaceId: primary?.id ?? null,
    repoUrl: primary?.repoUrl ?? null,
    repoRef: primary?.repoRef ?? null,
    defaultRef: primary?.defaultRef ?? null,
    repoName: repoNameOf(primary?.repoUrl ?? null),
    localFolder,
    managedFolder: null,
    effectiveLocalFolder: localFolder,
    origin: localFolder === null ? "managed_checkout" : "local_folder",
  };
}
