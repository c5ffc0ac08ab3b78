import { aCompany, anAgent, anIssue, aRequest, aRun, insertRow, waitFor } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { pauseAgent, resumeAgent, terminateAgent } from "../src/agents/change-agent-status.js";
import { cancelRun } from "../src/runs/cancel-run.js";
import { bareEnding } from "../src/runs/end-run.js";
import { createLeaseKeeper } from "../src/runs/lease-keeper.js";
import { writeEnd } from "../src/runs/work-run.js";
import { countRows, done, silentLog, type TestWorker, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const actor = { type: "user", id: "someone" } as const;
const agent = (columns = {}) => anAgent(world.db.sql, { companyId, ...columns });
const queued = async (agentId: string, columns = {}) => ({
  id: await aRun(world.db.sql, { companyId, agentId, ...columns }),
  agentId,
});
const deps = () => ({ ...world.cancelDeps(), queue: world.told.runQueue() });
const cancel = (runId: string, input = {}) =>
  cancelRun(world.cancelDeps(), { runId, actor, confirmWithinMs: 0, ...input });

/** A worker whose adapter runs until it is aborted, and the lease keeper that tells it. */
async function patientWorker(): Promise<TestWorker & { renew(): Promise<void> }> {
  const worker = await world.worker(
    ({ signal }) =>
      new Promise((resolve) => {
        const stopped = { exitCode: null, signal: "SIGTERM", timedOut: false };
        if (signal.aborted) resolve(stopped);
        signal.addEventListener("abort", () => resolve(stopped));
      }),
  );
  const keeper = createLeaseKeeper({
    db: world.db,
    held: worker.deps.held,
    workerId: worker.id,
    leaseMs: 30_000,
    renewEveryMs: 60_000,
    adoptGraceMs: 120_000,
    faults: worker.deps.faults,
    log: silentLog,
  });
  return { ...worker, renew: () => keeper.renewOnce() };
}

describe("cancelling a run", () => {
  it.each(["queued", "scheduled_retry"] as const)(
    "CN-1 one that is %s ends here and now, its job is taken out (04-8)",
    async (status) => {
      const run = await queued(await agent(), { status });
      const { run: row, confirmed } = await cancel(run.id);
      expect(confirmed).toBe(true);
      expect(row).toMatchObject({
        status: "cancelled",
        errorCode: "cancelled",
        error: "Cancelled by control plane",
        cancelKind: "person",
        resultJson: { stopReason: "cancelled" },
      });
      expect(await world.request(row.wakeupRequestId ?? "")).toMatchObject({ status: "cancelled" });
      expect(world.told.removed).toContain(run.id);
      expect(
        await countRows(world.db.sql, "heartbeat_run_events WHERE run_id = $1 AND message = 'run cancelled'", [run.id]),
      ).toBe(1);
    },
  );

  it("CN-1 a terminal one is answered as it is, and nothing is written", async () => {
    const run = await queued(await agent(), { status: "succeeded" });
    const before = await world.run(run.id);
    expect((await cancel(run.id)).run).toEqual(before);
    expect(await countRows(world.db.sql, "activity_log WHERE entity_id = $1", [run.id])).toBe(0);
  });

  it("CN-1 with the given reason and kind", async () => {
    const run = await queued(await agent());
    const { run: row } = await cancel(run.id, { reason: "enough", kind: "budget", recover: true });
    expect(row).toMatchObject({ error: "enough", cancelKind: "budget", cancelRecover: true });
    expect(row.resultJson).toMatchObject({ stopReason: "budget_paused" });
  });

  it("DM-35, CN-2 a running one is marked, its worker told, and ended by its owner's hand", async () => {
    const run = await queued(await agent());
    const worker = await patientWorker();
    const working = worker.work(run);
    await waitFor(() => worker.deps.held.get(run.id), { what: "the run to be held" });
    const asked = await cancel(run.id, { reason: "enough" });
    expect(asked).toMatchObject({ confirmed: false, run: { status: "running", cancelReason: "enough" } });
    expect(world.told.cancels).toContainEqual({ runId: run.id, workerId: worker.id });
    await cancel(run.id, { reason: "too late" });
    await worker.renew();
    expect(await working).toMatchObject({ kind: "finished", returnValue: { status: "cancelled" } });
    expect(await world.run(run.id)).toMatchObject({
      status: "cancelled",
      error: "enough",
      signal: "SIGTERM",
      claimToken: 1,
    });
  });

  it("DM-35 a cancel that comes while the adapter ends by itself wins, and nothing is lost of the result", async () => {
    const run = await queued(await agent());
    const worker = await world.worker(async () => {
      await cancel(run.id, { reason: "enough", kind: "pause" });
      return { ...done, resultJson: { answer: 42 } };
    });
    await worker.work(run);
    expect(await world.run(run.id)).toMatchObject({
      status: "cancelled",
      error: "enough",
      errorCode: "cancelled",
      cancelKind: "pause",
      resultJson: { answer: 42, stopReason: "paused" },
    });
  });

  it("CN-1 of twenty cancels at once one ends it", async () => {
    const run = await queued(await agent());
    const results = await Promise.all(Array.from({ length: 20 }, (_, n) => cancel(run.id, { reason: `r${n}` })));
    expect(new Set(results.map(({ run: row }) => row.error)).size).toBe(1);
    expect(await countRows(world.db.sql, "heartbeat_run_events WHERE run_id = $1", [run.id])).toBe(1);
  });

  it("CN-1, CL-13 a claim and a cancel at once: one story, whoever comes first", async () => {
    const agentId = await agent({ heartbeat: { maxConcurrentRuns: 10 } });
    const worker = await world.worker();
    for (let round = 0; round < 10; round += 1) {
      const run = await queued(agentId, { taskKey: `r${round}` });
      const [claimed] = await Promise.all([worker.claim(run), cancel(run.id)]);
      const row = await world.run(run.id);
      if (claimed.kind === "claimed")
        expect(row).toMatchObject({ status: "running", cancelReason: expect.any(String) });
      else expect(row).toMatchObject({ status: "cancelled", claimToken: 0 });
      await world.db.sql.query("UPDATE heartbeat_runs SET cancel_requested_at = NULL WHERE id = $1", [run.id]);
      if (claimed.kind === "claimed") await finish(worker, run.id, agentId);
    }
  });
});

/** Ends a claimed run by its holder's hand. */
async function finish(worker: TestWorker, runId: string, agentId: string): Promise<void> {
  const guard = { kind: "held", workerId: worker.id, claimToken: 1, cancelSeen: true } as const;
  const ending = bareEnding({ runId, guard, status: "succeeded", error: null, errorCode: null });
  await writeEnd(worker.deps, { scope: { agentId, hasIssue: false }, ending, adapterType: "process" });
}

describe("pausing an agent", () => {
  it("AL-10, CN-3 one running and three waiting: all four end cancelled, new wakes are refused (03-14)", async () => {
    const agentId = await agent({
      heartbeat: { enabled: true, intervalSec: 60 },
      nextTimerAt: new Date(Date.now() + 60_000),
    });
    const worker = await patientWorker();
    const running = await queued(agentId, { taskKey: "running" });
    const working = worker.work(running);
    await waitFor(() => worker.deps.held.get(running.id), { what: "the run to be held" });
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId, status: "in_progress" });
    const waiting = [
      await queued(agentId, { taskKey: "a" }),
      await queued(agentId, { taskKey: "b", status: "scheduled_retry" }),
      await queued(agentId, { issueId }),
    ];
    await world.db.sql.query("UPDATE issues SET execution_run_id = $2 WHERE id = $1", [issueId, waiting[2]?.id]);
    const paused = await pauseAgent(deps(), { agentId, actor });
    expect(paused).toMatchObject({ status: "paused", pauseReason: "manual", nextTimerAt: null });
    expect(paused.pausedAt).not.toBeNull();
    await worker.renew();
    await working;
    for (const { id } of [running, ...waiting]) {
      expect(await world.run(id)).toMatchObject({
        status: "cancelled",
        errorCode: "cancelled",
        error: "Cancelled due to agent pause",
        cancelKind: "pause",
        resultJson: { stopReason: "paused" },
      });
    }
    expect(world.told.queues).toContain(`pause ${agentId}`);
    expect(world.told.removed).toEqual(expect.arrayContaining(waiting.map(({ id }) => id)));
    expect(
      await countRows(world.db.sql, "issues WHERE id = $1 AND status = 'in_progress' AND execution_run_id IS NULL", [
        issueId,
      ]),
    ).toBe(1);
    expect(await world.ask({ agentId })).toMatchObject({ error: { code: "agent_not_invokable" } });
    expect(await countRows(world.db.sql, "agents WHERE id = $1 AND status = 'paused'", [agentId])).toBe(1);
    expect(
      await countRows(world.db.sql, "activity_log WHERE entity_id = $1 AND action = 'agent.paused'", [agentId]),
    ).toBe(1);
    await pauseAgent(deps(), { agentId, actor });
  });

  it.each([
    ["terminated", "Cannot pause terminated agent"],
    ["pending_approval", "Cannot pause pending approval agents"],
  ])("AL-10 an agent that is %s: 409 %s", async (status, message) => {
    const agentId = await agent({ status });
    await expect(pauseAgent(deps(), { agentId, actor })).rejects.toMatchObject({ code: "conflict", message });
  });

  it("AL-10, WK-13 a pause and a hundred wakes at once leave nothing waiting", async () => {
    const agentId = await agent();
    const wakes = Array.from({ length: 100 }, (_, n) => world.ask({ agentId, payload: { taskKey: `k${n}` } }));
    const [results] = await Promise.all([Promise.all(wakes), pauseAgent(deps(), { agentId, actor })]);
    expect(results.filter((one) => one.outcome !== "queued" && one.outcome !== "rejected")).toEqual([]);
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE agent_id = $1 AND status = 'queued'", [agentId])).toBe(
      0,
    );
  });
});

describe("resuming and terminating", () => {
  it("AL-11 a paused agent is idle again, its timer armed, its queue resumed, nobody woken", async () => {
    const agentId = await agent({
      status: "paused",
      pauseReason: "manual",
      pausedAt: new Date(),
      heartbeat: { enabled: true, intervalSec: 60 },
    });
    const resumed = await resumeAgent(deps(), { agentId, actor });
    expect(resumed).toMatchObject({ status: "idle", pauseReason: null, pausedAt: null });
    expect((resumed.nextTimerAt?.getTime() ?? 0) - resumed.createdAt.getTime()).toBe(60_000);
    expect(world.told.queues).toContain(`resume ${agentId}`);
    expect(await countRows(world.db.sql, "agent_wakeup_requests WHERE agent_id = $1", [agentId])).toBe(0);
  });

  it.each([
    ["terminated", "Cannot resume terminated agent"],
    ["pending_approval", "Pending approval agents cannot be resumed"],
  ])("AL-11 an agent that is %s: 409 %s", async (status, message) => {
    const agentId = await agent({ status });
    await expect(resumeAgent(deps(), { agentId, actor })).rejects.toMatchObject({ code: "conflict", message });
  });

  it("AL-11 an agent that is not paused is answered as it is", async () => {
    const agentId = await agent({ status: "error" });
    expect(await resumeAgent(deps(), { agentId, actor })).toMatchObject({ status: "error" });
  });

  it("AL-12 termination: keys revoked, runs and deferred requests cancelled, timer and queue gone; twice is harmless (08-46)", async () => {
    const agentId = await agent({ status: "paused", pauseReason: "manual", nextTimerAt: new Date() });
    const waiting = await queued(agentId);
    const other = await agent();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: other });
    const blocking = await queued(other, { issueId });
    const deferred = await aRequest(world.db.sql, { companyId, agentId, issueId, status: "deferred_issue_execution" });
    const keyId = await insertRow(world.db.sql, "agent_api_keys", {
      companyId,
      agentId,
      name: "k",
      keyHash: `h${agentId}`,
    });
    const terminated = await terminateAgent(deps(), { agentId, actor });
    expect(terminated).toMatchObject({ status: "terminated", pauseReason: null, nextTimerAt: null });
    const text = "Cancelled because the agent was terminated";
    expect(await world.run(waiting.id)).toMatchObject({ status: "cancelled", error: text, cancelKind: "system" });
    expect(await world.request(deferred)).toMatchObject({ status: "cancelled", error: text });
    expect(await countRows(world.db.sql, "agent_api_keys WHERE id = $1 AND revoked_at IS NOT NULL", [keyId])).toBe(1);
    expect(world.told.queues).toContain(`remove ${agentId}`);
    expect((await world.run(blocking.id)).status).toBe("queued");
    await terminateAgent(deps(), { agentId, actor });
    expect(
      await countRows(world.db.sql, "activity_log WHERE entity_id = $1 AND action = 'agent.terminated'", [agentId]),
    ).toBe(1);
  });
});
