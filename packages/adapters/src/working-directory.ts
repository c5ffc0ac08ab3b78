/**
 * Where an agent works (AD-57, AD-58): the run's workspace, else the configured directory, else the worker's own.
 */
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { asJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";

/** The run's workspace as adapters read it (`wakefleetWorkspace`, CX-20); blank and missing members are null. */
export interface RunWorkspace {
  readonly cwd: string | null;
  readonly source: string | null;
  readonly strategy: string | null;
  readonly workspaceId: string | null;
  readonly repoUrl: string | null;
  readonly repoRef: string | null;
  readonly branchName: string | null;
  readonly worktreePath: string | null;
  readonly agentHome: string | null;
}

interface WorkspaceInput {
  readonly config: JsonObject;
  readonly context: JsonObject;
}

/**
 * Reads the workspace out of a run's context. With source `agent_home` and a configured `cwd` the configured one is the
 * run's directory, and the workspace's counts as absent (AD-57, CX-21).
 */
export function readWorkspace({ config, context }: WorkspaceInput): RunWorkspace {
  const workspace = asJsonObject(context["wakefleetWorkspace"]);
  const read = (key: string): string | null => nonEmptyString(workspace[key]);
  const source = read("source");
  const configuredWins = source === "agent_home" && nonEmptyString(config["cwd"]) !== null;
  return {
    cwd: configuredWins ? null : read("cwd"),
    source,
    strategy: read("strategy"),
    workspaceId: read("workspaceId"),
    repoUrl: read("repoUrl"),
    repoRef: read("repoRef"),
    branchName: read("branchName"),
    worktreePath: read("worktreePath"),
    agentHome: read("agentHome"),
  };
}

/** The directory of a run: workspace `cwd`, else config `cwd`, else `workerCwd` (AD-57). Not checked. */
export function resolveWorkingDirectory(input: WorkspaceInput & { readonly workerCwd: string }): string {
  return readWorkspace(input).cwd ?? nonEmptyString(input.config["cwd"]) ?? input.workerCwd;
}

/**
 * Makes sure that a directory can be worked in (AD-58).
 * @throws Error with the text of AD-58 that names the directory.
 */
export async function requireWorkingDirectory(input: {
  readonly cwd: string;
  /** Make it, with its parents, when it is missing. */
  readonly createIfMissing: boolean;
}): Promise<void> {
  const { cwd, createIfMissing } = input;
  if (!path.isAbsolute(cwd)) throw new Error(`Working directory must be an absolute path: "${cwd}"`);
  const found = await stat(cwd).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw new Error(`Working directory does not exist: "${cwd}"`, { cause: error });
  });
  if (found !== null) {
    if (!found.isDirectory()) throw new Error(`Working directory is not a directory: "${cwd}"`);
    return;
  }
  if (!createIfMissing) throw new Error(`Working directory does not exist: "${cwd}"`);
  try {
    await mkdir(cwd, { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Could not create working directory "${cwd}": ${reason}`, { cause: error });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT";
}
