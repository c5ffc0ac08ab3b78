/** Where the runs of a project work (WS-10 to WS-15, WS-18, WS-20 to WS-29), with real repositories and real clones. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveBaseWorkspace } from "./base-workspace.js";
import type { GitSettings } from "./git.js";
import { ensureManagedDirectory } from "./managed-directory.js";
import type { ProjectWorkspace } from "./project-workspace.js";

const ENV = { PATH: process.env["PATH"] ?? "", HOME: tmpdir() };
const GIT: GitSettings = { env: ENV, protocols: ["https", "ssh", "file"] };

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), "wakefleet-ws-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));

const location = () => ({ env: { WAKEFLEET_HOME: home }, userHome: "/nowhere" });
const agentHome = (): string => path.join(home, "instances/default/workspaces/agent-1");
const managed = (name: string): string => path.join(home, "instances/default/projects/company-1/project-1", name);

function folder(name: string): string {
  const made = path.join(home, "dirs", name);
  mkdirSync(made, { recursive: true });
  return made;
}

/** A bare repository with one commit that holds `files`; answers its address. */
function repository(name: string, files: Record<string, string> = { "README.md": name }): string {
  const work = folder(`work-${name}`);
  const bare = path.join(home, "repos", `${name}.git`);
  const run = (...args: string[]): void => {
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      cwd: work,
      env: ENV,
      stdio: "ignore",
    });
  };
  run("init", "--quiet", "-b", "main");
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(work, file), text);
  run("add", "-A");
  run("commit", "--quiet", "-m", "first");
  execFileSync("git", ["clone", "--quiet", "--bare", work, bare], { env: ENV, stdio: "ignore" });
  return `file://${bare}`;
}

const workspace = (id: string, how: Partial<ProjectWorkspace> = {}): ProjectWorkspace => ({
  id,
  cwd: null,
  repoUrl: null,
  repoRef: null,
  ...how,
});

function resolve(workspaces: readonly ProjectWorkspace[], preferredWorkspaceId: string | null = null, git = GIT) {
  return resolveBaseWorkspace({
    location: location(),
    agentId: "agent-1",
    projectId: "project-1",
    project: { id: "project-1", companyId: "company-1", preferredWorkspaceId, workspaces },
    git,
    previousSessionParams: { cwd: home },
    configuredCwd: null,
  });
}

const ensure = (repoUrl: string, git = GIT) =>
  ensureManagedDirectory({ location: location(), git, companyId: "company-1", projectId: "project-1", repoUrl });

describe("choosing among a project's workspaces", () => {
  it("WS-11, WS-12, WS-13, check 23: the first whose directory is there; the missing older one costs no warning", async () => {
    const there = folder("there");
    const found = await resolve([
      workspace("w1", { cwd: "/no/such/directory" }),
      workspace("w2", { cwd: there, repoUrl: "https://t0ken@example.com/a.git", repoRef: "main" }),
      workspace("w3", { cwd: " ", repoRef: " " }),
    ]);
    expect(found).toEqual({
      cwd: there,
      source: "project_primary",
      projectId: "project-1",
      workspaceId: "w2",
      repoUrl: "https://example.com/a.git",
      repoRef: "main",
      workspaceHints: [
        { workspaceId: "w1", cwd: "/no/such/directory", repoUrl: null, repoRef: null },
        { workspaceId: "w2", cwd: there, repoUrl: "https://example.com/a.git", repoRef: "main" },
        { workspaceId: "w3", cwd: null, repoUrl: null, repoRef: null },
      ],
      warnings: [],
    });
  });

  it("WS-10, WS-11, check 24: the preferred one goes first; missing, it is told and another serves", async () => {
    const [one, two] = [folder("one"), folder("two")];
    const both = [workspace("w1", { cwd: one }), workspace("w2", { cwd: two })];
    expect(await resolve(both, "w2")).toMatchObject({ cwd: two, workspaceId: "w2", warnings: [] });
    const gone = [workspace("w1", { cwd: one }), workspace("w2", { cwd: "/no/such/directory" })];
    expect(await resolve(gone, "w2")).toMatchObject({
      cwd: one,
      workspaceId: "w1",
      workspaceHints: [{ workspaceId: "w2" }, { workspaceId: "w1" }],
      warnings: ['Selected project workspace path "/no/such/directory" is not available yet.'],
    });
    expect((await resolve(both, "other")).warnings).toEqual([
      'Selected project workspace "other" is not available on this project.',
    ]);
  });

  it.each<[string, ProjectWorkspace[], string]>([
    ["one", [workspace("w1", { cwd: "/no/a" })], 'Project workspace path "/no/a" is not available yet.'],
    [
      "several (check 25)",
      [workspace("w1", { cwd: "/no/a" }), workspace("w2", { cwd: "/no/b" })],
      'Project workspace path "/no/a" and 1 other configured path(s) are not available yet.',
    ],
    ["a relative one", [workspace("w1", { cwd: "here" })], 'Project workspace path "here" is not available yet.'],
  ])("WS-14 no directory is there, %s: the agent home as the project's place", async (_what, workspaces, why) => {
    expect(await resolve(workspaces)).toMatchObject({
      cwd: agentHome(),
      source: "project_primary",
      projectId: "project-1",
      workspaceId: "w1",
      warnings: [`${why} Using fallback workspace "${agentHome()}" for this run.`],
    });
  });

  it("WS-14, WS-18 nothing usable: what failed is told, then the fallback", async () => {
    const found = await resolve(
      [workspace("w1", { repoUrl: "/srv/a.git" }), workspace("w2", { repoUrl: "ext::x" })],
      "w2",
    );
    expect(found.cwd).toBe(agentHome());
    expect(found.warnings).toEqual([
      expect.stringMatching(/^Failed to prepare managed checkout for "ext::x" at /),
      expect.stringMatching(/^Failed to prepare managed checkout for "\/srv\/a\.git" at /),
      `Project workspace has no local cwd configured. Using fallback workspace "${agentHome()}" for this run.`,
    ]);
  });

  it("WS-15, WS-21, WS-3 a project without workspaces has a directory of its own", async () => {
    expect(await resolve([])).toMatchObject({
      cwd: managed("_default"),
      source: "project_primary",
      workspaceId: null,
      repoUrl: null,
      workspaceHints: [],
      warnings: [],
    });
    expect(existsSync(managed("_default"))).toBe(true);
    expect((await resolve([workspace("w", { cwd: "/__wakefleet_repo_only__" })])).cwd).toBe(managed("_default"));
  });
});

describe("the directory the service keeps", () => {
  it("WS-22, WS-24, check 27: cloned once; the second run takes it as it is, without a fetch", async () => {
    const url = repository("app");
    const first = await resolve([workspace("w", { repoUrl: url })]);
    expect(first).toMatchObject({ cwd: managed("app"), warnings: [] });
    writeFileSync(path.join(managed("app"), "mine.txt"), "mine");
    rmSync(new URL(url), { recursive: true });
    expect((await resolve([workspace("w", { repoUrl: url })])).cwd).toBe(managed("app"));
    expect(readFileSync(path.join(managed("app"), "mine.txt"), "utf8")).toBe("mine");
    expect(readdirSync(path.dirname(managed("app")))).toEqual(["app"]);
  });

  it("WS-23 something else is there: used as it is, with a warning; an empty directory gives way to the clone", async () => {
    const url = repository("app");
    mkdirSync(managed("app"), { recursive: true });
    expect(await ensure(url)).toEqual({ path: managed("app"), warning: null });
    expect(existsSync(path.join(managed("app"), "README.md"))).toBe(true);
    rmSync(managed("app"), { recursive: true });
    mkdirSync(managed("app"));
    writeFileSync(path.join(managed("app"), "notes.txt"), "x");
    expect(await ensure(url)).toEqual({
      path: managed("app"),
      warning: `Managed workspace path "${managed("app")}" already exists but is not a git checkout. Using it as-is.`,
    });
  });

  it("WS-27, check 28: ten at once make one clone, and everyone sees the whole tree", async () => {
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`file-${index}`, "x".repeat(5_000)]));
    const url = repository("big", files);
    const seen = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { path: at } = await ensure(url);
        return readdirSync(at).filter((name) => name.startsWith("file-")).length;
      }),
    );
    expect(seen).toEqual(Array(10).fill(200));
    expect(readdirSync(path.dirname(managed("big")))).toEqual(["big"]);
  });

  it("WS-27, check 29: a process killed in the middle of a clone leaves nothing; the next one has the whole", async () => {
    const url = repository("app");
    // A git that hangs once it has made the directory, as a slow network would.
    const bin = folder("bin");
    const slow = path.join(bin, "git");
    writeFileSync(
      slow,
      `#!/bin/sh\nfor last; do :; done\nmkdir -p "$last/.git"\necho half > "$last/README.md"\nexec sleep 300\n`,
      { mode: 0o755 },
    );
    const script = `
      import { ensureManagedDirectory } from ${JSON.stringify(new URL("../dist/managed-directory.js", import.meta.url).href)};
      await ensureManagedDirectory(JSON.parse(process.argv[1]));`;
    const request = {
      location: location(),
      git: { env: { ...ENV, PATH: `${bin}:${ENV.PATH}` }, protocols: ["file"] },
      companyId: "company-1",
      projectId: "project-1",
      repoUrl: url,
    };
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, JSON.stringify(request)], {
      detached: true,
      stdio: "ignore",
    });
    const parent = path.dirname(managed("app"));
    for (
      let look = 0;
      look < 600 && !(existsSync(parent) && readdirSync(parent).some((name) => name.includes(".cloning-")));
      look += 1
    ) {
      await delay(50);
    }
    process.kill(-(child.pid ?? 0), "SIGKILL");
    expect(existsSync(managed("app"))).toBe(false);

    expect(await ensure(url)).toEqual({ path: managed("app"), warning: null });
    expect(readFileSync(path.join(managed("app"), "README.md"), "utf8")).toBe("app");
    expect(readdirSync(parent)).toEqual(["app"]);
  }, 60_000);

  it("WS-26, WS-28, check 30: a clone that fails is told, without the password", async () => {
    const found = await resolve([workspace("w", { repoUrl: "https://user:hunter2pw@127.0.0.1:1/x.git" })], "w");
    expect(found.cwd).toBe(agentHome());
    expect(found.warnings[0]).toMatch(
      /^Failed to prepare managed checkout for "https:\/\/127\.0\.0\.1:1\/x\.git" at ".*\/x": /,
    );
    expect(JSON.stringify(found)).not.toContain("hunter2pw");
    expect(existsSync(managed("x"))).toBe(false);
  });

  it("WS-28, check 32: an address that is an option or a command is refused, and nothing is run", async () => {
    const touched = path.join(home, "touched");
    for (const url of [
      `--upload-pack=touch ${touched}`,
      `ext::sh -c "touch ${touched}"`,
      `-c core.sshCommand=touch ${touched}`,
    ]) {
      await expect(ensure(url)).rejects.toThrow(/only https, ssh, file addresses and git@host:path are cloned here/);
    }
    expect(existsSync(touched)).toBe(false);
    await expect(ensure(repository("app"), { ...GIT, protocols: ["https", "ssh"] })).rejects.toThrow(
      /WORKSPACE_GIT_PROTOCOLS/,
    );
  });

  it("WS-29, check 31: two repositories of one name have two directories, in whichever order they come", async () => {
    const one = repository("app", { "README.md": "one" });
    const other = mkdtempSync(path.join(home, "other-"));
    execFileSync("git", ["clone", "--quiet", "--bare", new URL(one).pathname, path.join(other, "app.git")], {
      env: ENV,
      stdio: "ignore",
    });
    const two = `file://${other}/app.git`;
    const first = await ensure(one);
    const second = await ensure(two);
    expect(first.path).toBe(managed("app"));
    expect(path.basename(second.path)).toMatch(/^app-[0-9a-f]{10}$/);
    expect(await ensure(one)).toEqual(first);
    expect(await ensure(two)).toEqual(second);
  });

  it("WS-60 git sees none of the service's own variables", async () => {
    const bin = folder("bin");
    const out = path.join(home, "env.txt");
    writeFileSync(path.join(bin, "git"), `#!/bin/sh\nenv > ${out}\nexit 1\n`, { mode: 0o755 });
    const env = {
      ...ENV,
      PATH: `${bin}:${ENV.PATH}`,
      WAKEFLEET_RUNTIME_API_URL: "x",
      GIT_DIR: "/elsewhere",
      npm_config_tailscale_auth: "x",
    };
    await expect(ensure(repository("app"), { ...GIT, env })).rejects.toThrow();
    const seen = readFileSync(out, "utf8");
    expect(seen).not.toMatch(/^(WAKEFLEET_|GIT_DIR=|npm_config_tailscale)/m);
    expect(seen).toContain("GIT_TERMINAL_PROMPT=0");
  });
});
