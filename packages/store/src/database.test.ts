import { createTestDatabase, TcpProxy, type TestDatabase, waitFor } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Database, isRetryable, isStoreUnavailable, openDatabase } from "./database.js";

let database: TestDatabase;
let db: Database;
const idleErrors: Error[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, onIdleError: (error) => idleErrors.push(error) });
});
afterAll(async () => {
  await db?.close();
  await database?.drop();
});

it("RL-6 a connection that ends between two statements fails its transaction, not the process", async () => {
  const lost = db.transaction(async (tx) => {
    const [row] = await tx.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    await db.sql.query("SELECT pg_terminate_backend($1)", [row?.pid]);
    // With no statement under way that could be told of the end.
    await waitFor(
      async () => (await db.sql.query("SELECT FROM pg_stat_activity WHERE pid = $1", [row?.pid])).length === 0,
      {
        what: "the connection to end",
      },
    );
    await tx.query("SELECT 1");
  });
  const error = await lost.catch((thrown: unknown) => thrown);
  expect(isStoreUnavailable(error)).toBe(true);
  expect(await db.transaction((tx) => tx.query("SELECT 1 AS one"))).toEqual([{ one: 1 }]);
});

it("AC-2 the error of an idle connection carries no client, whose statements would reach the log", async () => {
  await Promise.all([db.sql.query("SELECT pg_sleep(0.01)"), db.sql.query("SELECT pg_sleep(0.01)")]);
  const before = idleErrors.length;
  const ended = await db.transaction((tx) =>
    tx.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    ),
  );
  expect(ended.length).toBeGreaterThan(0);
  // All of them, or the next statement may be given a connection whose end nobody has read yet.
  await expect.poll(() => idleErrors.length - before).toBeGreaterThanOrEqual(ended.length);
  for (const error of idleErrors) expect(error).not.toHaveProperty("client");
});

describe("a table that gets a column while its statements are prepared", () => {
  const read = "SELECT * FROM upgraded";

  beforeAll(async () => {
    await db.sql.query("CREATE TABLE upgraded (id int PRIMARY KEY)");
    await db.sql.query("INSERT INTO upgraded VALUES (1)");
  });

  it("RL-8 a single statement is run again by itself, on every connection that had prepared it", async () => {
    const readTwice = () => Promise.all([1, 2].map(() => db.sql.query(read, [], "read_upgraded")));
    expect(await readTwice()).toEqual([[{ id: 1 }], [{ id: 1 }]]);
    await db.sql.query("ALTER TABLE upgraded ADD COLUMN name text");
    const row = { id: 1, name: null };
    expect(await readTwice()).toEqual([[row], [row]]);
    expect(await readTwice()).toEqual([[row], [row]]);
  });

  it("RL-8 a transaction fails as one that may be run again, and then works", async () => {
    const readIn = () => db.transaction((tx) => tx.query(read, [], "read_upgraded_in"));
    await readIn();
    await db.sql.query("ALTER TABLE upgraded ADD COLUMN age int");
    const error = await readIn().catch((thrown: unknown) => thrown);
    expect(isRetryable(error)).toBe(true);
    expect(await readIn()).toEqual([{ id: 1, name: null, age: null }]);
  });
});

describe("statements that travel together", () => {
  it("RL-26 the last statement and the commit are one trip, and nothing can follow them", async () => {
    await db.sql.query("CREATE TABLE trips (id int PRIMARY KEY)");
    const rows = await db.transaction(async (tx) => {
      const [, inserted] = await Promise.all([
        tx.query("SELECT 1"),
        tx.last.query<{ id: number }>("INSERT INTO trips VALUES (1) RETURNING id"),
      ]);
      await expect(tx.query("SELECT 2")).rejects.toThrow("nothing can follow it");
      return inserted;
    });
    expect(rows).toEqual([{ id: 1 }]);
    expect(await db.sql.query("SELECT id FROM trips")).toEqual([{ id: 1 }]);
  });

  it("WK-32 a last statement that fails takes everything before it along, and its error is the transaction's", async () => {
    const failed = db.transaction(async (tx) => {
      await tx.query("INSERT INTO trips VALUES (2)");
      await tx.last.query("INSERT INTO trips VALUES (1)");
    });
    await expect(failed).rejects.toMatchObject({ code: "23505" });
    expect(await db.sql.query("SELECT id FROM trips")).toEqual([{ id: 1 }]);
    expect(await db.transaction((tx) => tx.query("SELECT 1 AS one"))).toEqual([{ one: 1 }]);
  });

  it("WK-32 a commit that the database turned into a rollback is no success, whoever caught the error", async () => {
    const swallowed = db.transaction(async (tx) => {
      await tx.query("INSERT INTO trips VALUES (3)");
      await tx.query("INSERT INTO trips VALUES (1)").catch(() => undefined);
    });
    await expect(swallowed).rejects.toThrow("ended with ROLLBACK");
    const caughtAtTheEnd = db.transaction(async (tx) => {
      await tx.last.query("INSERT INTO trips VALUES (1)").catch(() => undefined);
    });
    await expect(caughtAtTheEnd).rejects.toThrow("ended with ROLLBACK");
    expect(await db.sql.query("SELECT id FROM trips")).toEqual([{ id: 1 }]);
  });

  it("WK-32 statements sent at once are run in the order in which they were sent", async () => {
    const order = await db.transaction(async (tx) => {
      const sent = Array.from({ length: 50 }, (_, n) => tx.query(`INSERT INTO trips VALUES (${100 + n})`));
      const [row] = await tx.query<{ count: number }>("SELECT count(*)::int AS count FROM trips WHERE id >= 100");
      await Promise.all(sent);
      return row?.count;
    });
    expect(order).toBe(50);
  });
});

it("RL-6 a connection that is dead though nobody closed it fails what waits on it, and the next one serves", async () => {
  const proxy = await TcpProxy.open(Number(new URL(database.url).port || 5432));
  const url = new URL(database.url);
  url.port = String(proxy.port);
  const far = openDatabase({ url: url.href, statementTimeoutMs: 200, connectTimeoutMs: 500 });
  try {
    const within = far.transaction(async (tx) => {
      await tx.query("SELECT 1");
      proxy.blackhole();
      await tx.query("SELECT 2");
    });
    expect(isStoreUnavailable(await within.catch((thrown: unknown) => thrown))).toBe(true);
    proxy.restore();
    expect(await far.transaction((tx) => tx.query("SELECT 1 AS one"))).toEqual([{ one: 1 }]);
  } finally {
    await far.close();
    await proxy.close();
  }
});
