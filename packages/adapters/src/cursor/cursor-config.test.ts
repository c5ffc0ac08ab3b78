import { describe, expect, it } from "vitest";
import { cursorArguments, cursorProvider, readCursorConfig } from "./cursor-config.js";

describe("AD-180 AD-181 the command line of Cursor", () => {
  const base = ["-p", "--output-format", "stream-json", "--workspace", "/w"];

  it.each([
    [{}, null, [...base, "--model", "auto", "--yolo"]],
    [{ model: "m", mode: "plan" }, "c1", [...base, "--resume", "c1", "--model", "m", "--mode", "plan", "--yolo"]],
    [{ mode: "agent" }, null, [...base, "--model", "auto", "--yolo"]],
    [{ extraArgs: ["--trust=all"] }, null, [...base, "--model", "auto", "--trust=all"]],
    [{ extraArgs: ["--trust"] }, null, [...base, "--model", "auto", "--trust"]],
    [{ args: ["-f"] }, null, [...base, "--model", "auto", "-f"]],
    [{ extraArgs: ["--trustworthy"] }, null, [...base, "--model", "auto", "--yolo", "--trustworthy"]],
  ])("AD-181 %j resuming %j", (config, sessionId, args) => {
    expect(cursorArguments({ config: readCursorConfig(config), cwd: "/w", sessionId })).toEqual(args);
  });

  it.each([
    ["openrouter/x", "openrouter"],
    ["sonnet-4", "anthropic"],
    ["Claude-opus", "anthropic"],
    ["gpt-5", "openai"],
    ["o3", "openai"],
    ["auto", null],
    ["composer", null],
  ])("AD-184 %s comes from %s", (model, provider) => {
    expect(cursorProvider(model)).toBe(provider);
  });
});
