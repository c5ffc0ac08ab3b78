/** What a run's workspace became in its environment (EN-31): on the worker's own disk nothing has to be brought anywhere. Pure. */
import type { JsonObject } from "@wakefleet/contracts";

export interface RealizedPlace {
  readonly environmentId: string;
  readonly leaseId: string;
  readonly workspace: {
    readonly cwd: string;
    readonly source: string;
    readonly projectId: string | null;
    readonly workspaceId: string | null;
    readonly repoUrl: string | null;
    readonly repoRef: string | null;
  };
}

/** The record of a local driver. */
export function localRealization({ environmentId, leaseId, workspace }: RealizedPlace): JsonObject {
  const { cwd, source, projectId, workspaceId, repoUrl, repoRef } = workspace;
  return {
    version: 1,
    transport: "local",
    provider: "local",
    environmentId,
    leaseId,
    providerLeaseId: null,
    local: {
      path: cwd,
      source,
      strategy: "project_primary",
      projectId,
      projectWorkspaceId: workspaceId,
      repoUrl,
      repoRef,
      branchName: null,
      worktreePath: null,
    },
    remote: { path: null },
    sync: { strategy: "none", prepare: null, syncBack: null },
    bootstrap: { command: null },
    rebuild: {},
    summary: `Local workspace realized at ${cwd}.`,
  };
}
