/**
 * What the whole fleet makes of what the command lines of Claude Code and Codex print (07's table of outside checks): a
 * real API and a real worker run programs that record how they were started and print recordings of the real tools.
 */
import { mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createStubCli, type StubAnswers, type StubCli } from "@wakefleet/adapters/conformance";
import type { JsonObject } from "@wakefleet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/fleet.js";
import { readRun, untilEnded } from "../support/fleet-work.js";
import { processesInGroup } from "../support/leftovers.js";
import { type AgentRun, argumentAfter, recordingsOf, type StubAgent, StubAgents } from "../support/stub-agents.js";

const RETRIES = 4;
const claude = recordingsOf("claude-local");
const codex = recordingsOf("codex-local");

let agents: StubAgents;

beforeAll(async () => {
  const delays = Array.from({ length: RETRIES }, () => "1000").join(",");
  agents = await StubAgents.open({ RETRY_DELAYS_MS: delays, RETRY_JITTER: "0", IS_SANDBOX: "1" });
});
afterAll(async () => agents?.close());

interface RecordedAgent extends StubAgent {
  readonly stub: StubCli;
}

async function agentOf(
  adapterType: string,
  name: string,
  answers: StubAnswers,
  config: JsonObject = {},
): Promise<RecordedAgent> {
  const stub = await createStubCli(agents.programs, { name, ...answers });
  const env = { CODEX_HOME: join(agents.folder, `${name}-home`) };
  return { stub, ...(await agents.agentOf({ adapterType, name, config: { command: stub.file, env, ...config } })) };
}

const resumed = (argv: readonly string[] | undefined): string | null => argumentAfter(argv, "--resume");

describe("Claude's recordings in a fleet", () => {
  it("07-18 07-19 07-20 07-21 07-22 (AD-72 AD-103 AD-114 AD-119) the second wake resumes, other instructions or another directory do not", async () => {
    const instructions = join(agents.folder, "INSTRUCTIONS.md");
    writeFileSync(instructions, "Be brief.");
    const agent = await agentOf(
      "claude_local",
      "claude-resumes",
      { fresh: claude("success-tool") },
      { instructionsFilePath: instructions },
    );
    const first = await agent.run();
    expect(first).toMatchObject({
      status: "succeeded",
      sessionIdAfter: "adad0771-d9b6-408a-a08d-51a949795f25",
      resultJson: { summary: "Finished. The tool printed its line and the work is done." },
      usageJson: { inputTokens: 3000, cachedInputTokens: 1000, outputTokens: 84, costUsd: expect.closeTo(0.01101, 6) },
    });
    const [call] = await agent.stub.calls();
    expect(call?.argv.slice(0, 5)).toEqual([
      ...["--print", "--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"],
    ]);
    expect(call?.argv).toContain("--add-dir");
    expect(call?.argv).not.toContain("-");
    expect(call?.stdin).toContain("Execution contract");
    const second = await agent.run();
    expect(second.sessionIdBefore).toBe(first.sessionIdAfter);

    writeFileSync(instructions, "Be thorough.");
    const third = await agent.run();
    await agent.change({ cwd: join(agents.folder, "elsewhere") });
    const fourth = await agent.run();

    const argvs = (await agent.stub.calls()).map(({ argv }) => argv);
    expect(argvs.map(resumed)).toEqual([null, first.sessionIdAfter, null, null]);
    expect(argvs.map((argv) => argv.includes("--append-system-prompt-file"))).toEqual([true, false, true, true]);
    expect(await agents.logOf(third)).toContain("was saved for prompt bundle");
    expect(await agents.logOf(fourth)).toContain("was saved for cwd");
  });

  it("07-23 (AD-73 AD-74 AD-127) a session that is gone is replaced in the same run", async () => {
    const agent = await agentOf("claude_local", "claude-lost", { fresh: claude("success-text") });
    const first = await agent.run();
    await agent.stub.answers({ fresh: claude("success-tool"), resumed: claude("bad-session-uuid") });
    const second = await agent.run();
    expect(second).toMatchObject({ status: "succeeded", error: null });
    expect((await agent.stub.calls()).map(({ argv }) => resumed(argv))).toEqual([null, first.sessionIdAfter, null]);
    expect(await agents.logOf(second)).toContain("is unavailable; retrying with a fresh session");
    expect(second.sessionIdAfter).not.toBe(first.sessionIdAfter);
  });

  it("07-26 (AD-76 AD-123) a missing login and a wrong key fail, and nobody tries again", async () => {
    for (const name of ["missing-auth", "invalid-key"]) {
      const agent = await agentOf("claude_local", `claude-${name}`, { fresh: claude(name) });
      const run = await agent.run();
      expect(run).toMatchObject({ status: "failed", errorCode: "claude_auth_required" });
      expect(await agents.retryOf(run)).toBeNull();
    }
  });

  it("07-28 (AD-126) the limit of turns ends the session", async () => {
    const agent = await agentOf("claude_local", "claude-turns", { fresh: claude("max-turns") });
    expect(await agent.run()).toMatchObject({
      status: "failed",
      errorCode: "max_turns_exhausted",
      sessionIdAfter: null,
    });
    await agent.run();
    expect((await agent.stub.calls()).map(({ argv }) => resumed(argv))).toEqual([null, null]);
  });

  it("07-13 (AD-43) a tool that ends without reading a prompt of a megabyte fails its run, and the worker goes on", async () => {
    const command = await agents.programs.shell("claude-that-reads-nothing", "exit 3");
    const config = { command, promptTemplate: `Read this. ${"x".repeat(1024 * 1024)}` };
    const agent = await agents.agentOf({ adapterType: "claude_local", name: "reads-nothing", config });
    expect(await agent.run()).toMatchObject({ status: "failed", error: "Claude exited with code 3", exitCode: 3 });
    expect(agents.fleet.workers.every((worker) => worker.isRunning())).toBe(true);
    await agent.change({ command: "/bin/sh" });
    expect((await agent.run()).status).toBe("failed");
  });

  it("07-24 (AD-32 AD-124 AD-125) a limit of the session: nobody tries again before the time that the event names", async () => {
    const resetsAt = Math.floor(Date.now() / 1000) + 3_600;
    const recorded = claude("session-limit");
    const stdout = recorded.stdout?.replace(/"resetsAt":\d+/, `"resetsAt":${resetsAt}`) ?? "";
    const agent = await agentOf("claude_local", "claude-limited", { fresh: { ...recorded, stdout } });
    const run = await agent.run();
    expect(run).toMatchObject({
      status: "failed",
      errorCode: "claude_transient_upstream",
      resultJson: {
        errorFamily: "transient_upstream",
        retryNotBefore: new Date(resetsAt * 1000).toISOString(),
      },
    });
    expect(await agents.retryDueAt(run)).toBeGreaterThanOrEqual(resetsAt * 1000);
  });

  it("07-27 (AD-76) what a tool printed decides nothing about a failure", async () => {
    const events = [
      {
        type: "system",
        subtype: "init",
        session_id: "adad0771-d9b6-408a-a08d-51a949795f25",
        model: "claude-sonnet-4-6",
      },
      { type: "user", message: { content: [{ type: "tool_result", content: "429 Too Many Requests, unauthorized" }] } },
      { type: "result", subtype: "success", is_error: true, result: "boom" },
    ];
    const stdout = events.map((event) => `${JSON.stringify(event)}\n`).join("");
    const agent = await agentOf("claude_local", "claude-boom", { fresh: { stdout, exitCode: 1 } });
    const run = await agent.run();
    expect(run).toMatchObject({ status: "failed", errorCode: "adapter_failed" });
    expect(run.error).toContain("boom");
    expect(run.resultJson?.["errorFamily"] ?? null).toBeNull();
    expect(await agents.retryOf(run)).toBeNull();
  });

  it("07-29 (AD-120) a tool that hangs with a child after its success is ended, and has succeeded", async () => {
    const { stdout = "" } = claude("success-text");
    const agent = await agentOf("claude_local", "claude-hangs", { fresh: { stdout, afterwards: "hang-with-child" } });
    const run = await agent.run();
    expect(run).toMatchObject({
      status: "succeeded",
      error: null,
      resultJson: { summary: "hello from the fake model" },
    });
    await eventually("the group to be gone", () => processesInGroup(run.processGroupId ?? 0).length === 0);
  });
});

describe("Codex' recordings in a fleet", () => {
  it("07-30 (AD-141 to AD-143) works in a home of its company's, with the login linked in", async () => {
    const login = join(agents.home, ".codex", "auth.json");
    mkdirSync(join(agents.home, ".codex"));
    writeFileSync(login, "{}");
    const config = { dangerouslyBypassApprovalsAndSandbox: false, env: {} };
    const agent = await agentOf("codex_local", "codex-home", { fresh: codex("success-tool") }, config);
    expect((await agent.run()).status).toBe("succeeded");
    const [call] = await agent.stub.calls();
    expect(call?.argv).toEqual(["exec", "--json", "--skip-git-repo-check", "-"]);
    const managed = call?.env["CODEX_HOME"] ?? "";
    expect(managed.endsWith(join("companies", agents.companyId, "codex-home"))).toBe(true);
    expect(readlinkSync(join(managed, "auth.json"))).toBe(login);
  });

  it("07-31 (AD-65 AD-66) a resumed thread's running total is stored as the run's own share", async () => {
    const answers = { fresh: codex("success-tool"), resumed: codex("resume") };
    const agent = await agentOf("codex_local", "codex-usage", answers);
    expect((await agent.run()).usageJson).toMatchObject({
      inputTokens: 2400,
      cachedInputTokens: 1000,
      outputTokens: 84,
    });
    expect((await agent.run()).usageJson).toMatchObject({
      ...{ inputTokens: 1200, cachedInputTokens: 500, outputTokens: 42 },
      ...{ rawInputTokens: 3600, rawCachedInputTokens: 1500, rawOutputTokens: 126 },
    });
  });

  it("07-33 (AD-33 AD-146) four retries are each more careful than the one before", async () => {
    const agent = await agentOf("codex_local", "codex-demand", { fresh: codex("high-demand") });
    let run: AgentRun | null = await agent.run();
    const modes: unknown[] = [];
    for (let retry = 0; retry < RETRIES; retry += 1) {
      const next: string | null = run === null ? null : await agents.retryOf(run);
      expect(next).not.toBeNull();
      await untilEnded(agents.fleet, next ?? "");
      run = (await readRun(agents.fleet, next ?? "")) as AgentRun;
      modes.push(run.contextSnapshot?.["codexTransientFallbackMode"]);
    }
    expect(modes).toEqual(["same_session", "safer_invocation", "fresh_session", "fresh_session_safer_invocation"]);
    const calls = await agent.stub.calls();
    expect(calls.map(({ argv }) => argv.includes("resume"))).toEqual([false, true, true, false, false]);
    expect(calls.map(({ stdin }) => stdin.includes("repeated Codex transient remote-compaction failures"))).toEqual([
      ...[false, false, false, true, true],
    ]);
    expect(run === null ? "no run" : await agents.retryOf(run)).toBeNull();
  });

  it.each(["usage-limit", "usage-limit-days", "usage-limit-model", "usage-limit-no-reset"])(
    "07-32 (AD-32 AD-162) %s is tried again, and not before the time it names",
    async (name) => {
      const agent = await agentOf("codex_local", `codex-${name}`, { fresh: codex(name) });
      const run = await agent.run();
      expect(run).toMatchObject({ status: "failed", resultJson: { errorFamily: "transient_upstream" } });
      const named = run.resultJson?.["retryNotBefore"] ?? null;
      expect(named === null).toBe(name === "usage-limit-no-reset");
      const dueAt = await agents.retryDueAt(run);
      if (named !== null) expect(dueAt).toBeGreaterThanOrEqual(Date.parse(String(named)));
    },
  );

  it("07-34 (AD-163) what needs a person is not tried again", async () => {
    for (const name of ["quota-429", "usage-not-included"]) {
      const agent = await agentOf("codex_local", `codex-${name}`, { fresh: codex(name) });
      const run = await agent.run();
      expect(run).toMatchObject({ status: "failed", errorCode: "adapter_failed" });
      expect(await agents.retryOf(run)).toBeNull();
    }
  });

  it("07-35 (AD-150 AD-151) reconnects that led to a success are no error", async () => {
    const agent = await agentOf("codex_local", "codex-reconnects", { fresh: codex("reconnect-then-success") });
    expect(await agent.run()).toMatchObject({ status: "succeeded", error: null, errorCode: null });
  });

  it("07-36 (AD-166) one that only reconnects is ended", async () => {
    const repeated = '{"type":"error","message":"Reconnecting... waiting for network"}\n';
    const answers = { fresh: { afterwards: "repeat", repeated } } as const;
    const agent = await agentOf("codex_local", "codex-offline", answers, { outputInactivityTimeoutMs: 3_000 });
    const run = await agent.run();
    expect(run).toMatchObject({ status: "failed", errorCode: "codex_output_inactivity_monitor" });
    expect(processesInGroup(run.processGroupId ?? 0)).toEqual([]);
  });

  it("07-37 (AD-45) the thread is known after more than 4 MiB", async () => {
    const [first = "", ...rest] = (codex("success-tool").stdout ?? "").split("\n");
    const item = { type: "command_execution", aggregated_output: "x".repeat(9_000) };
    const filler = JSON.stringify({ type: "item.completed", item });
    const stdout = [first, ...Array.from({ length: 600 }, () => filler), ...rest].join("\n");
    expect(stdout.length).toBeGreaterThan(4 * 1024 * 1024);
    const agent = await agentOf("codex_local", "codex-prints-much", { fresh: { stdout } });
    expect(await agent.run()).toMatchObject({
      status: "succeeded",
      sessionIdAfter: "01a201fa-e962-7540-93dc-eab4755588ba",
    });
  });
});
