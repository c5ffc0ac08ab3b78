import pg from "pg";
import { describe, expect, it } from "vitest";
import { createEmptyTestDatabase, createTestDatabase, testRedisPrefix, waitFor } from "./index.js";

async function tablesOf(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
    );
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

describe("test databases", () => {
  it("OP-6 are migrated, separate, and gone once dropped", async () => {
    const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    expect(one.name).not.toBe(two.name);
    expect(await tablesOf(one.url)).toEqual(expect.arrayContaining(["heartbeat_runs", "_prisma_migrations"]));
    expect(await tablesOf(two.url)).toContain("agents");
    await Promise.all([one.drop(), two.drop()]);
    await expect(tablesOf(one.url)).rejects.toThrow(/does not exist/);
  });

  it("can be had empty", async () => {
    const database = await createEmptyTestDatabase();
    expect(await tablesOf(database.url)).toEqual([]);
    await database.drop();
  });
});

describe("waiting", () => {
  it("answers with the first truthy answer, taking a throw for not yet", async () => {
    let looks = 0;
    const answer = await waitFor(
      () => {
        looks += 1;
        if (looks < 3) throw new Error("not there");
        return looks;
      },
      { what: "three looks", everyMs: 1 },
    );
    expect(answer).toBe(3);
  });

  it("says what was waited for and what was seen last", async () => {
    const waiting = waitFor(() => false, { what: "the impossible", deadlineMs: 5, everyMs: 1 });
    await expect(waiting).rejects.toThrow("Waited 5 ms for the impossible; the last look saw: false");
  });

  it("gives each caller a Redis prefix of its own", () => {
    expect(testRedisPrefix()).not.toBe(testRedisPrefix());
  });
});
