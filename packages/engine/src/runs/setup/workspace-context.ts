/** What the context says of where a run works (CX-11, CX-20): its company's local environment, its worker's own disk. */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { localRealization } from "@wakefleet/domain";
import type { LocalEnvironment } from "@wakefleet/store";
import type { BaseWorkspace } from "@wakefleet/workspaces";

/** The workspace keys of the context, and the project where the wake named none. */
export function workspaceContext(from: {
  readonly wake: JsonObject;
  readonly workspace: BaseWorkspace;
  readonly agentHome: string;
  readonly environment: LocalEnvironment;
  readonly leaseId: string;
  /** WS-34. */
  readonly mode: "shared_workspace" | "agent_default";
}): { readonly keys: JsonObject; readonly realization: JsonObject } {
  const { wake, workspace, agentHome, environment, leaseId, mode } = from;
  const { projectId } = workspace;
  const { id: environmentId, name, driver } = environment;
  const realization = localRealization({ environmentId, leaseId, workspace });
  const keys = {
    ...(nonEmptyString(wake["projectId"]) === null && projectId !== null ? { projectId } : {}),
    wakefleetEnvironment: { id: environmentId, name, driver, leaseId, workspaceRealization: realization },
    wakefleetWorkspace: {
      cwd: workspace.cwd,
      source: workspace.source,
      mode,
      strategy: "project_primary",
      projectId,
      workspaceId: workspace.workspaceId,
      repoUrl: workspace.repoUrl,
      repoRef: workspace.repoRef,
      branchName: null,
      worktreePath: null,
      realization,
      agentHome,
    },
    wakefleetWorkspaces: workspace.workspaceHints.map((hint) => ({ ...hint })),
  };
  return { keys, realization };
}
