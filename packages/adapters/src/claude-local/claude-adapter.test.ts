import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inspectProcess } from "../child/process-group.js";
import { createProgramFolder, type ProgramFolder } from "../conformance/agent-programs.js";
import { type RecordedFixture, readFixtures } from "../conformance/recorded-fixtures.js";
import { type RecordedRun, type RunOverrides, recordRun } from "../conformance/recorded-run.js";
import { answerOf, createStubCli, type StubAnswer, type StubCli } from "../conformance/stub-cli.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import type { AdapterExecutionResult, AdapterRuntime, RunProgress } from "../contract.js";
import { claudeAdapter } from "./claude-adapter.js";

const home = useTemporaryHome();
const fixtures = readFixtures(path.join(import.meta.dirname, "fixtures"));
const fixture = (name: string): RecordedFixture => {
  const found = fixtures.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`No fixture ${name}`);
  return found;
};
const answer = (name: string): StubAnswer => answerOf(fixture(name));
const SESSION = "adad0771-d9b6-408a-a08d-51a949795f25";
const WAKE = { reason: "issue_assigned", issue: { id: "i1", identifier: "ACME-1", title: "Fix it" } };

describe("AD-100 claude_local", () => {
  let programs: ProgramFolder;
  let stub: StubCli;
  let cwd: string;
  beforeEach(async () => {
    programs = await createProgramFolder();
    cwd = path.join(programs.directory, "work");
    stub = await createStubCli(programs, { name: "claude", fresh: answer("success-tool") });
  });
  afterEach(async () => {
    await programs.remove();
  });

  const run = (overrides: Partial<RunOverrides> = {}): Promise<RecordedRun> =>
    recordRun(claudeAdapter, {
      ...overrides,
      config: { command: stub.file, cwd, env: { IS_SANDBOX: "1" }, ...overrides.config },
    });
  /** What the host gives to the next run, through the codec. */
  const runtimeAfter = ({ sessionId, sessionParams, sessionDisplayId }: AdapterExecutionResult): AdapterRuntime => ({
    sessionId: sessionId ?? null,
    sessionParams: claudeAdapter.sessionCodec?.deserialize(sessionParams ?? null) ?? null,
    sessionDisplayId: sessionDisplayId ?? null,
    taskKey: "t",
  });

  it("AD-101 AD-106 check 18: starts fresh with the prompt on stdin, in a directory it makes", async () => {
    const recorded = await run({ context: { wakefleetWake: WAKE, wakefleetTaskMarkdown: "The task" } });
    const [call] = await stub.calls();
    expect(call?.argv.slice(0, 5)).toEqual([
      ...["--print", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"],
    ]);
    expect(call?.argv).toContain("--add-dir");
    expect(call?.argv).not.toContain("--resume");
    expect(call?.argv).not.toContain("-");
    expect(call?.cwd).toBe(cwd);
    const at = ["## Wakefleet Wake Payload", "The task", "Execution contract"].map(
      (text) => call?.stdin.indexOf(text) ?? -1,
    );
    expect(at).not.toContain(-1);
    expect(at).toEqual([...at].sort((a, b) => a - b));
    expect(recorded.metas[0]).toMatchObject({ prompt: call?.stdin, commandArgs: call?.argv });
    expect(recorded.metas[0]?.commandNotes[0]).toMatch(/^Using stable Claude prompt bundle [0-9a-f]{64}\.$/);
  });

  it("AD-115 to AD-119 check 19: succeeds with summary, usage, cost and session", async () => {
    const { result } = await run({
      context: { wakefleetWorkspace: { cwd, workspaceId: "w1", repoUrl: "https://r", repoRef: "main" } },
    });
    expect(result).toMatchObject({
      exitCode: 0,
      summary: "Finished. The tool printed its line and the work is done.",
      usage: { inputTokens: 3000, cachedInputTokens: 1000, outputTokens: 84 },
      usageBasis: "per_run",
      costUsd: 0.011009999999999999,
      provider: "anthropic",
      biller: "anthropic",
      billingType: "subscription",
      model: "claude-sonnet-4-6",
      sessionId: SESSION,
      sessionParams: { sessionId: SESSION, cwd, workspaceId: "w1", repoUrl: "https://r", repoRef: "main" },
      resultJson: { type: "result", subtype: "success" },
    });
    expect(result.sessionParams?.["promptBundleKey"]).toMatch(/^[0-9a-f]{64}$/);
    expect(result.errorMessage ?? null).toBeNull();
  });

  it("AD-118 names who bills", async () => {
    const api = await run({ config: { env: { ANTHROPIC_API_KEY: "sk-x" } } });
    expect(api.result).toMatchObject({ biller: "anthropic", billingType: "api" });
    const bedrock = await run({ config: { env: { CLAUDE_CODE_USE_BEDROCK: "1" } } });
    expect(bedrock.result).toMatchObject({ biller: "aws_bedrock", billingType: "metered_api" });
  });

  it("AD-72 AD-103 AD-60 check 20: resumes in the same directory, with the short prompt", async () => {
    const instructions = path.join(programs.directory, "AGENTS.md");
    await writeFile(instructions, "Be kind.");
    const config = { instructionsFilePath: instructions, bootstrapPromptTemplate: "Hello {{agent.name}}" };
    const context = { wakefleetWake: WAKE };
    const first = await run({ config, context });
    await run({ config, context, execution: { runtime: runtimeAfter(first.result) } });
    const [fresh, resumed] = await stub.calls();
    expect(fresh?.stdin).toContain("Hello Tester");
    const file = fresh?.argv[(fresh?.argv.indexOf("--append-system-prompt-file") ?? 0) + 1] ?? "";
    expect(await readFile(file, "utf8")).toContain("Be kind.");
    expect(await readFile(file, "utf8")).toContain("./HEARTBEAT.md");
    expect(resumed?.argv.join(" ")).toContain(`--resume ${SESSION}`);
    expect(resumed?.argv).not.toContain("--append-system-prompt-file");
    expect(resumed?.stdin).toContain("## Wakefleet Resume Delta");
    expect(resumed?.stdin).not.toContain("Execution contract");
    expect(resumed?.stdin).not.toContain("Hello Tester");
  });

  it("AD-72 check 21: does not resume in another directory, and says so", async () => {
    const first = await run();
    const other = path.join(programs.directory, "other");
    const second = await run({ config: { cwd: other }, execution: { runtime: runtimeAfter(first.result) } });
    expect((await stub.calls())[1]?.argv).not.toContain("--resume");
    expect(second.stdout).toContain(
      `[wakefleet] Claude session "${SESSION}" was saved for cwd "${cwd}" and will not be resumed in "${other}".`,
    );
  });

  it("AD-114 check 22: does not resume with other instructions, and says so", async () => {
    const instructions = path.join(programs.directory, "AGENTS.md");
    await writeFile(instructions, "One.");
    const config = { instructionsFilePath: instructions };
    const first = await run({ config });
    await writeFile(instructions, "Two.");
    const second = await run({ config, execution: { runtime: runtimeAfter(first.result) } });
    expect((await stub.calls())[1]?.argv).not.toContain("--resume");
    expect(second.stdout).toContain(`Claude session "${SESSION}" was saved for prompt bundle "`);
    expect(second.stdout).toContain('" and will not be resumed with "');
  });

  it("AD-73 AD-74 AD-127 check 23: starts over once when the session is gone, and keeps the new one", async () => {
    await stub.answers({ fresh: answer("success-text"), resumed: answer("bad-session-uuid") });
    const runtime = {
      sessionId: SESSION,
      sessionParams: { sessionId: SESSION, cwd },
      sessionDisplayId: null,
      taskKey: null,
    };
    const recorded = await run({ execution: { runtime } });
    expect(await stub.calls()).toHaveLength(2);
    expect(recorded.metas).toHaveLength(2);
    expect(recorded.spawns).toHaveLength(2);
    expect(recorded.stdout).toContain(
      `[wakefleet] Claude resume session "${SESSION}" is unavailable; retrying with a fresh session.`,
    );
    expect(recorded.result).toMatchObject({ exitCode: 0, sessionId: "26c9e529-37fc-4a2a-9ef6-e7af2a02196e" });
    expect(recorded.result.errorMessage ?? null).toBeNull();
  });

  it("AD-74 never hands back the stale session after starting over", async () => {
    const bad = answer("bad-session-uuid");
    await stub.answers({ fresh: { ...bad, exitCode: 1 }, resumed: bad });
    const stale = "00000000-0000-4000-8000-000000000000";
    const runtime = { sessionId: stale, sessionParams: { sessionId: stale }, sessionDisplayId: null, taskKey: null };
    const { result } = await run({ execution: { runtime } });
    expect(await stub.calls()).toHaveLength(2);
    expect(result).toMatchObject({ exitCode: 1, sessionId: null, sessionParams: null, clearSession: true });
  });

  it("AD-75 keeps the previous session when the CLI dies before it printed one", async () => {
    await stub.answers({ fresh: { exitCode: 1, stderr: "crashed\n" } });
    const runtime = {
      sessionId: SESSION,
      sessionParams: { sessionId: SESSION, cwd },
      sessionDisplayId: null,
      taskKey: null,
    };
    const { result } = await run({ execution: { runtime } });
    expect(result).toMatchObject({ sessionId: SESSION, errorMessage: "Claude exited with code 1: crashed" });
    expect(result.clearSession).toBeUndefined();
    expect(result.resultJson).toMatchObject({ stdout: "", stderr: "crashed\n" });
  });

  it("AD-124 AD-125 AD-118 check 24: gives the time the provider named", async () => {
    await stub.answers({ fresh: answer("session-limit") });
    expect((await run()).result).toMatchObject({
      exitCode: 1,
      errorCode: "claude_transient_upstream",
      errorFamily: "transient_upstream",
      retryNotBefore: "2026-11-22T09:37:27.000Z",
      resultJson: {
        errorFamily: "transient_upstream",
        retryNotBefore: "2026-11-22T09:37:27.000Z",
        transientRetryNotBefore: "2026-11-22T09:37:27.000Z",
      },
    });
  });

  it.each(["missing-auth", "invalid-key"])("AD-123 check 26: asks for a login after %s", async (name) => {
    await stub.answers({ fresh: answer(name) });
    const { result } = await run();
    expect(result.errorCode).toBe("claude_auth_required");
    expect(result.errorFamily ?? null).toBeNull();
  });

  it("AD-126 check 28: a turn limit ends the session", async () => {
    await stub.answers({ fresh: answer("max-turns") });
    expect((await run()).result).toMatchObject({ errorCode: "max_turns_exhausted", clearSession: true });
  });

  it("AD-120 check 29: stops a CLI that lives on after its success, and counts the success", async () => {
    const { stdout = "" } = answer("success-text");
    await stub.answers({ fresh: { stdout, afterwards: "hang-with-child" } });
    const { result, spawns } = await run({ config: { terminalResultCleanupGraceMs: 100 } });
    expect(result).toMatchObject({
      exitCode: 0,
      signal: null,
      summary: "hello from the fake model",
      resultJson: { terminalResultCleanup: { stopped: true, signal: "SIGTERM", forceKilled: false } },
    });
    expect(result.errorMessage ?? null).toBeNull();
    const [spawned] = spawns;
    expect(spawned === undefined ? null : await inspectProcess(spawned)).toBe("dead");
  });

  it("AD-120 a CLI that lives on after an error is stopped and has failed", async () => {
    const { stdout = "" } = answer("ratelimit-429");
    await stub.answers({ fresh: { stdout, afterwards: "hang" } });
    const { result } = await run({ config: { terminalResultCleanupGraceMs: 100 } });
    expect(result).toMatchObject({ errorCode: "claude_transient_upstream", signal: "SIGTERM" });
  });

  it("AD-78 exit 0 without a result has failed", async () => {
    await stub.answers({ fresh: { ...answer("sigterm"), exitCode: 0 } });
    const { result } = await run();
    expect(result.errorMessage).toBe("Claude exited with code 0 without a final result");
    expect(result.sessionId).toBe("e8c6e4d8-abb4-43f4-9579-d43e10392bf0");
  });

  it("AD-113 goes on without instructions it cannot read, and says so", async () => {
    const missing = path.join(programs.directory, "missing.md");
    const recorded = await run({ config: { instructionsFilePath: missing } });
    expect(recorded.result.exitCode).toBe(0);
    expect(recorded.stderr).toContain(`[wakefleet] Warning: could not read agent instructions file "${missing}": `);
    expect((await stub.calls())[0]?.argv).not.toContain("--append-system-prompt-file");
  });

  it("AD-67 AD-68 AD-70 gives the skills that are required or wanted", async () => {
    const skill = async (name: string, required: boolean): Promise<JsonObject> => {
      const source = path.join(programs.directory, "skills", name);
      await mkdir(source, { recursive: true });
      await writeFile(path.join(source, "SKILL.md"), name);
      return { key: `acme/${name}`, runtimeName: name, source, required };
    };
    await run({
      config: {
        wakefleetRuntimeSkills: [await skill("must", true), await skill("may", false), await skill("other", false)],
        wakefleetSkillSync: { desiredSkills: ["MAY"] },
      },
    });
    const argv = (await stub.calls())[0]?.argv ?? [];
    const skills = path.join(argv[argv.indexOf("--add-dir") + 1] ?? "", ".claude", "skills");
    expect(await readFile(path.join(skills, "must", "SKILL.md"), "utf8")).toBe("must");
    expect(await readFile(path.join(skills, "may", "SKILL.md"), "utf8")).toBe("may");
    await expect(readFile(path.join(skills, "other", "SKILL.md"), "utf8")).rejects.toThrow(/ENOENT/);
  });

  it("AD-53 tells about runtime services, AD-56 shows where Claude's settings lie", async () => {
    const recorded = await run({
      context: { wakefleetRuntimePrimaryUrl: "http://localhost:5173" },
      execution: { workerEnv: { ...process.env, CLAUDE_CONFIG_DIR: "/etc/claude" } },
    });
    expect((await stub.calls())[0]?.env["WAKEFLEET_RUNTIME_PRIMARY_URL"]).toBe("http://localhost:5173");
    expect(recorded.metas[0]?.env).toMatchObject({ CLAUDE_CONFIG_DIR: "/etc/claude", HOME: home });
  });

  it("BY-6 tells what was used while the run goes on", async () => {
    const lines = fixture("success-tool").stdout.trimEnd().split("\n").slice(0, -1);
    await stub.answers({ fresh: { stdout: `${lines.join("\n")}\n`, afterwards: "hang" } });
    const controller = new AbortController();
    const progress: RunProgress[] = [];
    const { result } = await run({
      execution: {
        signal: controller.signal,
        onProgress(told) {
          progress.push(told);
          if (told.usage !== undefined) controller.abort();
        },
      },
    });
    expect(progress.at(-1)).toEqual({
      sessionId: SESSION,
      usage: { inputTokens: 3000, cachedInputTokens: 1000, outputTokens: 2 },
      usageBasis: "per_run",
      costUsd: null,
      billingType: "subscription",
    });
    expect(result).toMatchObject({ errorCode: "cancelled", sessionId: SESSION, usage: { inputTokens: 3000 } });
  });

  it("BY-6 tells what its tokens cost by list price until it tells its cost itself", async () => {
    await stub.answers({ fresh: { stdout: fixture("success-tool").stdout } });
    const progress: RunProgress[] = [];
    const { result } = await run({
      execution: {
        workerEnv: { ...process.env, ANTHROPIC_API_KEY: "sk-fake" },
        onProgress: (told) => progress.push(told),
      },
    });
    expect(progress.at(-1)).toMatchObject({ costUsd: result.costUsd, billingType: "api" });

    const lines = fixture("success-tool").stdout.trimEnd().split("\n").slice(0, -1);
    await stub.answers({ fresh: { stdout: `${lines.join("\n")}\n` } });
    await run({
      execution: {
        workerEnv: { ...process.env, ANTHROPIC_API_KEY: "sk-fake" },
        onProgress: (told) => progress.push(told),
      },
    });
    // Two messages of claude-sonnet-4-6: 2,400 tokens in, 600 into the cache, 1,000 out of it, and a few written.
    expect(progress.at(-1)?.costUsd).toBeGreaterThan(0.009);
    expect(progress.at(-1)?.costUsd).toBeLessThan(0.015);
  });
});

describe("AD-93 AD-129 testEnvironment of claude_local", () => {
  let programs: ProgramFolder;
  beforeEach(async () => {
    programs = await createProgramFolder();
  });
  afterEach(async () => {
    await programs.remove();
  });
  const hello = fixture("success-text").stdout;
  const codes = async (config: JsonObject, workerEnv: Record<string, string> = {}): Promise<string[]> => {
    const context = { companyId: "c", adapterType: "claude_local", config: { cwd: programs.directory, ...config } };
    const env = { PATH: process.env["PATH"], HOME: home, ...workerEnv };
    const tested = await claudeAdapter.testEnvironment({ ...context, workerEnv: env });
    return [tested.status, ...tested.checks.map((check) => check.code)];
  };

  it("07-51 (AD-93) asks for a hello and gets it", async () => {
    const stub = await createStubCli(programs, { name: "claude", fresh: { stdout: hello } });
    expect(await codes({ command: stub.file })).toEqual([
      ...["pass", "claude_cwd_valid", "claude_command_resolvable", "claude_subscription_mode_possible"],
      "claude_hello_probe_passed",
    ]);
    const [call] = await stub.calls();
    expect(call?.stdin).toBe("Respond with hello.");
    expect(call?.argv).not.toContain("--add-dir");
  });

  it("07-51 (AD-94) does not ask a command of another name", async () => {
    const stub = await createStubCli(programs, { name: "my-claude", fresh: { stdout: hello } });
    expect(await codes({ command: stub.file })).toContain("claude_hello_probe_skipped_custom_command");
    expect(await stub.calls()).toEqual([]);
  });

  it.each<[string, StubAnswer, string]>([
    ["a missing login", answer("missing-auth"), "claude_hello_probe_auth_required"],
    ["a missing login with exit 0", { ...answer("missing-auth"), exitCode: 0 }, "claude_hello_probe_auth_required"],
    ["a failure", answer("model-not-found"), "claude_hello_probe_failed"],
    ["another answer", answer("success-tool"), "claude_hello_probe_unexpected_output"],
  ])("AD-93 tells %s", async (_what, fresh, code) => {
    const stub = await createStubCli(programs, { name: "claude", fresh });
    expect(await codes({ command: stub.file })).toContain(code);
  });

  it("AD-129 tells how it would be paid", async () => {
    expect(await codes({ command: "/nowhere/claude" }, { ANTHROPIC_API_KEY: "x" })).toEqual([
      ...["fail", "claude_cwd_valid", "claude_command_unresolvable"],
      "claude_anthropic_api_key_overrides_subscription",
    ]);
    const bedrock = await codes({ command: "/nowhere/claude", env: { CLAUDE_CODE_USE_BEDROCK: "true" } });
    expect(bedrock).toContain("claude_bedrock_auth");
  });
});

describe("AD-6 AD-35 AD-36 AD-71 AD-130 what claude_local declares", () => {
  it("AD-6 declares what it can", () => {
    expect(claudeAdapter).toMatchObject({
      type: "claude_local",
      supportsLocalAgentJwt: true,
      supportsInstructionsBundle: true,
      requiresMaterializedRuntimeSkills: false,
      sessionManagement: { nativeContextManagement: "confirmed", defaultCompaction: { maxSessionRuns: 0 } },
    });
    expect(claudeAdapter.models?.map((model) => model.id)).toContain("claude-sonnet-4-6");
    expect(claudeAdapter.getConfigSchema?.()).toMatchObject({ type: "object", properties: { chrome: {} } });
  });

  it("AD-35 AD-36 reads sessions by their aliases and keeps the remote identity", () => {
    const raw = {
      session_id: " s ",
      folder: "/w",
      prompt_bundle_key: "k",
      repo_url: "r",
      remoteExecution: { host: "h" },
      x: 1,
    };
    const params = { sessionId: "s", cwd: "/w", promptBundleKey: "k", repoUrl: "r", remoteExecution: { host: "h" } };
    expect(claudeAdapter.sessionCodec?.deserialize(raw)).toEqual(params);
    expect(claudeAdapter.sessionCodec?.serialize(params)).toEqual(params);
    expect(claudeAdapter.sessionCodec?.deserialize({ cwd: "/w" })).toBeNull();
  });

  it("AD-71 lists skills that are handed over anew for every run", async () => {
    const config = {
      wakefleetRuntimeSkills: [
        { key: "acme/a", runtimeName: "a", source: "/s/a", required: true },
        { key: "acme/b", runtimeName: "b", source: "/s/b" },
      ],
      wakefleetSkillSync: { desiredSkills: ["nope"] },
    };
    const context = { agentId: "1", companyId: "c", adapterType: "claude_local", config };
    expect(await claudeAdapter.listSkills?.(context)).toMatchObject({
      mode: "ephemeral",
      desiredSkills: ["acme/a", "nope"],
      entries: [
        { key: "acme/a", state: "configured" },
        { key: "acme/b", state: "available" },
        { key: "nope", state: "missing" },
      ],
      warnings: ['Desired skill "nope" is not available from the Wakefleet skills directory.'],
    });
  });
});
