/** RC-84: what a sweep costs follows what is wrong, not the size of the tables (06, check 53). */
import { aCompany, anAgent } from "@wakefleet/testkit";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import { reconcileStrandedWork } from "../src/sweeps/reconcile-stranded-work.js";
import { goOn, sweepDeps } from "./recovery-support.js";
import { useWorld } from "./support.js";

const world = useWorld();

describe("fifty thousand issues, two of them stranded", () => {
  it("RC-84 a sweep makes a handful of statements for each stranded one, and one for all others", async () => {
    const { sql } = world.db;
    const companyId = await aCompany(sql);
    const agentId = await anAgent(sql, { companyId });
    await sql.query(
      `INSERT INTO issues (company_id, title, status, assignee_agent_id)
       SELECT $1, 'issue ' || n, CASE WHEN n <= 10000 THEN 'done' WHEN n <= 40000 THEN 'backlog' ELSE 'todo' END, $2
         FROM generate_series(1, 50000) n`,
      [companyId, agentId],
    );
    await sql.query(
      `INSERT INTO heartbeat_runs (company_id, agent_id, status, issue_id, task_key, finished_at, finalized_at, dispatched_at)
       SELECT $1, $2, 'succeeded', i.id::text, i.id::text, now(), now(), now() FROM issues i WHERE i.status = 'todo'`,
      [companyId, agentId],
    );
    const stranded = await sql.query<{ id: string }>(
      `INSERT INTO issues (company_id, title, status, assignee_agent_id)
       SELECT $1, 'stranded ' || n, 'todo', $2 FROM generate_series(1, 2) n RETURNING id`,
      [companyId, agentId],
    );
    await sql.query("ANALYZE issues");
    await sql.query("ANALYZE heartbeat_runs");

    const db = world.pool();
    let statements = 0;
    const count = (client: pg.PoolClient): void => {
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      client.query = ((...args: unknown[]) => {
        statements += 1;
        return query(...args);
      }) as typeof client.query;
    };
    db.pool.on("connect", count);
    db.transactionPool.on("connect", count);
    const result = await reconcileStrandedWork({ ...sweepDeps(world), db }, goOn);
    expect(result).toMatchObject({ assignmentDispatched: 2, skipped: 10_000, failed: 0 });
    expect([...result.issueIds].sort()).toEqual(stranded.map(({ id }) => id).sort());
    expect(statements).toBeLessThanOrEqual(40);
  });
});
