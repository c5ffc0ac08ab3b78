import { mkdir, readlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProgramFolder, type ProgramFolder } from "../conformance/agent-programs.js";
import { readFixtures } from "../conformance/recorded-fixtures.js";
import { type RecordedRun, type RunOverrides, recordRun } from "../conformance/recorded-run.js";
import { createRecordingStub, type RecordingStub, type StubReply } from "../conformance/recording-stub.js";
import { useTemporaryHome } from "../conformance/temporary-home.js";
import { geminiAdapter } from "./gemini-adapter.js";

const home = useTemporaryHome();
const fixtures = new Map(readFixtures(path.join(import.meta.dirname, "fixtures")).map((one) => [one.name, one]));
let programs: ProgramFolder;
let stubs = 0;

beforeAll(async () => {
  programs = await createProgramFolder();
});
afterAll(async () => {
  await programs.remove();
});

function reply(name: string, more: Partial<StubReply> = {}): StubReply {
  const fixture = fixtures.get(name)!;
  return { stdout: fixture.stdout, stderr: fixture.stderr, exitCode: fixture.exitCode ?? 1, ...more };
}

async function stubWith(...replies: readonly StubReply[]): Promise<RecordingStub> {
  stubs += 1;
  return await createRecordingStub(programs, `gemini-${stubs}`, replies);
}

async function run(stub: RecordingStub, more: Partial<RunOverrides> = {}): Promise<RecordedRun> {
  return await recordRun(geminiAdapter, {
    ...more,
    config: { command: stub.file, cwd: programs.directory, ...more.config },
  });
}

const saved = (sessionId: string, cwd: string): Partial<RunOverrides> => ({
  execution: {
    runtime: { sessionId, sessionParams: { sessionId, cwd }, sessionDisplayId: sessionId, taskKey: null },
  },
});
const WAKE: JsonObject = {
  wakefleetWake: { reason: "commented", issue: { id: "i1", identifier: "WF-1", title: "Sort" } },
};

describe("gemini_local", () => {
  it("check 38 AD-201 AD-202 AD-206: runs a turn in a trusted directory", async () => {
    const stub = await stubWith(reply("success-tool"));
    const recorded = await run(stub, { config: { model: "gemini-2.5-pro", promptTemplate: "Do it, {{agent.name}}." } });
    expect(recorded.result).toMatchObject({
      exitCode: 0,
      summary: "Finished. The tool printed its line and the work is done.",
      usage: { inputTokens: 2400, cachedInputTokens: 1000, outputTokens: 84 },
      usageBasis: "per_run",
      sessionId: "5f641109-6360-4fff-a9dd-dea0bc5e51e6",
      sessionParams: { sessionId: "5f641109-6360-4fff-a9dd-dea0bc5e51e6", cwd: programs.directory },
      provider: "google",
      biller: "google",
      billingType: "subscription",
      model: "gemini-2.5-pro",
      resultJson: { type: "result", status: "success" },
    });
    expect(recorded.result.errorMessage ?? null).toBeNull();
    const [call] = await stub.calls();
    const prompt = call!.argv.at(-1)!;
    expect(call!.argv.slice(0, -1)).toEqual(
      "--output-format stream-json --model gemini-2.5-pro --approval-mode yolo --sandbox=none --prompt".split(" "),
    );
    expect(prompt.endsWith("Do it, Tester.")).toBe(true);
    expect(call!.stdin).toBe("");
    expect(call!.env["GEMINI_CLI_TRUST_WORKSPACE"]).toBe("true");
    expect(recorded.metas[0]?.commandArgs.at(-1)).toBe(`<prompt ${prompt.length} chars>`);
    expect(recorded.metas[0]?.prompt).toBe(prompt);
  });

  it("AD-202 leaves the trust to a config that sets it", async () => {
    const stub = await stubWith(reply("untrusted-folder"));
    const recorded = await run(stub, { config: { env: { GEMINI_CLI_TRUST_WORKSPACE: "false" } } });
    expect((await stub.calls())[0]?.env["GEMINI_CLI_TRUST_WORKSPACE"]).toBe("false");
    expect(recorded.result).toMatchObject({ exitCode: 55 });
    expect(recorded.result.errorMessage).toMatch(/^Gemini CLI is not running in a trusted directory/);
  });

  it("AD-60 AD-63: instructions, wake, notes and heartbeat, in this order", async () => {
    const instructions = path.join(programs.directory, "AGENTS.md");
    await writeFile(instructions, "Be kind.");
    const stub = await stubWith(reply("success-tool"));
    await run(stub, {
      config: { instructionsFilePath: instructions, bootstrapPromptTemplate: "Welcome.", promptTemplate: "Go." },
      context: { ...WAKE, wakefleetSessionHandoffMarkdown: "Handoff." },
      execution: { authToken: "t0ken" },
    });
    const prompt = (await stub.calls())[0]!.argv.at(-1)!;
    const parts = [
      "Be kind.",
      `loaded from ${instructions}`,
      "Welcome.",
      "## Wakefleet Wake Payload",
      "- issue: WF-1 Sort",
      "Handoff.",
      "WAKEFLEET_API_KEY",
      'curl -s -H "Authorization: Bearer $WAKEFLEET_API_KEY"',
      "X-Wakefleet-Run-Id",
      "Go.",
    ];
    const places = parts.map((part) => prompt.indexOf(part));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(prompt).not.toContain("t0ken");
  });

  it("AD-60 AD-72 resumes with a short prompt", async () => {
    const stub = await stubWith(reply("resume"));
    const { result } = await run(stub, {
      ...saved("5f641109-6360-4fff-a9dd-dea0bc5e51e6", programs.directory),
      context: WAKE,
      config: { promptTemplate: "Go.", bootstrapPromptTemplate: "Welcome." },
    });
    const [call] = await stub.calls();
    expect(call!.argv.slice(2, 4)).toEqual(["--resume", "5f641109-6360-4fff-a9dd-dea0bc5e51e6"]);
    expect(call!.argv.at(-1)).toContain("## Wakefleet Resume Delta");
    expect(call!.argv.at(-1)).not.toMatch(/Go\.|Welcome\./);
    expect(result).toMatchObject({ usage: { inputTokens: 1200 }, usageBasis: "per_run" });
  });

  it("AD-72 does not resume in another directory, and says so", async () => {
    const stub = await stubWith(reply("success-tool"));
    const recorded = await run(stub, saved("old-session", "/elsewhere"));
    expect((await stub.calls())[0]?.argv).not.toContain("--resume");
    expect(recorded.stdout).toContain(
      `[wakefleet] Gemini session "old-session" was saved for cwd "/elsewhere" and will not be resumed in "${programs.directory}".\n`,
    );
  });

  it.each(["bad-session-uuid", "resume-other-cwd"])(
    "check 40 AD-73 AD-74 AD-213: %s recovers with a fresh session",
    async (lost) => {
      const stub = await stubWith(reply(lost, { whenArgument: "--resume" }), reply("success-tool"));
      const recorded = await run(stub, saved("00000000-0000-4000-8000-000000000000", programs.directory));
      expect(await stub.calls()).toHaveLength(2);
      expect(recorded.metas).toHaveLength(2);
      expect(recorded.spawns).toHaveLength(2);
      expect(recorded.stdout).toContain(
        '[wakefleet] Gemini resume session "00000000-0000-4000-8000-000000000000" is unavailable; retrying with a fresh session.\n',
      );
      expect(recorded.result).toMatchObject({ exitCode: 0, sessionId: "5f641109-6360-4fff-a9dd-dea0bc5e51e6" });
    },
  );

  it("AD-73 AD-74 tries once only, and lets the lost session go", async () => {
    const stub = await stubWith(reply("bad-session-uuid"));
    const { result } = await run(stub, saved("00000000-0000-4000-8000-000000000000", programs.directory));
    expect(await stub.calls()).toHaveLength(2);
    expect(result).toMatchObject({ exitCode: 42, sessionId: null, sessionParams: null, clearSession: true });
  });

  it("AD-75 keeps the session of a run that printed none", async () => {
    const stub = await stubWith(reply("missing-key"));
    const { result } = await run(stub, saved("kept", programs.directory));
    expect(result).toMatchObject({
      errorCode: "gemini_auth_required",
      sessionId: "kept",
      sessionParams: { sessionId: "kept", cwd: programs.directory },
    });
  });

  it("check 39 AD-78: exit 0 without a result is a failure that keeps its session", async () => {
    const { result } = await run(await stubWith(reply("sigterm")));
    expect(result).toMatchObject({
      exitCode: 0,
      errorMessage: "Gemini exited with code 0 without a final result",
      sessionId: "a8f19089-aa22-4d20-aa4b-09db3da8ebbc",
    });
  });

  it("check 41 AD-216: a daily quota is not retried, a rate limit is", async () => {
    const quota = await run(await stubWith(reply("quota-429")));
    expect(quota.result.errorFamily ?? null).toBeNull();
    const limit = await run(await stubWith(reply("ratelimit-429")));
    expect(limit.result).toMatchObject({ errorFamily: "transient_upstream", errorCode: "gemini_transient_upstream" });
  });

  it("AD-212 a turn limit clears the session", async () => {
    const { result } = await run(await stubWith(reply("max-turns")));
    expect(result).toMatchObject({ errorCode: "max_turns_exhausted", clearSession: true });
  });

  it.each([
    ["is longer than an argument can be", "x".repeat(200_000)],
    ["begins with a dash", "- one\n- two"],
  ])("AD-205 a prompt that %s goes to stdin", async (_what, promptTemplate) => {
    const stub = await stubWith(reply("success-tool"));
    const recorded = await run(stub, {
      config: {
        promptTemplate: "Go.",
        bootstrapPromptTemplate: "",
        instructionsFilePath: await instructionsOf(promptTemplate),
      },
    });
    const [call] = await stub.calls();
    expect(call!.stdin).toContain(promptTemplate);
    expect(call!.argv.at(-1)).toBe("Carry out the instructions above.");
    expect(recorded.result.exitCode).toBe(0);
  });

  async function instructionsOf(text: string): Promise<string> {
    const file = path.join(programs.directory, `instructions-${stubs}.md`);
    await writeFile(file, text);
    return file;
  }

  it("AD-113 goes on without instructions it cannot read", async () => {
    const stub = await stubWith(reply("success-tool"));
    const recorded = await run(stub, { config: { instructionsFilePath: "/nowhere/AGENTS.md" } });
    expect(recorded.stderr).toContain(
      '[wakefleet] Warning: could not read agent instructions file "/nowhere/AGENTS.md": ',
    );
    expect(recorded.result.exitCode).toBe(0);
  });

  it("AD-67 AD-68 AD-69 AD-70 links the skills of the run", async () => {
    const source = path.join(programs.directory, "skill-source");
    await mkdir(source, { recursive: true });
    const stub = await stubWith(reply("success-tool"));
    const skill = (key: string, required: boolean): JsonObject => ({ key, runtimeName: `${key}--x`, source, required });
    const recorded = await run(stub, {
      config: {
        wakefleetRuntimeSkills: [skill("needed", true), skill("chosen", false), skill("other", false)],
        wakefleetSkillSync: { desiredSkills: ["CHOSEN"] },
      },
    });
    const folder = path.join(home, ".gemini", "skills");
    expect(await readlink(path.join(folder, "needed--x"))).toBe(source);
    expect(await readlink(path.join(folder, "chosen--x"))).toBe(source);
    await expect(readlink(path.join(folder, "other--x"))).rejects.toThrow(/ENOENT/);
    expect(recorded.stdout).toContain('[wakefleet] Linked Gemini skill "needed--x"');
  });

  it("AD-208 an API key makes the bill one of the API", async () => {
    const { result } = await run(await stubWith(reply("success-tool")), { config: { env: { GEMINI_API_KEY: "k" } } });
    expect(result.billingType).toBe("api");
  });

  it("BY-6 tells usage and session while the run goes on", async () => {
    const told: JsonObject[] = [];
    const onProgress = (progress: object): void => void told.push(asJsonObject(progress));
    await run(await stubWith(reply("success-tool")), { execution: { onProgress } });
    expect(told.at(-1)).toMatchObject({
      sessionId: "5f641109-6360-4fff-a9dd-dea0bc5e51e6",
      usage: { inputTokens: 2400 },
    });
  });
});

describe("AD-93 AD-94 AD-217 testEnvironment of gemini_local", () => {
  async function codesOf(config: JsonObject): Promise<string[]> {
    const tested = await geminiAdapter.testEnvironment({
      companyId: "c",
      adapterType: "gemini_local",
      config: { cwd: programs.directory, ...config },
    });
    return [tested.status, ...tested.checks.map((check) => check.code.replace("gemini_", ""))];
  }

  async function gemini(stubReply: StubReply): Promise<string> {
    stubs += 1;
    const folder: ProgramFolder = await createProgramFolder();
    folders.push(folder);
    return (await createRecordingStub(folder, "gemini", [stubReply])).file;
  }
  const folders: ProgramFolder[] = [];
  afterAll(async () => {
    await Promise.all(folders.map((folder) => folder.remove()));
  });
  const hello =
    '{"type":"message","role":"assistant","content":"Hello!","delta":true}\n{"type":"result","status":"success"}\n';

  it.each<[string, StubReply, JsonObject, string[]]>([
    [
      "answers hello",
      { stdout: hello },
      { env: { GEMINI_API_KEY: "k" } },
      ["pass", "cwd_valid", "command_resolvable", "api_key_present", "hello_probe_passed"],
    ],
    [
      "answers something else",
      { stdout: hello.replace("Hello", "Bye") },
      {},
      ["warn", "cwd_valid", "command_resolvable", "api_key_missing", "hello_probe_unexpected_output"],
    ],
    [
      "fails",
      { stderr: "boom", exitCode: 1 },
      {},
      ["fail", "cwd_valid", "command_resolvable", "api_key_missing", "hello_probe_failed"],
    ],
    [
      "wants a login",
      { stderr: "Please authenticate", exitCode: 41 },
      {},
      ["warn", "cwd_valid", "command_resolvable", "api_key_missing", "hello_probe_auth_required"],
    ],
    [
      "has no quota",
      { stderr: "RESOURCE_EXHAUSTED", exitCode: 173 },
      {},
      ["warn", "cwd_valid", "command_resolvable", "api_key_missing", "hello_probe_quota_exhausted"],
    ],
  ])("AD-93 AD-217 a CLI that %s", async (_what, stubReply, config, codes) => {
    expect(await codesOf({ command: await gemini(stubReply), ...config })).toEqual(codes);
  });

  it("AD-94 leaves the probe out for a command of another name", async () => {
    const stub = await stubWith(reply("success-tool"));
    expect(await codesOf({ command: stub.file })).toContain("hello_probe_skipped_custom_command");
    expect(await stub.calls()).toEqual([]);
  });

  it("AD-94 gives up on a CLI that does not answer", async () => {
    const folder = await createProgramFolder();
    folders.push(folder);
    const command = await folder.shell("gemini", "exec sleep 600");
    expect(await codesOf({ command, helloProbeTimeoutSec: 1 })).toContain("hello_probe_timed_out");
  });

  it("AD-93 AD-95 asks nothing where directory or command are not good", async () => {
    expect(await codesOf({ command: "/nowhere/gemini" })).toEqual([
      "fail",
      "cwd_valid",
      "command_unresolvable",
      "api_key_missing",
    ]);
    expect(await codesOf({ cwd: "relative", command: "/nowhere/gemini" })).toContain("cwd_invalid");
    const missing = path.join(programs.directory, "made", "by", "the", "check");
    expect(await codesOf({ cwd: missing, command: "/nowhere/gemini" })).toContain("cwd_valid");
  });
});
