import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resolveCommand } from "./resolve-command.js";

describe("AD-42 finding the executable", () => {
  let root: string;
  const at = (...parts: string[]): string => path.join(root, ...parts);
  beforeAll(async () => {
    root = await mkdtemp(path.join(tmpdir(), "wakefleet-command-"));
    for (const directory of ["first", "second", "first/folder"]) await mkdir(at(directory));
    for (const file of ["second/tool", "first/plain", "second/plain"]) await writeFile(at(file), "#!/bin/sh\n");
    await chmod(at("second/tool"), 0o755);
    await chmod(at("second/plain"), 0o755);
    await chmod(at("first/plain"), 0o644);
  });
  afterAll(async () => {
    await rm(root, { recursive: true, force: true });
  });
  const find = (command: string, searchPath?: string): Promise<string> =>
    resolveCommand({ command, cwd: root, env: searchPath === undefined ? {} : { PATH: searchPath } });

  it("AD-42 searches PATH in order, past what is not an executable file", async () => {
    const searchPath = `${at("missing")}:${at("first")}:${at("second")}`;
    expect(await find("tool", searchPath)).toBe(at("second/tool"));
    expect(await find("plain", searchPath)).toBe(at("second/plain"));
    await expect(find("folder", searchPath)).rejects.toThrow('Command not found in PATH: "folder"');
  });

  it("AD-42 takes a path relative to the working directory", async () => {
    expect(await find("./second/tool")).toBe(at("second/tool"));
    expect(await find(at("second/tool"))).toBe(at("second/tool"));
  });

  it("AD-42 says which file is not executable", async () => {
    await expect(find("first/plain")).rejects.toThrow(
      `Command is not executable: "first/plain" (resolved: "${at("first/plain")}")`,
    );
  });

  it.each([undefined, ""])("AD-42 uses the default PATH when it is %j", async (searchPath) => {
    expect(await find("sh", searchPath)).toMatch(/\/bin\/sh$/);
  });
});
