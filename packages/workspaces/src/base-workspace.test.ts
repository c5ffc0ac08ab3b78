import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureAgentHome } from "./agent-home.js";
import { type BaseWorkspace, resolveBaseWorkspace } from "./base-workspace.js";

describe("WS-16 WS-17 the base workspace without project workspaces", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), "wakefleet-home-"));
  });
  afterEach(async () => {
    await rm(home, { recursive: true, force: true });
  });
  const location = () => ({ env: { WAKEFLEET_HOME: home }, userHome: "/nowhere" });
  const agentHome = (): string => path.join(home, "instances/default/workspaces/agent-1");
  const resolve = (
    session: JsonObject | null,
    projectId: string | null = null,
    configuredCwd: string | null = null,
  ): Promise<BaseWorkspace> =>
    resolveBaseWorkspace({
      location: location(),
      agentId: "agent-1",
      projectId,
      project: null,
      git: { env: {}, protocols: [] },
      previousSessionParams: session,
      configuredCwd,
    });

  it("WS-16 goes on in the previous session's directory, without a warning", async () => {
    const session = { sessionId: "s", cwd: home, workspaceId: "w", repoUrl: "https://example.com/r", repoRef: " " };
    expect(await resolve(session, "p")).toEqual({
      cwd: home,
      source: "task_session",
      projectId: "p",
      workspaceId: "w",
      repoUrl: "https://example.com/r",
      repoRef: null,
      workspaceHints: [],
      warnings: [],
    });
  });

  it.each<[string, JsonObject, string | null, BaseWorkspace["source"]]>([
    ["the same as configured, spelt another way", {}, "/./", "task_session"],
    ["configured is another now", {}, "/elsewhere", "agent_home"],
    ["a project's workspace, whatever is configured", { workspaceId: "w" }, "/elsewhere", "task_session"],
  ])("WS-16 AD-72 the session's directory is %s", async (_what, more, configured, source) => {
    const configuredCwd = configured === "/./" ? `${home}/./` : configured;
    expect(await resolve({ sessionId: "s", cwd: home, ...more }, null, configuredCwd)).toMatchObject({ source });
  });

  it.each<[string, JsonObject | null, string | null, (home: string) => string]>([
    [
      "no session and no project",
      null,
      null,
      (at) => `No project or prior session workspace was available. Using fallback workspace "${at}" for this run.`,
    ],
    [
      "a project",
      { sessionId: "s" },
      "p",
      (at) =>
        `No project workspace directory is currently available for this issue. Using fallback workspace "${at}" for this run.`,
    ],
    [
      "a directory that is gone",
      { cwd: "/no/such/dir" },
      "p",
      (at) => `Saved session workspace "/no/such/dir" is not available. Using fallback workspace "${at}" for this run.`,
    ],
    [
      "a blank directory",
      { cwd: " " },
      null,
      (at) => `No project or prior session workspace was available. Using fallback workspace "${at}" for this run.`,
    ],
  ])("WS-17 makes and takes the agent home with %s", async (_what, session, projectId, warning) => {
    expect(await resolve(session, projectId)).toEqual({
      cwd: agentHome(),
      source: "agent_home",
      projectId,
      workspaceId: null,
      repoUrl: null,
      repoRef: null,
      workspaceHints: [],
      warnings: [warning(agentHome())],
    });
    expect((await stat(agentHome())).isDirectory()).toBe(true);
  });

  it("WS-16 does not take a file for a directory", async () => {
    const file = path.join(home, "file");
    await writeFile(file, "");
    expect((await resolve({ cwd: file })).source).toBe("agent_home");
  });

  it("WS-2 makes the agent home again and again, also twice at once", async () => {
    const made = await Promise.all([ensureAgentHome(location(), "agent-1"), ensureAgentHome(location(), "agent-1")]);
    expect(made).toEqual([agentHome(), agentHome()]);
  });

  it("WS-2 explains when the home cannot be made", async () => {
    await writeFile(path.join(home, "instances"), "in the way");
    await expect(ensureAgentHome(location(), "agent-1")).rejects.toThrow(
      /Could not make the agent home .*WAKEFLEET_HOME/,
    );
  });
});
