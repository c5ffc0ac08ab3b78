/**
 * A plan that PostgreSQL made when the tables were empty is kept for as long as its connection lives, or until somebody
 * counts the tables again. So a plan must be good whatever the tables held when it was made: here a fleet wakes its first
 * agent, then has 20,000 runs waiting that nobody has counted, and what one more wake, claim and end read must not grow.
 */
import type { Database } from "@wakefleet/store";
import { aCompany, anAgent, anIssue } from "@wakefleet/testkit";
import { expect, it } from "vitest";
import { newId } from "../src/ids.js";
import { createWakeupAcceptor } from "../src/wakeups/wakeup-acceptor.js";
import { done, useWorld, wakeRequest } from "./support.js";

const WAITING = 20_000;
/** Rows of a table, or entries of an index, that a few wakes and runs may look at together: far fewer than what waits. */
const MOST_LOOKED_AT = 500;

const world = useWorld();

/** A company of its own in which much waits: 500 agents, 5,000 issues, runs and requests of every waiting kind. */
async function fill(): Promise<string> {
  const { sql } = world.db;
  const companyId = await aCompany(sql);
  await sql.query(
    `INSERT INTO agents (company_id, name, adapter_type) SELECT $1, 'agent ' || n, 'process' FROM generate_series(1, 500) n`,
    [companyId],
  );
  await sql.query(
    `INSERT INTO issues (company_id, title, status) SELECT $1, 'issue ' || n, 'todo' FROM generate_series(1, 5000) n`,
    [companyId],
  );
  await sql.query(
    `WITH places AS (
       SELECT n, gen_random_uuid() AS run_id, gen_random_uuid() AS request_id,
              (ARRAY(SELECT id FROM agents WHERE company_id = $1 ORDER BY id))[1 + n % 500] AS agent_id,
              CASE WHEN n % 2 = 0 THEN (ARRAY(SELECT id FROM issues WHERE company_id = $1 ORDER BY id))[1 + n % 5000] END AS issue_id
         FROM generate_series(1, $2) n
     ), requests AS (
       INSERT INTO agent_wakeup_requests (id, company_id, agent_id, source, status, run_id, issue_id)
       SELECT request_id, $1, agent_id, 'on_demand', 'queued', run_id, issue_id::text FROM places
     ), deferred AS (
       INSERT INTO agent_wakeup_requests (company_id, agent_id, source, status, issue_id)
       SELECT $1, agent_id, 'on_demand', 'deferred_issue_execution', issue_id::text FROM places WHERE n <= 5000 AND n % 2 = 0
     )
     INSERT INTO heartbeat_runs (id, company_id, agent_id, status, wakeup_request_id, issue_id, task_key)
     SELECT run_id, $1, agent_id, 'queued', request_id, issue_id::text, CASE WHEN n % 3 = 0 THEN n::text END FROM places`,
    [companyId, WAITING],
  );
  return companyId;
}

interface LookedAt {
  readonly name: string;
  readonly rows: number;
}

/** What `work` made the connections of `db` look at: rows by table, entries by index, the most first. */
async function lookedAt(db: Database, work: () => Promise<unknown>): Promise<LookedAt[]> {
  const counters = async (): Promise<Map<string, number>> => {
    await db.transaction((tx) => tx.query("SELECT pg_stat_force_next_flush()"));
    await db.sql.query("SELECT pg_stat_force_next_flush()");
    const rows = await world.db.sql.query<LookedAt>(
      `SELECT relname || ' read whole' AS name, seq_tup_read AS rows FROM pg_stat_user_tables
       UNION ALL SELECT relname || ' by ' || indexrelname, idx_tup_read FROM pg_stat_user_indexes`,
    );
    return new Map(rows.map(({ name, rows: count }) => [name, count]));
  };
  const before = await counters();
  await work();
  const after = await counters();
  return [...after]
    .map(([name, rows]) => ({ name, rows: rows - (before.get(name) ?? 0) }))
    .filter(({ rows }) => rows > MOST_LOOKED_AT)
    .sort((a, b) => b.rows - a.rows);
}

it("RL-25 a plan made on empty tables reads no more when 20,000 runs wait", async () => {
  // One connection for transactions and one for the rest, so that the plans are those of the first wake.
  const db = world.pool(2);
  const companyId = await aCompany(world.db.sql);
  const { dispatcher, publisher: events } = world.told;
  const acceptor = createWakeupAcceptor({ db, newId, dispatcher, events });
  const worker = await world.worker(() => done, { db });

  async function wakeAndRun(payload: Record<string, string> | null): Promise<void> {
    const agentId = await anAgent(world.db.sql, { companyId });
    const issueId = payload === null ? null : await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const context = { ...payload, ...(issueId === null ? {} : { issueId }) };
    const ask = () =>
      acceptor.accept(wakeRequest({ agentId, reason: "issue_assigned", payload: context, idempotencyKey: newId() }));
    const first = await ask();
    const joined = await ask();
    expect([first.outcome, joined.outcome]).toEqual(["queued", "coalesced"]);
    if (first.outcome !== "queued") return;
    expect(await worker.work({ id: first.run?.id ?? "", agentId })).toMatchObject({});
  }
  async function everyKind(): Promise<void> {
    await wakeAndRun(null);
    await wakeAndRun({ taskKey: "a task" });
    await wakeAndRun({});
  }

  for (const table of ["agents", "issues", "agent_wakeup_requests", "heartbeat_runs", "agent_task_sessions"])
    await world.db.sql.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
  await everyKind();
  const filled = await fill();
  try {
    expect(await lookedAt(db, everyKind)).toEqual([]);
  } finally {
    await world.db.sql.query("DELETE FROM heartbeat_runs WHERE company_id = $1", [filled]);
    await world.db.sql.query("DELETE FROM agent_wakeup_requests WHERE company_id = $1", [filled]);
  }
});
