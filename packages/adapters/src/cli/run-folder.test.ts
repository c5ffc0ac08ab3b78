import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { createPromptFiles } from "./prompt-file.js";
import { makeRunFolder, runFolders } from "./run-folder.js";

describe("AD-205 the folders of a run", () => {
  it("AD-205 are found by the run's id and removed with what is in them, and those of other runs stay", async () => {
    const [ended, going] = [randomUUID(), randomUUID()];
    const prompt = await createPromptFiles(ended).write("prompt.md", "the prompt");
    const config = await makeRunFolder({ runId: ended, purpose: "opencode" });
    const other = await makeRunFolder({ runId: going, purpose: "prompt" });
    expect(await runFolders.runIds()).toEqual(expect.arrayContaining([ended, going]));
    expect((await runFolders.runIds()).filter((id) => id === ended)).toHaveLength(1);

    await runFolders.remove(ended);
    expect([existsSync(prompt), existsSync(config), existsSync(other)]).toEqual([false, false, true]);
    expect(await runFolders.runIds()).not.toContain(ended);
    await runFolders.remove(going);
  });

  it("AD-205 a link that bears such a name is left, and so is what it leads to", async () => {
    const runId = randomUUID();
    const target = await makeRunFolder({ runId: randomUUID(), purpose: "target" });
    writeFileSync(path.join(target, "kept"), "");
    const link = path.join(tmpdir(), `wakefleet-run-${runId}-link-abcdef`);
    symlinkSync(target, link);
    await runFolders.remove(runId);
    expect(existsSync(path.join(link, "kept"))).toBe(true);
    rmSync(link);
    rmSync(target, { recursive: true });
  });

  it("AD-205 what bears no run's id is nobody's", async () => {
    const stranger = path.join(tmpdir(), `wakefleet-run-${randomUUID().slice(0, 8)}`);
    mkdirSync(stranger);
    expect((await runFolders.runIds()).every((id) => id.length === 36)).toBe(true);
    rmSync(stranger, { recursive: true });
  });
});
