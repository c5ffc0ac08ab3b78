/** Hard stops and their end on a real database (BU-20 to BU-33): spec 08 checks 3, 5, 14 and 53. */
import type { AdapterExecutionResult } from "@wakefleet/adapters";
import { rebuildBudgetCounters } from "@wakefleet/store";
import { aCompany, anAgent, anIssue, aRequest, aRun, insertRow, waitFor } from "@wakefleet/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { reportCost } from "../src/budget/report-cost.js";
import { resolveBudgetIncident } from "../src/budget/resolve-incident.js";
import { setBudgetPolicy } from "../src/budget/set-policy.js";
import { createLeaseKeeper } from "../src/runs/lease-keeper.js";
import { checkBudgetCounters } from "../src/sweeps/check-budget-counters.js";
import { finishEnds } from "../src/sweeps/finish-ends.js";
import { reconcileStrandedWork } from "../src/sweeps/reconcile-stranded-work.js";
import { goOn, sweepDeps } from "./recovery-support.js";
import { countRows, done, type Play, silentLog, type TestWorker, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeEach(async () => {
  companyId = await aCompany(world.db.sql);
});

const operator = { type: "user", id: "ann", agentId: null, userId: "ann", runId: null } as const;
const deps = () => ({ ...world.cancelDeps(), queue: world.told.runQueue() });
const agent = (columns = {}) => anAgent(world.db.sql, { companyId, ...columns });
const project = () => insertRow(world.db.sql, "projects", { companyId, name: "P" });
const policy = (scopeType: "company" | "agent" | "project", scopeId: string, amount = 100) =>
  setBudgetPolicy(deps(), { companyId, scopeType, scopeId, setting: { amount }, actor: operator });
const spend = (agentId: string, costCents: number, projectId: string | null = null) =>
  reportCost(deps(), {
    event: {
      companyId,
      agentId,
      projectId,
      costCents,
      issueId: null,
      goalId: null,
      heartbeatRunId: null,
      billingCode: null,
      provider: "p",
      biller: "p",
      model: "m",
      billingType: "metered_api",
      inputTokens: 0,
      cachedInputTokens: 0,
      outputTokens: 0,
      occurredAt: new Date(),
      dedupeKey: null,
    },
    actor: operator,
  });
const spends =
  (costUsd: number, more: Partial<AdapterExecutionResult> = {}): Play =>
  () => ({ ...done, costUsd, billingType: "api", provider: "p", model: "m", ...more });
const queued = async (agentId: string, columns = {}) => ({
  id: await aRun(world.db.sql, { companyId, agentId, ...columns }),
  agentId,
});
const column = async (table: string, id: string, name: string): Promise<unknown> => {
  const [row] = await world.db.sql.query<{ value: unknown }>(`SELECT ${name} AS value FROM ${table} WHERE id = $1`, [
    id,
  ]);
  return row?.value;
};
const PAUSED = "Cancelled due to budget pause";

/** A worker whose adapter runs until it is aborted. */
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

describe("an agent is stopped", () => {
  it("BU-21, BU-22 running, queued, scheduled and deferred work ends, and no issue is touched (08-3)", async () => {
    const agentId = await agent({ heartbeat: { maxConcurrentRuns: 1 } });
    await policy("agent", agentId);
    const worker = await patientWorker();
    const running = await queued(agentId);
    const working = worker.work(running);
    await waitFor(() => worker.deps.held.get(running.id), { what: "the run to be held" });
    const issues = await Promise.all(
      [0, 1, 2, 3, 4].map(() => anIssue(world.db.sql, { companyId, status: "in_progress", assigneeAgentId: agentId })),
    );
    const waiting = await Promise.all(issues.map((issueId) => queued(agentId, { issueId })));
    const retry = await queued(agentId, { status: "scheduled_retry" });
    const deferred = await Promise.all(
      issues
        .slice(0, 2)
        .map((issueId) => aRequest(world.db.sql, { companyId, agentId, issueId, status: "deferred_issue_execution" })),
    );

    await spend(agentId, 100);
    expect(world.told.cancels).toContainEqual({ runId: running.id, workerId: worker.id });
    expect(world.told.queues).toContain(`pause ${agentId}`);
    await worker.renew();
    await working;
    for (const { id } of [running, retry, ...waiting]) {
      expect(await world.run(id)).toMatchObject({
        status: "cancelled",
        error: PAUSED,
        errorCode: "cancelled",
        cancelKind: "budget",
        cancelRecover: false,
        resultJson: { stopReason: "budget_paused" },
      });
    }
    for (const { id } of [retry, ...waiting]) expect(world.told.removed).toContain(id);
    for (const id of deferred) expect(await world.request(id)).toMatchObject({ status: "cancelled", error: PAUSED });
    for (const id of issues) expect(await column("issues", id, "status")).toBe("in_progress");
    expect(
      await countRows(world.db.sql, "heartbeat_runs WHERE agent_id = $1 AND status IN ('queued','running')", [agentId]),
    ).toBe(0);
    expect(await column("agents", agentId, "status")).toBe("paused");
    expect(world.told.events).toContainEqual(
      expect.objectContaining({
        type: "agent.status",
        payload: expect.objectContaining({ agentId, status: "paused" }),
      }),
    );
  });

  it("BU-22 another agent's deferred wake is promoted by the end of a stopped run; the stopped agent's is not", async () => {
    const [stopped, other] = [await agent(), await agent()];
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: stopped });
    const { run } = await world.wake({ agentId: stopped, payload: { issueId } });
    const theirs = await world.wake({ agentId: other, payload: { issueId } });
    expect(theirs.outcome).toBe("deferred");
    await policy("agent", stopped);
    await spend(stopped, 100);
    expect(await world.run(run?.id ?? "")).toMatchObject({ status: "cancelled", error: PAUSED });
    const promoted = await world.request(theirs.wakeup.id);
    expect(promoted.status).toBe("queued");
    expect(await world.run(promoted.runId ?? "")).toMatchObject({ status: "queued", agentId: other });
  });

  it("BU-27, FI-11 the cost of a run stops its agent before its issue is released, so nothing is promoted", async () => {
    const agentId = await agent();
    await policy("agent", agentId);
    const issueId = await anIssue(world.db.sql, { companyId, status: "todo", assigneeAgentId: agentId });
    const run = await queued(agentId, { issueId });
    const worker = await world.worker(spends(1));
    const deferred = await aRequest(world.db.sql, { companyId, agentId, issueId, status: "deferred_issue_execution" });
    world.told.events.length = 0;
    await worker.work(run);
    expect(await world.run(run.id)).toMatchObject({ status: "succeeded" });
    expect(await world.request(deferred)).toMatchObject({ status: "cancelled", error: PAUSED, runId: null });
    expect(await column("issues", issueId, "execution_run_id")).toBeNull();
    expect(await column("agents", agentId, "pause_reason")).toBe("budget");
    const statuses = world.told.events.filter((event) => event.type === "agent.status").map((event) => event.payload);
    expect(statuses.at(-1)).toMatchObject({ status: "paused" });
  });

  it("BU-22 a run that failed for a moment and broke the budget is not tried again", async () => {
    const agentId = await agent();
    await policy("agent", agentId);
    const run = await queued(agentId);
    const failed = { exitCode: 1, errorCode: "claude_transient_upstream", errorFamily: "transient_upstream" } as const;
    const worker = await world.worker(spends(1, failed));
    await worker.work(run);
    expect(await world.run(run.id)).toMatchObject({ status: "failed" });
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE retry_of_run_id = $1", [run.id])).toBe(0);
  });

  it("BU-44, FI-14 however often the end is written, the cost is counted once (08-14)", async () => {
    const agentId = await agent();
    const run = await queued(agentId);
    const worker = await world.worker(spends(0.4));
    await worker.work(run);
    await worker.work(run);
    expect(await countRows(world.db.sql, "cost_events WHERE heartbeat_run_id = $1", [run.id])).toBe(1);
    const sums = await world.db.sql.query<{ observed: number }>(
      "SELECT observed_cents AS observed FROM budget_counters WHERE company_id = $1",
      [companyId],
    );
    expect(sums.map((row) => row.observed)).toEqual([40, 40, 40, 40]);
  });

  it("BU-24, WK-51 a resumed agent's timer runs again and its queue goes on; what was cancelled stays so (BU-26)", async () => {
    const agentId = await agent({ heartbeat: { enabled: true, intervalSec: 60 } });
    await policy("agent", agentId);
    const run = await queued(agentId);
    await spend(agentId, 100);
    expect(await column("agents", agentId, "next_timer_at")).toBeNull();
    await policy("agent", agentId, 500);
    expect(await column("agents", agentId, "status")).toBe("idle");
    expect(await column("agents", agentId, "next_timer_at")).toBeInstanceOf(Date);
    expect(world.told.queues).toContain(`resume ${agentId}`);
    expect((await world.run(run.id)).status).toBe("cancelled");
  });

  it("BU-33 resumed by hand while exceeded, the next cost stops it again without a second incident", async () => {
    const agentId = await agent();
    await policy("agent", agentId);
    await spend(agentId, 100);
    await world.db.sql.query("UPDATE agents SET status = 'idle', pause_reason = NULL, paused_at = NULL WHERE id = $1", [
      agentId,
    ]);
    await spend(agentId, 1);
    expect(await column("agents", agentId, "pause_reason")).toBe("budget");
    expect(await countRows(world.db.sql, "budget_incidents WHERE scope_id = $1 AND status = 'open'", [agentId])).toBe(
      1,
    );
  });
});

describe("a company or project is stopped", () => {
  it("BU-21 the run that breaks a company's budget stops the work of its other agents, on every worker (BU-23)", async () => {
    const [spender, ...others] = await Promise.all([0, 1, 2, 3].map(() => agent()));
    if (spender === undefined) throw new Error("no agent");
    await policy("company", companyId);
    const workers = await Promise.all(others.map(() => patientWorker()));
    const runs = await Promise.all(others.map((agentId) => queued(agentId)));
    const working = runs.map((run, index) => workers[index]?.work(run));
    for (const [index, run] of runs.entries()) {
      await waitFor(() => workers[index]?.deps.held.get(run.id), { what: "the run to be held" });
    }
    const waiting = await queued(others[0] ?? "");
    const worker = await world.worker(spends(1));
    await worker.work(await queued(spender));
    expect(await column("companies", companyId, "pause_reason")).toBe("budget");
    await Promise.all(workers.map((one) => one.renew()));
    await Promise.all(working);
    for (const { id } of [...runs, waiting]) {
      expect(await world.run(id)).toMatchObject({ status: "cancelled", error: PAUSED });
    }
    // Agents of a stopped company are not paused themselves.
    for (const id of others) expect(await column("agents", id, "status")).toBe("idle");
    const refused = await world.ask({ agentId: spender });
    expect(refused).toMatchObject({
      outcome: "rejected",
      error: { message: "Company is paused because its budget hard-stop was reached." },
    });
  });

  it("BU-21, BU-22, BU-23 ten agents run on three workers: all end, no run starts after it and nothing is recovered (08-4)", async () => {
    const [spender = "", ...agents] = await Promise.all(Array.from({ length: 11 }, () => agent()));
    await policy("company", companyId);
    const workers = await Promise.all([patientWorker(), patientWorker(), patientWorker()]);
    const working = await Promise.all(
      agents.map(async (agentId, index) => {
        const issueId = await anIssue(world.db.sql, { companyId, status: "in_progress", assigneeAgentId: agentId });
        const run = await queued(agentId, { issueId });
        const worker = workers[index % workers.length];
        if (worker === undefined) throw new Error("no worker");
        const ended = worker.work(run);
        await waitFor(() => worker.deps.held.get(run.id), { what: "the run to be held" });
        return { run, agentId, issueId, ended };
      }),
    );
    await spend(spender, 100);
    // One lease renewal of each worker, and no more.
    await Promise.all(workers.map((worker) => worker.renew()));
    await Promise.all(working.map(({ ended }) => ended));
    for (const { run } of working) {
      expect(await world.run(run.id)).toMatchObject({ status: "cancelled", error: PAUSED, cancelKind: "budget" });
    }
    const runsBefore = await countRows(world.db.sql, "heartbeat_runs WHERE company_id = $1", [companyId]);
    // What a minute brings: wakes, sweeps, and claims of whatever might be there.
    for (let round = 0; round < 3; round += 1) {
      for (const { agentId, issueId } of working) {
        expect(await world.ask({ agentId, payload: { issueId } })).toMatchObject({ outcome: "rejected" });
      }
      await reconcileStrandedWork(sweepDeps(world), goOn);
      await finishEnds(sweepDeps(world), goOn);
    }
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE company_id = $1", [companyId])).toBe(runsBefore);
    expect(
      await countRows(
        world.db.sql,
        "issues WHERE company_id = $1 AND (status <> 'in_progress' OR origin_kind <> 'manual')",
        [companyId],
      ),
    ).toBe(0);
  });

  it("BU-21 a project's stop ends its runs only (08-5)", async () => {
    const [agentId, other] = [await agent({ heartbeat: { maxConcurrentRuns: 5 } }), await agent()];
    const [projectId, elsewhere] = [await project(), await project()];
    await policy("project", projectId);
    const issue = (columns: object) => anIssue(world.db.sql, { companyId, assigneeAgentId: agentId, ...columns });
    const inProject = await issue({ projectId, status: "in_progress" });
    const byContext = await queued(other, { contextSnapshot: { projectId } });
    const byIssue = await queued(agentId, { issueId: inProject });
    const namesElsewhere = await issue({ projectId });
    const named = await queued(other, { issueId: namesElsewhere, contextSnapshot: { projectId: elsewhere } });
    const unrelated = await queued(agentId, { issueId: await issue({ projectId: elsewhere }) });
    const request = (columns: object) =>
      aRequest(world.db.sql, { companyId, agentId: other, status: "deferred_issue_execution", ...columns });
    const caught = [await request({ payload: { projectId } }), await request({ issueId: inProject, payload: {} })];
    const spared = await request({ issueId: namesElsewhere, payload: { projectId: elsewhere } });

    await spend(agentId, 100, projectId);
    expect(await column("projects", projectId, "pause_reason")).toBe("budget");
    for (const { id } of [byContext, byIssue]) {
      expect(await world.run(id)).toMatchObject({ status: "cancelled", error: PAUSED });
    }
    for (const { id } of [named, unrelated]) expect((await world.run(id)).status).toBe("queued");
    for (const id of caught) expect((await world.request(id)).status).toBe("cancelled");
    expect((await world.request(spared)).status).toBe("deferred_issue_execution");
    expect(await column("issues", inProject, "status")).toBe("in_progress");
    const worker = await world.worker();
    expect(await worker.claim(unrelated)).toMatchObject({ kind: "claimed" });
    expect(await worker.claim(named)).not.toMatchObject({ kind: "claimed" });
    const refused = await world.ask({ agentId, payload: { issueId: inProject } });
    expect(refused).toMatchObject({ outcome: "rejected", error: { code: "budget_blocked" } });
  });

  it("CL-6, BU-15.8 a project paused for its budget while a run waits whose context names only an issue (08-53)", async () => {
    const agentId = await agent();
    const projectId = await project();
    const run = await queued(agentId, { issueId: await anIssue(world.db.sql, { companyId, projectId }) });
    await world.db.sql.query("UPDATE projects SET paused_at = now(), pause_reason = 'budget' WHERE id = $1", [
      projectId,
    ]);
    const worker = await world.worker();
    expect(await worker.claim(run)).toMatchObject({
      kind: "cancelled",
      text: "Project is paused because its budget hard-stop was reached.",
    });
  });

  it("BU-20, BU-24 a company and a project paused by hand keep their reason through stop and raise", async () => {
    const agentId = await agent();
    const projectId = await project();
    await policy("company", companyId);
    await policy("project", projectId);
    const manual = "paused_at = now(), pause_reason = 'manual'";
    await world.db.sql.query(`UPDATE projects SET ${manual} WHERE id = $1`, [projectId]);
    await world.db.sql.query(`UPDATE companies SET status = 'paused', ${manual} WHERE id = $1`, [companyId]);
    await spend(agentId, 100, projectId);
    await policy("company", companyId, 1_000);
    await policy("project", projectId, 1_000);
    expect(await column("companies", companyId, "pause_reason")).toBe("manual");
    expect(await column("companies", companyId, "status")).toBe("paused");
    expect(await column("projects", projectId, "pause_reason")).toBe("manual");
  });

  it("BU-35 raising resolves every open incident of the policy and closes their approvals", async () => {
    const agentId = await agent();
    const { id: policyId } = await policy("agent", agentId);
    await spend(agentId, 100);
    const approvalId = await insertRow(world.db.sql, "approvals", {
      companyId,
      type: "budget_override_required",
      payload: {},
    });
    const older = await insertRow(world.db.sql, "budget_incidents", {
      companyId,
      policyId,
      scopeType: "agent",
      scopeId: agentId,
      metric: "billed_cents",
      windowKind: "calendar_month_utc",
      windowStart: new Date("2025-01-01T00:00:00Z"),
      windowEnd: new Date("2025-02-01T00:00:00Z"),
      thresholdType: "hard",
      amountLimit: 1,
      amountObserved: 1,
      approvalId,
    });
    const asked = { action: "raise_budget_and_resume", amount: 101 } as const;
    const command = { companyId, incidentId: older, asked, decisionNote: null, actor: operator };
    await resolveBudgetIncident(deps(), command);
    expect(await countRows(world.db.sql, "budget_incidents WHERE policy_id = $1 AND status = 'open'", [policyId])).toBe(
      0,
    );
    expect(await countRows(world.db.sql, "approvals WHERE company_id = $1 AND status = 'approved'", [companyId])).toBe(
      2,
    );
  });
});

describe("the sums", () => {
  it("BU-41, BU-3 a run's event names its issue's project, else the context's; a foreign project is none", async () => {
    const agentId = await agent();
    const [ofIssue, ofContext] = [await project(), await project()];
    const foreign = await insertRow(world.db.sql, "projects", {
      companyId: await aCompany(world.db.sql),
      name: "foreign",
    });
    const issueId = await anIssue(world.db.sql, { companyId, projectId: ofIssue, assigneeAgentId: agentId });
    const worker = await world.worker(spends(0.1));
    const booked = async (columns: object): Promise<unknown> => {
      const run = await queued(agentId, columns);
      await worker.work(run);
      const [event] = await world.db.sql.query("SELECT project_id FROM cost_events WHERE heartbeat_run_id = $1", [
        run.id,
      ]);
      return event;
    };
    const context = (projectId: string, more = {}) => ({ contextSnapshot: { projectId, ...more } });
    expect(await booked({ issueId, ...context(ofContext, { issueId }) })).toEqual({ project_id: ofIssue });
    expect(await booked(context(ofContext))).toEqual({ project_id: ofContext });
    expect(await booked(context(foreign))).toEqual({ project_id: null });
    expect(await booked(context("nonsense"))).toEqual({ project_id: null });
    expect(
      await countRows(
        world.db.sql,
        "budget_counters WHERE scope_type = 'project' AND observed_cents = 10 AND company_id = $1",
        [companyId],
      ),
    ).toBe(4);
  });

  it("BU-18 sums that went wrong are made again from the events, and right ones are left alone", async () => {
    const agentId = await agent();
    const projectId = await project();
    await spend(agentId, 30, projectId);
    const rebuild = () => world.db.transaction((tx) => rebuildBudgetCounters(tx, companyId));
    expect(await rebuild()).toEqual([]);
    await world.db.sql.query("UPDATE budget_counters SET observed_cents = 1 WHERE scope_id = $1", [agentId]);
    await world.db.sql.query("DELETE FROM budget_counters WHERE scope_id = $1", [projectId]);
    await world.db.sql.query(
      `INSERT INTO budget_counters (company_id, scope_type, scope_id, window_start, observed_cents)
       VALUES ($1, 'agent', gen_random_uuid(), '1970-01-01 00:00:00+00', 9)`,
      [companyId],
    );
    expect((await rebuild()).map(({ scopeType, before, after }) => ({ scopeType, before, after }))).toEqual(
      expect.arrayContaining([
        { scopeType: "agent", before: 1, after: 30 },
        { scopeType: "project", before: 0, after: 30 },
        { scopeType: "agent", before: 9, after: 0 },
      ]),
    );
    expect(await rebuild()).toEqual([]);
  });

  it("BU-18 the sweep mends the sums of every company, tells of each, and the next one finds nothing", async () => {
    await spend(await agent(), 30);
    await world.db.sql.query("UPDATE budget_counters SET observed_cents = 1 WHERE company_id = $1", [companyId]);
    const told: object[] = [];
    const log = { ...silentLog, error: (fields: object) => void told.push(fields) };
    const sweep = () => checkBudgetCounters({ db: world.db, log }, new AbortController().signal);
    expect((await sweep()).mended).toBe(4);
    expect(told).toContainEqual(
      expect.objectContaining({ event: "budget.counter_mended", companyId, before: 1, after: 30 }),
    );
    expect((await sweep()).mended).toBe(0);
  });
});

describe("at the same time", () => {
  const ROUNDS = 25;
  /** Up to a few milliseconds, so that every order of two steps comes about. */
  const aMoment = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 6));

  it("BU-23 a company's stop against accepts and claims of its agents: no run is left", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      companyId = await aCompany(world.db.sql);
      const agents = await Promise.all([0, 1, 2].map(() => agent()));
      await policy("company", companyId);
      const workers = await Promise.all(agents.map(() => world.worker()));
      const ready = await Promise.all(agents.map((agentId) => queued(agentId)));
      await Promise.all([
        aMoment().then(() => spend(agents[0] ?? "", 100)),
        ...ready.map((run, index) => aMoment().then(() => workers[index]?.claim(run))),
        ...agents.map(async (agentId, index) => {
          await aMoment();
          const result = await world.ask({ agentId });
          if (result.outcome !== "rejected" && result.run !== null) await workers[index]?.claim(result.run);
        }),
      ]);
      expect(
        await countRows(
          world.db.sql,
          `heartbeat_runs WHERE company_id = $1 AND (status IN ('queued','scheduled_retry')
             OR (status = 'running' AND cancel_kind IS DISTINCT FROM 'budget'))`,
          [companyId],
        ),
      ).toBe(0);
      expect(await column("companies", companyId, "status")).toBe("paused");
    }
  });

  it("BU-23 an agent's stop against accept and claim: no run is left", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const agentId = await agent();
      await policy("agent", agentId);
      const worker = await world.worker();
      const ready = await queued(agentId);
      await Promise.all([
        aMoment().then(() => spend(agentId, 100)),
        aMoment().then(() => worker.claim(ready)),
        ...[0, 1].map(async () => {
          await aMoment();
          const result = await world.ask({ agentId });
          if (result.outcome !== "rejected" && result.run !== null) await worker.claim(result.run);
        }),
      ]);
      expect(
        await countRows(
          world.db.sql,
          `heartbeat_runs WHERE agent_id = $1 AND (status IN ('queued','scheduled_retry')
             OR (status = 'running' AND cancel_kind IS DISTINCT FROM 'budget'))`,
          [agentId],
        ),
      ).toBe(0);
    }
  });

  it("BU-18, BU-31 runs of one company end at once: every cent is counted, one incident of each kind is opened", async () => {
    for (let round = 0; round < 8; round += 1) {
      companyId = await aCompany(world.db.sql);
      await policy("company", companyId, 300);
      const agents = await Promise.all([0, 1, 2, 3, 4].map(() => agent()));
      const worker = await world.worker(async () => {
        await aMoment();
        return { ...done, costUsd: 1, billingType: "api", provider: "p", model: "m" };
      });
      const runs = await Promise.all(agents.map((agentId) => queued(agentId)));
      await Promise.all(runs.map((run) => worker.work(run)));
      const [sums] = await world.db.sql.query<{ counted: number; booked: number }>(
        `SELECT (SELECT observed_cents FROM budget_counters WHERE scope_id = $1 AND window_start = '1970-01-01 00:00:00+00')
                  AS counted,
                (SELECT sum(cost_cents)::bigint FROM cost_events WHERE company_id = $1) AS booked`,
        [companyId],
      );
      expect(sums?.counted).toBe(sums?.booked);
      expect(await countRows(world.db.sql, "budget_incidents WHERE scope_id = $1", [companyId])).toBe(2);
    }
  });

  it("BU-31 setting a policy against costs: whoever comes first, the scope ends stopped with one open incident", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const agentId = await agent();
      await Promise.all([
        aMoment().then(() => spend(agentId, 60)),
        aMoment().then(() => policy("agent", agentId)),
        aMoment().then(() => spend(agentId, 60)),
      ]);
      expect(await column("agents", agentId, "pause_reason")).toBe("budget");
      expect(
        await countRows(
          world.db.sql,
          "budget_incidents WHERE scope_id = $1 AND status = 'open' AND threshold_type = 'hard'",
          [agentId],
        ),
      ).toBe(1);
    }
  });
});
