/** Records of requests that may be repeated (API-308): the mark commits with the change, and only one attempt holds a key. */

import { createTestDatabase } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  beginRepeatable,
  type Database,
  forgetRepeatables,
  keepAnswer,
  markAttempt,
  openDatabase,
  releaseAttempt,
  withoutTransactionMark,
  withTransactionMark,
} from "../src/index.js";

let db: Database;
let drop: () => Promise<void>;
beforeAll(async () => {
  const database = await createTestDatabase();
  db = openDatabase({ url: database.url });
  drop = () => database.drop();
});
afterAll(async () => {
  await db.close();
  await drop();
});

const ATTEMPT_MS = 60_000;
const request = (key: string, fingerprint = "f") => ({
  principal: "key:1",
  route: "POST /api/x",
  key,
  fingerprint,
  companyId: null,
});
const begin = (key: string, fingerprint?: string) =>
  beginRepeatable(db.sql, { request: request(key, fingerprint), attemptMs: ATTEMPT_MS });
async function begun(key: string): Promise<string> {
  const state = await begin(key);
  if (state.kind !== "begun") throw new Error(`${key} is ${JSON.stringify(state)}`);
  return state.attemptId;
}
const age = (key: string): Promise<unknown> =>
  db.sql.query("UPDATE idempotency_records SET created_at = now() - interval '1 hour' WHERE key = $1", [key]);
const stateOf = async (key: string): Promise<string | undefined> =>
  (await db.sql.query<{ state: string }>("SELECT state FROM idempotency_records WHERE key = $1", [key]))[0]?.state;

/** What a request does in its transactions. */
const marked = (attemptId: string) => async (tx: Parameters<typeof markAttempt>[0]) => {
  if (!(await markAttempt(tx, attemptId))) throw new Error("another attempt holds the key");
};

describe("API-308 attempts", () => {
  it("API-308 forty at once: one begins, the others know of it", async () => {
    const states = await Promise.all(Array.from({ length: 40 }, () => begin("many")));
    expect(states.filter(({ kind }) => kind === "begun")).toHaveLength(1);
    for (const state of states) {
      if (state.kind === "known")
        expect(state).toEqual({ kind: "known", fingerprint: "f", answer: null, isUnderWay: true });
    }
  });

  it("API-308 the mark is there when the change is, and not when it is not", async () => {
    const attemptId = await begun("change");
    const change = withTransactionMark(marked(attemptId), () =>
      db.transaction(async () => {
        throw new Error("refused");
      }),
    );
    await expect(change).rejects.toThrow("refused");
    expect(await stateOf("change")).toBe("in_progress");
    await withTransactionMark(marked(attemptId), () => db.transaction(async (tx) => tx.query("SELECT 1")));
    expect(await stateOf("change")).toBe("done");
    await age("change");
    expect(await begin("change")).toMatchObject({ kind: "known", answer: null, isUnderWay: false });
  });

  it("API-308 a dead attempt is taken over; should it live, nothing that it does is kept", async () => {
    const first = await begun("slow");
    await age("slow");
    const second = await begun("slow");
    const late = withTransactionMark(marked(first), () =>
      db.transaction(async (tx) => tx.query("DELETE FROM idempotency_records WHERE key = 'many'")),
    );
    await expect(late).rejects.toThrow("another attempt holds the key");
    expect(await stateOf("many")).toBe("in_progress");
    await keepAnswer(db.sql, { attemptId: first, status: 201, kept: { from: "first" } });
    await releaseAttempt(db.sql, first);
    await keepAnswer(db.sql, { attemptId: second, status: 201, kept: { from: "second" } });
    expect(await begin("slow")).toMatchObject({ answer: { status: 201, kept: { from: "second" } } });
  });

  it("API-308 the old attempt commits while the next one wants its key: the key stays with what was done", async () => {
    for (let round = 0; round < 30; round += 1) {
      const key = `meet ${round}`;
      const first = await begun(key);
      await age(key);
      const [old, next] = await Promise.allSettled([
        withTransactionMark(marked(first), () =>
          db.transaction(async (tx) => tx.query("SELECT pg_sleep(random() / 500)")),
        ),
        begin(key),
      ]);
      const tookOver = next.status === "fulfilled" && next.value.kind === "begun";
      expect(old.status).toBe(tookOver ? "rejected" : "fulfilled");
    }
  });

  it("API-308 a failed attempt frees its key, unless something of it was committed", async () => {
    await releaseAttempt(db.sql, await begun("failed"));
    const again = await begun("failed");
    await markAttempt(db.sql, again);
    await releaseAttempt(db.sql, again);
    expect(await begin("failed")).toMatchObject({ kind: "known", answer: null });
  });

  it("API-308 what shares transactions with others leaves the mark behind", async () => {
    const attemptId = await begun("shared");
    await withTransactionMark(marked(attemptId), () =>
      withoutTransactionMark(() => db.transaction(async (tx) => tx.query("SELECT 1"))),
    );
    expect(await stateOf("shared")).toBe("in_progress");
  });

  it("API-308 what is a day old is forgotten, batch by batch", async () => {
    await db.sql.query("DELETE FROM idempotency_records");
    for (const key of ["a", "b", "c"]) await begun(key);
    await db.sql.query("UPDATE idempotency_records SET expires_at = now() WHERE key <> 'c'");
    expect(await forgetRepeatables(db.sql, 1)).toBe(1);
    expect(await forgetRepeatables(db.sql, 10)).toBe(1);
    expect(await stateOf("c")).toBe("in_progress");
  });
});
