/** Prisma's client on the shared pool: the schema's mapping as it meets a real database. */
import { createTestDatabase, type TestDatabase } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "./database.js";
import { Prisma } from "./generated/client.js";
import { openPrisma, type PrismaClient } from "./prisma.js";

let testDatabase: TestDatabase;
let database: Database;
let prisma: PrismaClient;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ url: testDatabase.url, maxConnections: 2 });
  prisma = openPrisma(database.pool);
});

afterAll(async () => {
  await prisma?.$disconnect();
  await database?.close();
  await testDatabase?.drop();
});

describe("openPrisma", () => {
  it("DM-2, DM-3, DM-4 reads back what it wrote under the HTTP names, with the database's ids and times", async () => {
    const company = await prisma.company.create({ data: { name: "Acme" } });
    const agent = await prisma.agent.create({
      data: { companyId: company.id, name: "Ada", runtimeConfig: { heartbeat: { enabled: true } } },
    });
    const run = await prisma.heartbeatRun.create({
      data: { companyId: company.id, agentId: agent.id, logBytes: 3_000_000_000n },
      include: { agent: { select: { name: true, maxConcurrentRuns: true } } },
    });
    expect(run).toMatchObject({
      invocationSource: "on_demand",
      status: "queued",
      claimToken: 0n,
      logBytes: 3_000_000_000n,
      dispatchedAt: null,
      agent: { name: "Ada", maxConcurrentRuns: 5 },
    });
    const [row] = await database.sql.query<{ bytes: number; now: boolean }>(
      "SELECT log_bytes AS bytes, created_at > now() - interval '1 minute' AS now FROM heartbeat_runs WHERE id = $1",
      [run.id],
    );
    expect(row).toEqual({ bytes: 3_000_000_000, now: true });
  });

  it("DM-7 writes SQL NULL for DbNull, which IS NULL finds", async () => {
    const company = await prisma.company.create({ data: { name: "Acme", issuePrefix: "ACMA" } });
    const agent = await prisma.agent.create({ data: { companyId: company.id, name: "Bob", metadata: Prisma.DbNull } });
    const rows = await database.sql.query("SELECT id FROM agents WHERE id = $1 AND metadata IS NULL", [agent.id]);
    expect(rows).toHaveLength(1);
  });

  it("leaves the pool open when it is disconnected: the pool is its owner's", async () => {
    const other = openPrisma(database.pool);
    await other.company.count();
    await other.$disconnect();
    expect(await database.sql.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
});
