/** A session that was saved in the agent's home moves with its project to the project's directory (SE-31, SE-32). Pure. */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";

export interface SessionMove {
  /** SE-30. */
  readonly params: JsonObject | null;
  /** The base workspace (WS-10 to WS-17). */
  readonly base: {
    readonly source: string;
    readonly workspaceId: string | null;
    readonly repoUrl: string | null;
    readonly repoRef: string | null;
  };
  /** Where the run really works. */
  readonly cwd: string;
  readonly agentHome: string;
  /** Makes a path absolute, so that two spellings of one directory compare equal. */
  readonly absolute: (path: string) => string;
}

/** The params to hand on, and what the log says when they moved. */
export function migrateSession(move: SessionMove): {
  readonly params: JsonObject | null;
  readonly warning: string | null;
} {
  const { params, base, cwd, agentHome, absolute } = move;
  const stays = { params, warning: null };
  const sessionId = nonEmptyString(params?.["sessionId"]);
  const savedCwd = nonEmptyString(params?.["cwd"]);
  if (sessionId === null || savedCwd === null) return stays;
  if (base.source !== "project_primary" || cwd.trim() === "") return stays;
  const saved = absolute(savedCwd);
  if (saved !== absolute(agentHome) || saved === absolute(cwd)) return stays;
  const savedWorkspaceId = nonEmptyString(params?.["workspaceId"]);
  if (savedWorkspaceId !== null && base.workspaceId !== null && savedWorkspaceId !== base.workspaceId) return stays;
  return {
    params: {
      ...params,
      cwd,
      ...(base.workspaceId === null ? {} : { workspaceId: base.workspaceId }),
      ...(base.repoUrl === null ? {} : { repoUrl: base.repoUrl }),
      ...(base.repoRef === null ? {} : { repoRef: base.repoRef }),
    },
    warning: `Project workspace "${cwd}" is now available. Attempting to resume session "${sessionId}" that was previously saved in fallback workspace "${savedCwd}".`,
  };
}
