/** What the context says of where a run works (CX-11, CX-20). */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import type { BaseWorkspace } from "@wakefleet/workspaces";

/** The workspace keys of the context, and the project where the wake named none. */
export function workspaceContext(from: {
  readonly wake: JsonObject;
  readonly workspace: BaseWorkspace;
  readonly agentHome: string;
  /** WS-34. */
  readonly mode: "shared_workspace" | "agent_default";
}): JsonObject {
  const { wake, workspace, agentHome, mode } = from;
  const { projectId } = workspace;
  return {
    ...(nonEmptyString(wake["projectId"]) === null && projectId !== null ? { projectId } : {}),
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
      agentHome,
    },
    wakefleetWorkspaces: workspace.workspaceHints.map((hint) => ({ ...hint })),
  };
}
