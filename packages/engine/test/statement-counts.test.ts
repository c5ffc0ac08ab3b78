/** How many statements PostgreSQL sees for a wake and for a run, BEGIN and COMMIT counted. */
import { type Database, ensureLocalEnvironment } from "@wakefleet/store";
import { aCompany, anAgent, anIssue } from "@wakefleet/testkit";
import type pg from "pg";
import { beforeAll, describe, expect, it } from "vitest";
import { createRunDispatcher } from "../src/dispatch/run-dispatcher.js";
import { newId } from "../src/ids.js";
import { createWakeupAcceptor } from "../src/wakeups/wakeup-acceptor.js";
import { done, silentLog, useWorld, wakeRequest } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
  // Every company has one from its creation on.
  await ensureLocalEnvironment(world.db.sql, companyId);
});

/** A pool whose statements are noted, on whatever connection they run. */
function countingPool(): { db: Database; statements: string[] } {
  const db = world.pool();
  const statements: string[] = [];
  const count = (client: pg.PoolClient): void => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const [first] = args;
      statements.push(
        typeof first === "string" ? first : ((first as { name?: string; text: string }).name ?? "unnamed"),
      );
      return query(...args);
    }) as typeof client.query;
  };
  db.pool.on("connect", count);
  db.transactionPool.on("connect", count);
  return { db, statements };
}

/** Run events and output progress are batches of their own (issue 2, "besides log and event batches"). */
const BATCHES = new Set(["append_run_events_if_held", "store_output_progress"]);

describe("statements", () => {
  it("RL-25 accepting a wake without an issue takes at most 6, its dispatch mark among them", async () => {
    const { db, statements } = countingPool();
    const dispatcher = createRunDispatcher({
      db,
      queue: { dispatch: async (jobs) => jobs.map(() => true) },
      faults: { hit: async () => undefined },
      log: silentLog,
    });
    const acceptor = createWakeupAcceptor({ db, newId, dispatcher, events: world.told.publisher });
    const agentId = await anAgent(world.db.sql, { companyId });
    await acceptor.accept(wakeRequest({ agentId, idempotencyKey: "k" }));
    await dispatcher.idle();
    expect(statements).toEqual([
      "BEGIN",
      "lock_agents",
      "read_wake_facts_with_keys",
      "record_new_wakeups",
      "COMMIT",
      "mark_dispatched",
    ]);
  });

  it("RL-25 accepting a wake of an issue is one transaction of at most 10, whether it is queued, joins, waits or hastens", async () => {
    const { db, statements } = countingPool();
    const acceptor = createWakeupAcceptor({
      db,
      newId,
      dispatcher: world.told.dispatcher,
      events: world.told.publisher,
    });
    const agentId = await anAgent(world.db.sql, { companyId });
    const other = await anAgent(world.db.sql, { companyId });
    const issueId = await anIssue(world.db.sql, { companyId, status: "in_progress", assigneeAgentId: agentId });
    const counted: [string, number][] = [];
    const ask = async (id: string, payload = {}) => {
      statements.length = 0;
      const asked = wakeRequest({ agentId: id, payload: { issueId, ...payload }, logActivity: true });
      const answer = await acceptor.accept(asked);
      expect(statements.filter((one) => one === "BEGIN" || one === "COMMIT")).toEqual(["BEGIN", "COMMIT"]);
      counted.push([answer.outcome, statements.length]);
      return answer;
    };
    await ask(agentId);
    await ask(agentId, { note: 1 });
    await ask(other);
    await ask(other, { note: 1 });
    await world.db.sql.query(
      `UPDATE heartbeat_runs SET status = 'scheduled_retry', scheduled_retry_at = now() + interval '1 hour'
        WHERE agent_id = $1 AND status = 'queued'`,
      [agentId],
    );
    await ask(agentId, { note: 2 });
    await ask(agentId, { resumeFromRunId: newId() });
    expect(counted.map(([outcome]) => outcome)).toEqual([
      ...["queued", "coalesced", "deferred", "deferred", "coalesced", "coalesced"],
    ]);
    for (const [, count] of counted) expect(count).toBeLessThanOrEqual(10);
  });

  it("RL-25 claim, start, spawn and end of a process run without an issue take at most 12", async () => {
    const { db, statements } = countingPool();
    const agentId = await anAgent(world.db.sql, { companyId });
    const { run } = await world.wake({ agentId });
    const worker = await world.worker(
      async ({ onSpawn, onLog, onMeta }) => {
        await onSpawn?.({ pid: 1, processGroupId: 1, startedAt: new Date() });
        await onMeta?.({
          adapterType: "process",
          command: "true",
          cwd: null,
          commandArgs: [],
          commandNotes: [],
          env: {},
          prompt: null,
          promptMetrics: {},
          context: {},
        });
        await onLog("stdout", "hello\n");
        return done;
      },
      { db },
    );
    statements.length = 0;
    await worker.work({ id: run?.id ?? "", agentId });
    const counted = statements.filter((statement) => !BATCHES.has(statement));
    expect(counted.length).toBeLessThanOrEqual(12);
    expect(counted.filter((statement) => statement === "unnamed")).toEqual([]);
  });

  it("CX-1, RL-25 the set-up of an issue's run takes at most 12, in the order of its steps", async () => {
    const { db, statements } = countingPool();
    const agentId = await anAgent(world.db.sql, { companyId, runtimeConfig: { sessionCompaction: { enabled: true } } });
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    await world.db.sql.query(
      `INSERT INTO agent_task_sessions (company_id, agent_id, adapter_type, task_key, session_display_id)
       VALUES ($1, $2, 'process', $3, 's')`,
      [companyId, agentId, issueId],
    );
    const { run } = await world.wake({ agentId, reason: "issue_commented", payload: { issueId } });
    const worker = await world.worker(() => done, { db });
    statements.length = 0;
    await worker.work({ id: run?.id ?? "", agentId });
    const setUp = statements.slice(statements.indexOf("COMMIT") + 1, statements.indexOf("store_start_if_held") + 1);
    const steps = [
      "lock_issue_of_run",
      "read_issue_gate_facts",
      "check_out_issue_if_free",
      "read_context_facts",
      "read_session_history",
      "store_start_if_held",
    ];
    expect(setUp.filter((statement) => steps.includes(statement))).toEqual(steps);
    expect(setUp.length).toBeLessThanOrEqual(12);
  });
});
