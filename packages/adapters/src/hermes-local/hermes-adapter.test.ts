import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { savedSession, useCliStubs } from "../conformance/cli-stubs.js";
import type { StubReply } from "../conformance/recording-stub.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { hermesAdapter } from "./hermes-adapter.js";

const home = useTemporaryHome();
const stubs = useCliStubs({ adapter: hermesAdapter, fixtures: [] });
const SUCCESS: StubReply = {
  stdout: 'All sorted: {"a": 1}\n\nTwo left.\n\nsession_id: 20261124_090000_abcdef\n',
  stderr: "tokens: 120 input, 30 output\ncost: $0.02\n",
};

describe("hermes_local", () => {
  it("AD-292 AD-293: runs a turn", async () => {
    const stub = await stubs.stub([SUCCESS]);
    const { result } = await stubs.run(stub, {
      config: { model: "claude-sonnet-4", promptTemplate: "Work on {{taskId}}." },
      context: { issueId: "i1" },
    });
    const [call] = await stub.calls();
    expect([call!.argv[0], call!.argv[1], ...call!.argv.slice(3)]).toEqual(
      "chat -q -Q -m claude-sonnet-4 --provider anthropic --source tool --yolo".split(" "),
    );
    expect(call!.argv[2]).toMatch(/^Rules for the Wakefleet API[\s\S]*\n\nWork on i1\.$/);
    expect(result).toMatchObject({
      exitCode: 0,
      summary: 'All sorted: {"a": 1}\n\nTwo left.',
      usage: { inputTokens: 120, outputTokens: 30 },
      costUsd: 0.02,
      sessionId: "20261124_090000_abcdef",
      sessionParams: { sessionId: "20261124_090000_abcdef" },
      sessionDisplayId: "20261124_090000_",
      resultJson: { session_id: "20261124_090000_abcdef", cost_usd: 0.02 },
    });
  });

  it("check 46 AD-295: words on stderr do not make a success a failure", async () => {
    const { result } = await stubs.run(await stubs.stub([{ ...SUCCESS, stderr: "0 errors, failed: none\n" }]));
    expect(result.exitCode).toBe(0);
    expect(result.errorMessage ?? null).toBeNull();
  });

  it.each([
    ["starting\nValueError: no model\nTraceback (x)\n", "ValueError: no model\nTraceback (x)"],
    ["INFO: starting\nno luck\n", "no luck"],
    ["", "Hermes exited with code 3"],
  ])("AD-295 a failure with stderr %j says %j", async (stderr, message) => {
    const { result } = await stubs.run(await stubs.stub([{ stderr, exitCode: 3 }]));
    expect(result).toMatchObject({ exitCode: 3, errorMessage: message });
  });

  it("AD-294 moves benign lines of stderr to stdout", async () => {
    const stderr = "2026-11-24 09:00:00 start\nValueError: no\n";
    const recorded = await stubs.run(await stubs.stub([{ stderr, exitCode: 1 }]));
    expect([recorded.stdout, recorded.stderr]).toEqual(["2026-11-24 09:00:00 start\n", "ValueError: no\n"]);
  });

  it("AD-296 resumes whatever the directory, and recovers from a lost session", async () => {
    const stub = await stubs.stub([SUCCESS]);
    await stubs.run(stub, savedSession({ sessionId: "s-old", cwd: "/elsewhere" }));
    expect((await stub.calls())[0]?.argv.slice(-2)).toEqual(["--resume", "s-old"]);

    const lost: StubReply = { whenArgument: "--resume", stdout: "Session not found: s-old\n", exitCode: 1 };
    const recorded = await stubs.run(await stubs.stub([lost, SUCCESS]), savedSession({ sessionId: "s-old" }));
    expect(recorded.stdout).toContain('Hermes resume session "s-old" is unavailable; retrying with a fresh session.');
    expect(recorded.result).toMatchObject({ exitCode: 0, sessionId: "20261124_090000_abcdef" });
  });

  it("AD-290 keeps no session when it is told so", async () => {
    const stub = await stubs.stub([SUCCESS]);
    const { result } = await stubs.run(stub, {
      ...savedSession({ sessionId: "s-old" }),
      config: { persistSession: false },
    });
    expect((await stub.calls())[0]?.argv).not.toContain("--resume");
    expect(result).toMatchObject({ sessionId: null, sessionParams: null });
  });

  it("AD-57 a configured directory comes before the workspace", async () => {
    const elsewhere = path.join(stubs.directory(), "workspace");
    await mkdir(elsewhere, { recursive: true });
    const context: JsonObject = { wakefleetWorkspace: { cwd: elsewhere, source: "project" } };
    const stub = await stubs.stub([SUCCESS]);
    await stubs.run(stub, { context });
    await stubs.run(stub, { context, config: { cwd: "" } });
    expect((await stub.calls()).map((call) => call.cwd)).toEqual([stubs.directory(), elsewhere]);
  });

  it("AD-205 a prompt too long for an argument lies in a file", async () => {
    const stub = await stubs.stub([SUCCESS]);
    await stubs.run(stub, { config: { promptTemplate: "x".repeat(200_000) } });
    expect((await stub.calls())[0]?.argv[2]).toMatch(/^Read the file \/.*prompt\.md and carry out what it says\./);
  });

  it("AD-290 takes hermesCommand before command", async () => {
    const stub = await stubs.stub([SUCCESS]);
    const { result } = await stubs.run(stub, { config: { command: "/nowhere", hermesCommand: stub.file } });
    expect(result.exitCode).toBe(0);
  });
});

describe("AD-297 testEnvironment of hermes_local", () => {
  it("AD-297 stops without the command", async () => {
    expect(await stubs.testCodes("hermes_", { command: "/nowhere/hermes" })).toEqual(["fail", "cli_not_found"]);
  });

  it.each<[string, StubReply, JsonObject, string[]]>([
    [
      "tells its version",
      { stdout: "Hermes Agent v0.5.0\n" },
      { model: "claude-x", env: { ANTHROPIC_API_KEY: "k" } },
      ["version", "model_configured", "api_keys_found", "provider_detected"],
    ],
    [
      "tells nothing",
      { stdout: "?\n" },
      {},
      ["version_unknown", "configured_default_model", "no_api_keys", "provider_unknown"],
    ],
    [
      "is broken",
      { exitCode: 1 },
      { model: "claude-x", provider: "nous" },
      ["version_failed", "model_configured", "no_api_keys", "provider_mismatch"],
    ],
  ])("AD-297 a CLI that %s", async (_what, answer, config, codes) => {
    const command = (await stubs.stub([answer])).file;
    const found = await stubs.testCodes("hermes_", { command, ...config });
    expect(found.slice(1).filter((code) => !code.startsWith("python"))).toEqual(codes);
  });

  it.each([
    ["Python 3.9.2", "python_old", "fail"],
    ["nonsense", "python_missing", "warn"],
  ])("AD-297 python3 that says %j", async (version, code, status) => {
    const python = await stubs.stub([{ stdout: `${version}\n` }], "python3");
    const command = (await stubs.stub([{ stdout: "1.0" }])).file;
    const env = { PATH: `${path.dirname(python.file)}:${process.env["PATH"]}`, OPENAI_API_KEY: "k" };
    const codes = await stubs.testCodes("hermes_", { command, env });
    expect(codes[0]).toBe(status);
    expect(codes).toContain(code);
  });

  it("AD-297 finds the CLI's own keys, provider and model", async () => {
    const folder = path.join(home, "set-up");
    await mkdir(path.join(folder, ".hermes"), { recursive: true });
    await writeFile(path.join(folder, ".hermes", ".env"), "OPENROUTER_API_KEY=k\n");
    await writeFile(path.join(folder, ".hermes", "config.yaml"), "model:\n  default: my-model\n  provider: nous\n");
    const command = (await stubs.stub([{ stdout: "1.0" }])).file;
    const codes = await stubs.testCodes("hermes_", { command, model: "my-model", env: { HOME: folder } });
    expect(codes).toEqual(expect.arrayContaining(["api_keys_found", "provider_detected"]));
  });
});
