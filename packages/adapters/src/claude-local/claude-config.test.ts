import { describe, expect, it } from "vitest";
import { isBedrockModel, usesBedrock } from "./bedrock.js";
import { ALLOWED_TOOLS, claudeArguments, readClaudeConfig } from "./claude-config.js";

const BASE = ["--print", "--output-format", "stream-json", "--verbose"];
const args = (
  config: Parameters<typeof readClaudeConfig>[0],
  more: Partial<Parameters<typeof claudeArguments>[0]> = {},
): string[] =>
  claudeArguments({
    config: readClaudeConfig(config),
    env: {},
    isRoot: false,
    sessionId: null,
    bundleDirectory: "/b",
    instructionsFile: "/b/i.md",
    ...more,
  });

describe("AD-100 AD-101 the command line of Claude Code", () => {
  it("AD-101 AD-102 check 18: begins with the fixed part, without a lone dash", () => {
    expect(args({})).toEqual([
      ...BASE,
      "--dangerously-skip-permissions",
      "--append-system-prompt-file",
      "/b/i.md",
      "--add-dir",
      "/b",
    ]);
  });

  it("AD-101 puts everything in its order", () => {
    const config = {
      model: "claude-sonnet-4-6",
      effort: "high",
      chrome: true,
      maxTurnsPerRun: 7.9,
      extraArgs: ["--debug", "x"],
    };
    expect(args(config)).toEqual([
      ...[...BASE, "--dangerously-skip-permissions", "--chrome", "--model", "claude-sonnet-4-6", "--effort", "high"],
      ...["--max-turns", "7", "--append-system-prompt-file", "/b/i.md", "--add-dir", "/b", "--debug", "x"],
    ]);
  });

  it("AD-103 leaves the instructions out of a resumed session", () => {
    expect(args({}, { sessionId: "s1" })).toEqual([
      ...[...BASE, "--resume", "s1", "--dangerously-skip-permissions", "--add-dir", "/b"],
    ]);
  });

  it("AD-100 asks for permissions where it is told to, and takes args for extraArgs", () => {
    const config = { dangerouslySkipPermissions: false, args: ["--x"], extraArgs: [] };
    expect(args(config, { instructionsFile: null })).toEqual([...BASE, "--add-dir", "/b", "--x"]);
  });

  it("AD-105 names the tools when it runs as root, unless the sandbox is declared", () => {
    expect(args({}, { isRoot: true })).toEqual(expect.arrayContaining(["--allowedTools", ALLOWED_TOOLS.join(" ")]));
    expect(args({}, { isRoot: true })).not.toContain("--dangerously-skip-permissions");
    expect(args({}, { isRoot: true, env: { IS_SANDBOX: "1" } })).toContain("--dangerously-skip-permissions");
    expect(args({ dangerouslySkipPermissions: false }, { isRoot: true })).not.toContain("--allowedTools");
    for (const tool of ["Bash", "Edit", "Read", "Write", "Task", "Skill", "WebFetch"])
      expect(ALLOWED_TOOLS).toContain(tool);
  });

  it("AD-38 reads wrong types as defaults", () => {
    expect(readClaudeConfig({ model: 5, effort: " ", chrome: "yes", maxTurnsPerRun: "3" })).toMatchObject({
      model: null,
      effort: null,
      chrome: false,
      maxTurns: 0,
      skipsPermissions: true,
      resultCleanupGraceMs: 5000,
    });
  });
});

describe("AD-104 Bedrock", () => {
  it.each([
    [{ CLAUDE_CODE_USE_BEDROCK: "1" }, true],
    [{ CLAUDE_CODE_USE_BEDROCK: "TRUE" }, true],
    [{ CLAUDE_CODE_USE_BEDROCK: "0" }, false],
    [{ ANTHROPIC_BEDROCK_BASE_URL: "https://b" }, true],
    [{ ANTHROPIC_BEDROCK_BASE_URL: " " }, false],
    [{}, false],
  ])("AD-104 of %j is %s", (env, expected) => {
    expect(usesBedrock(env)).toBe(expected);
  });

  it.each([
    ["us.anthropic.claude-sonnet-4-5-20250929-v1:0", true],
    ["arn:aws:bedrock:us-east-1:1:inference-profile/x", true],
    ["claude-sonnet-4-6", false],
  ])("AD-100 passes the model %s there: %s", (model, expected) => {
    expect(isBedrockModel(model)).toBe(expected);
    expect(args({ model }, { env: { CLAUDE_CODE_USE_BEDROCK: "1" } }).includes("--model")).toBe(expected);
  });
});
