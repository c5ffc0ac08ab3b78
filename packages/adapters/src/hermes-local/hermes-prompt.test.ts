import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { chooseHermesProvider, hermesArguments, readHermesConfig } from "./hermes-config.js";
import { parseHermesDefaults } from "./hermes-defaults.js";
import { hermesPrompt } from "./hermes-prompt.js";

function prompt(template: string | null, context: JsonObject, apiUrl = "http://fleet"): string {
  const agent = { id: "a1", companyId: "c1", name: "Ada", adapterType: "hermes_local", adapterConfig: {} };
  return hermesPrompt({ template, apiUrl, execution: { runId: "r1", agent, context, config: {} } });
}

describe("AD-291 the prompt of Hermes", () => {
  it("AD-291 shows the task from the context, and the comment", () => {
    const text = prompt(null, {
      issueId: "i1",
      commentId: "k1",
      wakefleetIssue: { title: "Sort mail", description: "All of it" },
    });
    expect(text).toContain("## Task i1: Sort mail\n\nAll of it");
    expect(text).toContain("## Comment k1");
    expect(text).not.toContain("## No task");
    expect(text).not.toContain("{{");
  });

  it("AD-291 says what to do without a task", () => {
    const text = prompt(null, { wakeReason: "timer" });
    expect(text).toContain("## No task");
    expect(text).toContain("timer");
    expect(text).not.toContain("## Task");
    expect(text).not.toContain("## Comment");
  });

  it.each(["http://fleet", "http://fleet/", "http://fleet/api", "http://fleet/api/"])(
    "AD-291 the API's address of %s ends in /api",
    (apiUrl) => {
      expect(prompt("URL={{paperclipApiUrl}}", {}, apiUrl)).toContain("URL=http://fleet/api");
    },
  );

  it("AD-291 puts the rules of the API before a custom template only", () => {
    const custom = prompt("Hello {{agentName}} {{context.wakeReason}}", { wakeReason: "timer" });
    expect(custom).toMatch(/^Rules for the Wakefleet API[\s\S]*\n\nHello Ada timer$/);
    expect(prompt(null, {}).match(/Rules for the Wakefleet API/g)).toHaveLength(1);
  });
});

describe("AD-290 AD-292 the command line of Hermes", () => {
  const argumentsOf = (config: JsonObject, provider = "auto", sessionId: string | null = null): string[] =>
    hermesArguments({ config: readHermesConfig(config), prompt: "P", provider, sessionId });

  it("AD-292 has the defaults", () => {
    expect(argumentsOf({})).toEqual([
      "chat",
      "-q",
      "P",
      "-Q",
      "-m",
      "anthropic/claude-sonnet-4",
      "--source",
      "tool",
      "--yolo",
    ]);
  });

  it("AD-292 has every option in its place", () => {
    const config = {
      model: "m",
      quiet: false,
      enabledToolsets: ["web", "files"],
      worktreeMode: true,
      checkpoints: true,
      verbose: true,
      extraArgs: ["--x"],
    };
    expect(argumentsOf(config, "nous", "s1")).toEqual(
      "chat -q P -m m --provider nous -t web,files -w --checkpoints -v --source tool --yolo --resume s1 --x".split(" "),
    );
  });

  it.each([
    [{ provider: "zai", model: "gpt-5" }, null, "zai"],
    [{ provider: "nonsense", model: "gpt-5" }, null, "copilot"],
    [{ model: "My-Model" }, { model: "my-model", provider: "nous" }, "nous"],
    [{ model: "gpt-4o" }, { model: "other", provider: "nous" }, "openai-codex"],
    [{ model: "o3-mini" }, null, "openai-codex"],
    [{ model: "claude-sonnet-4" }, null, "anthropic"],
    [{ model: "Hermes-4" }, null, "nous"],
    [{ model: "glm-5" }, null, "zai"],
    [{ model: "moonshot-v1" }, null, "kimi-coding"],
    [{ model: "minimax-m2" }, null, "minimax"],
    [{}, null, "auto"],
  ])("AD-292 %j with %j goes to %s", (config, defaults, provider) => {
    expect(chooseHermesProvider({ config: readHermesConfig(config), defaults }).provider).toBe(provider);
  });

  it.each([
    ["model: gpt-5 # comment\n", { model: "gpt-5", provider: "" }],
    ['model:\n  default: "a/b"\n  provider: nous\nother:\n  provider: x\n', { model: "a/b", provider: "nous" }],
    ["terminal:\n  model: x\n", null],
    ["", null],
  ])("AD-292 reads the CLI's own settings %j", (yaml, defaults) => {
    expect(parseHermesDefaults(yaml)).toEqual(defaults);
  });
});
