/** Companies, agents, keys, settings, fleet (API-60 to API-89, API-270, API-300, API-305): spec 02 checks 25, 27, 50; 08 checks 45 to 48. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  type Json,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
});
afterAll(() => api.stop());

const agentPath = (id: string, rest = ""): string => `/api/agents/${id}${rest}`;

describe("API-60 to API-63 companies", () => {
  it("CO-1 prefixes of like-named companies differ", async () => {
    const prefixes: string[] = [];
    for (const name of ["Zork", "Zork", "Zo-rk", "123"]) {
      const made = await expectStatus(api.call("POST", "/api/companies", { body: { name } }), 201);
      prefixes.push(made.body.issuePrefix);
    }
    expect(prefixes).toEqual(["ZOR", "ZORA", "ZORAA", "CMP"]);
  });

  it("API-61 creating one makes its local environment, its budget's policy and an activity row", async () => {
    const made = await expectStatus(
      api.call("POST", "/api/companies", { body: { name: "Budgeted", budgetMonthlyCents: 500 } }),
      201,
    );
    expect(made.body).toMatchObject({
      status: "active",
      budgetMonthlyCents: 500,
      spentMonthlyCents: 0,
      logoUrl: null,
      description: null,
    });
    const environments = await api.db.sql.query("SELECT name, driver FROM environments WHERE company_id = $1", [
      made.body.id,
    ]);
    expect(environments).toEqual([{ name: "Local", driver: "local" }]);
    const policies = await api.db.sql.query(
      "SELECT scope_type, amount, window_kind FROM budget_policies WHERE company_id = $1",
      [made.body.id],
    );
    expect(policies).toEqual([{ scope_type: "company", amount: 500, window_kind: "calendar_month_utc" }]);
    const activity = await api.call("GET", `/api/companies/${made.body.id}/activity`);
    expect(activity.body).toMatchObject([
      { action: "company.created", entityId: made.body.id, details: { name: "Budgeted" } },
    ]);
  });

  it("API-63, API-7 a PATCH changes what is present", async () => {
    const made = (
      await expectStatus(api.call("POST", "/api/companies", { body: { name: "Patch me", description: "d" } }), 201)
    ).body;
    const patched = (
      await expectStatus(api.call("PATCH", `/api/companies/${made.id}`, { body: { brandColor: "#a1B2c3" } }), 200)
    ).body;
    expect(patched).toEqual({ ...made, brandColor: "#a1B2c3", updatedAt: patched.updatedAt });
    await expectStatus(api.call("PATCH", `/api/companies/${made.id}`, { body: { brandColor: "red" } }), 400);
    const paused = (
      await expectStatus(api.call("PATCH", `/api/companies/${made.id}`, { body: { status: "paused" } }), 200)
    ).body;
    expect(paused).toMatchObject({ status: "paused", pauseReason: "manual", pausedAt: expect.any(String) });
    const active = (
      await expectStatus(
        api.call("PATCH", `/api/companies/${made.id}`, { body: { status: "active", description: null } }),
        200,
      )
    ).body;
    expect(active).toMatchObject({ status: "active", pauseReason: null, pausedAt: null, description: null });
  });

  it("API-63 an agent of role ceo changes looks only", async () => {
    const own = await aCompany(api);
    const ceo = await own.agent({ role: "ceo" });
    const key = await anAgentKey(api, ceo.id);
    await expectStatus(api.call("PATCH", `/api/companies/${own.id}`, { key, body: { description: "ours" } }), 200);
    await expectStatus(api.call("PATCH", `/api/companies/${own.id}`, { key, body: { status: "archived" } }), 400);
    const worker = await own.agent();
    await expectStatus(
      api.call("PATCH", `/api/companies/${own.id}`, { key: await anAgentKey(api, worker.id), body: { name: "x" } }),
      403,
    );
  });

  it("API-68 a missing company id is told", async () => {
    for (const path of ["/api/issues", "/api/companies/issues"]) {
      const reply = await expectStatus(api.call("GET", path), 400);
      expect(reply.body.error).toBe("Missing companyId in path. Use /api/companies/{companyId}/issues.");
    }
  });
});

describe("API-70 to API-81 agents", () => {
  it("API-71, API-72 fills in the defaults", async () => {
    const made = (
      await expectStatus(api.call("POST", `/api/companies/${company.id}/agents`, { body: { name: "Plain" } }), 201)
    ).body;
    expect(made).toMatchObject({
      name: "Plain",
      urlKey: "plain",
      role: "general",
      status: "idle",
      adapterType: "process",
      adapterConfig: {},
      runtimeConfig: { heartbeat: { enabled: false, maxConcurrentRuns: 5 } },
      permissions: { canCreateAgents: false },
      maxConcurrentRuns: 5,
      budgetMonthlyCents: 0,
      spentMonthlyCents: 0,
      title: null,
      metadata: null,
    });
    const detail = (await expectStatus(api.call("GET", agentPath(made.id)), 200)).body;
    expect(detail).toMatchObject({
      chainOfCommand: [],
      access: { canAssignTasks: true, taskAssignSource: "explicit_grant" },
    });
    const counted = await api.db.sql.query("SELECT 1 FROM agent_runtime_state WHERE agent_id = $1", [made.id]);
    expect(counted).toHaveLength(1);
  });

  it("AL-3 a taken short name gets a number, a rename onto one is 409", async () => {
    const own = await aCompany(api);
    const names = [
      (await own.agent({ name: "Bob" })).name,
      (await own.agent({ name: "bob!" })).name,
      (await own.agent({ name: "BOB" })).name,
    ];
    expect(names).toEqual(["Bob", "bob! 2", "BOB 3"]);
    const other = await own.agent({ name: "Other" });
    const reply = await expectStatus(api.call("PATCH", agentPath(other.id), { body: { name: "BOB" } }), 409);
    expect(reply.body.error).toBe("Agent shortname 'bob' is already in use in this company");
    await expectStatus(api.call("PATCH", agentPath(other.id), { body: { name: "OTHER" } }), 200);
  });

  it("AL-3 twenty creations of one name at once give twenty short names", async () => {
    const own = await aCompany(api);
    const made = await Promise.all(Array.from({ length: 20 }, () => own.agent({ name: "Twin" })));
    expect(new Set(made.map((agent) => agent.urlKey)).size).toBe(20);
  });

  it("API-5 a short name needs a company", async () => {
    const own = await aCompany(api);
    const agent = await own.agent({ name: "Short Name" });
    const reply = await expectStatus(api.call("GET", agentPath("short-name")), 422);
    expect(reply.body.error).toBe("Agent shortname lookup requires companyId query parameter");
    expect((await expectStatus(api.call("GET", agentPath("Short-Name", `?companyId=${own.id}`)), 200)).body.id).toBe(
      agent.id,
    );
    await expectStatus(api.call("GET", agentPath("nobody", `?companyId=${own.id}`)), 404);
    const key = await anAgentKey(api, agent.id);
    await expectStatus(api.call("GET", agentPath("short-name"), { key }), 200);
    const twin = await own.agent({ name: "Short Name 9" });
    await api.db.sql.query("UPDATE agents SET name = 'short name' WHERE id = $1", [twin.id]);
    const ambiguous = await expectStatus(api.call("GET", agentPath("short-name", `?companyId=${own.id}`)), 409);
    expect(ambiguous.body.error).toBe("Agent shortname is ambiguous in this company. Use the agent ID.");
  });

  it("API-71 refuses what makes no sense, with the exact sentences", async () => {
    const foreign = await (await aCompany(api)).agent();
    const cases: [object, number, string][] = [
      [{ adapterType: "nope" }, 422, "Unknown adapter type: nope"],
      [{ reportsTo: "00000000-0000-4000-8000-000000000000" }, 404, "Manager not found"],
      [{ reportsTo: foreign.id }, 422, "Manager must belong to same company"],
      [{ defaultEnvironmentId: "00000000-0000-4000-8000-000000000000" }, 422, "Environment not found."],
      [{ adapterConfig: { env: { A: "***REDACTED***" } } }, 422, "Refusing to persist redacted placeholder for key: A"],
    ];
    for (const [body, status, error] of cases) {
      const reply = await expectStatus(
        api.call("POST", `/api/companies/${company.id}/agents`, { body: { name: "x", ...body } }),
        status,
      );
      expect(reply.body.error).toBe(error);
    }
    const env = await expectStatus(
      api.call("POST", `/api/companies/${company.id}/agents`, {
        body: { name: "x", adapterConfig: { env: { A: 1 } } },
      }),
      400,
    );
    expect(env.body.details[0].message).toBe("adapterConfig.env must be a map of valid env bindings");
  });

  it("AL-4 a heartbeat of wrong types is 400 naming the field (08-47)", async () => {
    for (const [field, value] of [
      ["maxConcurrentRuns", "3"],
      ["enabled", "yes"],
      ["intervalSec", null],
      ["wakeOnDemand", 1],
    ] as const) {
      const body = { name: "x", runtimeConfig: { heartbeat: { [field]: value } } };
      const reply = await expectStatus(api.call("POST", `/api/companies/${company.id}/agents`, { body }), 400);
      expect(reply.body.details[0].path).toEqual(["runtimeConfig", "heartbeat", field]);
    }
    const kept = await company.agent({
      runtimeConfig: { heartbeat: { maxConcurrentRuns: 10.9, mine: 1 }, other: true },
    });
    expect(kept).toMatchObject({
      maxConcurrentRuns: 10,
      runtimeConfig: { heartbeat: { mine: 1, enabled: false }, other: true },
    });
  });

  it("API-77, API-7 a PATCH with a title changes only the title (02-25)", async () => {
    const before = await company.agent({
      role: "qa",
      adapterConfig: { command: "x", env: { A: "1" } },
      budgetMonthlyCents: 7,
      runtimeConfig: { heartbeat: { maxConcurrentRuns: 2, intervalSec: 60 } },
    });
    const after = (await expectStatus(api.call("PATCH", agentPath(before.id), { body: { title: "x" } }), 200)).body;
    expect(after).toEqual({ ...before, title: "x", updatedAt: after.updatedAt });
  });

  it("API-77 adapterConfig merges, or replaces when asked (02-27)", async () => {
    const agent = await company.agent({ adapterConfig: { b: 2 } });
    const patch = async (body: object): Promise<Json> =>
      (await expectStatus(api.call("PATCH", agentPath(agent.id), { body }), 200)).body.adapterConfig;
    expect(await patch({ adapterConfig: { a: 1 } })).toEqual({ a: 1, b: 2 });
    expect(await patch({ adapterConfig: { a: 1 }, replaceAdapterConfig: true })).toEqual({ a: 1 });
    expect(await patch({ adapterConfig: { cwd: "/x" } })).toEqual({ a: 1, cwd: "/x" });
    expect(await patch({ adapterType: "http", adapterConfig: { url: "http://x" } })).toEqual({
      cwd: "/x",
      url: "http://x",
    });
    const activity = await api.call(
      "GET",
      `/api/companies/${company.id}/activity?entityId=${agent.id}&action=agent.updated&limit=1`,
    );
    expect(activity.body[0].details).toEqual({
      changedTopLevelKeys: ["adapterConfig", "adapterType"],
      changedAdapterConfigKeys: ["a", "url"],
    });
  });

  it("API-77 has sentences for what belongs elsewhere", async () => {
    const agent = await company.agent();
    const cases: [object, string][] = [
      [{ permissions: {} }, "Use /api/agents/:id/permissions for permission changes"],
      [{ adapterConfig: [] }, "adapterConfig must be an object"],
      [{ reportsTo: agent.id }, "Agent cannot report to itself"],
    ];
    for (const [body, error] of cases) {
      expect((await expectStatus(api.call("PATCH", agentPath(agent.id), { body }), 422)).body.error).toBe(error);
    }
    const below = await company.agent({ reportsTo: agent.id });
    const ring = await expectStatus(api.call("PATCH", agentPath(agent.id), { body: { reportsTo: below.id } }), 422);
    expect(ring.body.error).toBe("Reporting relationship would create cycle");
    const detail = (await api.call("GET", agentPath(below.id))).body;
    expect(detail.chainOfCommand.map((manager: Json) => manager.id)).toEqual([agent.id]);
  });

  it("AL-10 to AL-13 pause, resume, terminate", async () => {
    const agent = await company.agent();
    const post = (verb: string): Promise<Json> => api.call("POST", agentPath(agent.id, `/${verb}`));
    expect((await expectStatus(post("pause"), 200)).body).toMatchObject({ status: "paused", pauseReason: "manual" });
    expect((await expectStatus(post("pause"), 200)).body.status).toBe("paused");
    expect((await expectStatus(post("resume"), 200)).body).toMatchObject({
      status: "idle",
      pauseReason: null,
      pausedAt: null,
    });
    expect(
      (await expectStatus(api.call("PATCH", agentPath(agent.id), { body: { status: "paused" } }), 200)).body.status,
    ).toBe("paused");
    await expectStatus(api.call("PATCH", agentPath(agent.id), { body: { status: "running" } }), 400);
    expect((await expectStatus(post("terminate"), 200)).body.status).toBe("terminated");
    await expectStatus(post("terminate"), 200);
    expect((await expectStatus(post("pause"), 409)).body.error).toBe("Cannot pause terminated agent");
    expect((await expectStatus(post("resume"), 409)).body.error).toBe("Cannot resume terminated agent");
    const patched = await expectStatus(
      api.call("PATCH", agentPath(agent.id), { body: { status: "idle", title: "x" } }),
      409,
    );
    expect(patched.body.error).toBe("Terminated agents cannot be resumed");
    expect((await api.call("GET", agentPath(agent.id))).body.title).toBeNull();
    expect((await expectStatus(api.call("POST", agentPath(agent.id, "/keys"), { body: {} }), 409)).body.error).toBe(
      "Cannot create keys for terminated agents",
    );
  });

  it("AL-10 a pending agent is neither paused nor resumed nor given keys (08-45)", async () => {
    const agent = await company.agent();
    await api.db.sql.query("UPDATE agents SET status = 'pending_approval' WHERE id = $1", [agent.id]);
    const texts = {
      pause: "Cannot pause pending approval agents",
      resume: "Pending approval agents cannot be resumed",
    };
    for (const [verb, error] of Object.entries(texts)) {
      expect((await expectStatus(api.call("POST", agentPath(agent.id, `/${verb}`)), 409)).body.error).toBe(error);
    }
    expect(
      (await expectStatus(api.call("PATCH", agentPath(agent.id), { body: { status: "idle" } }), 409)).body.error,
    ).toBe("Pending approval agents cannot be activated directly");
    expect((await expectStatus(api.call("POST", agentPath(agent.id, "/keys"), { body: {} }), 409)).body.error).toBe(
      "Cannot create keys for pending approval agents",
    );
  });

  it("AL-2 a company that wants approvals refuses direct creation", async () => {
    const own = await aCompany(api);
    await expectStatus(
      api.call("PATCH", `/api/companies/${own.id}`, { body: { requireBoardApprovalForNewAgents: true } }),
      200,
    );
    const reply = await expectStatus(api.call("POST", `/api/companies/${own.id}/agents`, { body: { name: "x" } }), 409);
    expect(reply.body.error).toContain("Use POST /api/companies/:companyId/agent-hires");
  });

  it("API-70 lists without terminated ones, by page, and refuses unknown parameters", async () => {
    const own = await aCompany(api);
    const made = [await own.agent({ name: "A" }), await own.agent({ name: "B" }), await own.agent({ name: "C" })];
    await expectStatus(api.call("POST", agentPath(made[1].id, "/terminate")), 200);
    const names = (reply: Json): string[] => reply.body.map((agent: Json) => agent.name);
    const list = `/api/companies/${own.id}/agents`;
    expect(names(await api.call("GET", list))).toEqual(["A", "C"]);
    expect(names(await api.call("GET", `${list}?includeTerminated=true`))).toEqual(["A", "B", "C"]);
    expect(names(await api.call("GET", `${list}?q=c`))).toEqual(["C"]);
    const first = await api.call("GET", `${list}?limit=1`);
    expect(names(first)).toEqual(["A"]);
    expect(first.headers.get("link")).toMatch(/rel="next"/);
    const second = await api.call("GET", `${list}?limit=1&cursor=${first.headers.get("x-next-cursor")}`);
    expect([names(second), second.headers.get("x-next-cursor")]).toEqual([["C"], null]);
    expect((await expectStatus(api.call("GET", `${list}?foo=1`), 400)).body.error).toBe(
      "Unsupported query parameter: foo",
    );
    expect((await expectStatus(api.call("GET", `${list}?foo=1&bar=2`), 400)).body.error).toBe(
      "Unsupported query parameters: foo, bar",
    );
  });

  it("API-70 configurations are hidden from agents, secrets from everybody", async () => {
    const own = await aCompany(api);
    const agent = await own.agent({
      adapterConfig: { command: "x", env: { OPENAI_API_KEY: "topsecret", PLAIN: "ok" } },
    });
    const peer = await own.agent({ name: "Peer" });
    expect(agent.adapterConfig.env).toEqual({
      OPENAI_API_KEY: { type: "plain", value: "***REDACTED***" },
      PLAIN: { type: "plain", value: "ok" },
    });
    const asPeer = (await api.call("GET", agentPath(agent.id), { key: await anAgentKey(api, peer.id) })).body;
    expect([asPeer.adapterConfig, asPeer.runtimeConfig]).toEqual([{}, {}]);
    const asSelf = (await api.call("GET", "/api/agents/me", { key: await anAgentKey(api, agent.id) })).body;
    expect(asSelf.adapterConfig.command).toBe("x");
    const everything = [
      await api.call("GET", `/api/companies/${own.id}/agents`),
      await api.call("GET", `/api/companies/${own.id}/activity`),
    ];
    for (const reply of everything) expect(reply.text).not.toContain("topsecret");
    const [stored] = await api.db.sql.query<Json>("SELECT adapter_config FROM agents WHERE id = $1", [agent.id]);
    expect(stored.adapter_config.env.OPENAI_API_KEY.value).toBe("topsecret");
  });

  it("API-75 me is for agents", async () => {
    expect((await expectStatus(api.call("GET", "/api/agents/me"), 401)).body.error).toBe(
      "Agent authentication required",
    );
  });

  it("API-84 keys are listed without their tokens and revoked", async () => {
    const agent = await company.agent();
    const made = (await expectStatus(api.call("POST", agentPath(agent.id, "/keys"), { body: { name: "laptop" } }), 201))
      .body;
    expect(made).toEqual({
      id: expect.any(String),
      name: "laptop",
      token: expect.stringMatching(/^wfa_[0-9a-f]{48}$/),
      createdAt: expect.any(String),
    });
    const listed = await api.call("GET", agentPath(agent.id, "/keys"));
    expect(listed.body).toEqual([{ id: made.id, name: "laptop", createdAt: made.createdAt, revokedAt: null }]);
    await expectStatus(api.call("DELETE", agentPath(agent.id, `/keys/${made.id}`)), 200);
    await expectStatus(api.call("GET", "/api/agents/me", { key: made.token }), 401);
    await expectStatus(api.call("DELETE", agentPath(agent.id, "/keys/00000000-0000-4000-8000-000000000000")), 404);
  });

  it("API-87 to API-89 runtime state and sessions", async () => {
    const agent = await company.agent();
    await api.db.sql.query("DELETE FROM agent_runtime_state WHERE agent_id = $1", [agent.id]);
    const state = (await expectStatus(api.call("GET", agentPath(agent.id, "/runtime-state")), 200)).body;
    expect(state).toMatchObject({ agentId: agent.id, stateJson: {}, totalCostCents: 0, sessionDisplayId: null });
    await api.db.sql.query(
      `INSERT INTO agent_task_sessions (company_id, agent_id, adapter_type, task_key, session_params_json, session_display_id)
       VALUES ($1, $2, 'process', 'k', '{"token": "x", "accessToken": "y", "id": "s1"}', 's1')`,
      [company.id, agent.id],
    );
    const sessions = await expectStatus(api.call("GET", agentPath(agent.id, "/task-sessions")), 200);
    expect(sessions.body).toMatchObject([
      { taskKey: "k", sessionParamsJson: { accessToken: "***REDACTED***", id: "s1" } },
    ]);
    const reset = await expectStatus(
      api.call("POST", agentPath(agent.id, "/runtime-state/reset-session"), { body: { taskKey: "other" } }),
      200,
    );
    expect(reset.body.clearedTaskSessions).toBe(0);
    expect(
      (await expectStatus(api.call("POST", agentPath(agent.id, "/runtime-state/reset-session"), { body: {} }), 200))
        .body,
    ).toMatchObject({ clearedTaskSessions: 1, sessionId: null });
  });
});

describe("sessions", () => {
  const reset = (id: string, body: object) =>
    expectStatus(api.call("POST", agentPath(id, "/runtime-state/reset-session"), { body }), 200);
  const addSession = (agentId: string, taskKey: string, columns: { adapterType?: string; at?: string } = {}) =>
    api.db.sql.query(
      `INSERT INTO agent_task_sessions (company_id, agent_id, adapter_type, task_key, session_params_json,
           session_display_id, updated_at)
       VALUES ($1, $2, $3, $4, jsonb_build_object('sessionId', $4::text), $4, $5::timestamptz)`,
      [company.id, agentId, columns.adapterType ?? "process", taskKey, columns.at ?? "2026-01-01"],
    );
  const giveOwn = (agentId: string) =>
    api.db.sql.query(
      `INSERT INTO agent_runtime_state (agent_id, company_id, adapter_type, session_id, last_error, state_json)
       VALUES ($1, $2, 'process', 'own', 'old error', '{"a": 1}')
       ON CONFLICT (agent_id) DO UPDATE SET session_id = 'own', last_error = 'old error', state_json = '{"a": 1}'`,
      [agentId, company.id],
    );

  it("SE-60, SE-61, RD-3 the state shows the newest task session, else the agent's own", async () => {
    const agent = await company.agent();
    await giveOwn(agent.id);
    const state = () => api.call("GET", agentPath(agent.id, "/runtime-state"));
    expect((await state()).body).toMatchObject({ sessionId: "own", sessionDisplayId: "own", sessionParamsJson: null });
    await addSession(agent.id, "older");
    await addSession(agent.id, "newer", { at: "2026-02-01" });
    expect((await state()).body).toMatchObject({
      sessionDisplayId: "newer",
      sessionParamsJson: { sessionId: "newer" },
    });
    const listed = await api.call("GET", agentPath(agent.id, "/task-sessions"));
    expect(listed.body.map((session: Json) => session.taskKey)).toEqual(["newer", "older"]);
  });

  it("SE-62 (05-20) one key, then all: rows, state and the agent's own session", async () => {
    const agent = await company.agent();
    await giveOwn(agent.id);
    for (const key of ["a", "b"]) await addSession(agent.id, key);
    await addSession(agent.id, "a", { adapterType: "codex_local" });
    expect((await reset(agent.id, { taskKey: "  a " })).body).toMatchObject({
      clearedTaskSessions: 1,
      sessionId: null,
      lastError: null,
      stateJson: { a: 1 },
      sessionDisplayId: null,
      sessionParamsJson: null,
    });
    expect((await reset(agent.id, {})).body).toMatchObject({ clearedTaskSessions: 2, stateJson: {} });
    expect((await api.call("GET", agentPath(agent.id, "/task-sessions"))).body).toEqual([]);
    const activity = await api.call("GET", `/api/companies/${company.id}/activity?entityId=${agent.id}`);
    const resets = activity.body.filter((row: Json) => row.action === "agent.runtime_session_reset");
    expect(resets.map((row: Json) => row.details)).toEqual([{ taskKey: null }, { taskKey: "a" }]);
  });

  it("SE-62 a blank key is refused, and an agent may neither read nor reset", async () => {
    const agent = await company.agent();
    const path = agentPath(agent.id, "/runtime-state/reset-session");
    await expectStatus(api.call("POST", path, { body: { taskKey: "  " } }), 400);
    const key = await anAgentKey(api, agent.id);
    await expectStatus(api.call("POST", path, { body: {}, key }), 403);
    await expectStatus(api.call("GET", agentPath(agent.id, "/task-sessions"), { key }), 403);
  });
});

describe("API-305 keys", () => {
  it("API-305 the last admin key cannot be revoked", async () => {
    const [first] = (await api.call("GET", "/api/keys")).body.filter((key: Json) => key.scope === "admin");
    expect(first.keyHash).toBeUndefined();
    expect((await expectStatus(api.call("DELETE", `/api/keys/${first.id}`), 409)).body.error).toBe(
      "The last admin key cannot be revoked",
    );
    const second = await aKey(api, { scope: "admin" });
    const raced = await Promise.all(
      [first.id, second.id].map((id) => api.call("DELETE", `/api/keys/${id}`, { key: second.token })),
    );
    expect(raced.filter((reply) => reply.status === 200)).toHaveLength(1);
    // Whichever stayed, the tests go on with the first key.
    await api.db.sql.query("UPDATE api_keys SET revoked_at = NULL WHERE id = $1", [first.id]);
    await expect.poll(async () => (await api.call("GET", "/livez")).status).toBe(200);
  });

  it("API-305 an enqueue key needs a company", async () => {
    expect(
      (await expectStatus(api.call("POST", "/api/keys", { body: { scope: "enqueue", name: "x" } }), 400)).body.code,
    ).toBe("bad_request");
  });
});

describe("API-270 to API-301 the instance", () => {
  it("API-270, IN-7 settings have defaults; a broken key falls back alone", async () => {
    await api.call("GET", "/api/instance/settings/general");
    await api.db.sql.query(
      `UPDATE instance_settings SET general = '{"censorUsernameInLogs": true, "keyboardShortcuts": "?", "new": 1}'`,
    );
    expect((await expectStatus(api.call("GET", "/api/instance/settings/general"), 200)).body).toEqual({
      censorUsernameInLogs: true,
      keyboardShortcuts: false,
      feedbackDataSharingPreference: "prompt",
      backupRetention: { dailyDays: 7, weeklyWeeks: 4, monthlyMonths: 1 },
    });
    expect(
      (await api.call("GET", "/api/instance/settings/experimental")).body.issueGraphLivenessAutoRecoveryLookbackHours,
    ).toBe(24);
  });

  it("API-273 to API-275 health and readiness", async () => {
    expect((await expectStatus(api.call("GET", "/livez", { key: null }), 200)).body).toEqual({ status: "ok" });
    expect((await expectStatus(api.call("GET", "/api/health", { key: null }), 200)).body).toEqual({ status: "ok" });
    expect((await expectStatus(api.call("GET", "/api/health"), 200)).body).toMatchObject({
      status: "ok",
      version: expect.any(String),
      deploymentMode: "keys",
    });
    const ready = await expectStatus(api.call("GET", "/readyz", { key: null }), 200);
    expect(ready.body).toEqual({
      status: "ready",
      checks: { postgres: "ok", redis: "ok", migrations: "ok", draining: "ok" },
    });
  });

  it("API-300 the fleet shows totals, queues with work and stores", async () => {
    const own = await aCompany(api);
    const agent = await own.agent({ name: "Busy" });
    await expectStatus(api.call("POST", agentPath(agent.id, "/wakeup"), { body: {} }), 202);
    const { token } = await aKey(api, { scope: "operator", companyId: own.id });
    const fleet = (await expectStatus(api.call("GET", "/api/fleet", { key: token }), 200)).body;
    expect(fleet.totals).toMatchObject({ agents: 1, queued: 1, running: 0 });
    expect(fleet.queues).toMatchObject([
      { agentId: agent.id, agentName: "Busy", concurrency: 5, queue: `agent-${agent.id}`, paused: false },
    ]);
    expect(fleet.stores).toMatchObject({ postgres: { ok: true }, redis: { ok: true } });
    await expect.poll(async () => (await api.call("GET", "/api/fleet", { key: token })).body.queues[0].waiting).toBe(1);
    const all = (await api.call("GET", "/api/fleet?all=true&limit=1")).body;
    expect(all.queues).toHaveLength(1);
    await expectStatus(api.call("GET", "/api/fleet", { key: await anAgentKey(api, agent.id) }), 403);
  });

  it("API-301, API-310 metrics count wakeups and never name an id (02-50)", async () => {
    const agent = await company.agent();
    const read = async (): Promise<string> => (await expectStatus(api.call("GET", "/metrics"), 200)).text;
    const count = (text: string): number =>
      Number(/wakefleet_wakeups_total\{source="on_demand",outcome="queued",reason="none"\} (\d+)/.exec(text)?.[1] ?? 0);
    const before = count(await read());
    await expectStatus(api.call("POST", agentPath(agent.id, "/wakeup"), { body: {} }), 202);
    const after = await read();
    expect(count(after)).toBe(before + 1);
    expect(after).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/);
    expect(after).toContain('route="/api/agents/:id/wakeup"');
    // "Nan" is how the metrics library writes a mean of nothing yet (an event loop without a sample); readers of the
    // format take not-a-number in any case.
    for (const line of after.trim().split("\n"))
      expect(line).toMatch(/^(#.*|\w+(\{.*\})? (-?[\d.e+-]+|NaN|Nan|\+Inf)|)$/);
  });
});
