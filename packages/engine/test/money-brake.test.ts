/** The money brake on a real database (BY-6): runs that tell what they cost, on several workers. */
import type { AdapterExecutionResult, RunProgress } from "@wakefleet/adapters";
import { aCompany, anAgent, aRun, insertRow, waitFor } from "@wakefleet/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { createMoneyBrake } from "../src/budget/money-brake.js";
import { setBudgetPolicy } from "../src/budget/set-policy.js";
import { createLeaseKeeper } from "../src/runs/lease-keeper.js";
import { countRows, type Play, silentLog, type TestWorker, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeEach(async () => {
  companyId = await aCompany(world.db.sql);
});

const operator = { type: "user", id: "ann", agentId: null, userId: "ann", runId: null } as const;
const deps = () => ({ ...world.cancelDeps(), queue: world.told.runQueue() });
const agent = (columns = {}) => anAgent(world.db.sql, { companyId, ...columns });
const policy = (scopeType: "company" | "agent" | "project", scopeId: string, amount = 100) =>
  setBudgetPolicy(deps(), { companyId, scopeType, scopeId, setting: { amount }, actor: operator });
const run = async (agentId: string, columns = {}) => ({
  id: await aRun(world.db.sql, { companyId, agentId, ...columns }),
  agentId,
});
/** What the events of a run say of soft limits. */
const softLimitsTold = async (runId: string): Promise<unknown[]> => {
  const events = await world.db.sql.query<{ payload: unknown }>(
    "SELECT payload FROM heartbeat_run_events WHERE run_id = $1 AND event_type = 'budget.soft_limit' ORDER BY seq",
    [runId],
  );
  return events.map(({ payload }) => payload);
};
const companyOf = async (agentId: string): Promise<string> => {
  const [row] = await world.db.sql.query<{ id: string }>("SELECT company_id AS id FROM agents WHERE id = $1", [
    agentId,
  ]);
  return String(row?.id);
};
const sessionOf = (runId: string): string => `session-${runId}`;

/** An agent's tool that tells what it has cost, and is stopped by its signal. */
interface Spender {
  tell(costUsd: number, more?: Partial<RunProgress>): void;
  finish(result?: Partial<AdapterExecutionResult>): void;
}

/** What a run that was stopped answers. */
type Stopped = (toldUsd: number | null) => Partial<AdapterExecutionResult>;
const tellsAll: Stopped = (costUsd) => ({ costUsd });

async function spendingWorker(whenStopped: Stopped = tellsAll) {
  const spenders = new Map<string, Spender>();
  const play: Play = ({ runId, signal, onProgress }) =>
    new Promise((resolve) => {
      let told: number | null = null;
      const sessionId = sessionOf(runId);
      const result = { exitCode: 0, signal: null, timedOut: false, sessionId, billingType: "api" } as const;
      spenders.set(runId, {
        tell(costUsd, more = {}) {
          told = costUsd;
          onProgress?.({ sessionId: sessionOf(runId), costUsd, billingType: "api", ...more });
        },
        finish: (more = {}) => resolve({ ...result, costUsd: told, ...more }),
      });
      signal.addEventListener("abort", () =>
        resolve({ ...result, exitCode: null, signal: "SIGTERM", errorCode: "cancelled", ...whenStopped(told) }),
      );
    });
  const worker = await world.worker(play);
  const { held, faults } = worker.deps;
  const keeper = createLeaseKeeper({
    db: world.db,
    held,
    workerId: worker.id,
    leaseMs: 30_000,
    renewEveryMs: 60_000,
    adoptGraceMs: 120_000,
    faults,
    log: silentLog,
  });
  const look = createMoneyBrake({ ...deps(), held, workerId: worker.id, seeCancels: () => keeper.renewOnce() });
  return { ...worker, look, renew: () => keeper.renewOnce(), spenders };
}

/** Starts a run and answers once its tool runs. */
async function start(worker: TestWorker & { spenders: Map<string, Spender> }, one: { id: string; agentId: string }) {
  const ended = worker.work(one);
  const spender = await waitFor(() => worker.spenders.get(one.id), { what: "the tool to run" });
  return { ...one, ended, ...spender };
}

describe("a run that spends its budget", () => {
  it("BY-6 is stopped at the hard limit as a cancel would, keeps its session and shows the overshoot", async () => {
    const agentId = await agent();
    await policy("agent", agentId);
    const worker = await spendingWorker((told) => ({ costUsd: (told ?? 0) + 0.07 }));
    const going = await start(worker, await run(agentId, { taskKey: "t" }));
    going.tell(0.79);
    await worker.look();
    expect(await world.run(going.id)).toMatchObject({ status: "running", costSoFarCents: 79, cancelRequestedAt: null });
    going.tell(1.05);
    await worker.look();
    await going.ended;
    expect(await world.run(going.id)).toMatchObject({
      status: "cancelled",
      error: "Cancelled due to budget pause",
      errorCode: "cancelled",
      cancelKind: "budget",
      cancelRecover: false,
      sessionIdAfter: sessionOf(going.id),
      resultJson: {
        stopReason: "budget_paused",
        budgetStop: {
          scopeType: "agent",
          scopeId: agentId,
          limitCents: 100,
          observedCents: 105,
          runCents: 112,
          overshootCents: 12,
        },
      },
    });
    expect(await countRows(world.db.sql, "agents WHERE id = $1 AND status = 'paused'", [agentId])).toBe(1);
    expect(await countRows(world.db.sql, "cost_events WHERE agent_id = $1 AND cost_cents = 112", [agentId])).toBe(1);
    const incidents = "budget_incidents WHERE company_id = $1 AND status = 'open' AND threshold_type = 'hard'";
    expect(await countRows(world.db.sql, `${incidents} AND amount_observed = 105`, [companyId])).toBe(1);
    const kept = "agent_task_sessions WHERE agent_id = $1 AND task_key = 't' AND session_display_id = $2";
    expect(await countRows(world.db.sql, kept, [agentId, sessionOf(going.id)])).toBe(1);
  });

  it("BY-6 its session goes on once the budget was raised", async () => {
    const agentId = await agent();
    await policy("agent", agentId);
    const worker = await spendingWorker();
    const going = await start(worker, await run(agentId, { taskKey: "t" }));
    going.tell(2);
    await worker.look();
    await going.ended;
    await policy("agent", agentId, 1_000);
    const next = await run(agentId, { taskKey: "t" });
    const { claimed } = (await worker.claim(next)) as { claimed: { sessions: { taskSession: unknown } } };
    expect(claimed.sessions.taskSession).toMatchObject({ displayId: sessionOf(going.id) });
  });

  it("BY-6 a tool that tells its cost at its end only is booked with what it told before", async () => {
    const agentId = await agent();
    await policy("agent", agentId);
    const worker = await spendingWorker(() => ({ costUsd: null }));
    const going = await start(worker, await run(agentId));
    going.tell(1.5);
    await worker.look();
    await going.ended;
    expect(await countRows(world.db.sql, "cost_events WHERE agent_id = $1 AND cost_cents = 150", [agentId])).toBe(1);
  });

  it("BY-6 at the soft limit an incident is opened and the run goes on", async () => {
    const agentId = await agent();
    await policy("agent", agentId);
    const worker = await spendingWorker();
    const going = await start(worker, await run(agentId));
    going.tell(0.8);
    await worker.look();
    going.tell(0.9);
    await worker.look();
    going.finish();
    await going.ended;
    expect((await world.run(going.id)).status).toBe("succeeded");
    const incidents = "budget_incidents WHERE company_id = $1 AND threshold_type = $2";
    expect(await countRows(world.db.sql, incidents, [companyId, "soft"])).toBe(1);
    expect(await countRows(world.db.sql, incidents, [companyId, "hard"])).toBe(0);
  });

  it("BY-6 each run that spends on after the soft limit says once that its agent is told, also those on other workers", async () => {
    const agentIds = [await agent(), await agent(), await agent({ companyId: await aCompany(world.db.sql) })];
    await policy("company", companyId);
    const workers = [await spendingWorker(), await spendingWorker()] as const;
    const [first, second, foreign] = await Promise.all(
      agentIds.map(async (agentId, at) => {
        const owner = at === 2 ? await companyOf(agentId) : companyId;
        const id = await aRun(world.db.sql, { companyId: owner, agentId });
        return start(workers[at === 1 ? 1 : 0], { id, agentId });
      }),
    );
    if (first === undefined || second === undefined || foreign === undefined)
      throw new Error("three runs were started");
    foreign.tell(0.9);
    second.tell(0.2);
    await workers[1].look();
    expect(await softLimitsTold(second.id)).toEqual([]);
    first.tell(0.6);
    await workers[0].look();
    first.tell(0.61);
    await workers[0].look();
    second.tell(0.22);
    await workers[1].look();
    const told = { scopeType: "company", scopeId: companyId, limitCents: 100, warnPercent: 80 };
    expect(await softLimitsTold(first.id)).toMatchObject([{ ...told, spentCents: 80 }]);
    expect(await softLimitsTold(second.id)).toMatchObject([{ ...told, spentCents: 83 }]);
    expect(await softLimitsTold(foreign.id)).toEqual([]);
    await policy("company", companyId, 110);
    first.tell(0.7);
    await workers[0].look();
    expect(await softLimitsTold(first.id)).toMatchObject([{ limitCents: 100 }, { limitCents: 110, spentCents: 92 }]);
    for (const one of [first, second, foreign]) {
      one.finish();
      await one.ended;
    }
  });

  it.each<[string, Partial<RunProgress>]>([
    ["is paid by a subscription", { billingType: "subscription" }],
    ["told no cost", { costUsd: null }],
  ])("BY-6 goes on where it %s", async (_, more) => {
    const agentId = await agent();
    await policy("agent", agentId);
    const worker = await spendingWorker(() => ({}));
    const going = await start(worker, await run(agentId));
    going.tell(50, more);
    await worker.look();
    going.finish({ costUsd: null });
    await going.ended;
    expect((await world.run(going.id)).status).toBe("succeeded");
  });

  it("BY-6 of a project is stopped by the project's budget, and no run of another is", async () => {
    const agentId = await agent({ heartbeat: { maxConcurrentRuns: 2 } });
    const [mine, other] = await Promise.all(
      ["P", "Q"].map((name) => insertRow(world.db.sql, "projects", { companyId, name })),
    );
    await policy("project", String(mine));
    const worker = await spendingWorker();
    const ofProject = await start(worker, await run(agentId, { contextSnapshot: { projectId: mine } }));
    const ofOther = await start(worker, await run(agentId, { contextSnapshot: { projectId: other } }));
    ofOther.tell(9);
    ofProject.tell(1);
    await worker.look();
    await ofProject.ended;
    expect(await world.run(ofProject.id)).toMatchObject({
      status: "cancelled",
      resultJson: { budgetStop: { scopeType: "project", scopeId: mine, observedCents: 100, overshootCents: 0 } },
    });
    expect((await world.run(ofOther.id)).cancelRequestedAt).toBeNull();
    ofOther.finish();
    await ofOther.ended;
  });
});

describe("what looking costs", () => {
  it("BY-6 nothing is asked without new money, nor for a run without a budget", async () => {
    const free = await agent();
    const worker = await spendingWorker();
    const going = await start(worker, await run(free));
    const { held } = worker.deps;
    const statements: string[] = [];
    const sql = {
      ...world.db.sql,
      query: (...args: Parameters<typeof world.db.sql.query>) => {
        statements.push(String(args[2] ?? args[0]));
        return world.db.sql.query(...args);
      },
    };
    const look = createMoneyBrake({
      ...deps(),
      db: { ...world.db, sql } as typeof world.db,
      held,
      workerId: worker.id,
      seeCancels: async () => undefined,
    });
    going.tell(5);
    await look();
    expect(statements).toEqual([]);
    const budgeted = await agent();
    await policy("agent", budgeted, 10_000);
    const theirs = await start(worker, await run(budgeted));
    await look();
    expect(statements).toEqual([]);
    theirs.tell(5);
    await look();
    await look();
    expect(statements).toEqual(["store_cost_so_far", "list_policies_over_runs"]);
    for (const one of [going, theirs]) {
      one.finish();
      await one.ended;
    }
  });
});

describe("runs of one budget on several workers", () => {
  it("BY-6 are stopped together when together they reach it, once, whoever finds it", async () => {
    for (let round = 0; round < 5; round += 1) {
      const owner = await aCompany(world.db.sql);
      companyId = owner;
      await policy("company", owner, 100);
      const workers = await Promise.all([0, 1, 2].map(() => spendingWorker()));
      const going = await Promise.all(
        workers.map(async (worker) => ({ worker, ...(await start(worker, await run(await agent()))) })),
      );
      await Promise.all(
        going.map(async ({ worker, tell }) => {
          for (const usd of [0.1, 0.2, 0.3, 0.36]) {
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 15));
            tell(usd);
            await worker.look();
          }
        }),
      );
      for (const { worker } of going) await worker.renew();
      await Promise.all(going.map(({ ended }) => ended));
      for (const { id } of going) {
        expect(await world.run(id)).toMatchObject({ status: "cancelled", cancelKind: "budget" });
      }
      const booked = await world.db.sql.query<{ cents: number }>(
        "SELECT sum(cost_cents)::int AS cents FROM cost_events WHERE company_id = $1",
        [owner],
      );
      // Whoever had not told its last when the limit was found is booked with what it had told.
      expect(booked[0]?.cents).toBeGreaterThanOrEqual(100);
      expect(booked[0]?.cents).toBeLessThanOrEqual(108);
      const hard = "budget_incidents WHERE company_id = $1 AND threshold_type = 'hard'";
      expect(await countRows(world.db.sql, hard, [owner])).toBe(1);
      const stops = 'heartbeat_runs WHERE company_id = $1 AND receipts @> \'[{"rule": "BY-6"}]\'';
      expect(await countRows(world.db.sql, stops, [owner])).toBe(3);
    }
  });
});
