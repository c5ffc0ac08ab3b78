/**
 * What the whole fleet makes of what agents' command lines print (07's table of outside checks): a real API and a real
 * worker run programs that record how they were started and print recordings of the real tools.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  answerOf,
  createProgramFolder,
  createStubCli,
  type ProgramFolder,
  readFixtures,
  type StubAnswers,
  type StubCli,
} from "@wakefleet/adapters/conformance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, type RunAnswer, readRun, untilEnded, wake } from "../support/fleet-work.js";

const RETRIES = 4;

/** Fields of a run that only these tests read. */
interface AgentRun extends RunAnswer {
  readonly sessionIdBefore: string | null;
  readonly sessionIdAfter: string | null;
  readonly usageJson: Record<string, unknown> | null;
}

function recordingsOf(folder: string) {
  const fixtures = readFixtures(
    fileURLToPath(new URL(`../../packages/adapters/src/${folder}/fixtures`, import.meta.url)),
  );
  return (name: string) => {
    const found = fixtures.find((fixture) => fixture.name === name);
    if (found === undefined) throw new Error(`There is no recording "${name}" of ${folder}`);
    return answerOf(found);
  };
}
const claude = recordingsOf("claude-local");
const codex = recordingsOf("codex-local");

let fleet: Fleet;
let companyId: string;
let programs: ProgramFolder;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "wakefleet-recordings-"));
  programs = await createProgramFolder();
  const home = join(folder, "home");
  mkdirSync(home);
  const delays = Array.from({ length: RETRIES }, () => "1000").join(",");
  fleet = await startFleet({ env: { HOME: home, RETRY_DELAYS_MS: delays, RETRY_JITTER: "0" } });
  companyId = await createCompany(fleet);
});
afterAll(async () => {
  await fleet?.stop();
  await programs?.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface StubAgent {
  readonly agentId: string;
  readonly stub: StubCli;
  readonly cwd: string;
  /** Wakes for the same piece of work each time, and answers the run when it is over. */
  run(): Promise<AgentRun>;
  change(config: object): Promise<void>;
  output(run: AgentRun): Promise<string>;
}

async function agentOf(adapterType: string, name: string, answers: StubAnswers, config = {}): Promise<StubAgent> {
  const stub = await createStubCli(programs, { name, ...answers });
  const cwd = join(folder, name);
  mkdirSync(cwd);
  const adapterConfig = { command: stub.file, cwd, env: { CODEX_HOME: join(folder, `${name}-home`) }, ...config };
  const agentId = await createAgent(fleet, { companyId, name, adapterType, adapterConfig });
  return {
    agentId,
    stub,
    cwd,
    async run() {
      const { id } = await wake(fleet, agentId, { taskKey: "the-work" });
      await untilEnded(fleet, id);
      return (await readRun(fleet, id)) as AgentRun;
    },
    async change(more) {
      const { status } = await fleet.http.patch(`/api/agents/${agentId}`, {
        adapterConfig: { ...adapterConfig, ...more },
      });
      expect(status).toBe(200);
    },
    async output(run) {
      return (await fleet.http.read<{ content: string }>(`/api/heartbeat-runs/${run.id}/log?limitBytes=1048576`))
        .content;
    },
  };
}

const sessionArguments = (argv: readonly string[] | undefined): string | null => {
  const at = argv?.indexOf("--resume") ?? -1;
  return at < 0 ? null : (argv?.[at + 1] ?? null);
};

describe("Claude's recordings in a fleet", () => {
  it("AD-72 AD-103 AD-114 AD-119 checks 19, 20, 21, 22: the second wake resumes, other instructions or another directory do not", async () => {
    const instructions = join(folder, "INSTRUCTIONS.md");
    writeFileSync(instructions, "Be brief.");
    const agent = await agentOf(
      "claude_local",
      "claude-resumes",
      { fresh: claude("success-tool") },
      {
        instructionsFilePath: instructions,
      },
    );
    const first = await agent.run();
    expect(first).toMatchObject({
      status: "succeeded",
      usageJson: { inputTokens: 3000, cachedInputTokens: 1000, outputTokens: 84 },
    });
    const second = await agent.run();
    expect(second.sessionIdBefore).toBe(first.sessionIdAfter);

    writeFileSync(instructions, "Be thorough.");
    const third = await agent.run();
    await agent.change({ cwd: join(folder, "elsewhere") });
    const fourth = await agent.run();

    const argvs = (await agent.stub.calls()).map(({ argv }) => argv);
    expect(argvs.map(sessionArguments)).toEqual([null, first.sessionIdAfter, null, null]);
    expect(argvs.map((argv) => argv.includes("--append-system-prompt-file"))).toEqual([true, false, true, true]);
    expect(await agent.output(third)).toContain("was saved for prompt bundle");
    expect(await agent.output(fourth)).toContain("was saved for cwd");
  });

  it("AD-73 AD-74 AD-127 check 23: a session that is gone is replaced in the same run", async () => {
    const agent = await agentOf("claude_local", "claude-lost", { fresh: claude("success-text") });
    const first = await agent.run();
    await agent.stub.answers({ fresh: claude("success-tool"), resumed: claude("bad-session-uuid") });
    const second = await agent.run();
    expect(second).toMatchObject({ status: "succeeded", error: null });
    expect((await agent.stub.calls()).map(({ argv }) => sessionArguments(argv))).toEqual([
      null,
      first.sessionIdAfter,
      null,
    ]);
    expect(await agent.output(second)).toContain("is unavailable; retrying with a fresh session");
    expect(second.sessionIdAfter).not.toBe(first.sessionIdAfter);
  });

  it("AD-123 check 26: a missing login and a wrong key fail, and nobody tries again", async () => {
    for (const name of ["missing-auth", "invalid-key"]) {
      const agent = await agentOf("claude_local", `claude-${name}`, { fresh: claude(name) });
      const run = await agent.run();
      expect(run).toMatchObject({ status: "failed", errorCode: "claude_auth_required" });
      expect(await retryOf(run)).toBeNull();
    }
  });

  it("AD-126 check 28: the limit of turns ends the session", async () => {
    const agent = await agentOf("claude_local", "claude-turns", { fresh: claude("max-turns") });
    expect(await agent.run()).toMatchObject({
      status: "failed",
      errorCode: "max_turns_exhausted",
      sessionIdAfter: null,
    });
    await agent.run();
    expect((await agent.stub.calls()).map(({ argv }) => sessionArguments(argv))).toEqual([null, null]);
  });
});

describe("Codex' recordings in a fleet", () => {
  it("AD-65 AD-66 check 31: a resumed thread's running total is stored as the run's own share", async () => {
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

  it("AD-33 AD-146 check 33: four retries are each more careful than the one before", async () => {
    const agent = await agentOf("codex_local", "codex-demand", { fresh: codex("high-demand") });
    let run: AgentRun | null = await agent.run();
    const modes: unknown[] = [];
    for (let retry = 0; retry < RETRIES; retry += 1) {
      const next: string | null = run === null ? null : await retryOf(run);
      expect(next).not.toBeNull();
      await untilEnded(fleet, next ?? "");
      run = (await readRun(fleet, next ?? "")) as AgentRun;
      modes.push(run.contextSnapshot?.["codexTransientFallbackMode"]);
    }
    expect(modes).toEqual(["same_session", "safer_invocation", "fresh_session", "fresh_session_safer_invocation"]);
    const calls = await agent.stub.calls();
    expect(calls.map(({ argv }) => argv.includes("resume"))).toEqual([false, true, true, false, false]);
    expect(calls.map(({ stdin }) => stdin.includes("repeated Codex transient remote-compaction failures"))).toEqual([
      ...[false, false, false, true, true],
    ]);
    expect(run === null ? "no run" : await retryOf(run)).toBeNull();
  });

  it("AD-163 check 34: what needs a person is not tried again", async () => {
    for (const name of ["quota-429", "usage-not-included"]) {
      const agent = await agentOf("codex_local", `codex-${name}`, { fresh: codex(name) });
      const run = await agent.run();
      expect(run).toMatchObject({ status: "failed", errorCode: "adapter_failed" });
      expect(await retryOf(run)).toBeNull();
    }
  });
});

describe("agents of other kinds in a fleet", () => {
  it("AD-233 check 42: OpenCode without a model fails before it is started", async () => {
    const agent = await agentOf("opencode_local", "opencode-no-model", { fresh: {} });
    expect(await agent.run()).toMatchObject({
      status: "failed",
      error: "OpenCode requires `adapterConfig.model` in provider/model format.",
    });
    expect(await agent.stub.calls()).toEqual([]);
  });

  it("AD-4 check 49: a type that is not known any more runs as a process", async () => {
    const agent = await agentOf("process", "once-known", { fresh: { stdout: "still here\n" } });
    await fleet.db.sql.query("UPDATE agents SET adapter_type = 'no_longer_known' WHERE id = $1", [agent.agentId]);
    expect(await agent.run()).toMatchObject({ status: "succeeded", resultJson: { stdout: "still here\n" } });
  });
});

/** The run that follows `run`, or null when there is none once everything that follows its end is done. */
async function retryOf(run: RunAnswer): Promise<string | null> {
  const [row] = await eventually(`the steps after run ${run.id}`, async () => {
    const rows = await fleet.db.sql.query<{ retry: string | null }>(
      `SELECT (SELECT id FROM heartbeat_runs WHERE retry_of_run_id = r.id) AS retry
         FROM heartbeat_runs r WHERE r.id = $1 AND r.finalized_at IS NOT NULL`,
      [run.id],
    );
    return rows.length === 0 ? null : rows;
  });
  return row?.retry ?? null;
}
