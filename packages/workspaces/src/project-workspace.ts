/**
 * The directory of a project that a run works in (WS-10 to WS-15, WS-18): the preferred workspace, else the oldest one
 * whose directory is there.
 *
 * What must stay true: the order of candidates and of warnings is the specification's, because people read it in the log.
 */
import path from "node:path";
import { nonEmptyString } from "@wakefleet/contracts";
import { shownUrl } from "@wakefleet/domain";
import type { GitSettings } from "./git.js";
import type { InstanceLocation } from "./instance-paths.js";
import { ensureManagedDirectory, isDirectory } from "./managed-directory.js";

/** Stands where a workspace has a repository and no directory of its own (WS-13). */
const REPOSITORY_ONLY = "/__wakefleet_repo_only__";

/** A workspace as it is stored. */
export interface ProjectWorkspace {
  readonly id: string;
  readonly cwd: string | null;
  readonly repoUrl: string | null;
  readonly repoRef: string | null;
}

/** A project as the choice of a directory sees it. */
export interface WorkspaceProject {
  readonly id: string;
  readonly companyId: string;
  /** The issue's, else the context's (WS-10). */
  readonly preferredWorkspaceId: string | null;
  /** Oldest first (WS-11). */
  readonly workspaces: readonly ProjectWorkspace[];
}

/** A directory an agent may also find useful (WS-12). Addresses are without credentials. */
export interface WorkspaceHint {
  readonly workspaceId: string;
  readonly cwd: string | null;
  readonly repoUrl: string | null;
  readonly repoRef: string | null;
}

export interface ProjectDirectory {
  /** Null: none is there, and the agent home stands in (WS-14). */
  readonly cwd: string | null;
  readonly workspaceId: string | null;
  readonly repoUrl: string | null;
  readonly repoRef: string | null;
  readonly hints: readonly WorkspaceHint[];
  /** Of the choice itself. */
  readonly warnings: readonly string[];
  /** Why there is none; the sentence about the fallback follows it. Null when there is one. */
  readonly whyNone: string | null;
}

interface Search {
  readonly location: InstanceLocation;
  readonly git: GitSettings;
  readonly project: WorkspaceProject;
}

/** Finds, makes or clones the directory. */
export async function projectDirectory(search: Search): Promise<ProjectDirectory> {
  const { project } = search;
  const candidates = inOrder(project);
  const hints = candidates.map(hintOf);
  const [first] = hints;
  if (first === undefined) return await withoutWorkspaces(search);

  const preferred: string[] = [];
  const others: string[] = [];
  const missing: string[] = [];
  const { preferredWorkspaceId } = project;
  if (preferredWorkspaceId !== null && !candidates.some(({ id }) => id === preferredWorkspaceId)) {
    preferred.push(`Selected project workspace "${preferredWorkspaceId}" is not available on this project.`);
  }
  for (const [index, candidate] of candidates.entries()) {
    const isPreferred = candidate.id === preferredWorkspaceId;
    const tried = await tryCandidate(search, candidate);
    if (tried.kind === "there") {
      const { workspaceId, ...place } = hints[index] ?? first;
      const warnings = [...preferred, ...others, ...(tried.warning === null ? [] : [tried.warning])];
      return { ...place, workspaceId, cwd: tried.path, hints, warnings, whyNone: null };
    }
    if (tried.kind === "failed") (isPreferred ? preferred : others).push(tried.message);
    else {
      missing.push(tried.path);
      if (isPreferred) preferred.push(`Selected project workspace path "${tried.path}" is not available yet.`);
    }
  }
  const { workspaceId, repoUrl, repoRef } = first;
  const warnings = [...preferred, ...others];
  return { cwd: null, workspaceId, repoUrl, repoRef, hints, warnings, whyNone: noneIsThere(missing) };
}

/** WS-11. */
function inOrder({ workspaces, preferredWorkspaceId }: WorkspaceProject): ProjectWorkspace[] {
  const isPreferred = ({ id }: ProjectWorkspace): boolean => id === preferredWorkspaceId;
  return [...workspaces.filter(isPreferred), ...workspaces.filter((workspace) => !isPreferred(workspace))];
}

function hintOf({ id, cwd, repoUrl, repoRef }: ProjectWorkspace): WorkspaceHint {
  const url = nonEmptyString(repoUrl);
  return {
    workspaceId: id,
    cwd: nonEmptyString(cwd),
    repoUrl: url === null ? null : shownUrl(url),
    repoRef: nonEmptyString(repoRef),
  };
}

/** WS-15. */
async function withoutWorkspaces(search: Search): Promise<ProjectDirectory> {
  const { location, git, project } = search;
  const { id: projectId, companyId, preferredWorkspaceId } = project;
  const { path: cwd } = await ensureManagedDirectory({ location, git, companyId, projectId, repoUrl: null });
  const warnings =
    preferredWorkspaceId === null
      ? []
      : [`Selected project workspace "${preferredWorkspaceId}" is not available on this project.`];
  return { cwd, workspaceId: null, repoUrl: null, repoRef: null, hints: [], warnings, whyNone: null };
}

type Tried =
  | { readonly kind: "there"; readonly path: string; readonly warning: string | null }
  | { readonly kind: "missing"; readonly path: string }
  | { readonly kind: "failed"; readonly message: string };

/** WS-13. */
async function tryCandidate({ location, git, project }: Search, candidate: ProjectWorkspace): Promise<Tried> {
  const cwd = nonEmptyString(candidate.cwd);
  if (cwd !== null && cwd !== REPOSITORY_ONLY) {
    // A relative path would mean another directory for every process that reads it.
    const isThere = path.isAbsolute(cwd) && (await isDirectory(cwd));
    return isThere ? { kind: "there", path: cwd, warning: null } : { kind: "missing", path: cwd };
  }
  const { id: projectId, companyId } = project;
  const repoUrl = nonEmptyString(candidate.repoUrl);
  try {
    const managed = await ensureManagedDirectory({ location, git, companyId, projectId, repoUrl });
    return { kind: "there", ...managed };
  } catch (error) {
    return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}

/** WS-14, in the words of the table of warnings. */
function noneIsThere(missing: readonly string[]): string {
  const [first, ...others] = missing;
  if (first === undefined) return "Project workspace has no local cwd configured.";
  return others.length === 0
    ? `Project workspace path "${first}" is not available yet.`
    : `Project workspace path "${first}" and ${others.length} other configured path(s) are not available yet.`;
}
