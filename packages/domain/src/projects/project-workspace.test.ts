import { describe, expect, it } from "vitest";
import {
  localFolderOf,
  missingOfWorkspace,
  repoNameOf,
  type WorkspaceSource,
  workspaceNameOf,
} from "./project-workspace.js";

const workspace = (one: Partial<WorkspaceSource> = {}): WorkspaceSource => ({
  sourceType: "local_path",
  cwd: null,
  repoUrl: null,
  remoteWorkspaceRef: null,
  ...one,
});

describe("a project's workspace", () => {
  const LOCAL = "Workspace requires at least one of cwd or repoUrl.";
  const REMOTE = "Remote-managed workspace requires remoteWorkspaceRef or repoUrl.";
  it.each<[Partial<WorkspaceSource>, string | null]>([
    [{}, LOCAL],
    [{ cwd: "  " }, LOCAL],
    [{ cwd: "/__wakefleet_repo_only__" }, LOCAL],
    [{ cwd: "/srv/app" }, null],
    [{ repoUrl: "https://example.com/a.git" }, null],
    [{ sourceType: "git_repo", remoteWorkspaceRef: "r" }, LOCAL],
    [{ sourceType: "remote_managed", cwd: "/srv/app" }, REMOTE],
    [{ sourceType: "remote_managed", remoteWorkspaceRef: "r" }, null],
    [{ sourceType: "remote_managed", repoUrl: "https://example.com/a" }, null],
  ])("API-204 %o lacks %j", (one, missing) => {
    expect(missingOfWorkspace(workspace(one))).toBe(missing);
  });

  it.each<[Partial<WorkspaceSource>, string]>([
    [{ cwd: "/srv/app/" }, "app"],
    [{ cwd: "C:\\code\\app", repoUrl: "https://example.com/b.git" }, "app"],
    [{ cwd: "/__paperclip_repo_only__", repoUrl: "https://example.com/group/b.git" }, "b"],
    [{ repoUrl: "git@example.com:b.git" }, "b"],
    [{ remoteWorkspaceRef: "box-7" }, "box-7"],
    [{ cwd: "/" }, "Workspace"],
  ])("API-204 %o is called %j", (one, name) => {
    expect(workspaceNameOf(workspace(one))).toBe(name);
  });

  it("DM-71 the words for no local folder read as none", () => {
    expect(["/__wakefleet_repo_only__", "/__paperclip_repo_only__", "", null, "/a"].map(localFolderOf)).toEqual([
      null,
      null,
      null,
      null,
      "/a",
    ]);
    expect(repoNameOf("https://example.com/x/y.git?ref=1#z")).toBe("y");
    expect(repoNameOf(" ")).toBeNull();
  });
});
