/**
 * Where an installation keeps its files on one host (WS-1 to WS-4). Pure: the environment and the user's home come in.
 *
 * What must stay true: no id or name from outside can lead out of the instance's folder.
 */
import path from "node:path";

/** What the paths depend on. */
export interface InstanceLocation {
  /** Usually `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home directory, usually `os.homedir()`; absolute. */
  readonly userHome: string;
}

/** Letters, digits, `_` and `-`: safe as one folder name, and never `.` or `..`. */
const PLAIN_NAME = /^[A-Za-z0-9_-]+$/;

/** `WAKEFLEET_HOME` made absolute (`~` expanded), else `~/.wakefleet` (WS-1). */
export function homeDirectory({ env, userHome }: InstanceLocation): string {
  const configured = env["WAKEFLEET_HOME"]?.trim() ?? "";
  if (configured === "") return path.join(userHome, ".wakefleet");
  if (configured === "~") return userHome;
  if (configured.startsWith("~/")) return path.join(userHome, configured.slice(2));
  return path.resolve(configured);
}

/**
 * `WAKEFLEET_INSTANCE_ID`, else `default` (WS-1).
 * @throws Error `Invalid WAKEFLEET_INSTANCE_ID 'X'.` for other characters than letters, digits, `_`, `-`.
 */
export function instanceId({ env }: Pick<InstanceLocation, "env">): string {
  const configured = env["WAKEFLEET_INSTANCE_ID"]?.trim() ?? "";
  if (configured === "") return "default";
  if (!PLAIN_NAME.test(configured)) throw new Error(`Invalid WAKEFLEET_INSTANCE_ID '${configured}'.`);
  return configured;
}

/** The folder everything else lies under: home`/instances/`id (WS-1). */
export function instanceRoot(location: InstanceLocation): string {
  return path.join(homeDirectory(location), "instances", instanceId(location));
}

/**
 * The directory an agent works in when a run has no other (WS-2).
 * @throws Error `Invalid agent id for workspace path 'X'.`
 */
export function agentHomePath(location: InstanceLocation, agentId: string): string {
  const id = agentId.trim();
  if (!PLAIN_NAME.test(id)) throw new Error(`Invalid agent id for workspace path '${agentId}'.`);
  return path.join(instanceRoot(location), "workspaces", id);
}

/**
 * The directory the service keeps for a project: root`/projects/`company`/`project`/`repo (WS-3).
 * A `repoName` of null is a project without a repository.
 * @throws Error when an id is missing.
 */
export function managedProjectPath(
  location: InstanceLocation,
  project: { readonly companyId: string; readonly projectId: string; readonly repoName: string | null },
): string {
  if (project.companyId.trim() === "" || project.projectId.trim() === "") {
    throw new Error("Managed project workspace path requires companyId and projectId.");
  }
  return path.join(
    instanceRoot(location),
    "projects",
    folderName(project.companyId, "company"),
    folderName(project.projectId, "project"),
    folderName(project.repoName ?? "", "_default"),
  );
}

/** Skills of a company (WS-4). */
export function companySkillsPath(location: InstanceLocation, companyId: string): string {
  return path.join(instanceRoot(location), "skills", folderName(companyId, "company"));
}

/** Files of runtime services (WS-4). */
export function runtimeServicesPath(location: InstanceLocation): string {
  return path.join(instanceRoot(location), "runtime-services");
}

/** Logs of runs: `RUN_LOG_DIR`, else under the root (WS-4). */
export function runLogsPath(location: InstanceLocation): string {
  return configuredOr(location, "RUN_LOG_DIR", ["data", "run-logs"]);
}

/** Logs of workspace operations: `WORKSPACE_OPERATION_LOG_BASE_PATH`, else under the root (WS-4). */
export function workspaceOperationLogsPath(location: InstanceLocation): string {
  return configuredOr(location, "WORKSPACE_OPERATION_LOG_BASE_PATH", ["data", "workspace-operation-logs"]);
}

/** The file of the key that secrets are encrypted with (WS-4). */
export function masterKeyPath(location: InstanceLocation): string {
  return path.join(instanceRoot(location), "secrets", "master.key");
}

/**
 * A text as one folder name: runs of characters other than letters, digits, `.`, `_`, `-` become one `-`, dashes at both
 * ends go, nothing left gives `fallback` (WS-3). A name of dots alone would be this folder or its parent, so it counts as
 * nothing.
 */
function folderName(text: string, fallback: string): string {
  const name = text.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^-+|-+$/g, "");
  return name === "" || /^\.+$/.test(name) ? fallback : name;
}

function configuredOr(location: InstanceLocation, key: string, parts: readonly string[]): string {
  const configured = location.env[key]?.trim() ?? "";
  return configured === "" ? path.join(instanceRoot(location), ...parts) : path.resolve(configured);
}
