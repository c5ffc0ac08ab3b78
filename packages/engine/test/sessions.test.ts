/** Sessions as they pass from run to run, seen from outside the adapter (SE-, 05-1 to 05-15, 05-21). */
import type { AdapterExecutionResult, AdapterRuntime } from "@wakefleet/adapters";
import type { JsonObject } from "@wakefleet/contracts";
import { aCompany, anAgent, anIssue } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import type { AcceptWakeupRequest } from "../src/wakeups/wake-request.js";
import { countRows, done, type Play, type TestWorker, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

type Answer = Partial<AdapterExecutionResult> | Error;

/** An agent whose adapter notes what it is told to resume and answers what the test says. */
async function echo(columns: object = {}) {
  const agentId = await anAgent(world.db.sql, { companyId, ...columns });
  const told: AdapterRuntime[] = [];
  let answer: Answer = {};
  const play: Play = ({ runtime }) => {
    told.push(runtime);
    if (answer instanceof Error) throw answer;
    return { ...done, ...answer };
  };
  const worker: TestWorker = await world.worker(play);
  return {
    agentId,
    told,
    /** Wakes, runs, and answers the run as it ended. */
    async run(request: Partial<AcceptWakeupRequest>, next: Answer = {}) {
      answer = next;
      const { run } = await world.wake({ agentId, ...request });
      if (run === null) throw new Error("the wake made no run");
      await worker.work({ id: run.id, agentId });
      return world.run(run.id);
    },
    sessions: () =>
      world.db.sql.query<{
        key: string;
        params: JsonObject | null;
        shown: string | null;
        run: string;
        error: string | null;
      }>(
        `SELECT task_key AS key, session_params_json AS params, session_display_id AS shown, last_run_id AS run,
                last_error AS error FROM agent_task_sessions WHERE agent_id = $1 ORDER BY task_key`,
        [agentId],
      ),
    async own() {
      const [state] = await world.db.sql.query<{ id: string | null }>(
        "SELECT session_id AS id FROM agent_runtime_state WHERE agent_id = $1",
        [agentId],
      );
      return state?.id ?? null;
    },
    warnings: (runId: string) =>
      world.told.events.flatMap((event) =>
        event.type === "heartbeat.run.log" && event.payload.runId === runId ? [event.payload.chunk] : [],
      ),
  };
}

const keyed = { payload: { taskKey: "k" } };
const long = "s".repeat(300);
const usage = { usage: { inputTokens: 1, outputTokens: 1 } };

describe("a session goes on", () => {
  it("SE-1, SE-34, SE-37, SE-55 (05-1) the second run of an issue is given what the first left", async () => {
    const agent = await echo();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agent.agentId, status: "in_progress" });
    const wake = { payload: { issueId }, reason: "asked" };
    await agent.run(wake, { sessionParams: { sessionId: "s1" } });
    const second = await agent.run(wake, usage);
    expect(agent.told).toMatchObject([
      { sessionId: null, sessionParams: null, taskKey: issueId },
      { sessionId: "s1", sessionParams: { sessionId: "s1" }, sessionDisplayId: "s1", taskKey: issueId },
    ]);
    expect(second).toMatchObject({ sessionIdBefore: "s1", sessionIdAfter: "s1" });
    expect(second.usageJson).toMatchObject({ sessionReused: true, taskSessionReused: true, freshSession: false });
    expect(await agent.sessions()).toMatchObject([{ key: issueId, shown: "s1" }]);
  });

  it("SE-5 (05-2) timer wakes without work share one session", async () => {
    const agent = await echo({ heartbeat: { enabled: true, intervalSec: 3_600 } });
    const timer = { source: "timer" as const, triggerDetail: "system" as const };
    await agent.run(timer, { sessionParams: { sessionId: "t1" } });
    await agent.run(timer);
    expect(agent.told[1]).toMatchObject({ sessionId: "t1", taskKey: "__heartbeat__" });
    expect(await agent.sessions()).toMatchObject([{ key: "__heartbeat__" }]);
  });

  it("SE-2, SE-7, SE-33, SE-56 (05-3) without a key the agent's own session goes on, and no row is written", async () => {
    const agent = await echo();
    await agent.run({}, { sessionId: "s9" });
    const second = await agent.run({});
    expect(agent.told[1]).toMatchObject({ sessionId: "s9", sessionParams: null, taskKey: null });
    expect(second.sessionIdBefore).toBe("s9");
    expect(await agent.sessions()).toEqual([]);
    expect(await agent.own()).toBe("s9");
  });

  it("SE-56 the agent's own session is what the last run left, whatever its outcome", async () => {
    const agent = await echo();
    await agent.run(keyed, { sessionId: "a", exitCode: 1 });
    expect(await agent.own()).toBe("a");
  });

  it("SE-6, SE-20 (05-6) a comment's wake resumes", async () => {
    const agent = await echo();
    await agent.run(keyed, { sessionId: "s1" });
    await agent.run({ ...keyed, reason: "issue_commented" });
    expect(agent.told[1]).toMatchObject({ sessionId: "s1" });
  });
});

describe("a session is left", () => {
  it("SE-20, SE-21, SE-22 (05-4) an assignment starts fresh and says so; the row stays until the end", async () => {
    const agent = await echo();
    await agent.run(keyed, { sessionId: "s1" });
    const second = await agent.run({ ...keyed, reason: "issue_assigned" }, { sessionId: "s2" });
    expect(agent.told[1]).toMatchObject({ sessionId: null, sessionParams: null, sessionDisplayId: null });
    expect(second.sessionIdBefore).toBeNull();
    expect(agent.warnings(second.id)).toContain(
      '[wakefleet] Skipping saved session resume for task "k" because wake reason is issue_assigned.\n',
    );
    expect(await agent.sessions()).toMatchObject([{ key: "k", shown: "s2" }]);
  });

  it("SE-54 a reset run whose adapter names no session does not bring the old one back", async () => {
    const agent = await echo();
    await agent.run(keyed, { sessionId: "s1" });
    await agent.run({ ...keyed, context: { forceFreshSession: true } });
    expect(await agent.sessions()).toEqual([]);
    expect(await agent.own()).toBeNull();
  });

  it("SE-24 (05-5) a fresh session that was asked for stays asked for when wakes join", async () => {
    const agent = await echo();
    await agent.run(keyed, { sessionId: "s1" });
    await world.wake({ agentId: agent.agentId, ...keyed, context: { forceFreshSession: true } });
    const joined = await agent.run({ ...keyed, context: { forceFreshSession: false } });
    expect(joined.contextSnapshot?.["forceFreshSession"]).toBe(true);
    expect(agent.told[1]).toMatchObject({ sessionId: null });
  });

  it("SE-50, SE-57 (05-7) a cleared session is gone for the task and for the agent", async () => {
    const agent = await echo();
    await agent.run(keyed, { sessionId: "s1" });
    await agent.run(keyed, { clearSession: true });
    expect(await agent.sessions()).toEqual([]);
    expect(await agent.own()).toBeNull();
    await agent.run(keyed);
    expect(agent.told[2]).toMatchObject({ sessionId: null });
  });

  it("SE-51 (05-9) params that are named null remove the row", async () => {
    const agent = await echo();
    await agent.run(keyed, { sessionId: "s1" });
    await agent.run(keyed, { sessionParams: null });
    expect(await agent.sessions()).toEqual([]);
  });
});

describe("what an end leaves", () => {
  it("SE-51, SE-57 (05-8) an adapter that says nothing keeps the params, and the last run moves on", async () => {
    const agent = await echo();
    await agent.run(keyed, { sessionParams: { sessionId: "s1", cwd: "/w" } });
    const second = await agent.run(keyed);
    expect(await agent.sessions()).toMatchObject([
      { params: { sessionId: "s1", cwd: "/w" }, run: second.id, error: null },
    ]);
  });

  it("SE-57 (05-10) a failed run leaves its session and its message", async () => {
    const agent = await echo();
    await agent.run(keyed, { sessionId: "s2", exitCode: 1, errorMessage: "M" });
    expect(await agent.sessions()).toMatchObject([{ shown: "s2", error: "M" }]);
    await agent.run(keyed, { exitCode: 1 });
    expect(await agent.sessions()).toMatchObject([{ shown: "s2", error: "run_failed" }]);
    await agent.run(keyed);
    expect(await agent.sessions()).toMatchObject([{ error: null }]);
  });

  it("SE-58, EX-13 (05-11) an adapter that throws keeps the former params", async () => {
    const agent = await echo();
    await agent.run(keyed, { sessionParams: { sessionId: "s1", cwd: "/w" } });
    const second = await agent.run(keyed, new Error("it broke"));
    expect(second).toMatchObject({ status: "failed", errorCode: "adapter_failed", error: "it broke" });
    expect(await agent.sessions()).toMatchObject([
      { params: { sessionId: "s1", cwd: "/w" }, shown: "s1", run: second.id, error: "it broke" },
    ]);
    expect(await agent.own()).toBe("s1");
  });

  it("SE-59, CX-2 (05-12) what fails before the adapter leaves the sessions as they were", async () => {
    const agent = await echo();
    const first = await agent.run(keyed, { sessionId: "s1" });
    const before = await agent.sessions();
    await world.db.sql.query("UPDATE agents SET adapter_config = $2 WHERE id = $1", [
      agent.agentId,
      { env: { KEY: { type: "secret_ref", secretId: "00000000-0000-4000-8000-000000000000" } } },
    ]);
    const second = await agent.run(keyed, { sessionId: "never" });
    expect(second.status).toBe("failed");
    expect(agent.told).toHaveLength(1);
    expect(await agent.sessions()).toEqual(before);
    expect(await agent.sessions()).toMatchObject([{ run: first.id }]);
    expect(await agent.own()).toBe("s1");
  });

  it("SE-3, SE-57 (05-21) two runs of one key that end at once leave one row", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const worker = await world.worker(async () => ({ ...done, sessionId: "both" }));
    for (let round = 0; round < 5; round += 1) {
      // The same key in two runs comes about when the key of a queued run changes; here both are made directly.
      const runs = await Promise.all(
        [1, 2].map(async (half) => (await world.wake({ agentId, payload: { taskKey: `r${round}-${half}` } })).run),
      );
      await world.db.sql.query("UPDATE heartbeat_runs SET task_key = $2, context_snapshot = $3 WHERE id = ANY($1)", [
        runs.map((run) => run?.id),
        `r${round}`,
        { taskKey: `r${round}` },
      ]);
      await Promise.all(runs.map((run) => worker.work({ id: run?.id ?? "", agentId })));
      for (const run of runs)
        expect(await world.run(run?.id ?? "")).toMatchObject({ status: "succeeded", error: null });
      expect(
        await countRows(world.db.sql, "agent_task_sessions WHERE agent_id = $1 AND task_key = $2", [
          agentId,
          `r${round}`,
        ]),
      ).toBe(1);
    }
  });

  it("SE-3, CL-17 a run that was taken over writes no session", async () => {
    const agentId = await anAgent(world.db.sql, { companyId });
    const worker = await world.worker(async ({ runId }) => {
      await world.db.sql.query("UPDATE heartbeat_runs SET claim_token = claim_token + 1 WHERE id = $1", [runId]);
      return { ...done, sessionId: "stale" };
    });
    const { run } = await world.wake({ agentId, ...keyed });
    await worker.work({ id: run?.id ?? "", agentId });
    expect(await countRows(world.db.sql, "agent_task_sessions WHERE agent_id = $1", [agentId])).toBe(0);
  });
});

describe("an earlier run is resumed", () => {
  it("SE-17, SE-28 (05-13) a long id is cut where it is shown and whole where it is resumed", async () => {
    const agent = await echo();
    const first = await agent.run(keyed, { sessionId: long });
    expect(first.sessionIdAfter).toBe(long.slice(0, 128));
    await agent.run(keyed, { sessionId: "other" });
    expect(agent.told[1]).toMatchObject({ sessionId: long, sessionDisplayId: long.slice(0, 128) });
    const third = await agent.run({ payload: { taskKey: "k", resumeFromRunId: first.id } });
    expect(agent.told[2]).toMatchObject({ sessionId: long, sessionParams: { sessionId: long } });
    expect(third.sessionIdBefore).toBe(long.slice(0, 128));
  });

  it("SE-10, SE-12, SE-14, SE-15 (05-14) the first of three, whatever the row holds, with its issue and key", async () => {
    const agent = await echo();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agent.agentId, status: "in_progress" });
    const wake = { payload: { issueId }, reason: "asked" };
    const first = await agent.run(wake, { sessionId: "a" });
    await agent.run(wake, { sessionId: "b" });
    await agent.run(wake, { sessionId: "c" });
    const resumed = await agent.run({ payload: { resumeFromRunId: first.id }, reason: "asked" });
    expect(agent.told[3]).toMatchObject({ sessionId: "a", taskKey: issueId });
    expect(resumed.contextSnapshot).toMatchObject({
      issueId,
      taskId: issueId,
      taskKey: issueId,
      resumeFromRunId: first.id,
      resumeSessionDisplayId: "a",
      resumeSessionParams: { sessionId: "a" },
    });
  });

  it("SE-13 the stored params are used where the row is that run's", async () => {
    const agent = await echo();
    const only = await agent.run(keyed, { sessionParams: { sessionId: "s", cwd: "/w" } });
    await agent.run({ payload: { resumeFromRunId: only.id } });
    expect(agent.told[1]).toMatchObject({ sessionParams: { sessionId: "s", cwd: "/w" }, taskKey: "k" });
  });

  it("SE-11 a run without a key is looked up under this wake's", async () => {
    const agent = await echo();
    const bare = await agent.run({}, { sessionId: "s" });
    await agent.run(keyed, { sessionParams: { sessionId: "s", cwd: "/w" } });
    await agent.run({ payload: { taskKey: "k", resumeFromRunId: bare.id } });
    expect(agent.told[2]).toMatchObject({ sessionParams: { sessionId: "s", cwd: "/w" } });
  });

  it("SE-10 (05-15) another agent's run, or none at all, is ignored", async () => {
    const [agent, other] = [await echo(), await echo()];
    const foreign = await other.run(keyed, { sessionId: "foreign" });
    for (const resumeFromRunId of [foreign.id, "no-such-run", "00000000-0000-4000-8000-000000000000"]) {
      const run = await agent.run({ payload: { taskKey: "k", resumeFromRunId } });
      expect(run.contextSnapshot).not.toHaveProperty("resumeSessionParams");
      expect(agent.told.at(-1)).toMatchObject({ sessionId: null });
      expect(run).toMatchObject({ status: "succeeded", taskKey: "k" });
    }
  });
});
