import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requireWorkingDirectory, resolveWorkingDirectory } from "./working-directory.js";

describe("AD-57 which directory", () => {
  it.each<[string, JsonObject, JsonObject, string]>([
    ["the workspace's", { cwd: "/workspace", source: "task_session" }, { cwd: "/config" }, "/workspace"],
    ["the configured one", {}, { cwd: "/config" }, "/config"],
    ["the worker's", { cwd: " " }, { cwd: "" }, "/worker"],
    ["the configured one before an agent home", { cwd: "/home", source: "agent_home" }, { cwd: "/config" }, "/config"],
    ["an agent home", { cwd: "/home", source: "agent_home" }, {}, "/home"],
  ])("AD-57 takes %s", (_what, wakefleetWorkspace, config, expected) => {
    expect(resolveWorkingDirectory({ config, context: { wakefleetWorkspace }, workerCwd: "/worker" })).toBe(expected);
  });
});

describe("AD-58 is it one", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "wakefleet-cwd-"));
    await writeFile(path.join(root, "file"), "");
  });
  afterAll(async () => {
    await rm(root, { recursive: true, force: true });
  });
  const check = (cwd: string, createIfMissing = false): Promise<void> =>
    requireWorkingDirectory({ cwd, createIfMissing });

  it("AD-58 takes a directory", async () => {
    await expect(check(root)).resolves.toBeUndefined();
  });

  it("AD-58 explains what is wrong", async () => {
    const file = path.join(root, "file");
    const missing = path.join(root, "missing");
    await expect(check("relative")).rejects.toThrow('Working directory must be an absolute path: "relative"');
    await expect(check(missing)).rejects.toThrow(`Working directory does not exist: "${missing}"`);
    await expect(check(file)).rejects.toThrow(`Working directory is not a directory: "${file}"`);
    await expect(check(`${file}/below`, true)).rejects.toThrow(/Working directory does not exist|Could not create/);
  });

  it("AD-58 creates it only when told to", async () => {
    const wanted = path.join(root, "a", "b");
    await check(wanted, true);
    expect((await stat(wanted)).isDirectory()).toBe(true);
  });
});
