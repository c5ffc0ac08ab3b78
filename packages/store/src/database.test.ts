import { createTestDatabase, type TestDatabase, waitFor } from "@wakefleet/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Database, isStoreUnavailable, openDatabase } from "./database.js";

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
  await db.transaction((tx) =>
    tx.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    ),
  );
  await expect.poll(() => idleErrors.length).toBeGreaterThan(0);
  for (const error of idleErrors) expect(error).not.toHaveProperty("client");
});
