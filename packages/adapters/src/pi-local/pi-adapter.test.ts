import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { savedSession, useCliStubs } from "../conformance/cli-stubs.js";
import { readFixtures } from "../conformance/recorded-fixtures.js";
import type { StubReply } from "../conformance/recording-stub.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { piAdapter } from "./pi-adapter.js";

const home = useTemporaryHome();
const stubs = useCliStubs({
  adapter: piAdapter,
  fixtures: readFixtures(path.join(import.meta.dirname, "fixtures")),
  config: { model: "fake/fake-model" },
});
const { reply } = stubs;
const TABLE =
  "provider  model       context  max-out  thinking  images\nfake      fake-model  128K     16K      no        no\n";
const MODELS: StubReply = { whenArgument: "--list-models", stderr: TABLE };
const argumentAfter = (argv: readonly string[], flag: string): string => argv[argv.indexOf(flag) + 1] ?? "";

describe("pi_local", () => {
  it("AD-261 AD-262 AD-263 AD-267: runs a turn with a session file of its own", async () => {
    const stub = await stubs.stub([MODELS, reply("success-tool")]);
    const recorded = await stubs.run(stub, { config: { thinking: "low", promptTemplate: "Go.", extraArgs: ["--x"] } });
    const call = (await stub.calls()).at(-1)!;
    const sessionFile = argumentAfter(call.argv, "--session");
    expect(path.dirname(sessionFile)).toBe(path.join(home, ".pi", "wakefleet"));
    expect(path.basename(sessionFile)).toMatch(/^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z-agent-1\.jsonl$/);
    expect((await stat(sessionFile)).isFile()).toBe(true);
    expect(call.argv).toEqual([
      ...["--mode", "json", "-p", "--append-system-prompt", "Go.", "--provider", "fake", "--model", "fake-model"],
      ...["--thinking", "low", "--tools", "read,bash,edit,write,grep,find,ls", "--session", sessionFile],
      ...["--skill", path.join(home, ".pi", "agent", "skills"), "--x", "Go."],
    ]);
    expect(call.stdin).toBe("");
    expect(recorded.result).toMatchObject({
      exitCode: 0,
      summary: "Finished. The tool printed its line and the work is done.",
      usage: { inputTokens: 1400, cachedInputTokens: 1000, outputTokens: 84 },
      usageBasis: "per_run",
      costUsd: 0.001668,
      sessionId: sessionFile,
      sessionParams: { sessionId: sessionFile, cwd: stubs.directory() },
      provider: "fake",
      biller: "fake",
      billingType: "unknown",
    });
  });

  it("AD-263 puts instructions and the contract into the system prompt", async () => {
    const instructions = path.join(stubs.directory(), "AGENTS.md");
    await writeFile(instructions, "Be kind.");
    const stub = await stubs.stub([MODELS, reply("success-tool")]);
    await stubs.run(stub, { config: { instructionsFilePath: instructions, promptTemplate: "Go." } });
    const { argv } = (await stub.calls()).at(-1)!;
    expect(argumentAfter(argv, "--append-system-prompt")).toMatch(/^Be kind\.\n\n[\s\S]*Execution contract/);
    expect(argv.at(-1)).toBe("Go.");
  });

  it("AD-72 resumes the session's file with the short prompt", async () => {
    const file = path.join(home, "kept.jsonl");
    await writeFile(file, "");
    const stub = await stubs.stub([MODELS, reply("resume")]);
    const { result } = await stubs.run(stub, {
      ...savedSession({ sessionId: file, cwd: stubs.directory() }),
      context: { wakefleetWake: { reason: "commented" } },
      config: { promptTemplate: "Go." },
    });
    const { argv } = (await stub.calls()).at(-1)!;
    expect(argumentAfter(argv, "--session")).toBe(file);
    expect(argv.at(-1)).toContain("## Wakefleet Resume Delta");
    expect(argv.at(-1)).not.toContain("Go.");
    expect(result.sessionId).toBe(file);
  });

  it("check 45 AD-262: a session file that is gone begins a new one, and says so", async () => {
    const stub = await stubs.stub([MODELS, reply("session-file-missing")]);
    const gone = path.join(home, "gone.jsonl");
    const recorded = await stubs.run(stub, savedSession({ sessionId: gone, cwd: stubs.directory() }));
    const sessionFile = argumentAfter((await stub.calls()).at(-1)!.argv, "--session");
    expect(sessionFile).not.toBe(gone);
    expect(recorded.stdout).toContain(
      `[wakefleet] Pi session "${gone}" is unavailable; retrying with a fresh session.\n`,
    );
    expect(recorded.result).toMatchObject({ exitCode: 0, sessionId: sessionFile });
  });

  it("AD-73 AD-271 recovers when the CLI does not know the session", async () => {
    const file = path.join(home, "odd.jsonl");
    await writeFile(file, "");
    const stub = await stubs.stub([MODELS, reply("bad-session-id", { whenArgument: file }), reply("success-tool")]);
    const recorded = await stubs.run(stub, savedSession({ sessionId: file, cwd: stubs.directory() }));
    expect(recorded.spawns).toHaveLength(2);
    expect(recorded.result.exitCode).toBe(0);
    expect(recorded.result.sessionId).not.toBe(file);
  });

  it("check 44 AD-268: an API error with exit 0 is a failure", async () => {
    const { result } = await stubs.run(await stubs.stub([MODELS, reply("invalid-key")]));
    expect(result).toMatchObject({
      exitCode: 1,
      errorMessage: "401 Incorrect API key provided: sk-fake.",
      errorCode: "pi_auth_required",
    });
  });

  it.each([
    ["ratelimit-429", "pi_transient_upstream", "transient_upstream"],
    ["missing-auth", "pi_auth_required", null],
  ])("AD-275 %s has code %s", async (fixture, errorCode, family) => {
    const { result } = await stubs.run(await stubs.stub([MODELS, reply(fixture)]));
    expect([result.errorCode, result.errorFamily ?? null]).toEqual([errorCode, family]);
  });

  it("AD-276 a model the CLI takes on trust is no failure", async () => {
    expect((await stubs.run(await stubs.stub([MODELS, reply("unknown-model")]))).result.exitCode).toBe(0);
  });

  it("AD-260 AD-264 refuses a missing and an unlisted model", async () => {
    const stub = await stubs.stub([MODELS]);
    await expect(stubs.run(stub, { config: { model: null } })).rejects.toThrow(
      "Pi requires `adapterConfig.model` in provider/model format.",
    );
    await expect(stubs.run(stub, { config: { model: "fake/x" } })).rejects.toThrow(
      'Pi does not know the configured model "fake/x". Available: fake/fake-model.',
    );
  });

  it("AD-265 AD-70 puts the programs of skills first on the PATH", async () => {
    const source = path.join(stubs.directory(), "skill");
    await mkdir(path.join(source, "bin"), { recursive: true });
    const stub = await stubs.stub([MODELS, reply("success-tool")]);
    await stubs.run(stub, {
      config: { wakefleetRuntimeSkills: [{ key: "s", runtimeName: "s", source, required: true }] },
    });
    const call = (await stub.calls()).at(-1)!;
    expect(call.env["PATH"]?.split(":")[0]).toBe(path.join(source, "bin"));
    await rm(source, { recursive: true });
  });

  it("AD-205 texts that are too long, or look like something else, go round the arguments", async () => {
    const stub = await stubs.stub([MODELS, reply("success-tool")]);
    await stubs.run(stub, { config: { promptTemplate: "x".repeat(200_000) } });
    const long = (await stub.calls()).at(-1)!;
    expect(long.stdin).toHaveLength(200_000);
    expect(argumentAfter(long.argv, "--append-system-prompt")).toMatch(/system-prompt\.md$/);
    await stubs.run(stub, { config: { promptTemplate: "@file is not a file" } });
    expect((await stub.calls()).at(-1)?.stdin).toBe("@file is not a file");
  });

  it("AD-266 hands output on in whole lines", async () => {
    const chunks: string[] = [];
    await stubs.run(await stubs.stub([MODELS, reply("success-tool")]), {
      onChunk: (stream, chunk) => void (stream === "stdout" && chunks.push(chunk)),
    });
    expect(chunks.every((chunk) => chunk.endsWith("\n"))).toBe(true);
  });
});

describe("AD-93 AD-277 testEnvironment of pi_local", () => {
  const turn = { type: "turn_end", message: { role: "assistant", content: [{ type: "text", text: "hello" }] } };
  const hello = `${JSON.stringify(turn)}\n{"type":"agent_end","messages":[]}\n`;
  const base = ["cwd_valid", "command_resolvable"];

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
      ["warn", ...base, "models_discovered", "model_not_found", "hello_probe_passed"],
    ],
    ["has no model set", [MODELS], { model: null }, ["fail", ...base, "models_discovered", "model_required"]],
    ["lists nothing", [{ whenArgument: "--list-models" }], {}, ["warn", ...base, "models_empty", "model_not_found"]],
    [
      "cannot list",
      [{ exitCode: 1, stderr: "boom" }],
      {},
      ["warn", ...base, "models_discovery_failed", "model_not_found"],
    ],
    [
      "cannot install its packages",
      [{ exitCode: 1, stderr: "npm install failed" }],
      {},
      ["warn", ...base, "package_install_failed", "model_not_found"],
    ],
    [
      "wants a login",
      [MODELS, reply("missing-auth")],
      {},
      ["warn", ...base, "models_discovered", "model_configured", "hello_probe_auth_required"],
    ],
  ])("AD-277 a CLI that %s", async (_what, replies, config, codes) => {
    const command = (await stubs.stub(replies)).file;
    expect(await stubs.testCodes("pi_", { command, model: "fake/fake-model", ...config })).toEqual(codes);
  });

  it("AD-277 leaves models and probe out without a command", async () => {
    expect(await stubs.testCodes("pi_", { command: "/nowhere/pi" })).toEqual([
      "fail",
      "cwd_valid",
      "command_unresolvable",
      "command_skipped",
    ]);
  });
});
