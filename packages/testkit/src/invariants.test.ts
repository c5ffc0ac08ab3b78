import { type Database, openDatabase } from "@wakefleet/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aCompany, anAgent, anIssue, aRequest, aRun, insertRow } from "./builders.js";
import { checkInvariants } from "./invariants.js";
import { createTestDatabase, type TestDatabase } from "./test-database.js";

let testDatabase: TestDatabase;
let db: Database;
let companyId: string;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  db = openDatabase({ url: testDatabase.url, maxConnections: 2 });
  companyId = await aCompany(db.sql);
});

afterAll(async () => {
  await db?.close();
  await testDatabase?.drop();
});

/** The rules that are broken after `harm`, in a transaction that leaves nothing behind. */
async function broken(harm: (sql: Database["sql"]) => Promise<unknown>): Promise<string[]> {
  let rules: string[] = [];
  await db
    .transaction(async (tx) => {
      await harm(tx);
      rules = (await checkInvariants(tx)).map(({ rule }) => rule);
      throw new Error("undo");
    })
    .catch((error: Error) => {
      if (error.message !== "undo") throw error;
    });
  return [...new Set(rules)].sort();
}

describe("the invariants see what is wrong", () => {
  it("DM-90 to DM-97 find nothing in what the builders build", async () => {
    const found = await broken(async (sql) => {
      const agentId = await anAgent(sql, { companyId });
      const issueId = await anIssue(sql, { companyId, assigneeAgentId: agentId });
      for (const status of ["queued", "scheduled_retry", "succeeded", "failed", "cancelled", "timed_out"] as const) {
        await aRun(sql, { companyId, agentId, status });
      }
      const runId = await aRun(sql, { companyId, agentId, status: "running", issueId, lockIssueId: issueId });
      await sql.query("UPDATE issues SET execution_run_id = $1 WHERE id = $2", [runId, issueId]);
      await aRequest(sql, { companyId, agentId, issueId, status: "deferred_issue_execution" });
    });
    expect(found).toEqual([]);
  });

  it.each<[string, (sql: Database["sql"], agentId: string) => Promise<unknown>]>([
    [
      "DM-90",
      async (sql, agentId) => {
        await aRun(sql, { companyId, agentId, status: "running", runSlot: 1 });
        await aRun(sql, { companyId, agentId, status: "running", runSlot: 2 });
        await sql.query("UPDATE agents SET max_concurrent_runs = 1 WHERE id = $1", [agentId]);
      },
    ],
    [
      "DM-91",
      async (sql, agentId) => {
        const executionRunId = await aRun(sql, { companyId, agentId, status: "failed" });
        await anIssue(sql, { companyId, executionRunId });
      },
    ],
    [
      "DM-92",
      async (sql, agentId) => {
        const runId = await aRun(sql, { companyId, agentId, status: "failed" });
        await sql.query("UPDATE agent_wakeup_requests SET status = 'queued', finished_at = NULL WHERE run_id = $1", [
          runId,
        ]);
      },
    ],
    [
      "DM-93",
      async (sql, agentId) => {
        const runId = await aRun(sql, { companyId, agentId });
        await aRequest(sql, { companyId, agentId, runId });
      },
    ],
    ["DM-94", async (sql, agentId) => aRun(sql, { companyId, agentId, eventSeq: 1 })],
    [
      "DM-94",
      async (sql, agentId) => {
        const runId = await aRun(sql, { companyId, agentId, eventSeq: 2 });
        const event = { companyId, agentId, runId, eventType: "lifecycle" };
        await insertRow(sql, "heartbeat_run_events", { ...event, seq: 1 });
        await insertRow(sql, "heartbeat_run_events", { ...event, seq: 3 });
      },
    ],
    [
      "DM-95",
      async (sql, agentId) => {
        const other = await aCompany(sql);
        await anIssue(sql, { companyId: other, assigneeAgentId: agentId });
      },
    ],
    ["DM-96", async (sql, agentId) => aRun(sql, { companyId, agentId, status: "failed", finalizedAt: null })],
    [
      "DM-97",
      async (sql, agentId) =>
        insertRow(sql, "cost_events", {
          companyId,
          agentId,
          provider: "p",
          model: "m",
          costCents: 3,
          occurredAt: new Date(),
          dedupeKey: "run:1",
        }),
    ],
    [
      "DM-36",
      async (sql, agentId) => {
        const lockIssueId = await anIssue(sql, { companyId });
        await aRun(sql, { companyId, agentId, status: "running", lockIssueId });
      },
    ],
    [
      "FI-14",
      async (sql, agentId) => aRequest(sql, { companyId, agentId, issueId: "i", status: "deferred_issue_execution" }),
    ],
  ])("%s is found broken", async (rule, harm) => {
    expect(await broken(async (sql) => harm(sql, await anAgent(sql, { companyId })))).toEqual([rule]);
  });
});
