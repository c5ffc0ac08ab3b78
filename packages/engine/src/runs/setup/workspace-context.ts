/**
 * What the context says of where a run works (CX-11, CX-20). Runs are in their company's local environment, on their
 * worker's own disk: there is no lease and nothing to realize.
 */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { LocalEnvironment } from "@wakefleet/store";
import type { BaseWorkspace } from "@wakefleet/workspaces";

/** The workspace keys of the context, and the project where the wake named none. */
export function workspaceContext(from: {
  readonly wake: JsonObject;
  readonly workspace: BaseWorkspace;
  readonly agentHome: string;
  readonly environment: LocalEnvironment | null;
  /** WS-34. */
  readonly mode: "shared_workspace" | "agent_default";
}): JsonObject {
  const { wake, workspace, agentHome, environment, mode } = from;
  const { projectId } = workspace;
  return {
    ...(nonEmptyString(wake["projectId"]) === null && projectId !== null ? { projectId } : {}),
    wakefleetEnvironment: {
      id: environment?.id ?? null,
      name: environment?.name ?? "Local",
      driver: environment?.driver ?? "local",
      leaseId: null,
      workspaceRealization: {},
    },
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
      realization: {},
      agentHome,
    },
    wakefleetWorkspaces: workspace.workspaceHints.map((hint) => ({ ...hint })),
  };
}
