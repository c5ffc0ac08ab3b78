/** A second wake goes on where the first one ended (SE-, CX-), with a real API, a real worker and a command line of the test. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import {
  createAgent,
  createCompany,
  type RunAnswer,
  readRun,
  untilEnded,
  untilSettled,
} from "../support/fleet-work.js";

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

/** What the log of a run says, the service's own lines among it. */
async function allLinesOf(runId: string): Promise<string[]> {
  const { content } = await fleet.http.read<{ content: string }>(`/api/heartbeat-runs/${runId}/log?limitBytes=1048576`);
  return content
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { chunk: string }).chunk);
}

async function stubAgent(name: string, sessionCompaction: object = {}) {
  const witness = join(folder, `${name}.jsonl`);
  const adapterConfig = { command: join(folder, "gemini"), env: { WITNESS: witness, HOME: folder } };
  const agentId = await createAgent(fleet, {
    companyId,
    name,
    adapterType: "gemini_local",
    adapterConfig,
    heartbeat: { sessionCompaction },
  });
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
  it("SE-34, SE-55, CX-21, CX-30, EX-2 (05-1, 05-4, 05-6) resumes the first's session, whichever worker takes it; a comment does, too, and an assignment does not", async () => {
    const agent = await stubAgent("Resumer");
    const { body: issue } = await fleet.http.post<{ id: string; identifier: string }>(
      `/api/companies/${companyId}/issues`,
      { title: "Mend the roof", description: "It leaks.", assigneeAgentId: agent.agentId, status: "backlog" },
    );
    const about = { payload: { issueId: issue.id } };
    const first = await agent.run({ ...about, reason: "asked" });
    expect(first).toMatchObject({ status: "succeeded", error: null });
    const second = await agent.run({ ...about, reason: "asked" });
    const { status } = await fleet.http.post(`/api/issues/${issue.id}/comments`, { body: "And the gutter?" });
    expect(status).toBe(201);
    await eventually("the comment's run", () => agent.started().length === 3);
    await untilSettled(fleet);
    const assigned = await agent.run({ ...about, reason: "issue_assigned" });

    const session = `session-of-${first.id}`;
    const started = agent.started();
    expect(started.map(({ asked }) => asked)).toEqual([null, session, session, null]);
    expect(started[2]?.wake).toMatchObject({ comments: [{ body: "And the gutter?" }] });
    expect((await allLinesOf(assigned.id)).join("")).toContain(
      `[wakefleet] Skipping saved session resume for task "${issue.id}" because wake reason is issue_assigned.\n`,
    );
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

  it("SE-44, SE-45, SE-47 (05-16) after two runs the third is given the session, the fourth starts a fresh one and is told why", async () => {
    const agent = await stubAgent("Rotator", { maxSessionRuns: 2 });
    const keyed = { payload: { taskKey: "k" } };
    const [first] = [await agent.run(keyed), await agent.run(keyed), await agent.run(keyed)];
    const fourth = await agent.run(keyed);
    const session = `session-of-${first.id}`;
    expect(agent.started().map(({ asked }) => asked)).toEqual([null, session, session, null]);
    const reason = "session exceeded 2 runs";
    expect((await allLinesOf(fourth.id)).join("")).toContain(
      `[wakefleet] Starting a fresh session because ${reason}.\n`,
    );
    expect(await readRun(fleet, fourth.id)).toMatchObject({
      sessionIdBefore: null,
      sessionIdAfter: `session-of-${fourth.id}`,
      contextSnapshot: {
        wakefleetSessionRotationReason: reason,
        wakefleetPreviousSessionId: session,
        wakefleetSessionHandoffMarkdown: expect.stringMatching(
          /^Wakefleet session handoff:\n- Previous session: session-of-\S+\n- Rotation reason: session exceeded 2 runs\n/,
        ),
      },
    });
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
