/** Issue-scoped wakes and the gates of their runs on a real database (03): the lock, the order of decisions, races. */
import { findWakeup } from "@wakefleet/store";
import { aCompany, anAgent, anIssue, aRun, insertRow } from "@wakefleet/testkit";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { pauseAgent, resumeAgent } from "../src/agents/change-agent-status.js";
import { newId } from "../src/ids.js";
import { createWakeupAcceptor } from "../src/wakeups/wakeup-acceptor.js";
import { countRows, done, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
let agentId: string;
beforeEach(async () => {
  companyId = await aCompany(world.db.sql);
  agentId = await anAgent(world.db.sql, { companyId });
});

const issue = (columns = {}) =>
  anIssue(world.db.sql, { companyId, status: "todo", assigneeAgentId: agentId, ...columns });

async function lockOf(issueId: string) {
  const [row] = await world.db.sql.query<{ runId: string | null; name: string | null; lockedAt: Date | null }>(
    `SELECT execution_run_id AS "runId", execution_agent_name_key AS name, execution_locked_at AS "lockedAt"
       FROM issues WHERE id = $1`,
    [issueId],
  );
  return row;
}

const change = (issueId: string, column: "assignee_agent_id" | "status" | "execution_run_id", value: string | null) =>
  world.db.sql.query(`UPDATE issues SET ${column} = $2 WHERE id = $1`, [issueId, value]);

async function parkedRetry(issueId: string): Promise<string> {
  const worker = await world.worker(() => ({
    ...done,
    exitCode: 1,
    errorCode: "claude_transient_upstream",
    errorMessage: "overloaded",
  }));
  const { run } = await world.wake({ agentId, payload: { issueId } });
  await worker.work({ id: run?.id ?? "", agentId });
  const [retry] = await world.db.sql.query<{ id: string }>("SELECT id FROM heartbeat_runs WHERE retry_of_run_id = $1", [
    run?.id,
  ]);
  if (retry === undefined) throw new Error("no retry was scheduled");
  return retry.id;
}

const makeDue = (runId: string) =>
  world.db.sql.query("UPDATE heartbeat_runs SET scheduled_retry_at = now() - interval '1 second' WHERE id = $1", [
    runId,
  ]);

async function eventsOf(runId: string): Promise<{ message: string; level: string; payload: object }[]> {
  return world.db.sql.query("SELECT message, level, payload FROM heartbeat_run_events WHERE run_id = $1 ORDER BY seq", [
    runId,
  ]);
}

const hold = (name: string) => anAgent(world.db.sql, { companyId, name });

describe("the lock", () => {
  it("WK-29, CL-14 is not taken by the wake but by the claim", async () => {
    const issueId = await issue();
    const { run, rule } = await world.wake({ agentId, payload: { issueId } });
    expect(rule).toBe("WK-29");
    expect(await lockOf(issueId)).toMatchObject({ runId: null });
    const worker = await world.worker();
    await worker.mustClaim({ id: run?.id ?? "", agentId });
    expect(await lockOf(issueId)).toMatchObject({ runId: run?.id, lockedAt: expect.any(Date) });
  });

  it("WK-21 of a run that is over is cleared, and the wake is queued", async () => {
    const issueId = await issue();
    const over = await aRun(world.db.sql, { companyId, agentId, issueId, status: "succeeded" });
    await change(issueId, "execution_run_id", over);
    expect(await world.wake({ agentId, payload: { issueId } })).toMatchObject({ outcome: "queued", rule: "WK-29" });
    expect(await lockOf(issueId)).toEqual({ runId: null, name: null, lockedAt: null });
  });

  it("WK-23 a run that names the issue is adopted, a running one before an older one, under its own agent's name", async () => {
    const other = await hold("Ned Stark");
    const issueId = await issue({ assigneeAgentId: other });
    await aRun(world.db.sql, { companyId, agentId: other, issueId, createdAt: new Date(Date.now() - 60_000) });
    const running = await aRun(world.db.sql, { companyId, agentId: other, issueId, status: "running" });
    const wake = await world.wake({ agentId, payload: { issueId } });
    expect(wake).toMatchObject({ outcome: "deferred", rule: "WK-28", skip: { executionRunId: running } });
    expect(await lockOf(issueId)).toMatchObject({ runId: running, name: "ned stark" });
    world.allow({ rules: ["DM-92"] });
  });

  it("WK-26 the same agent's wake joins its run: status, reason, count, run and end; the context merges", async () => {
    const issueId = await issue();
    const first = await world.wake({ agentId, payload: { issueId }, context: { a: 1, b: 1 } });
    const second = await world.wake({ agentId, reason: "again", payload: { issueId }, context: { b: 2 } });
    expect(second).toMatchObject({ outcome: "coalesced", rule: "WK-26", run: { id: first.run?.id } });
    expect(await world.request(second.wakeup.id)).toMatchObject({
      status: "coalesced",
      reason: "issue_execution_same_name",
      coalescedCount: 1,
      runId: first.run?.id,
      finishedAt: expect.any(Date),
    });
    expect((await world.run(first.run?.id ?? "")).contextSnapshot).toMatchObject({ a: 1, b: 2, wakeReason: "again" });
  });

  it("WK-26, WK-28 two agents of one name, but for its case, are two agents (the reference takes them for one)", async () => {
    const [upper, lower] = [await hold("ADA"), await hold("ada")];
    const issueId = await issue({ assigneeAgentId: upper });
    await world.wake({ agentId: upper, payload: { issueId } });
    expect(await world.wake({ agentId: lower, payload: { issueId } })).toMatchObject({
      outcome: "deferred",
      rule: "WK-28",
    });
  });

  it("WK-27 an ask that joins a deferred one leaves a row that later names the run", async () => {
    const other = await hold("other");
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const first = await world.wake({ agentId: other, payload: { issueId, a: 1, b: 1 } });
    const second = await world.wake({ agentId: other, payload: { issueId, b: 2 } });
    expect(await world.request(first.wakeup.id)).toMatchObject({
      status: "deferred_issue_execution",
      coalescedCount: 1,
      payload: { a: 1, b: 2, issueId },
    });
    expect(await world.request(second.wakeup.id)).toMatchObject({
      status: "coalesced",
      reason: "issue_execution_deferred",
      coalescedCount: 1,
      runId: null,
      finishedAt: expect.any(Date),
    });
    const worker = await world.worker();
    await worker.work({ id: run?.id ?? "", agentId });
    const { runId } = await world.request(first.wakeup.id);
    expect(runId).not.toBeNull();
    expect((await world.request(second.wakeup.id)).runId).toBe(runId);
  });
});

describe("a retry of an issue that changed", () => {
  it("WK-22, CL-30 of a cancelled issue is cancelled by the wake that meets it, with the rule's text and event", async () => {
    const issueId = await issue();
    const retry = await parkedRetry(issueId);
    await change(issueId, "status", "cancelled");
    const wake = await world.wake({ agentId, payload: { issueId } });
    expect(wake).toMatchObject({ outcome: "queued", rule: "WK-29" });
    expect(await world.run(retry)).toMatchObject({
      status: "cancelled",
      errorCode: "issue_cancelled",
      error: "Cancelled because the issue was cancelled before the scheduled retry became due",
    });
    expect(await eventsOf(retry)).toContainEqual({
      level: "warn",
      message: "Scheduled retry cancelled because issue was cancelled before it became due",
      payload: expect.objectContaining({
        issueId,
        issueStatus: "cancelled",
        scheduledRetryAttempt: 1,
        previousRetryAgentId: agentId,
      }),
    });
    expect((await lockOf(issueId))?.runId).not.toBe(retry);
  });

  it.each([
    ["CL-30", "issue_cancelled", (id: string) => change(id, "status", "cancelled")],
    ["CL-31", "issue_reassigned", async (id: string) => change(id, "assignee_agent_id", await hold("new owner"))],
    ["CL-31", "issue_reassigned", (id: string) => change(id, "assignee_agent_id", null)],
  ] as const)("%s when it comes due: %s, its request cancelled, its lock gone", async (rule, errorCode, changed) => {
    const issueId = await issue();
    const retry = await parkedRetry(issueId);
    await changed(issueId);
    await makeDue(retry);
    const worker = await world.worker();
    expect((await worker.claim({ id: retry, agentId })).kind).toBe("cancelled");
    const run = await world.run(retry);
    expect(run).toMatchObject({ status: "cancelled", errorCode, receipts: [{ rule: "RT-3" }, { rule }] });
    expect(await world.request(run.wakeupRequestId ?? "")).toMatchObject({ status: "cancelled" });
    expect(await lockOf(issueId)).toMatchObject({ runId: null });
  });

  it("CL-31, CL-15, FI-8 what waited behind a retry that went to somebody else is promoted", async () => {
    const issueId = await issue();
    const retry = await parkedRetry(issueId);
    const other = await hold("other");
    const waiting = await world.wake({ agentId: other, payload: { issueId }, actor: { type: "system", id: "s" } });
    expect(waiting.rule).toBe("WK-28");
    await change(issueId, "assignee_agent_id", other);
    await makeDue(retry);
    const worker = await world.worker();
    await worker.claim({ id: retry, agentId });
    expect(await world.request(waiting.wakeup.id)).toMatchObject({ status: "queued", runId: expect.any(String) });
  });

  it("CL-32, WK-41 one that is still wanted says that it came due, and is announced", async () => {
    const issueId = await issue();
    const retry = await parkedRetry(issueId);
    await makeDue(retry);
    world.told.events.length = 0;
    const worker = await world.worker();
    await worker.work({ id: retry, agentId });
    expect((await eventsOf(retry)).map((event) => event.message)).toContain(
      "Scheduled retry became due and was promoted to the queued run pool",
    );
    expect(world.told.events).toContainEqual(
      expect.objectContaining({ type: "heartbeat.run.queued", payload: expect.objectContaining({ runId: retry }) }),
    );
  });
});

describe("the gates of a claim", () => {
  it("CL-9, CL-15 an issue that is gone: text, request, stop metadata", async () => {
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    await world.db.sql.query("DELETE FROM issues WHERE id = $1", [issueId]);
    const worker = await world.worker();
    await worker.claim({ id: run?.id ?? "", agentId });
    const cancelled = await world.run(run?.id ?? "");
    expect(cancelled).toMatchObject({
      status: "cancelled",
      errorCode: "issue_not_found",
      error: "Cancelled because the target issue no longer exists",
      resultJson: { timeoutSource: "stale_queued_run_gate", stopReason: "issue_not_found" },
    });
    expect(await world.request(cancelled.wakeupRequestId ?? "")).toMatchObject({
      status: "skipped",
      error: "Cancelled because the target issue no longer exists",
    });
    expect(await eventsOf(cancelled.id)).toContainEqual({
      level: "warn",
      message: "Cancelled because the target issue no longer exists",
      payload: { issueId },
    });
  });

  it("CL-12 in review, another is to act: the run is cancelled; a comment gets through", async () => {
    const other = await hold("reviewer");
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const participant = { type: "agent", agentId: other };
    await world.db.sql.query("UPDATE issues SET status = 'in_review', execution_state = $2::jsonb WHERE id = $1", [
      issueId,
      JSON.stringify({
        status: "pending",
        currentStageId: "22222222-2222-4222-8222-222222222222",
        currentStageIndex: 0,
        currentStageType: "review",
        currentParticipant: participant,
        returnAssignee: { type: "agent", agentId },
        reviewRequest: null,
        completedStageIds: [],
        lastDecisionId: null,
        lastDecisionOutcome: null,
      }),
    ]);
    const worker = await world.worker();
    await worker.claim({ id: run?.id ?? "", agentId });
    const cancelled = await world.run(run?.id ?? "");
    expect(cancelled).toMatchObject({ status: "cancelled", errorCode: "issue_review_participant_changed" });
    expect(await eventsOf(cancelled.id)).toContainEqual(
      expect.objectContaining({
        payload: { issueId, currentStageType: "review", currentParticipant: participant },
      }),
    );
    const comment = await insertRow(world.db.sql, "issue_comments", {
      companyId,
      issueId,
      authorUserId: "u",
      body: "hi",
    });
    const again = await world.wake({ agentId, payload: { issueId, commentId: comment } });
    expect((await worker.claim({ id: again.run?.id ?? "", agentId })).kind).toBe("claimed");
  });

  it("CL-1, CL-4 a job in the name of an agent that is not there is not this run's: nothing is written", async () => {
    const { run } = await world.wake({ agentId });
    const worker = await world.worker();
    const unknown = "00000000-0000-4000-8000-000000000000";
    // The database keeps an agent while it has runs; a job that names another is not this run's.
    expect((await worker.claim({ id: run?.id ?? "", agentId: unknown })).kind).toBe("ended");
    expect((await world.run(run?.id ?? "")).status).toBe("queued");
  });
});

/** Waits up to `ms`, by chance. */
const aWhile = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * ms));

describe("at once", () => {
  it("WK-32, WK-29, WK-26 200 identical wakes of an issue through several processes: one run, 199 joined", async () => {
    const issueId = await issue();
    const processes = Array.from({ length: 3 }, () =>
      createWakeupAcceptor({
        db: world.pool(),
        newId,
        dispatcher: world.told.dispatcher,
        events: world.told.publisher,
      }),
    );
    const wakes = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        await aWhile(30);
        return processes[n % 3]?.accept({
          agentId,
          companyId: null,
          source: "on_demand",
          triggerDetail: "manual",
          reason: null,
          payload: { issueId },
          context: {},
          actor: { type: "user", id: "u" },
          idempotencyKey: null,
          fingerprint: null,
          logActivity: false,
        });
      }),
    );
    const outcomes = wakes.map((one) => one?.outcome);
    expect(outcomes.filter((one) => one === "queued")).toHaveLength(1);
    expect(outcomes.filter((one) => one === "coalesced")).toHaveLength(199);
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE issue_id = $1", [issueId])).toBe(1);
  });

  it("AL-10, WK-13, CL-5 pause against wakes, fifteen times over: nothing waits for a paused agent, whatever came first", async () => {
    const deps = { ...world.cancelDeps(), queue: world.told.runQueue() };
    const actor = { type: "user", id: "u" } as const;
    let [accepted, refused] = [0, 0];
    for (let round = 0; round < 15; round += 1) {
      const wakes = Array.from({ length: 12 }, async (_, n) => {
        await aWhile(8);
        return world.ask({ agentId, payload: { taskKey: `${round}-${n}` } });
      });
      await aWhile(8);
      await pauseAgent(deps, { agentId, actor });
      for (const wake of await Promise.all(wakes)) {
        if (wake.outcome === "rejected") refused += 1;
        else accepted += 1;
        if (wake.outcome === "rejected") expect(wake.error.code).toBe("agent_not_invokable");
      }
      const waiting = "heartbeat_runs WHERE agent_id = $1 AND status IN ('queued','scheduled_retry','running')";
      expect(await countRows(world.db.sql, waiting, [agentId])).toBe(0);
      expect(
        await countRows(world.db.sql, "agent_wakeup_requests WHERE agent_id = $1 AND finished_at IS NULL", [agentId]),
      ).toBe(0);
      await resumeAgent(deps, { agentId, actor });
    }
    expect(accepted).toBeGreaterThan(0);
    expect(accepted + refused).toBe(15 * 12);
  });

  it("WK-42 asking again under a key changes nothing, whatever is asked and however often", async () => {
    const wake = fc.record({
      key: fc.constantFrom("k1", "k2", "k3"),
      taskKey: fc.constantFrom("a", "b"),
      times: fc.integer({ min: 2, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(wake, { minLength: 1, maxLength: 4 }), async (wakes) => {
        const own = await anAgent(world.db.sql, { companyId });
        const state = async () => [
          await world.db.sql.query("SELECT * FROM agent_wakeup_requests WHERE agent_id = $1 ORDER BY id", [own]),
          await world.db.sql.query("SELECT * FROM heartbeat_runs WHERE agent_id = $1 ORDER BY id", [own]),
        ];
        const first = new Map<string, { taskKey: string; wakeupId: string }>();
        for (const { key, taskKey, times } of wakes) {
          const ask = () =>
            world.ask({ agentId: own, payload: { taskKey }, idempotencyKey: key, fingerprint: taskKey });
          const before = first.get(key);
          if (before === undefined) {
            const one = await ask();
            if (one.outcome === "rejected") throw one.error;
            first.set(key, { taskKey, wakeupId: one.wakeup.id });
          }
          const known = first.get(key);
          const settled = await state();
          for (const again of await Promise.all(Array.from({ length: times }, ask))) {
            if (known?.taskKey === taskKey)
              expect(again).toMatchObject({ replayed: true, wakeup: { id: known.wakeupId } });
            else expect(again).toMatchObject({ outcome: "rejected", error: { code: "idempotency_key_reused" } });
          }
          expect(await state()).toEqual(settled);
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe("what a caller reads later", () => {
  it("WK-42, API-104 a joined ask is found by its id with the run that consumed it", async () => {
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const joined = await world.wake({ agentId, payload: { issueId } });
    expect((await findWakeup(world.db.sql, joined.wakeup.id))?.runId).toBe(run?.id);
  });
});
