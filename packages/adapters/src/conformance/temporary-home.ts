/** Keeps tests of agent CLIs away from the real home directory (AD-332). */
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll } from "vitest";

/** Makes a directory the home of this process while the file's tests run; gives its path. */
export function useTemporaryHome(): string {
  const home = mkdtempSync(path.join(tmpdir(), "wakefleet-home-"));
  let before: string | undefined;
  beforeAll(() => {
    before = process.env["HOME"];
    process.env["HOME"] = home;
  });
  afterAll(async () => {
    if (before === undefined) delete process.env["HOME"];
    else process.env["HOME"] = before;
    await rm(home, { recursive: true, force: true });
  });
  return home;
}
