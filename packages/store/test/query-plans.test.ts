/**
 * DM-15: the hot queries find what they need by an index on tables of a real size. Each runs as the service runs it, and
 * PostgreSQL is asked beforehand how it is going to do it; none may read one of the big tables from end to end.
 */
import { randomUUID } from "node:crypto";
import { aCompany, anAgent, createTestDatabase, type TestDatabase } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { countUnderCap } from "../src/accounts/provider-accounts.js";
import { listPoliciesOverRuns, readPoliciesInFlight } from "../src/budget/policies.js";
import { type Database, openDatabase } from "../src/database.js";
import { lockDueTimers } from "../src/fleet/timers.js";
import { findOrphanedRun, listOrphanedRuns, renewLeases } from "../src/fleet/workers.js";
import { readEndFacts } from "../src/liveness/end-facts.js";
import { readGraphFacts } from "../src/liveness/issue-graph.js";
import { readRecoveryFacts } from "../src/liveness/recovery-facts.js";
import { findOpenIssueOfOrigin, listOpenBlockerIds } from "../src/liveness/recovery-issues.js";
import { listSilentRuns, lockSilentRun, readSilenceNotes } from "../src/liveness/silent-runs.js";
import { listUnfinishedEnds, lockUnfinishedEnd } from "../src/liveness/unfinished-ends.js";
import { listRuns, listWakeups } from "../src/reading.js";
import {
  claimRunIfWaiting,
  lockIssueOfRun,
  lockIssuesHeldBy,
  readClaimFacts,
  readIssueGateFacts,
} from "../src/runs/claim-run.js";
import { endRunIf } from "../src/runs/end-run.js";
import {
  markDispatched,
  markPutBack,
  readRunsForJobs,
  sliceWaitingRuns,
  takeUndispatched,
} from "../src/runs/outbox.js";
import { readReleaseFacts, settleDeferredRequests } from "../src/runs/release-issue.js";
import { deleteOldRunEvents, forgetOldRunLogs } from "../src/runs/run-retention.js";
import { readPreviousSessionTotals } from "../src/runs/session-totals.js";
import type { Sql } from "../src/sql.js";
import { lockAgents, lockIssues } from "../src/wakeups/lock-wake-targets.js";
import { readWakeFacts } from "../src/wakeups/read-wake-facts.js";
import { recordWakeups } from "../src/wakeups/record-wakeups.js";
import { listWaitingRuns, listWakeupsOfRun, readAgentWhyFacts } from "../src/why-reading.js";
import { ending } from "./support.js";

const BIG_TABLES = new Set(["heartbeat_runs", "agent_wakeup_requests", "issues", "heartbeat_run_events"]);
const AGENTS = 500;

let testDatabase: TestDatabase;
let db: Database;
let companyId: string;
let agentId: string;
let issueId: string;
let runId: string;

/** 100,000 runs and requests, 10,000 issues: nearly all long over, a few hundred waiting, running or deferred. */
async function fill(): Promise<void> {
  const { sql } = db;
  companyId = await aCompany(sql);
  agentId = await anAgent(sql, { companyId });
  await sql.query(
    `INSERT INTO agents (company_id, name, adapter_type, next_timer_at)
     SELECT $1, 'agent ' || n, 'process', CASE WHEN n % 10 = 0 THEN now() + n * interval '1 minute' END
       FROM generate_series(2, $2) n`,
    [companyId, AGENTS],
  );
  await sql.query(
    `INSERT INTO issues (company_id, title, status, assignee_agent_id)
     SELECT $1, 'issue ' || n, 'todo', $2 FROM generate_series(1, 10000) n`,
    [companyId, agentId],
  );
  await sql.query("CREATE TABLE numbered AS SELECT row_number() OVER (ORDER BY id) AS place, id FROM agents");
  await sql.query("CREATE TABLE numbered_issues AS SELECT row_number() OVER (ORDER BY id) AS place, id FROM issues");
  await sql.query(
    `INSERT INTO agent_wakeup_requests (id, company_id, agent_id, source, status, run_id, issue_id, requested_at, finished_at)
     SELECT gen_random_uuid(), $1, a.id, 'on_demand', CASE WHEN n % 500 = 0 AND n <= 10000 THEN 'deferred_issue_execution' ELSE 'completed' END,
            CASE WHEN n % 500 <> 0 OR n > 10000 THEN gen_random_uuid() END, i.id::text, now() - n * interval '1 second',
            CASE WHEN n % 500 <> 0 OR n > 10000 THEN now() END
       FROM generate_series(1, 100000) n JOIN numbered a ON a.place = 1 + n % $2 JOIN numbered_issues i ON i.place = 1 + n % 10000`,
    [companyId, AGENTS],
  );
  await sql.query(
    `INSERT INTO heartbeat_runs (company_id, agent_id, status, issue_id, task_key, created_at, dispatched_at, finished_at,
            finalized_at, session_id_after, scheduled_retry_at, worker_id, lease_expires_at, run_slot)
     SELECT $1, a.id, s.status, i.id::text, i.id::text, now() - n * interval '1 second',
            CASE WHEN n % 1000 <> 0 THEN now() END,
            CASE WHEN s.status = 'succeeded' THEN now() END, CASE WHEN s.status = 'succeeded' THEN now() END,
            CASE WHEN n % 3 = 0 THEN 'session ' || n % 1000 END, CASE WHEN s.status = 'scheduled_retry' THEN now() END,
            CASE WHEN s.status = 'running' THEN gen_random_uuid() END, CASE WHEN s.status = 'running' THEN now() - interval '1 minute' END,
            CASE WHEN s.status = 'running' THEN 1 END
       FROM generate_series(1, 100000) n
       CROSS JOIN LATERAL (SELECT CASE WHEN n <= 100 THEN 'running' WHEN n <= 150 THEN 'scheduled_retry'
                                       WHEN n <= 1000 OR n % 1000 = 0 THEN 'queued' ELSE 'succeeded' END AS status) s
       JOIN numbered a ON a.place = 1 + n % $2 JOIN numbered_issues i ON i.place = 1 + n % 10000`,
    [companyId, AGENTS],
  );
  for (const table of ["agents", "issues", "agent_wakeup_requests", "heartbeat_runs"])
    await sql.query(`ANALYZE ${table}`);
  const [run] = await sql.query<{ id: string; agentId: string; issueId: string }>(
    `SELECT id, agent_id AS "agentId", issue_id AS "issueId" FROM heartbeat_runs WHERE status = 'queued' LIMIT 1`,
  );
  if (run === undefined) throw new Error("nothing waits");
  runId = run.id;
  ({ agentId, issueId } = run);
}

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  db = openDatabase({ url: testDatabase.url, maxConnections: 2, statementTimeoutMs: 120_000 });
  await fill();
}, 180_000);

afterAll(async () => {
  await db?.close();
  await testDatabase?.drop();
});

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly Filter?: string;
  readonly Plans?: readonly Plan[];
}

/** A condition that looks into a JSON value: no index helps it (RL-25). */
const LOOKS_INTO_JSON = /->>?|#>>?|@>|jsonb_path|jsonb_extract/;

/** Big tables that the plan reads whole, or whose rows it picks by a JSON column. */
function scans(plan: Plan): string[] {
  const table = plan["Relation Name"] ?? "";
  const isBig = BIG_TABLES.has(table);
  const whole = isBig && plan["Node Type"] === "Seq Scan" ? [table] : [];
  const byJson = isBig && LOOKS_INTO_JSON.test(plan.Filter ?? "") ? [`${table} by JSON`] : [];
  return [...whole, ...byJson, ...(plan.Plans ?? []).flatMap(scans)];
}

/** Runs `work` in a transaction that leaves nothing behind; answers the big tables that a statement of it reads whole. */
async function tablesReadWhole(work: (sql: Sql) => Promise<unknown>): Promise<string[]> {
  const found: string[] = [];
  let statements = 0;
  const undo = new Error("undo");
  await db
    .transaction(async (tx) => {
      await work({
        async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
          const [row] = await tx.query<{ "QUERY PLAN": { Plan: Plan }[] }>(`EXPLAIN (FORMAT JSON) ${text}`, values);
          const plan = row?.["QUERY PLAN"][0]?.Plan;
          if (plan === undefined) throw new Error("EXPLAIN answered no plan");
          statements += 1;
          found.push(...scans(plan));
          return tx.query<Row>(text, values);
        },
      });
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  expect(statements).toBeGreaterThan(0);
  return found;
}

describe("hot queries on 100,000 runs and 10,000 issues use indexes (check 38)", () => {
  it("DM-15 sees a table that is read whole", async () => {
    expect(await tablesReadWhole((sql) => sql.query("SELECT count(*) FROM heartbeat_runs WHERE error = 'x'"))).toEqual([
      "heartbeat_runs",
    ]);
  });

  it("RL-25 sees rows that are picked by a JSON column, also behind an index", async () => {
    const byJson =
      "SELECT count(*) FROM heartbeat_runs WHERE agent_id = $1 AND status = 'queued' AND context_snapshot->>'a' = 'b'";
    expect(await tablesReadWhole((sql) => sql.query(byJson, [agentId]))).toEqual(["heartbeat_runs by JSON"]);
  });

  it("RL-27 old events and logs are found by an index, and no run that is kept is looked at", async () => {
    const whole = await tablesReadWhole(async (sql) => {
      await deleteOldRunEvents(sql, { companyId, days: 30, limit: 1_000 });
      await forgetOldRunLogs(sql, { logStore: "local_file", days: 30, runIds: [runId] });
    });
    expect(whole).toEqual([]);
  });

  it("BY-1 why: an agent's queue and standing, the requests of a run, by no cost that grows with what is over", async () => {
    const whole = await tablesReadWhole(async (sql) => {
      await listWaitingRuns(sql, { agentId, companyId, limit: 1_000 });
      await readAgentWhyFacts(sql, { agentId, companyId, leaseMs: 30_000 });
      await listWakeupsOfRun(sql, { runId, limit: 200 });
    });
    expect(whole).toEqual([]);
  });

  it("DM-15, RL-25 accepting: what is written for a wake that is queued, one that joins and one that waits", async () => {
    const request = {
      companyId,
      agentId,
      source: "on_demand" as const,
      triggerDetail: null,
      reason: null,
      payload: { issueId },
      coalescedCount: 0,
      requestedByActorType: "user" as const,
      requestedByActorId: "u",
      idempotencyKey: null,
      idempotencyFingerprint: null,
      responseStatus: null,
      responseJson: null,
      runId: null,
      issueId,
      finished: false,
    };
    const whole = await tablesReadWhole((sql) =>
      recordWakeups(sql, {
        requests: [{ ...request, id: randomUUID(), status: "queued" }],
        runs: [],
        mergedRuns: [
          { id: runId, lockIssueId: null, contextSnapshot: { issueId }, issueId, taskKey: issueId, movesJob: true },
        ],
        mergedRequests: [{ id: randomUUID(), payload: { issueId }, added: 1 }],
        locks: [{ issueId, runId, agentNameKey: "a" }],
        activity: [],
      }),
    );
    expect(whole).toEqual([]);
  });

  it("DM-15 accepting: locks and facts of a wake about an issue, about a task, about nothing, with a key", async () => {
    const whole = await tablesReadWhole(async (sql) => {
      await lockAgents(sql, [agentId]);
      await lockIssues(sql, [issueId]);
      await readWakeFacts(sql, {
        taskAgentIds: [agentId, agentId],
        taskKeys: [issueId, null],
        issueIds: [issueId],
        companyIds: [companyId],
        lockRunIds: [runId],
        keyAgentIds: [agentId],
        keys: ["k"],
        policies: [
          { agentId, projectId: null, issueId, commentId: randomUUID() },
          { agentId, projectId: randomUUID(), issueId: null, commentId: null },
        ],
      });
    });
    expect(whole).toEqual([]);
  });

  it("DM-15, BY-5, BY-6 counting under caps, and the budgets of running runs", async () => {
    const accountId = randomUUID();
    const whole = await tablesReadWhole(async (sql) => {
      await countUnderCap(sql, { cap: "account", accountId });
      await countUnderCap(sql, { cap: "host", workerId: randomUUID() });
      await countUnderCap(sql, { cap: "fleet" });
      await listPoliciesOverRuns(sql, [runId]);
      await readPoliciesInFlight(sql, [randomUUID()]);
    });
    expect(whole).toEqual([]);
  });

  it("DM-15 claiming: the issue, the facts, the transition", async () => {
    const whole = await tablesReadWhole(async (sql) => {
      await readClaimFacts(sql, { runId, agentId });
      await lockIssueOfRun(sql, runId);
      await readIssueGateFacts(sql, { runId, issueId });
      await claimRunIfWaiting(sql, {
        runId,
        workerId: randomUUID(),
        slot: 2,
        leaseMs: 30_000,
        lockIssueId: issueId,
        agentNameKey: "a",
        adapterType: "process",
        logStore: "local_file",
        logRef: "r",
        accountId: null,
      });
    });
    expect(whole).toEqual([]);
  });

  it("DM-15 the outbox: relay, mark, job facts, a slice of the rebuild", async () => {
    const whole = await tablesReadWhole(async (sql) => {
      const taken = await takeUndispatched(sql, { limit: 500, olderThanMs: 1_000 });
      expect(taken.length).toBeGreaterThan(0);
      await markDispatched(sql, taken.map((run) => run.runId).slice(0, 5));
      await readRunsForJobs(sql, [runId]);
      let slices = 0;
      for await (const runIds of sliceWaitingRuns(sql, 100)) {
        await markPutBack(sql, { withJob: runIds.slice(1), withoutJob: runIds.slice(0, 1) });
        slices += 1;
      }
      expect(slices).toBeGreaterThan(1);
    });
    expect(whole).toEqual([]);
  });

  it("DM-15 leases: the sweep, one orphan, a renewal; timers that are due", async () => {
    const whole = await tablesReadWhole(async (sql) => {
      expect((await listOrphanedRuns(sql, { limit: 100, host: null })).length).toBeGreaterThan(0);
      await listOrphanedRuns(sql, { limit: 100, host: { hostname: "h", bootId: "b" } });
      await findOrphanedRun(sql, runId);
      await renewLeases(sql, { workerId: randomUUID(), leaseMs: 30_000, runIds: [runId] });
      await lockDueTimers(sql, 200);
    });
    expect(whole).toEqual([]);
  });

  it("DM-15 the end of a run: the end itself, the session's totals, release and promotion", async () => {
    const whole = await tablesReadWhole(async (sql) => {
      await readPreviousSessionTotals(sql, { agentId, sessionId: "session 3", runId });
      await endRunIf(sql, ending({ runId, guard: { kind: "waiting" } }));
      await lockIssuesHeldBy(sql, { id: runId, companyId });
      await readReleaseFacts(sql, { companyId, issueId, runId });
      await settleDeferredRequests(sql, {
        issueId,
        companyId,
        failed: { requestIds: [], error: "x" },
        suppressed: { requestIds: [randomUUID()], error: "y" },
        endedRunId: runId,
        promoted: { requestId: randomUUID(), agentId, runId, reason: "r", payload: {} },
        reopen: false,
      });
    });
    expect(whole).toEqual([]);
  });

  it("DM-15, RC-84 liveness and recovery: what an end, a recovery and a scan look at", async () => {
    const whole = await tablesReadWhole(async (sql) => {
      await readEndFacts(sql, runId);
      await readRecoveryFacts(sql, { issueId, runId });
      await readRecoveryFacts(sql, { issueId, runId: null });
      await findOpenIssueOfOrigin(sql, { companyId, originKind: "stranded_issue_recovery", originId: issueId });
      await listOpenBlockerIds(sql, issueId);
      await listUnfinishedEnds(sql, { limit: 100, afterId: null });
      await lockUnfinishedEnd(sql, runId);
      await listSilentRuns(sql, { suspicionMs: 3_600_000, companyId: null, now: null, limit: 100, afterId: null });
      await lockSilentRun(sql, { runId, now: null });
      await readSilenceNotes(sql, [runId]);
    });
    expect(whole).toEqual([]);
    // A sweep's look at the active runs without an issue, not a hot path: those that name their issue as a task.
    expect(await tablesReadWhole((sql) => readGraphFacts(sql, companyId))).toEqual(["heartbeat_runs by JSON"]);
  });

  it("DM-15, RD-1 list pages, the first and one far in, of a company, an agent, an issue", async () => {
    const whole = await tablesReadWhole(async (sql) => {
      for (const filter of [{}, { cursor: runId }, { agentId }, { agentId, cursor: runId }, { issueId }]) {
        expect((await listRuns(sql, { companyId, limit: 50, ...filter })).rows.length).toBeGreaterThanOrEqual(0);
      }
      for (const filter of [{}, { agentId }]) await listWakeups(sql, { companyId, limit: 50, ...filter });
    });
    expect(whole).toEqual([]);
  });
});
