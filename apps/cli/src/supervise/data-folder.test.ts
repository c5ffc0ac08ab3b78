import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DataFolderInUseError, openDataFolder } from "./data-folder.js";

let path: string;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "wakefleet-data-"));
});

afterEach(() => rmSync(path, { recursive: true, force: true }));

describe("data folder", () => {
  it("OP-7 is had by one at a time, and given back", () => {
    const first = openDataFolder(path);
    expect(() => openDataFolder(path)).toThrow(DataFolderInUseError);
    first.release();
    openDataFolder(path).release();
  });

  it("OP-7 is taken over from a process that is gone, and from one whose id another has now", () => {
    for (const holder of [
      { pid: 2 ** 22 + 1, startedAt: "1" },
      { pid: process.pid, startedAt: "1" },
    ]) {
      writeFileSync(join(path, "up.lock"), JSON.stringify(holder));
      openDataFolder(path).release();
    }
  });

  it("OP-7 keeps its secrets from other users", () => {
    const folder = openDataFolder(path);
    expect(statSync(folder.secrets).mode & 0o777).toBe(0o700);
    folder.release();
  });

  it("OP-7 of ten that come at once one gets it, also when a dead one had it", async () => {
    writeFileSync(join(path, "up.lock"), JSON.stringify({ pid: 2 ** 22 + 1, startedAt: "1" }));
    const built = fileURLToPath(new URL("../../dist/supervise/data-folder.js", import.meta.url));
    const program = `
      import(${JSON.stringify(built)}).then(({ openDataFolder }) => {
        try { openDataFolder(${JSON.stringify(path)}); process.stdout.write("got\\n"); } catch (error) { process.stdout.write(error.name + "\\n"); }
        process.stdin.resume();
      })`;
    const children = Array.from({ length: 10 }, () =>
      spawn(process.execPath, ["-e", program], { stdio: ["pipe", "pipe", "inherit"] }),
    );
    const answers = await Promise.all(
      children.map(
        (child) =>
          new Promise<string>((resolve) =>
            child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString("utf8").trim())),
          ),
      ),
    );
    for (const child of children) child.kill("SIGKILL");
    expect(answers.filter((answer) => answer === "got")).toHaveLength(1);
    expect(new Set(answers)).toEqual(new Set(["got", "DataFolderInUseError"]));
  });
});
