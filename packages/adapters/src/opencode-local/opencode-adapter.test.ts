import { readdir } from "node:fs/promises";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { savedSession, useCliStubs } from "../conformance/cli-stubs.js";
import { readFixtures } from "../conformance/recorded-fixtures.js";
import type { StubReply } from "../conformance/recording-stub.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { openCodeAdapter } from "./opencode-adapter.js";

const home = useTemporaryHome();
const stubs = useCliStubs({
  adapter: openCodeAdapter,
  fixtures: readFixtures(path.join(import.meta.dirname, "fixtures")),
  config: { model: "fake/fake-model" },
});
const { reply } = stubs;
const MODELS: StubReply = { whenArgument: "models", stdout: "fake/fake-model\nfake/other\n" };
const SESSION = "ses_dfdff4001ffeAPV13NVAMVxXyY";

describe("opencode_local", () => {
  it("check 43 AD-231 AD-232 AD-234: runs a turn, allows other directories, leaves nothing behind", async () => {
    const stub = await stubs.stub([MODELS, reply("success-tool")]);
    const recorded = await stubs.run(stub, { config: { variant: "high", promptTemplate: "Go.", extraArgs: ["--x"] } });
    expect(recorded.result).toMatchObject({
      exitCode: 0,
      summary: "Finished. The tool printed its line and the work is done.",
      usage: { inputTokens: 1400, cachedInputTokens: 1000, outputTokens: 84 },
      usageBasis: "per_run",
      costUsd: 0.001668,
      sessionId: SESSION,
      sessionParams: { sessionId: SESSION, cwd: stubs.directory() },
      provider: "fake",
      biller: "fake",
      model: "fake/fake-model",
      billingType: "unknown",
    });
    const call = (await stub.calls()).at(-1)!;
    expect(call.argv).toEqual("run --format json --model fake/fake-model --variant high --x".split(" "));
    expect(call.stdin).toBe("Go.");
    expect(call.env["OPENCODE_DISABLE_PROJECT_CONFIG"]).toBe("true");
    const temporary = call.env["XDG_CONFIG_HOME"]!;
    expect(temporary).not.toContain(home);
    await expect(readdir(temporary)).rejects.toThrow(/ENOENT/);
    expect(await readdir(stubs.directory())).not.toContain("opencode.json");
  });

  it("AD-232 config cannot switch the project's settings on, and can leave the permissions as they are", async () => {
    const stub = await stubs.stub([MODELS, reply("success-tool")]);
    await stubs.run(stub, {
      config: { dangerouslySkipPermissions: false, env: { OPENCODE_DISABLE_PROJECT_CONFIG: "false" } },
    });
    const call = (await stub.calls()).at(-1)!;
    expect(call.env["OPENCODE_DISABLE_PROJECT_CONFIG"]).toBe("true");
    expect(call.env["XDG_CONFIG_HOME"]).toBe(process.env["XDG_CONFIG_HOME"]);
  });

  it("check 42 AD-233: without a model nothing is started", async () => {
    const stub = await stubs.stub([reply("success-tool")]);
    for (const model of ["", "no-provider", 7]) {
      await expect(stubs.run(stub, { config: { model } })).rejects.toThrow(
        "OpenCode requires `adapterConfig.model` in provider/model format.",
      );
    }
    expect(await stub.calls()).toEqual([]);
  });

  it("AD-233 refuses a model the CLI does not list, with examples", async () => {
    const stub = await stubs.stub([MODELS, reply("success-tool")]);
    await expect(stubs.run(stub, { config: { model: "fake/unknown" } })).rejects.toThrow(
      'OpenCode does not know the configured model "fake/unknown". Available: fake/fake-model, fake/other.',
    );
    expect(await stub.calls()).toHaveLength(1);
    const empty = await stubs.stub([{ whenArgument: "models" }]);
    await expect(stubs.run(empty)).rejects.toThrow(/^OpenCode lists no models/);
  });

  it("check 20 AD-72 resumes where the session was begun", async () => {
    const stub = await stubs.stub([MODELS, reply("resume")]);
    const { result } = await stubs.run(stub, savedSession({ sessionId: SESSION, cwd: stubs.directory() }));
    expect((await stub.calls()).at(-1)?.argv.slice(3, 5)).toEqual(["--session", SESSION]);
    expect(result).toMatchObject({ usage: { inputTokens: 700 }, costUsd: 0.000834, sessionId: SESSION });
  });

  it("AD-238 never resumes in another directory", async () => {
    const stub = await stubs.stub([MODELS, reply("success-tool")]);
    const recorded = await stubs.run(stub, savedSession({ sessionId: "ses_old", cwd: "/elsewhere" }));
    expect((await stub.calls()).at(-1)?.argv).not.toContain("--session");
    expect(recorded.stdout).toContain('OpenCode session "ses_old" was saved for cwd "/elsewhere"');
  });

  it("AD-73 AD-236 recovers from a lost session", async () => {
    const stub = await stubs.stub([MODELS, reply("bad-session", { whenArgument: "--session" }), reply("success-tool")]);
    const recorded = await stubs.run(stub, savedSession({ sessionId: "ses_gone", cwd: stubs.directory() }));
    expect(recorded.stdout).toContain(
      '[wakefleet] OpenCode session "ses_gone" is unavailable; retrying with a fresh session.\n',
    );
    expect(recorded.result).toMatchObject({ exitCode: 0, sessionId: SESSION });
  });

  it("AD-235 an error with exit 0 becomes exit 1", async () => {
    const stub = await stubs.stub([MODELS, reply("bad-model", { exitCode: 0 })]);
    expect((await stubs.run(stub)).result).toMatchObject({
      exitCode: 1,
      errorMessage: "Unexpected server error. Check server logs for details.",
    });
  });

  it.each([
    ["ratelimit-429", "opencode_transient_upstream", "transient_upstream"],
    ["overloaded-503", "opencode_transient_upstream", "transient_upstream"],
    ["invalid-key", "opencode_auth_required", null],
  ])("AD-245 %s has code %s", async (fixture, errorCode, family) => {
    const { result } = await stubs.run(await stubs.stub([MODELS, reply(fixture)]));
    expect([result.errorCode, result.errorFamily ?? null]).toEqual([errorCode, family]);
  });

  it("AD-235 an OpenRouter key sends the bill there", async () => {
    const stub = await stubs.stub([MODELS, reply("success-tool")]);
    const { result } = await stubs.run(stub, { config: { env: { OPENROUTER_API_KEY: "k" } } });
    expect(result).toMatchObject({ provider: "fake", biller: "openrouter" });
  });
});

describe("AD-93 AD-246 testEnvironment of opencode_local", () => {
  const hello = '{"type":"text","part":{"text":"hello"}}\n{"type":"step_finish","part":{"reason":"stop"}}\n';
  const base = ["cwd_valid", "command_resolvable", "headless_permissions_enabled"];

  it.each<[string, StubReply[], JsonObject, string[]]>([
    [
      "answers hello",
      [MODELS, { stdout: hello }],
      {},
      ["pass", ...base, "models_discovered", "model_configured", "hello_probe_passed"],
    ],
    [
      "does not list the model",
      [MODELS, { stdout: hello }],
      { model: "fake/x" },
      ["fail", ...base, "models_discovered", "model_invalid"],
    ],
    ["lists nothing", [{ whenArgument: "models" }], {}, ["fail", ...base, "models_empty", "model_invalid"]],
    ["cannot list", [{ exitCode: 1, stderr: "boom" }], {}, ["warn", ...base, "models_discovery_failed"]],
    [
      "wants a login",
      [MODELS, { stderr: "API key required", exitCode: 1 }],
      {},
      ["warn", ...base, "models_discovered", "model_configured", "hello_probe_auth_required"],
    ],
    [
      "has lost the model",
      [MODELS, { stderr: "ProviderModelNotFoundError", exitCode: 1 }],
      {},
      ["warn", ...base, "models_discovered", "model_configured", "hello_probe_model_unavailable"],
    ],
  ])("AD-246 a CLI that %s", async (_what, replies, config, codes) => {
    const command = (await stubs.stub(replies)).file;
    expect(await stubs.testCodes("opencode_", { command, model: "fake/fake-model", ...config })).toEqual(codes);
  });

  it("AD-246 warns of a key set to nothing, and leaves the rest out without a command", async () => {
    const config = { command: "/nowhere/opencode", env: { OPENAI_API_KEY: " " }, dangerouslySkipPermissions: false };
    expect(await stubs.testCodes("opencode_", config)).toEqual([
      "fail",
      "cwd_valid",
      "command_unresolvable",
      "openai_api_key_missing",
      "command_skipped",
    ]);
  });

  it("AD-95 does not make a missing directory", async () => {
    const cwd = path.join(stubs.directory(), "missing");
    expect(await stubs.testCodes("opencode_", { cwd, command: "/nowhere/opencode" })).toContain("cwd_invalid");
  });
});
