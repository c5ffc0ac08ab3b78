/** A second wake goes on where the first one ended (SE-, CX-), with a real API, a real worker and a command line of the test. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, type RunAnswer, readRun, untilEnded } from "../support/fleet-work.js";

/** Speaks Gemini's stream; writes down what it was started with, a line a run. */
const STUB = `#!${process.execPath}
const { appendFileSync } = require("node:fs");
const args = process.argv.slice(2);
const at = args.indexOf("--resume");
const asked = at < 0 ? null : args[at + 1];
const session = asked ?? "session-of-" + process.env.WAKEFLEET_RUN_ID;
appendFileSync(process.env.WITNESS, JSON.stringify({ asked, prompt: args[args.indexOf("--prompt") + 1],
  wake: JSON.parse(process.env.WAKEFLEET_WAKE_PAYLOAD_JSON ?? "null"), cwd: process.cwd() }) + "\\n");
const say = (event) => console.log(JSON.stringify(event));
say({ type: "init", session_id: session, model: "stub" });
say({ type: "message", role: "assistant", content: "It is done.", delta: true });
say({ type: "result", status: "success", stats: { input_tokens: 10, output_tokens: 1, cached: 0, total_tokens: 11 } });
`;

interface Started {
  readonly asked: string | null;
  readonly prompt: string;
  readonly wake: Record<string, unknown> | null;
  readonly cwd: string;
}

let fleet: Fleet;
let folder: string;
let companyId: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "wakefleet-sessions-"));
  const stub = join(folder, "gemini");
  writeFileSync(stub, STUB);
  chmodSync(stub, 0o755);
  fleet = await startFleet({ workers: 2 });
  companyId = await createCompany(fleet);
});
afterAll(async () => {
  await fleet?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function stubAgent(name: string) {
  const witness = join(folder, `${name}.jsonl`);
  const adapterConfig = { command: join(folder, "gemini"), env: { WITNESS: witness, HOME: folder } };
  const agentId = await createAgent(fleet, { companyId, name, adapterType: "gemini_local", adapterConfig });
  return {
    agentId,
    started: (): Started[] =>
      readFileSync(witness, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Started),
    async run(body: object): Promise<RunAnswer> {
      const { status, body: run } = await fleet.http.post<RunAnswer>(`/api/agents/${agentId}/wakeup`, body);
      if (status !== 202) throw new Error(`waking answered ${status}: ${JSON.stringify(run)}`);
      return untilEnded(fleet, run.id);
    },
  };
}

describe("a second wake", () => {
  it("SE-34, SE-55, CX-21, CX-30, EX-2 (05 checks 1, 4 and 6) resumes the first's session, whichever worker takes it, and an assignment does not", async () => {
    const agent = await stubAgent("Resumer");
    const { body: issue } = await fleet.http.post<{ id: string; identifier: string }>(
      `/api/companies/${companyId}/issues`,
      { title: "Mend the roof", description: "It leaks.", assigneeAgentId: agent.agentId, status: "backlog" },
    );
    const about = { payload: { issueId: issue.id } };
    const first = await agent.run({ ...about, reason: "asked" });
    expect(first).toMatchObject({ status: "succeeded", error: null });
    const second = await agent.run({ ...about, reason: "asked" });
    await agent.run({ ...about, reason: "issue_assigned" });

    const session = `session-of-${first.id}`;
    const started = agent.started();
    expect(started.map(({ asked }) => asked)).toEqual([null, session, null]);
    expect(started[0]?.wake).toMatchObject({
      reason: "asked",
      checkedOutByHarness: true,
      issue: { id: issue.id, identifier: issue.identifier, title: "Mend the roof", status: "in_progress" },
    });
    expect(started[1]?.prompt).toContain("Wakefleet Resume Delta");
    expect(started[1]?.cwd).toBe(started[0]?.cwd);
    expect(await readRun(fleet, second.id)).toMatchObject({
      sessionIdBefore: session,
      sessionIdAfter: session,
      usageJson: { sessionReused: true, taskSessionReused: true, freshSession: false },
      contextSnapshot: { wakefleetHarnessCheckedOut: true, wakefleetIssue: { title: "Mend the roof" } },
    });
    const sessions = await fleet.http.read<{ taskKey: string }[]>(`/api/agents/${agent.agentId}/task-sessions`);
    expect(sessions).toMatchObject([{ taskKey: issue.id }]);
    await expectNothingBroken(fleet, () => 1);
  });

  it("SE-14, SE-62 an earlier run is resumed by its id, and a reset is heeded", async () => {
    const agent = await stubAgent("Chooser");
    const keyed = { payload: { taskKey: "k" } };
    const first = await agent.run(keyed);
    await agent.run({ ...keyed, forceFreshSession: true });
    await agent.run({ payload: { taskKey: "k", resumeFromRunId: first.id } });
    const { body } = await fleet.http.post<{ clearedTaskSessions: number }>(
      `/api/agents/${agent.agentId}/runtime-state/reset-session`,
      { taskKey: "k" },
    );
    expect(body).toMatchObject({ clearedTaskSessions: 1, sessionId: null });
    await agent.run(keyed);
    expect(agent.started().map(({ asked }) => asked)).toEqual([null, null, `session-of-${first.id}`, null]);
    await expectNothingBroken(fleet, () => 1);
  });
});
