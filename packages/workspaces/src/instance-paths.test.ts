import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  agentHomePath,
  companySkillsPath,
  homeDirectory,
  type InstanceLocation,
  instanceId,
  instanceRoot,
  managedProjectPath,
  masterKeyPath,
  runLogsPath,
  runtimeServicesPath,
  workspaceOperationLogsPath,
} from "./instance-paths.js";

const at = (env: Record<string, string> = {}): InstanceLocation => ({ env, userHome: "/home/user" });
const ROOT = "/home/user/.wakefleet/instances/default";

describe("WS-1 home and instance", () => {
  it.each<[string | undefined, string]>([
    [undefined, "/home/user/.wakefleet"],
    ["  ", "/home/user/.wakefleet"],
    ["~", "/home/user"],
    ["~/fleet", "/home/user/fleet"],
    [" /srv/fleet ", "/srv/fleet"],
    ["relative", path.resolve("relative")],
    ["~other", path.resolve("~other")],
  ])("WS-1 reads a home of %j as %s", (home, expected) => {
    expect(homeDirectory(at(home === undefined ? {} : { WAKEFLEET_HOME: home }))).toBe(expected);
  });

  it("WS-1 reads the instance id", () => {
    expect(instanceId(at())).toBe("default");
    expect(instanceId(at({ WAKEFLEET_INSTANCE_ID: " blue_2-x " }))).toBe("blue_2-x");
    expect(instanceRoot(at({ WAKEFLEET_INSTANCE_ID: "blue" }))).toBe("/home/user/.wakefleet/instances/blue");
  });

  it.each(["a/b", "..", "a b", "é"])("WS-1 refuses the instance id %j", (id) => {
    expect(() => instanceId(at({ WAKEFLEET_INSTANCE_ID: id }))).toThrow(`Invalid WAKEFLEET_INSTANCE_ID '${id}'.`);
  });
});

describe("WS-2 the agent home", () => {
  it("WS-2 lies under the root", () => {
    expect(agentHomePath(at(), "3f2c-A_9")).toBe(`${ROOT}/workspaces/3f2c-A_9`);
  });

  it.each(["", "..", "a/b", "a b"])("WS-2 refuses the agent id %j", (id) => {
    expect(() => agentHomePath(at(), id)).toThrow(`Invalid agent id for workspace path '${id}'.`);
  });
});

describe("WS-3 the managed project directory", () => {
  it.each<[string, string, string | null, string]>([
    ["c", "p", "app", "c/p/app"],
    ["c", "p", null, "c/p/_default"],
    ["a b//c", "--p--", "my app.git", "a-b-c/p/my-app.git"],
    ["é", "é", "é", "company/project/_default"],
    ["c", "p", "..", "c/p/_default"],
  ])("WS-3 makes %j, %j, %j to %s", (companyId, projectId, repoName, expected) => {
    expect(managedProjectPath(at(), { companyId, projectId, repoName })).toBe(`${ROOT}/projects/${expected}`);
  });

  it.each([
    ["", "p"],
    ["c", " "],
  ])("WS-3 needs both ids (%j, %j)", (companyId, projectId) => {
    expect(() => managedProjectPath(at(), { companyId, projectId, repoName: null })).toThrow(
      "Managed project workspace path requires companyId and projectId.",
    );
  });

  it("WS-3 never leads out of the projects folder", () => {
    const name = fc.oneof(fc.string(), fc.constantFrom("..", "../..", "/", ".", "-..-", "a/../../b"));
    fc.assert(
      fc.property(name, name, fc.option(name), (companyId, projectId, repoName) => {
        fc.pre(companyId.trim() !== "" && projectId.trim() !== "");
        const made = managedProjectPath(at(), { companyId, projectId, repoName });
        expect(path.relative(`${ROOT}/projects`, made).split(path.sep)).toHaveLength(3);
        expect(made.startsWith(`${ROOT}/projects/`)).toBe(true);
      }),
    );
  });
});

describe("WS-4 other places", () => {
  it("WS-4 lie under the root", () => {
    expect(companySkillsPath(at(), "c")).toBe(`${ROOT}/skills/c`);
    expect(runtimeServicesPath(at())).toBe(`${ROOT}/runtime-services`);
    expect(runLogsPath(at())).toBe(`${ROOT}/data/run-logs`);
    expect(workspaceOperationLogsPath(at())).toBe(`${ROOT}/data/workspace-operation-logs`);
    expect(masterKeyPath(at())).toBe(`${ROOT}/secrets/master.key`);
  });

  it("WS-4 can be put elsewhere where the table says so", () => {
    expect(runLogsPath(at({ RUN_LOG_DIR: "/logs" }))).toBe("/logs");
    expect(workspaceOperationLogsPath(at({ WORKSPACE_OPERATION_LOG_BASE_PATH: "/ops" }))).toBe("/ops");
  });
});
