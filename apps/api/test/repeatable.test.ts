/** `Idempotency-Key` on POST routes (API-308): nothing is carried out twice under a key, and the first answer is the answer. */
import { waitFor } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  type Json,
  type Reply,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
let issue: Json;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
  issue = await company.issue();
});
afterAll(() => api.stop());

let keys = 0;
const newKey = (): string => {
  keys += 1;
  return `key-${keys}`;
};
const post = (path: string, key: string, body: object, token = api.adminKey): Promise<Reply> =>
  api.call("POST", path, { body, key: token, headers: { "idempotency-key": key } });
const say = (key: string, body: string, token?: string): Promise<Reply> =>
  post(`/api/issues/${issue.id}/comments`, key, { body }, token);
const commentsOf = async (text: string): Promise<number> => {
  const [row] = await api.db.sql.query<{ n: number }>("SELECT count(*)::int AS n FROM issue_comments WHERE body = $1", [
    text,
  ]);
  return row?.n ?? 0;
};
/** Makes the first attempt under a key look as old as if it had died long ago. */
const age = (key: string, change = "created_at = now() - interval '10 minutes'"): Promise<unknown> =>
  api.db.sql.query(`UPDATE idempotency_records SET ${change} WHERE key = $1`, [key]);

describe("API-308 the first answer", () => {
  it("API-308 is answered again, word for word, and nothing is done twice", async () => {
    const key = newKey();
    const first = await expectStatus(say(key, "once only"), 201);
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    for (const quoted of [key, `"${key}"`]) {
      const again = await expectStatus(say(quoted, "once only"), 201);
      expect(again.body).toEqual(first.body);
      expect(again.headers.get("idempotency-replayed")).toBe("true");
    }
    expect(await commentsOf("once only")).toBe(1);
  });

  it("API-308 another body or query is 422, another route or caller is another request", async () => {
    const key = newKey();
    await expectStatus(say(key, "mine"), 201);
    const other = await expectStatus(say(key, "another"), 422);
    expect(other.body).toMatchObject({
      code: "idempotency_key_reused",
      error: "Idempotency key was already used with a different request",
    });
    expect(await commentsOf("another")).toBe(0);
    const second = await company.issue();
    await expectStatus(post(`/api/issues/${second.id}/comments`, key, { body: "mine" }), 201);
    const operator = await aKey(api, { scope: "operator", companyId: company.id });
    await expectStatus(say(key, "mine", operator.token), 201);
    const agentKey = await anAgentKey(api, (await company.agent()).id);
    await expectStatus(say(key, "mine", agentKey), 201);
    expect(await commentsOf("mine")).toBe(4);
  });

  it("API-308 a refusal is an answer, too; what never began leaves the key free", async () => {
    const key = newKey();
    const path = `/api/issues/${issue.id}/approvals`;
    const approvalId = "00000000-0000-4000-8000-000000000000";
    await expectStatus(post(path, key, { approvalId: "x" }), 400);
    const first = await expectStatus(post(path, key, { approvalId }), 404);
    const again = await expectStatus(post(path, key, { approvalId }), 404);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
  });

  it.each(["", " ", "x".repeat(256)])("API-308 a key of 1 to 255 characters that is not blank: %j", async (key) => {
    await expectStatus(say(key, "never said"), 400);
    expect(await commentsOf("never said")).toBe(0);
  });

  it("API-308 after a day the key is free", async () => {
    const key = newKey();
    const first = await expectStatus(say(key, "daily"), 201);
    await age(key, "expires_at = now()");
    const next = await expectStatus(say(key, "daily"), 201);
    expect(next.body.id).not.toBe(first.body.id);
    expect(await commentsOf("daily")).toBe(2);
  });

  it("API-308, API-28 what is shown once is shown once: a token is not kept", async () => {
    const key = newKey();
    const agent = await company.agent();
    const path = `/api/agents/${agent.id}/keys`;
    const { token } = (await expectStatus(post(path, key, {}), 201)).body;
    const again = await expectStatus(post(path, key, {}), 409);
    expect(again.body.error).toBe(
      "The request with this idempotency key was carried out; its answer was shown once and is not kept",
    );
    const [kept] = await api.db.sql.query<{ row: string }>(
      "SELECT to_jsonb(r)::text AS row FROM idempotency_records r WHERE key = $1",
      [key],
    );
    expect(kept?.row).not.toContain(token);
    expect((await expectStatus(api.call("GET", path), 200)).body).toHaveLength(1);
  });
});

describe("API-308 at once, and after a failure", () => {
  it("API-308 while the first is at work: 409 with Retry-After, then its answer", async () => {
    const key = newKey();
    const holder = await api.db.transactionPool.connect();
    try {
      await holder.query("BEGIN");
      await holder.query("SELECT 1 FROM issues WHERE id = $1 FOR UPDATE", [issue.id]);
      const first = say(key, "slowly");
      await waitFor(
        async () => {
          const [row] = await api.db.sql.query("SELECT 1 FROM idempotency_records WHERE key = $1", [key]);
          return row !== undefined;
        },
        { what: "the first request to begin" },
      );
      const meanwhile = await expectStatus(say(key, "slowly"), 409);
      expect(meanwhile.body.error).toBe("A request with this idempotency key is in progress");
      expect(meanwhile.headers.get("retry-after")).toBe("1");
      await holder.query("ROLLBACK");
      const done = await expectStatus(first, 201);
      expect((await expectStatus(say(key, "slowly"), 201)).body).toEqual(done.body);
      expect(await commentsOf("slowly")).toBe(1);
    } finally {
      // Closed rather than given back: whatever it still holds goes with it.
      holder.release(true);
    }
  });

  it("API-308 twenty at once, many times: one is carried out, the others hear of it or of its answer", async () => {
    for (let round = 0; round < 10; round += 1) {
      const [key, text] = [newKey(), `together ${round}`];
      const answers = await Promise.all(Array.from({ length: 20 }, () => say(key, text)));
      const done = answers.filter(({ status }) => status === 201);
      expect(new Set(done.map(({ body }) => body.id)).size).toBe(1);
      for (const { status, body } of answers) expect([201, 409], body.error).toContain(status);
      expect(await commentsOf(text)).toBe(1);
    }
  });

  it("API-308 an answer of 500 and above is not kept: the request may be repeated", async () => {
    const key = newKey();
    await api.db.sql.query(
      `CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken' USING ERRCODE = 'XX000'; END $$`,
    );
    await api.db.sql.query(
      `CREATE TRIGGER breaks BEFORE INSERT ON issue_comments FOR EACH ROW WHEN (NEW.body = 'at last') EXECUTE FUNCTION break_it()`,
    );
    await expectStatus(say(key, "at last"), 500);
    await api.db.sql.query("DROP TRIGGER breaks ON issue_comments");
    const answer = await expectStatus(say(key, "at last"), 201);
    expect(answer.headers.get("idempotency-replayed")).toBeNull();
    expect(await commentsOf("at last")).toBe(1);
  });

  it("API-308 a process that died before its change: the request is carried out by the next", async () => {
    const key = newKey();
    await expectStatus(say(key, "from the dead"), 201);
    // As it is found when the process died between beginning and committing.
    await api.db.sql.query("DELETE FROM issue_comments WHERE body = 'from the dead'");
    await age(key, "state = 'in_progress', response_status = NULL, response_json = NULL");
    await expectStatus(say(key, "from the dead"), 409);
    await age(key);
    await expectStatus(say(key, "something else"), 422);
    await expectStatus(say(key, "from the dead"), 201);
    expect(await commentsOf("from the dead")).toBe(1);
  });

  it("API-308 a process that died between its change and its answer: nothing is done again, and the caller is told", async () => {
    const key = newKey();
    await expectStatus(say(key, "heard by nobody"), 201);
    await age(key, "response_status = NULL, response_json = NULL");
    await expectStatus(say(key, "heard by nobody"), 409);
    await age(key);
    const told = await expectStatus(say(key, "heard by nobody"), 409);
    expect(told.body.error).toBe(
      "The request with this idempotency key was carried out, but its answer was lost; read what it changed",
    );
    expect(await commentsOf("heard by nobody")).toBe(1);
  });
});
