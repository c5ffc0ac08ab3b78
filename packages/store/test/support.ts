/** What the tests of transitions share: a database, and the facts of an end that are not the test's subject. */
import { randomUUID } from "node:crypto";
import { aCompany, anAgent, aRun, createTestDatabase, type TestDatabase } from "@wakefleet/testkit";
import { afterAll, beforeAll } from "vitest";
import { type Database, openDatabase } from "../src/database.js";
import type { RunRow } from "../src/rows.js";
import type { EndRunInput } from "../src/runs/end-run.js";

export interface Fixture {
  db: Database;
  companyId: string;
  /** A run in a status, its agent made for it. */
  run(status?: RunRow["status"], columns?: Partial<RunRow>): Promise<{ id: string; agentId: string; workerId: string }>;
  row(runId: string): Promise<Record<string, unknown>>;
}

/** Call once at the top of a test file. */
export function useFixture(): Fixture {
  let testDatabase: TestDatabase;
  const fixture = {
    async run(status = "queued", columns = {}) {
      const { sql } = fixture.db;
      const workerId = columns.workerId ?? randomUUID();
      const agentId = columns.agentId ?? (await anAgent(sql, { companyId: fixture.companyId, maxConcurrentRuns: 10 }));
      const held = status === "running" ? { workerId } : {};
      const id = await aRun(sql, { companyId: fixture.companyId, agentId, status, ...held, ...columns });
      return { id, agentId, workerId };
    },
    async row(runId) {
      const [row] = await fixture.db.sql.query<Record<string, unknown>>("SELECT * FROM heartbeat_runs WHERE id = $1", [
        runId,
      ]);
      if (row === undefined) throw new Error(`no run ${runId}`);
      return row;
    },
  } as Fixture;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    fixture.db = openDatabase({ url: testDatabase.url, maxConnections: 20 });
    fixture.companyId = await aCompany(fixture.db.sql);
  });

  afterAll(async () => {
    await fixture.db?.close();
    await testDatabase?.drop();
  });

  return fixture;
}

/** An end that reports nothing but what is named. */
export function ending(end: Pick<EndRunInput, "runId" | "guard"> & Partial<EndRunInput>): EndRunInput {
  return {
    status: "succeeded",
    error: null,
    errorCode: null,
    exitCode: 0,
    signal: null,
    usageJson: null,
    resultJson: null,
    sessionIdAfter: null,
    stdoutExcerpt: null,
    stderrExcerpt: null,
    log: null,
    progress: null,
    cancelKind: null,
    cancelRecover: null,
    requestStatus: "completed",
    requestError: null,
    events: [{ eventType: "lifecycle", stream: "system", level: "info", message: "run succeeded", payload: null }],
    cost: null,
    session: null,
    settlesAgent: true,
    timerIntervalSec: null,
    ...end,
  };
}
