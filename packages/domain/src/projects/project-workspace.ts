/** What a workspace of a project must say, what it is called, and where its code is (API-200, API-204, DM-71). Pure. */

/** Stored as a folder, it means that there is none: the repository alone. */
const REPO_ONLY_CWDS: ReadonlySet<string> = new Set(["/__wakefleet_repo_only__", "/__paperclip_repo_only__"]);

export interface WorkspaceSource {
  readonly sourceType: string;
  readonly cwd: string | null;
  readonly repoUrl: string | null;
  readonly remoteWorkspaceRef: string | null;
}

const blankToNull = (text: string | null): string | null => (text === null || text.trim() === "" ? null : text);

/** The folder on disk; null for none and for the words that mean none. */
export function localFolderOf(cwd: string | null): string | null {
  const folder = blankToNull(cwd);
  return folder === null || REPO_ONLY_CWDS.has(folder.trim()) ? null : folder;
}

/** What is missing for a workspace to lead anywhere, in words; null when nothing is. */
export function missingOfWorkspace(workspace: WorkspaceSource): string | null {
  const repo = blankToNull(workspace.repoUrl);
  if (workspace.sourceType === "remote_managed") {
    return repo === null && blankToNull(workspace.remoteWorkspaceRef) === null
      ? "Remote-managed workspace requires remoteWorkspaceRef or repoUrl."
      : null;
  }
  return localFolderOf(workspace.cwd) === null && repo === null
    ? "Workspace requires at least one of cwd or repoUrl."
    : null;
}

/** The last part of a folder or of a repository's address, without `.git`. */
function lastPart(text: string): string {
  const path = text.replace(/[?#].*$/, "").replace(/[/\\]+$/, "");
  return path
    .slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"), path.lastIndexOf(":")) + 1)
    .replace(/\.git$/, "");
}

/** The name of a repository as its address ends; null without an address. */
export function repoNameOf(repoUrl: string | null): string | null {
  const url = blankToNull(repoUrl);
  return url === null ? null : lastPart(url) || null;
}

/** A name for a workspace that was given none: its folder's, its repository's, or that of what it refers to. */
export function workspaceNameOf(workspace: WorkspaceSource): string {
  const folder = localFolderOf(workspace.cwd);
  return (
    (folder === null ? null : lastPart(folder)) ||
    repoNameOf(workspace.repoUrl) ||
    workspace.remoteWorkspaceRef ||
    "Workspace"
  );
}
