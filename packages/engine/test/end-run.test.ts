import { aCompany, anAgent, anIssue, aRun } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { newId } from "../src/ids.js";
import { nothingAfterCommit } from "../src/runs/after-commit.js";
import { bareEnding, endRunIn } from "../src/runs/end-run.js";
import { countRows, done, type Play, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const agent = (columns = {}) => anAgent(world.db.sql, { companyId, ...columns });
const queued = async (agentId: string, columns = {}) => ({
  id: await aRun(world.db.sql, { companyId, agentId, ...columns }),
  agentId,
});
async function agentRow(agentId: string): Promise<Record<string, unknown>> {
  const [row] = await world.db.sql.query<Record<string, unknown>>("SELECT * FROM agents WHERE id = $1", [agentId]);
  return row ?? {};
}
/** A run of a new agent, worked by an adapter that plays `play`. */
async function worked(play: Play, columns = {}) {
  const run = await queued(await agent(), columns);
  const verdict = await (await world.worker(play)).work(run);
  return { ...run, verdict, row: await world.run(run.id) };
}

describe("what becomes of a run and its request", () => {
  it.each<[string, Play, Record<string, unknown>, string]>([
    ["exit 0", () => done, { status: "succeeded", error: null, errorCode: null, exitCode: 0 }, "completed"],
    [
      "exit 3 (04-2)",
      () => ({ ...done, exitCode: 3 }),
      { status: "failed", error: "Adapter failed", errorCode: "adapter_failed", exitCode: 3 },
      "failed",
    ],
    [
      "out of time",
      () => ({ ...done, exitCode: null, timedOut: true }),
      { status: "timed_out", error: "Timed out", errorCode: "timeout" },
      "timed_out",
    ],
    [
      "an exception",
      () => {
        throw new Error("no such command");
      },
      { status: "failed", error: "no such command", errorCode: "adapter_failed" },
      "failed",
    ],
  ])("FI-1, FI-3, EX-13 %s", async (_, play, columns, requestStatus) => {
    const { row } = await worked(play);
    expect(row).toMatchObject(columns);
    const request = await world.request(row.wakeupRequestId ?? "");
    expect(request).toMatchObject({ status: requestStatus, error: row.error });
    const events = await world.db.sql.query<{ message: string }>(
      "SELECT message FROM heartbeat_run_events WHERE run_id = $1 ORDER BY seq",
      [row.id],
    );
    expect(events[0]?.message).toBe("run started");
    expect(events.at(-1)?.message).toBe(`run ${row.status}`);
  });

  it("LV-100, LV-114 the result is stored with how it stopped, and its summary", async () => {
    const { row } = await worked(() => ({ ...done, summary: " all fine ", resultJson: { answer: 42 } }));
    expect(row.resultJson).toMatchObject({
      answer: 42,
      summary: "all fine",
      stopReason: "completed",
      timeoutFired: false,
    });
  });

  it("DM-8 NUL characters and lone surrogates in a result never make the end fail (04-10)", async () => {
    const { row } = await worked(() => ({
      ...done,
      exitCode: 1,
      errorMessage: "a\u0000b",
      summary: "\ud800",
      resultJson: { "k\u0000": "v\u0000" },
    }));
    expect(row).toMatchObject({ status: "failed", error: "a\uFFFDb" });
    expect(row.resultJson).toMatchObject({ "k\uFFFD": "v\uFFFD", summary: "\uFFFD" });
  });

  it("EX-13 a result that the database refuses fails the run instead of leaving it running", async () => {
    const { row, verdict } = await worked(() => ({ ...done, exitCode: 2 ** 40, sessionId: "s" }));
    expect(row).toMatchObject({ status: "failed", errorCode: "adapter_failed", exitCode: null });
    expect(row.error).toMatch(/^The run's result could not be stored: /);
    expect(verdict.kind).toBe("failed");
  });

  it("QU-6 a failed run is a failed job with the run's error; any other is finished", async () => {
    expect((await worked(() => ({ ...done, exitCode: 1, errorMessage: "broke" }))).verdict).toEqual({
      kind: "failed",
      error: "broke",
    });
    const good = await worked(() => done);
    expect(good.verdict).toEqual({ kind: "finished", returnValue: { runId: good.id, status: "succeeded" } });
  });
});

describe("the agent afterwards", () => {
  const failing: Play = () => ({ ...done, exitCode: 1 });
  it.each<[string, Play, string]>([
    ["success", () => done, "idle"],
    ["failure", failing, "error"],
    ["a time-out", () => ({ ...done, timedOut: true }), "error"],
  ])("FI-12 after %s: %s", async (_, play, status) => {
    const { agentId, row } = await worked(play);
    const after = await agentRow(agentId);
    expect(after).toMatchObject({ status, last_heartbeat_at: row.finishedAt });
  });

  it("FI-12 it stays running while another of its runs runs, whatever became of this one", async () => {
    const agentId = await agent();
    const worker = await world.worker(failing);
    const other = await queued(agentId, { taskKey: "other" });
    await worker.mustClaim(other);
    await worker.work(await queued(agentId, { taskKey: "this" }));
    expect(await agentRow(agentId)).toMatchObject({ status: "running" });
  });

  it.each(["paused", "terminated", "pending_approval"])(
    "FI-12, AL-1 an agent that became %s stays so",
    async (status) => {
      const agentId = await agent();
      const run = await queued(agentId);
      const worker = await world.worker(async () => {
        await world.db.sql.query("UPDATE agents SET status = $2 WHERE id = $1", [agentId, status]);
        return done;
      });
      await worker.work(run);
      expect(await agentRow(agentId)).toMatchObject({ status });
      expect((await world.run(run.id)).status).toBe("succeeded");
    },
  );

  it("WK-51 the end moves the timer to no earlier than the interval after it, and never back", async () => {
    const heartbeat = { enabled: true, intervalSec: 3_600 };
    const soon = await agent({ heartbeat, nextTimerAt: new Date(Date.now() + 1_000) });
    const far = await agent({ heartbeat, nextTimerAt: new Date(Date.now() + 90_000_000) });
    const off = await agent({ nextTimerAt: null });
    const before = await agentRow(far);
    const worker = await world.worker();
    for (const agentId of [soon, far, off]) await worker.work(await queued(agentId));
    const { next_timer_at: next, last_heartbeat_at: last } = await agentRow(soon);
    expect((next as Date).getTime() - (last as Date).getTime()).toBe(3_600_000);
    expect((await agentRow(far))["next_timer_at"]).toEqual(before["next_timer_at"]);
    expect((await agentRow(off))["next_timer_at"]).toBeNull();
  });
});

describe("usage, cost and session", () => {
  const costly: Play = () => ({
    ...done,
    usage: { inputTokens: 100, outputTokens: 20, cachedInputTokens: 5 },
    costUsd: 1.5,
    billingType: "api",
    provider: "p",
    model: "m",
  });

  it("US-3 a cost event is written once, and the totals gain what it says", async () => {
    const { agentId, id } = await worked(costly);
    const events = await world.db.sql.query("SELECT * FROM cost_events WHERE agent_id = $1", [agentId]);
    expect(events).toEqual([
      expect.objectContaining({
        heartbeat_run_id: id,
        dedupe_key: `run:${id}`,
        cost_cents: 150,
        input_tokens: 100,
        cached_input_tokens: 5,
        output_tokens: 20,
        provider: "p",
        biller: "p",
        model: "m",
        billing_type: "metered_api",
      }),
    ]);
    const [state] = await world.db.sql.query("SELECT * FROM agent_runtime_state WHERE agent_id = $1", [agentId]);
    expect(state).toMatchObject({
      total_cost_cents: 150,
      total_input_tokens: 100,
      last_run_id: id,
      last_run_status: "succeeded",
    });
  });

  it("US-3 the cost of an issue's run names the issue; a run without usage books nothing", async () => {
    const agentId = await agent();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const worker = await world.worker(costly);
    const run = await queued(agentId, { issueId });
    await worker.work(run);
    expect(await countRows(world.db.sql, "cost_events WHERE issue_id = $1", [issueId])).toBe(1);
    const { id } = await worked(() => done);
    expect(await countRows(world.db.sql, "cost_events WHERE heartbeat_run_id = $1", [id])).toBe(0);
    expect((await world.run(id)).usageJson).toBeNull();
  });

  it("US-1, US-3 a report beyond every bound is kept within the ledger's, and the run ends (04-10)", async () => {
    const most = 2 ** 31 - 1;
    const tokens = Number.MAX_SAFE_INTEGER;
    const { agentId, row } = await worked(() => ({
      ...done,
      usage: { inputTokens: tokens, outputTokens: tokens },
      costUsd: 1e12,
      billingType: "api",
    }));
    expect(row.status).toBe("succeeded");
    expect(row.usageJson).toMatchObject({ rawInputTokens: tokens, inputTokens: most });
    expect(await countRows(world.db.sql, "cost_events WHERE agent_id = $1 AND cost_cents = $2", [agentId, most])).toBe(
      1,
    );
  });

  it("US-1 totals 100, 250, 90 of one session are 100, 150, 90; per run they count as they are (04-17)", async () => {
    for (const [usageBasis, expected] of [
      ["session_cumulative", [100, 150, 90]],
      ["per_run", [100, 250, 90]],
    ] as const) {
      const agentId = await agent();
      const seen: unknown[] = [];
      for (const inputTokens of [100, 250, 90]) {
        const worker = await world.worker(() => ({
          ...done,
          usage: { inputTokens, outputTokens: 0 },
          usageBasis,
          sessionId: "one",
        }));
        const run = await queued(agentId, { taskKey: "k" });
        await worker.work(run);
        seen.push((await world.run(run.id)).usageJson?.["inputTokens"]);
      }
      expect(seen).toEqual(expected);
    }
  });

  it("FI-11, AD-31 the session is kept for the next run of the task, and deleted when it is cleared", async () => {
    const agentId = await agent();
    const resumed: unknown[] = [];
    const answers = [{ sessionId: "first" }, {}, { clearSession: true }, {}];
    for (const answer of answers) {
      const worker = await world.worker(({ runtime }) => {
        resumed.push(runtime.sessionId);
        return { ...done, ...answer };
      });
      const run = await queued(agentId, { taskKey: "k" });
      await worker.work(run);
    }
    expect(resumed).toEqual([null, "first", "first", null]);
    expect(await countRows(world.db.sql, "agent_task_sessions WHERE agent_id = $1", [agentId])).toBe(0);
  });
});

describe("whole or not at all", () => {
  it("FI-14 a process that dies before the commit leaves the run running, and the end can be written anew", async () => {
    const agentId = await agent();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const run = await queued(agentId, { issueId });
    const { fence } = await (await world.worker()).mustClaim(run);
    const ending = bareEnding({
      runId: run.id,
      guard: { kind: "held", workerId: fence.workerId, claimToken: fence.claimToken, cancelSeen: false },
      status: "failed",
      error: "x",
      errorCode: "adapter_failed",
      cost: {
        provider: "p",
        biller: "p",
        model: "m",
        billingType: "metered_api",
        inputTokens: 1,
        cachedInputTokens: 0,
        outputTokens: 0,
        costCents: 7,
      },
    });
    const end = (dies: boolean) =>
      world.db.transaction(async (tx) => {
        const ended = await endRunIn(tx, { newId }, { agentId, hasIssue: true }, ending, nothingAfterCommit());
        if (dies) throw new Error("the process died");
        return ended;
      });
    const before = await world.run(run.id);
    await expect(end(true)).rejects.toThrow("the process died");
    expect(await world.run(run.id)).toEqual(before);
    expect(await countRows(world.db.sql, "cost_events WHERE agent_id = $1", [agentId])).toBe(0);
    expect((await end(false))?.run.status).toBe("failed");
    expect(await end(false)).toBeNull();
    expect(await countRows(world.db.sql, "cost_events WHERE agent_id = $1", [agentId])).toBe(1);
  });
});
