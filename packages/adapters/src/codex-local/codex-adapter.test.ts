import { lstat, mkdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProgramFolder, type ProgramFolder } from "../conformance/agent-programs.js";
import { type RecordedFixture, readFixtures } from "../conformance/recorded-fixtures.js";
import { type RecordedRun, type RunOverrides, recordRun } from "../conformance/recorded-run.js";
import { answerOf, createStubCli, type StubAnswer, type StubCli } from "../conformance/stub-cli.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import type { AdapterRuntime } from "../contract.js";
import { codexAdapter } from "./codex-adapter.js";

const home = useTemporaryHome();
const fixtures = readFixtures(path.join(import.meta.dirname, "fixtures"));
const fixture = (name: string): RecordedFixture => {
  const found = fixtures.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`No fixture ${name}`);
  return found;
};
const answer = (name: string): StubAnswer => answerOf(fixture(name));
const THREAD = "01a201fa-e962-7540-93dc-eab4755588ba";
const runtimeOf = (sessionId: string): AdapterRuntime => ({
  sessionId,
  sessionParams: { sessionId },
  sessionDisplayId: sessionId,
  taskKey: "t",
});

describe("AD-140 codex_local", () => {
  let programs: ProgramFolder;
  let stub: StubCli;
  let cwd: string;
  let shared: string;
  let workerEnv: Record<string, string | undefined>;
  beforeEach(async () => {
    programs = await createProgramFolder();
    cwd = path.join(programs.directory, "work");
    shared = path.join(programs.directory, "shared-codex");
    await mkdir(shared);
    workerEnv = {
      PATH: process.env["PATH"],
      HOME: home,
      CODEX_HOME: shared,
      WAKEFLEET_HOME: path.join(programs.directory, "service"),
    };
    stub = await createStubCli(programs, { name: "codex", fresh: answer("success-tool") });
  });
  afterEach(async () => {
    await programs.remove();
  });

  const run = (overrides: Partial<RunOverrides> = {}): Promise<RecordedRun> =>
    recordRun(codexAdapter, {
      ...overrides,
      config: { command: stub.file, cwd, ...overrides.config },
      execution: { workerEnv, ...overrides.execution },
    });

  it("AD-141 to AD-143 check 30: runs in a home of its own, with the login linked in", async () => {
    await writeFile(path.join(shared, "auth.json"), "{}");
    await writeFile(path.join(shared, "config.toml"), "one");
    const recorded = await run();
    const [call] = await stub.calls();
    expect(call?.argv).toEqual(["exec", "--json", "--skip-git-repo-check", "-"]);
    expect(call?.stdin).toContain("Execution contract");
    const managed = path.join(programs.directory, "service/instances/default/companies/company-1/codex-home");
    expect(call?.env["CODEX_HOME"]).toBe(managed);
    expect(await readlink(path.join(managed, "auth.json"))).toBe(path.join(shared, "auth.json"));
    expect(recorded.stdout).toContain(
      `[wakefleet] Using Wakefleet-managed Codex home "${managed}" (seeded from "${shared}").`,
    );
    await writeFile(path.join(shared, "config.toml"), "two");
    await run();
    expect(await readFile(path.join(managed, "config.toml"), "utf8")).toBe("one");
  });

  it("AD-143 uses the home that is configured, corrects a wrong login link and leaves a real file", async () => {
    const own = path.join(programs.directory, "own");
    await run({ config: { env: { CODEX_HOME: own } } });
    expect((await stub.calls())[0]?.env["CODEX_HOME"]).toBe(own);
    await run();
    const login = path.join(programs.directory, "service/instances/default/companies/company-1/codex-home/auth.json");
    workerEnv = { ...workerEnv, CODEX_HOME: path.join(programs.directory, "elsewhere") };
    await run();
    expect(await readlink(login)).toBe(path.join(programs.directory, "elsewhere", "auth.json"));
    await rm(login);
    await writeFile(login, "{}");
    await run();
    expect((await lstat(login)).isFile()).toBe(true);
  });

  it("AD-65 AD-148 AD-149 check 31: gives the thread's running totals", async () => {
    const first = await run({ config: { model: "gpt-5.4", env: { OPENAI_API_KEY: "sk-x" } } });
    expect(first.result).toMatchObject({
      exitCode: 0,
      summary: "Finished. The tool printed its line and the work is done.",
      usage: { inputTokens: 2400, cachedInputTokens: 1000, outputTokens: 84 },
      usageBasis: "session_cumulative",
      provider: "openai",
      biller: "openai",
      billingType: "api",
      costUsd: null,
      model: "gpt-5.4",
      sessionId: THREAD,
      sessionParams: { sessionId: THREAD, cwd },
    });
    await stub.answers({ fresh: answer("success-tool"), resumed: answer("resume") });
    const second = await run({ execution: { workerEnv, runtime: runtimeOf(THREAD) } });
    expect((await stub.calls())[1]?.argv.slice(-3)).toEqual(["resume", THREAD, "-"]);
    expect(second.result.usage).toEqual({ inputTokens: 3600, cachedInputTokens: 1500, outputTokens: 126 });
    expect(second.result).toMatchObject({ biller: "chatgpt", billingType: "subscription" });
  });

  it("AD-147 gives the configured OpenAI key as what the CLI takes, where no login exists", async () => {
    const env = { OPENAI_API_KEY: "sk-x" };
    await run({ config: { env } });
    await writeFile(path.join(shared, "auth.json"), "{}");
    await run({ config: { env } });
    const [without, withLogin] = await stub.calls();
    expect(without?.env["CODEX_API_KEY"]).toBe("sk-x");
    expect(withLogin?.env["CODEX_API_KEY"]).toBeUndefined();
  });

  it.each([
    ["usage-limit-no-reset", "transient_upstream"],
    ["quota-429", null],
    ["usage-not-included", null],
  ])("AD-162 AD-163 checks 32 and 34: %s", async (name, family) => {
    await stub.answers({ fresh: answer(name) });
    const { result } = await run();
    expect(result.exitCode).toBe(1);
    expect(result.errorFamily ?? null).toBe(family);
  });

  it.each([
    ["same_session", true, false],
    ["safer_invocation", true, false],
    ["fresh_session", false, true],
    ["fresh_session_safer_invocation", false, true],
  ])("AD-33 AD-146 check 33: a retry in mode %s", async (mode, resumes, handsOver) => {
    await stub.answers({ fresh: answer("high-demand") });
    await run({ context: { codexTransientFallbackMode: mode }, execution: { workerEnv, runtime: runtimeOf(THREAD) } });
    const [call] = await stub.calls();
    expect(call?.argv.includes("resume")).toBe(resumes);
    expect(call?.stdin.includes("## Wakefleet session handoff")).toBe(handsOver);
  });

  it("AD-146 AD-75 a fresh session that printed no id clears the old one", async () => {
    await stub.answers({ fresh: { exitCode: 1, stderr: "crashed" } });
    const context = { codexTransientFallbackMode: "fresh_session" };
    const { result } = await run({ context, execution: { workerEnv, runtime: runtimeOf(THREAD) } });
    expect(result).toMatchObject({ sessionId: null, clearSession: true });
  });

  it("AD-151 AD-150 check 35: succeeds after reconnects, without noise in the log", async () => {
    await stub.answers({ fresh: answer("reconnect-then-success") });
    const recorded = await run();
    expect(recorded.result.errorMessage ?? null).toBeNull();
    expect(recorded.stderr).not.toContain("responses_websocket");
  });

  it("AD-166 check 36: ends a CLI that only reconnects", async () => {
    const { stdout = "" } = answer("offline");
    const repeated = '{"type":"error","message":"Reconnecting... waiting for network (x)"}\n';
    await stub.answers({ fresh: { stdout, afterwards: "repeat", repeated } });
    const { result } = await run({ config: { outputInactivityTimeoutMs: 1000 } });
    expect(result).toMatchObject({
      errorCode: "codex_output_inactivity_monitor",
      errorMessage: "monitor: no codex activity (output or process) for 0m 1s",
      sessionId: "01a201fe-05f8-7d70-a5d9-93bb21a8a525",
    });
  });

  it("AD-45 check 37: keeps the thread id over more than 4 MiB of output", async () => {
    const [first = "", ...rest] = (answer("success-tool").stdout ?? "").split("\n");
    const filler = JSON.stringify({
      type: "item.completed",
      item: { type: "command_execution", aggregated_output: "x".repeat(9000) },
    });
    const stdout = [first, ...Array.from({ length: 600 }, () => filler), ...rest].join("\n");
    expect(stdout.length).toBeGreaterThan(5 * 1024 * 1024);
    await stub.answers({ fresh: { stdout } });
    expect((await run()).result).toMatchObject({ exitCode: 0, sessionId: THREAD, usage: { inputTokens: 2400 } });
  });

  it("AD-165 never resumes what is no thread id, and keeps a thread it did not ask for", async () => {
    const odd = await run({ execution: { workerEnv, runtime: runtimeOf("not-a-uuid") } });
    expect((await stub.calls())[0]?.argv).not.toContain("resume");
    expect(odd.stdout).toContain('Codex session "not-a-uuid" is not a thread id and will not be resumed.');
    const asked = "11111111-1111-4111-8111-111111111111";
    const other = await run({ execution: { workerEnv, runtime: runtimeOf(asked) } });
    expect(other.result.sessionId).toBe(THREAD);
    expect(other.stdout).toContain(`Codex answered in thread "${THREAD}" instead of "${asked}"; the new one is kept.`);
  });

  it("AD-73 AD-165 starts over once when the thread is gone", async () => {
    await stub.answers({ fresh: answer("success-tool"), resumed: answer("bad-session-uuid") });
    const gone = "00000000-0000-4000-8000-000000000000";
    const recorded = await run({ execution: { workerEnv, runtime: runtimeOf(gone) } });
    expect(await stub.calls()).toHaveLength(2);
    expect(recorded.stdout).toContain(`Codex resume session "${gone}" is unavailable; retrying with a fresh session.`);
    expect(recorded.result).toMatchObject({ exitCode: 0, sessionId: THREAD });
  });

  it("AD-145 AD-60 puts instructions first, and leaves them out of a short prompt", async () => {
    const file = path.join(programs.directory, "AGENTS.md");
    await writeFile(file, "Be kind.");
    const config = { instructionsFilePath: file };
    const context = { wakefleetWake: { reason: "issue_assigned", issue: { id: "i1" } } };
    const fresh = await run({ config, context });
    await run({ config, context, execution: { workerEnv, runtime: runtimeOf(THREAD) } });
    const [first, second] = await stub.calls();
    expect(first?.stdin.startsWith("Be kind.")).toBe(true);
    expect(second?.stdin).not.toContain("Be kind.");
    expect(fresh.metas[0]?.commandNotes).toContain("Codex itself also applies the repository's AGENTS.md.");
  });

  it("AD-70 AD-144 links the skills into the home", async () => {
    const source = path.join(programs.directory, "skills", "must");
    await mkdir(source, { recursive: true });
    await writeFile(path.join(source, "SKILL.md"), "must");
    const codexHome = path.join(programs.directory, "own");
    const skills = [{ key: "acme/must", runtimeName: "must", source, required: true }];
    await run({ config: { env: { CODEX_HOME: codexHome }, wakefleetRuntimeSkills: skills } });
    expect(await readFile(path.join(codexHome, "skills", "must", "SKILL.md"), "utf8")).toBe("must");
  });

  it("AD-93 AD-169 tests the environment", async () => {
    const codes = async (config: JsonObject, env: Record<string, string> = {}): Promise<string[]> => {
      const context = { companyId: "c", adapterType: "codex_local", config: { cwd, command: stub.file, ...config } };
      const tested = await codexAdapter.testEnvironment({ ...context, workerEnv: { ...workerEnv, ...env } });
      return tested.checks.map((check) => check.code);
    };
    await stub.answers({ fresh: answer("resume") });
    expect(await codes({ env: { OPENAI_API_KEY: "x" } })).toEqual([
      ...["codex_cwd_valid", "codex_command_resolvable", "codex_openai_api_key_present", "codex_hello_probe_passed"],
    ]);
    await stub.answers({ fresh: answer("invalid-key") });
    expect(await codes({ fastMode: true, model: "gpt-5" })).toEqual([
      ...["codex_cwd_valid", "codex_command_resolvable", "codex_openai_api_key_missing"],
      ...["codex_fast_mode_unsupported_model", "codex_hello_probe_auth_required"],
    ]);
    const claims = Buffer.from(JSON.stringify({ email: "a@b.example" })).toString("base64url");
    await writeFile(path.join(shared, "auth.json"), JSON.stringify({ tokens: { id_token: `x.${claims}.y` } }));
    expect(await codes({})).toContain("codex_native_auth_present");
  });

  it("AD-6 AD-35 declares what it can", () => {
    expect(codexAdapter).toMatchObject({
      type: "codex_local",
      supportsLocalAgentJwt: true,
      supportsInstructionsBundle: true,
    });
    expect(codexAdapter.sessionCodec?.deserialize({ session_id: "s", workdir: "/w" })).toEqual({
      sessionId: "s",
      cwd: "/w",
    });
    expect(codexAdapter.getConfigSchema?.()).toMatchObject({ type: "object", properties: { fastMode: {} } });
  });
});
