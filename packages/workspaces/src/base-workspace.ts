/**
 * Chooses the directory a run starts from (05 "Choosing the base workspace"): the project's (WS-10 to WS-15), else the
 * session's (WS-16), else the agent's own (WS-17).
 *
 * What must stay true: there always is a directory, and it exists; whenever it is not the wished one, a warning says so
 * in the words of the specification, because it is the first thing a person sees in the run's log.
 */
import path from "node:path";
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { ensureAgentHome } from "./agent-home.js";
import type { GitSettings } from "./git.js";
import type { InstanceLocation } from "./instance-paths.js";
import { isDirectory } from "./managed-directory.js";
import { projectDirectory, type WorkspaceHint, type WorkspaceProject } from "./project-workspace.js";

export type BaseWorkspaceSource = "project_primary" | "task_session" | "agent_home";

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
  /** What is known of that project; null: nothing, or its workspaces are not to be used (mode `agent_default`). */
  readonly project: WorkspaceProject | null;
  readonly git: GitSettings;
  /** Session params of the task's last run, as the codec read them; null for a fresh session. */
  readonly previousSessionParams: JsonObject | null;
  /** The agent's configured directory; null when it has none. */
  readonly configuredCwd: string | null;
}

/** The directory, which exists when this settles; cloning a repository may take minutes. */
export async function resolveBaseWorkspace(request: BaseWorkspaceRequest): Promise<BaseWorkspace> {
  const { project } = request;
  return project === null ? await withoutProject(request) : await withProject(request, project);
}

/** WS-10 to WS-15: without a directory of the project the agent home, still as the project's place. */
async function withProject(request: BaseWorkspaceRequest, project: WorkspaceProject): Promise<BaseWorkspace> {
  const { hints, warnings, whyNone, ...found } = await projectDirectory({ ...request, project });
  const cwd = found.cwd ?? (await ensureAgentHome(request.location, request.agentId));
  return {
    ...found,
    cwd,
    source: "project_primary",
    projectId: project.id,
    workspaceHints: hints,
    warnings: whyNone === null ? warnings : [...warnings, `${whyNone} Using fallback workspace "${cwd}" for this run.`],
  };
}

/** The previous session's directory if it still is one (WS-16), else the agent home, which is made (WS-17). */
async function withoutProject(request: BaseWorkspaceRequest): Promise<BaseWorkspace> {
  const { projectId } = request;
  const session = leftByPerson(request) ? null : request.previousSessionParams;
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

/**
 * Somebody configured another directory since the session was saved (AD-72, check 21 of 07). Without this the session's own
 * directory would come first for ever. A session of a project's workspace stays where the project is.
 */
function leftByPerson({ previousSessionParams: session, configuredCwd }: BaseWorkspaceRequest): boolean {
  const savedCwd = nonEmptyString(session?.["cwd"]);
  if (savedCwd === null || configuredCwd === null || nonEmptyString(session?.["workspaceId"]) !== null) return false;
  return path.resolve(savedCwd) !== path.resolve(configuredCwd);
}

/** WS-17, in the order of the table of warnings. */
function whyFallback(input: { readonly sessionCwd: string | null; readonly projectId: string | null }): string {
  if (input.sessionCwd !== null) return `Saved session workspace "${input.sessionCwd}" is not available.`;
  if (input.projectId !== null) return "No project workspace directory is currently available for this issue.";
  return "No project or prior session workspace was available.";
}
