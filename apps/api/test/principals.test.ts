/** What each kind of caller is and may do (API-20 to API-28, API-35), and that a refusal changes nothing (API-42). */
import { createHash, randomUUID } from "node:crypto";
import { mintRunToken } from "@wakefleet/engine";
import { insertRow } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AUTH_SECRET,
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  type Json,
  markEnded,
  markRunning,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
let agent: Json;

beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
  agent = await company.agent();
});
afterAll(() => api.stop());

/** A running run of an agent of its own, and its token. */
async function aRunningRun(own?: Json): Promise<{ run: Json; agent: Json; token: string }> {
  const runs = own ?? (await company.agent());
  const body = { payload: { taskKey: randomUUID() } };
  const run = (await expectStatus(api.call("POST", `/api/agents/${runs.id}/wakeup`, { body }), 202)).body;
  await markRunning(api, { id: run.id, agentId: runs.id });
  const claims = { agentId: runs.id, companyId: company.id, adapterType: "process", runId: run.id, claimToken: 1 };
  return { run, agent: runs, token: await mintRunToken({ secret: AUTH_SECRET, claims, now: new Date() }) };
}

const rowsOf = async (table: string): Promise<number> => {
  const [row] = await api.db.sql.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`);
  return row?.n ?? -1;
};

describe("kinds of keys", () => {
  it("API-20, API-21, API-22 what an admin, an operator and an enqueue key may do", async () => {
    const operator = (await aKey(api, { scope: "operator" })).token;
    const enqueue = (await aKey(api, { scope: "enqueue", companyId: company.id })).token;
    const keys: [string, string][] = [
      ["admin", api.adminKey],
      ["operator", operator],
      ["enqueue", enqueue],
    ];
    const calls: [string, string, unknown, Record<string, number>][] = [
      ["POST", `/api/agents/${agent.id}/wakeup`, {}, { admin: 202, operator: 202, enqueue: 202 }],
      ["GET", `/api/agents/${agent.id}`, undefined, { admin: 200, operator: 200, enqueue: 403 }],
      ["POST", `/api/companies/${company.id}/agents`, { name: "Another" }, { admin: 201, operator: 201, enqueue: 403 }],
      ["POST", "/api/companies", { name: "One more" }, { admin: 201, operator: 403, enqueue: 403 }],
      ["GET", "/api/keys", undefined, { admin: 200, operator: 403, enqueue: 403 }],
    ];
    for (const [method, path, body, statuses] of calls) {
      for (const [scope, key] of keys) {
        const reply = await api.call(method, path, body === undefined ? { key } : { key, body });
        expect([method, path, scope, reply.status]).toEqual([method, path, scope, statuses[scope]]);
      }
    }
  });

  it("API-23 an agent key is one agent of one company", async () => {
    const key = await anAgentKey(api, agent.id);
    const me = await expectStatus(api.call("GET", "/api/agents/me", { key }), 200);
    expect(me.body).toMatchObject({ id: agent.id, companyId: company.id });
  });

  it("API-24 a run token is that agent during that run: what it does names the run", async () => {
    const { run, agent: own, token: key } = await aRunningRun();
    const issue = await company.issue({ assigneeAgentId: own.id });
    await expectStatus(api.call("POST", `/api/issues/${issue.id}/comments`, { key, body: { body: "done" } }), 201);
    const entries = await api.db.sql.query<Json>(
      "SELECT actor_type, actor_id, run_id FROM activity_log WHERE entity_id = $1 AND run_id IS NOT NULL",
      [issue.id],
    );
    expect(entries).toContainEqual({ actor_type: "agent", actor_id: own.id, run_id: run.id });
  });

  it("BY-6 a run token is told of the soft limits over its run, with every answer, until they are raised", async () => {
    const mine = await aRunningRun();
    const other = await aRunningRun();
    const toldTo = async (token: string, path = "/api/agents/me"): Promise<string | null> =>
      (await api.call("GET", path, { key: token })).headers.get("x-wakefleet-budget");
    const limit = (scopeType: string, scopeId: string, amount: number) =>
      expectStatus(
        api.call("POST", `/api/companies/${company.id}/budgets/policies`, { body: { scopeType, scopeId, amount } }),
        200,
      );
    const spend = (costCents: number) => {
      const event = { agentId: mine.agent.id, provider: "anthropic", model: "sonnet", costCents };
      const body = { ...event, occurredAt: new Date().toISOString() };
      return expectStatus(api.call("POST", `/api/companies/${company.id}/cost-events`, { body }), 201);
    };
    await limit("agent", mine.agent.id, 100);
    await spend(79);
    expect(await toldTo(mine.token)).toBeNull();
    await spend(4);
    const ofAgent = "soft-limit; scope=agent; spent-cents=83; limit-cents=100";
    expect(await toldTo(mine.token)).toBe(ofAgent);
    expect(await toldTo(mine.token, `/api/agents/${randomUUID()}`)).toBe(ofAgent);
    expect(await toldTo(other.token)).toBeNull();
    expect(await toldTo(await anAgentKey(api, mine.agent.id))).toBeNull();
    await limit("company", company.id, 90);
    const ofCompany = "soft-limit; scope=company; spent-cents=83; limit-cents=90";
    expect(await toldTo(mine.token)).toBe(`${ofCompany}, ${ofAgent}`);
    expect(await toldTo(other.token)).toBe(ofCompany);
    await limit("company", company.id, 0);
    await limit("agent", mine.agent.id, 1_000);
    expect(await toldTo(mine.token)).toBeNull();
  });

  it("BY-6 a project's soft limit is told to the runs of its issues", async () => {
    const project = await insertRow(api.db.sql, "projects", { companyId: company.id, name: "Dear" });
    const { run, agent: own, token } = await aRunningRun();
    const setting = { scopeType: "project", scopeId: project, amount: 10 };
    await expectStatus(api.call("POST", `/api/companies/${company.id}/budgets/policies`, { body: setting }), 200);
    const event = { agentId: own.id, provider: "anthropic", model: "sonnet", costCents: 9, projectId: project };
    const body = { ...event, occurredAt: new Date().toISOString() };
    await expectStatus(api.call("POST", `/api/companies/${company.id}/cost-events`, { body }), 201);
    const told = async () =>
      (await api.call("GET", "/api/agents/me", { key: token })).headers.get("x-wakefleet-budget");
    expect(await told()).toBeNull();
    const issue = await company.issue({ projectId: project });
    await api.db.sql.query("UPDATE heartbeat_runs SET issue_id = $2 WHERE id = $1", [run.id, issue.id]);
    expect(await told()).toBe("soft-limit; scope=project; spent-cents=9; limit-cents=10");
  });

  it("API-25 a browser session is the key it was opened with, not more", async () => {
    const operator = (await aKey(api, { scope: "operator" })).token;
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const login = await api.call("POST", "/login", { key: null, raw: `key=${operator}`, headers: form });
    const cookie = (login.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const headers = { cookie, origin: api.url };
    await expectStatus(api.call("GET", `/api/agents/${agent.id}`, { key: null, headers }), 200);
    await expectStatus(api.call("POST", "/api/companies", { key: null, headers, body: { name: "x" } }), 403);
  });

  it("API-26 the local board needs nothing and acts as local-board", async () => {
    const local = await startTestApi({ AUTH_MODE: "local_trusted" });
    try {
      const made = await expectStatus(
        local.call("POST", "/api/companies", { key: null, body: { name: "Local" } }),
        201,
      );
      const [entry] = await local.db.sql.query<Json>(
        "SELECT actor_type, actor_id FROM activity_log WHERE entity_id = $1",
        [made.body.id],
      );
      expect(entry).toEqual({ actor_type: "user", actor_id: "local-board" });
    } finally {
      await local.stop();
    }
  });

  it("API-28 tokens have their form, are answered once, and only their hash is stored", async () => {
    const key = await aKey(api, { scope: "operator" });
    const agentToken = await anAgentKey(api, agent.id);
    expect(key.token).toMatch(/^wfk_[0-9a-f]{48}$/);
    expect(agentToken).toMatch(/^wfa_[0-9a-f]{48}$/);
    const listed = await expectStatus(api.call("GET", "/api/keys"), 200);
    expect(listed.text).not.toContain(key.token);
    const hash = (token: string): string => createHash("sha256").update(token).digest("hex");
    const stored = await api.db.sql.query<{ key_hash: string }>(
      "SELECT key_hash FROM api_keys WHERE id = $1 UNION ALL SELECT key_hash FROM agent_api_keys WHERE key_hash = $2",
      [key.id, hash(agentToken)],
    );
    expect(stored.map((row) => row.key_hash)).toEqual([hash(key.token), hash(agentToken)]);
  });
});

describe("API-35 who may change an issue", () => {
  it("API-35 an unassigned one, one's own, but not another's", async () => {
    const key = await anAgentKey(api, agent.id);
    const peer = await company.agent();
    const patch = async (issue: Json) => api.call("PATCH", `/api/issues/${issue.id}`, { key, body: { title: "New" } });
    expect((await patch(await company.issue())).status).toBe(200);
    expect((await patch(await company.issue({ assigneeAgentId: agent.id, status: "todo" }))).status).toBe(200);
    const refused = await patch(await company.issue({ assigneeAgentId: peer.id, status: "todo" }));
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({
      error: "Agent cannot mutate another agent's issue",
      details: { assigneeAgentId: peer.id, actorAgentId: agent.id },
    });
  });

  it("API-35 one's own that is in progress only by the run that holds it, or takes over a checkout that is over", async () => {
    const own = await company.agent();
    const issue = await company.issue({ assigneeAgentId: own.id });
    await api.db.sql.query("UPDATE issues SET status = 'in_progress' WHERE id = $1", [issue.id]);
    const patch = (key: string) => api.call("PATCH", `/api/issues/${issue.id}`, { key, body: { title: "New" } });
    const bare = await expectStatus(patch(await anAgentKey(api, own.id)), 401);
    expect(bare.body.error).toBe("Agent run id required");
    const first = await aRunningRun(own);
    await expectStatus(patch(first.token), 200);
    const second = await aRunningRun(own);
    const refused = await expectStatus(patch(second.token), 409);
    expect(refused.body.error).toBe("Issue run ownership conflict");
    await markEnded(api, first.run.id);
    await expectStatus(patch(second.token), 200);
  });
});

describe("refusals", () => {
  it("API-42 a refusal changed nothing", async () => {
    const enqueue = (await aKey(api, { scope: "enqueue", companyId: company.id })).token;
    const paused = await company.agent();
    await expectStatus(api.call("POST", `/api/agents/${paused.id}/pause`), 200);
    const tables = ["agents", "issues", "agent_wakeup_requests", "heartbeat_runs", "activity_log", "api_keys"];
    const before = await Promise.all(tables.map(rowsOf));
    const refused: [number, string, string, unknown, string][] = [
      [400, "POST", `/api/agents/${agent.id}/wakeup`, { source: "nobody" }, api.adminKey],
      [401, "POST", `/api/agents/${agent.id}/wakeup`, {}, "wfk_wrong"],
      [403, "POST", `/api/companies/${company.id}/issues`, { title: "x" }, enqueue],
      [404, "POST", "/api/agents/00000000-0000-4000-8000-000000000000/wakeup", {}, api.adminKey],
      [409, "POST", `/api/agents/${paused.id}/wakeup`, {}, api.adminKey],
      [413, "POST", `/api/agents/${agent.id}/wakeup`, { payload: { x: "y".repeat(300_000) } }, api.adminKey],
    ];
    for (const [status, method, path, body, key] of refused) {
      const reply = await api.call(method, path, { key, body });
      expect([path, reply.status]).toEqual([path, status]);
    }
    expect(await Promise.all(tables.map(rowsOf))).toEqual(before);
  });

  it("API-54 a request that is well formed and makes no sense is 422 unprocessable", async () => {
    const reply = await expectStatus(
      api.call("PATCH", `/api/agents/${agent.id}`, { body: { reportsTo: agent.id } }),
      422,
    );
    expect(reply.body).toMatchObject({ code: "unprocessable", error: "Agent cannot report to itself" });
  });

  it("API-55 a key that is used again for another request is 422 idempotency_key_reused", async () => {
    const post = (payload: object) =>
      api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: { payload, idempotencyKey: "used" } });
    await expectStatus(post({ a: 1 }), 202);
    const reply = await expectStatus(post({ a: 2 }), 422);
    expect(reply.body).toMatchObject({
      code: "idempotency_key_reused",
      error: "Idempotency key was already used with a different request",
    });
  });

  it("WK-42, API-109 a repeated call is answered byte for byte like the first", async () => {
    const body = { payload: { zebra: 1, ant: { c: 3, b: [2, 1] } }, reason: "why", idempotencyKey: "bytes" };
    const post = () => expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body }), 202);
    const [first, second] = [await post(), await post()];
    expect(second.text).toBe(first.text);
    expect(second.headers.get("idempotency-replayed")).toBe("true");
  });
});

describe("reading a wakeup", () => {
  it("API-113 answers the request without private keys, its run in the list form", async () => {
    const own = await company.agent();
    const issue = await company.issue({ assigneeAgentId: own.id });
    const other = await company.agent();
    const wake = (id: string, key: string) =>
      api.call("POST", `/api/agents/${id}/wakeups`, { body: { payload: { issueId: issue.id }, idempotencyKey: key } });
    const queued = await expectStatus(wake(own.id, "one"), 202);
    const deferred = await expectStatus(wake(other.id, "two"), 202);
    const read = async (reply: Json) =>
      (await expectStatus(api.call("GET", `/api/wakeups/${reply.body.wakeup.id}`), 200)).body;
    expect(await read(queued)).toMatchObject({ agentId: own.id, run: { id: queued.body.run.id, stdoutExcerpt: null } });
    const waiting = await read(deferred);
    expect(waiting).toMatchObject({ status: "deferred_issue_execution", run: null, payload: { issueId: issue.id } });
    for (const hidden of ["_wakefleetWakeContext", "responseJson", "responseStatus", "idempotencyFingerprint"]) {
      expect(JSON.stringify(waiting)).not.toContain(hidden);
    }
  });
});
