/**
 * Chooses the directory a run starts from (05 "Choosing the base workspace"), for runs without project workspaces
 * (WS-16, WS-17). Candidates of a project (WS-10 to WS-15) come before these and fall through to them.
 *
 * What must stay true: there always is a directory, and it exists; whenever it is not the wished one, a warning says so
 * in the words of the specification, because it is the first thing a person sees in the run's log.
 */
import { stat } from "node:fs/promises";
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { ensureAgentHome } from "./agent-home.js";
import type { InstanceLocation } from "./instance-paths.js";

export type BaseWorkspaceSource = "project_primary" | "task_session" | "agent_home";

/** A directory an agent may also find useful (WS-12). */
export interface WorkspaceHint {
  readonly workspaceId: string;
  readonly cwd: string | null;
  readonly repoUrl: string | null;
  readonly repoRef: string | null;
}

/** The result of the choice; `cwd` exists. */
export interface BaseWorkspace {
  readonly cwd: string;
  readonly source: BaseWorkspaceSource;
  readonly projectId: string | null;
  readonly workspaceId: string | null;
  readonly repoUrl: string | null;
  readonly repoRef: string | null;
  readonly workspaceHints: readonly WorkspaceHint[];
  /** For the run's log, without the `[wakefleet] ` prefix (EX-9). */
  readonly warnings: readonly string[];
}

export interface BaseWorkspaceRequest {
  readonly location: InstanceLocation;
  readonly agentId: string;
  /** The issue's, else the context's (WS-10); null when there is none. */
  readonly projectId: string | null;
  /** Session params of the task's last run, as the codec read them; null for a fresh session. */
  readonly previousSessionParams: JsonObject | null;
}

/** The previous session's directory if it still is one (WS-16), else the agent home, which is made (WS-17). */
export async function resolveBaseWorkspace(request: BaseWorkspaceRequest): Promise<BaseWorkspace> {
  const { projectId, previousSessionParams: session } = request;
  const sessionCwd = nonEmptyString(session?.["cwd"]);
  if (sessionCwd !== null && (await isDirectory(sessionCwd))) {
    return {
      cwd: sessionCwd,
      source: "task_session",
      projectId,
      workspaceId: nonEmptyString(session?.["workspaceId"]),
      repoUrl: nonEmptyString(session?.["repoUrl"]),
      repoRef: nonEmptyString(session?.["repoRef"]),
      workspaceHints: [],
      warnings: [],
    };
  }
  const home = await ensureAgentHome(request.location, request.agentId);
  return {
    cwd: home,
    source: "agent_home",
    projectId,
    workspaceId: null,
    repoUrl: null,
    repoRef: null,
    workspaceHints: [],
    warnings: [`${whyFallback({ sessionCwd, projectId })} Using fallback workspace "${home}" for this run.`],
  };
}

/** WS-17, in the order of the table of warnings. */
function whyFallback(input: { readonly sessionCwd: string | null; readonly projectId: string | null }): string {
  if (input.sessionCwd !== null) return `Saved session workspace "${input.sessionCwd}" is not available.`;
  if (input.projectId !== null) return "No project workspace directory is currently available for this issue.";
  return "No project or prior session workspace was available.";
}

async function isDirectory(directory: string): Promise<boolean> {
  try {
    return (await stat(directory)).isDirectory();
  } catch {
    // Missing, not allowed, or below a file: not available either way, and the warning says so.
    return false;
  }
}
