import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parsePiModels } from "./pi-models.js";
import { createPiSessionFile, isPiSessionFile } from "./session-file.js";

describe("AD-262 session files", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), "wakefleet-pi-test-"));
  });
  afterEach(async () => {
    await rm(home, { recursive: true, force: true });
  });

  it("AD-262 are named after time and agent, empty, and never the same twice", async () => {
    const input = { home, agentId: "agent-1", now: new Date("2026-11-24T09:00:00.123Z") };
    const first = await createPiSessionFile(input);
    expect(first).toBe(path.join(home, ".pi", "wakefleet", "2026-11-24T09-00-00-123Z-agent-1.jsonl"));
    expect(await readFile(first, "utf8")).toBe("");
    expect(await isPiSessionFile(first)).toBe(true);
    expect(await createPiSessionFile(input)).not.toBe(first);
  });

  it("AD-262 a missing file and a folder are no sessions", async () => {
    expect(await isPiSessionFile(path.join(home, "gone.jsonl"))).toBe(false);
    expect(await isPiSessionFile(home)).toBe(false);
  });
});

describe("AD-264 the table of models", () => {
  it("AD-264 reads provider and model of each row", () => {
    const table = [
      "Some warning first",
      "provider   model              context  max-out  thinking  images",
      "anthropic  claude-sonnet-4-5  200K     64K      yes       yes",
      "fake       fake-model         128K     16K      no        no",
      "",
    ].join("\n");
    expect(parsePiModels(table)).toEqual(["anthropic/claude-sonnet-4-5", "fake/fake-model"]);
    expect(parsePiModels("No models available")).toEqual([]);
  });
});
