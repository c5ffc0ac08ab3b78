/** Companies and agents as an administration changes and surveys them (API-64, API-66, API-67, API-83, API-85, API-86, API-90, API-224). */
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
let other: TestCompany;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
  other = await aCompany(api);
});
afterAll(() => api.stop());

const NOWHERE = "00000000-0000-4000-8000-000000000000";

async function actions(companyId: string): Promise<Json[]> {
  return (await expectStatus(api.call("GET", `/api/companies/${companyId}/activity`), 200)).body;
}

/** What each caller is answered on one call: nobody else than `who` may make it. */
async function refusals(call: (key: string) => Promise<{ status: number; body: Json }>): Promise<Json> {
  const worker = await company.agent();
  const foreign = await other.agent();
  const ceo = await other.agent({ role: "ceo" });
  const enqueue = (await aKey(api, { scope: "enqueue", companyId: company.id })).token;
  const of = async (key: string): Promise<string> => {
    const { status, body } = await call(key);
    return `${status} ${body.code} ${body.error}`;
  };
  return {
    worker: await of(await anAgentKey(api, worker.id)),
    foreign: await of(await anAgentKey(api, foreign.id)),
    foreignCeo: await of(await anAgentKey(api, ceo.id)),
    enqueue: (await of(enqueue)).slice(0, 22),
  };
}

const FOREIGN = "403 wrong_company Agent key cannot access another company";
const SCOPE = "403 insufficient_scope";

describe("companies", () => {
  it("API-64, BU-15.3 an archived company starts no new work; archiving twice is harmless and noted once", async () => {
    const made = await aCompany(api);
    const agent = await made.agent();
    const path = `/api/companies/${made.id}/archive`;
    const archived = await expectStatus(api.call("POST", path), 200);
    expect(archived.body).toMatchObject({ id: made.id, status: "archived", pauseReason: null });
    expect((await expectStatus(api.call("POST", path), 200)).body).toEqual(archived.body);
    const wake = await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: {} }), 409);
    expect(wake.body.error).toBe("Company is archived and cannot start new work.");
    const noted = (await actions(made.id)).filter(({ action }) => action === "company.archived");
    expect(noted).toMatchObject([{ entityType: "company", entityId: made.id }]);
    await expectStatus(api.call("POST", `/api/companies/${NOWHERE}/archive`), 404);
    expect(await refusals((key) => api.call("POST", `/api/companies/${company.id}/archive`, { key }))).toEqual({
      worker: "403 forbidden Board access required",
      foreign: FOREIGN,
      foreignCeo: FOREIGN,
      enqueue: SCOPE,
    });
  });

  it("API-66 counts the agents and issues of the companies a key may see", async () => {
    const made = await aCompany(api);
    await made.agent();
    await made.agent();
    await made.issue();
    const all = (await expectStatus(api.call("GET", "/api/companies/stats"), 200)).body;
    expect(all).toMatchObject({ [made.id]: { agentCount: 2, issueCount: 1 }, [company.id]: expect.anything() });
    const bound = (await aKey(api, { scope: "operator", companyId: made.id })).token;
    const own = await expectStatus(api.call("GET", "/api/companies/stats", { key: bound }), 200);
    expect(own.body).toEqual({ [made.id]: { agentCount: 2, issueCount: 1 } });
    const agent = await anAgentKey(api, (await made.agent()).id);
    await expectStatus(api.call("GET", "/api/companies/stats", { key: agent }), 403);
  });

  it("API-67 the board and a ceo change how the company looks, and nothing else", async () => {
    const path = `/api/companies/${company.id}/branding`;
    const before = (await expectStatus(api.call("GET", `/api/companies/${company.id}`), 200)).body;
    const body = { brandColor: "#0a0B0c", description: "made new", logoAssetId: null };
    const { body: after } = await expectStatus(api.call("PATCH", path, { body }), 200);
    const { updatedAt } = after;
    expect(after).toEqual({ ...before, brandColor: "#0a0B0c", description: "made new", updatedAt });
    const ceo = await anAgentKey(api, (await company.agent({ role: "ceo" })).id);
    const byCeo = await expectStatus(api.call("PATCH", path, { key: ceo, body: { name: "Renamed" } }), 200);
    expect(byCeo.body).toMatchObject({ name: "Renamed", brandColor: "#0a0B0c" });
    for (const wrong of [
      {},
      { budgetMonthlyCents: 1 },
      { brandColor: "blue" },
      { name: "" },
      { logoAssetId: NOWHERE },
    ]) {
      const refused = await expectStatus(api.call("PATCH", path, { body: wrong }), 400);
      expect(refused.body.code).toBe("validation_failed");
    }
    expect((await api.call("GET", `/api/companies/${company.id}`)).body).toEqual(byCeo.body);
    expect((await actions(company.id)).slice(0, 5)).toContainEqual(
      expect.objectContaining({ action: "company.branding_updated", actorType: "agent", details: { name: "Renamed" } }),
    );
    expect(await refusals((key) => api.call("PATCH", path, { key, body: { name: "x" } }))).toMatchObject({
      worker: "403 forbidden Board access required",
      foreignCeo: FOREIGN,
    });
  });
});

describe("agents' rights and configurations", () => {
  it("API-83 sets both rights, at once for the agent's next call", async () => {
    const agent = await company.agent();
    const key = await anAgentKey(api, agent.id);
    const path = `/api/agents/${agent.id}/permissions`;
    const create = () =>
      api.call("POST", `/api/companies/${company.id}/agents`, { key, body: { name: "Made by an agent" } });
    await expectStatus(create(), 403);
    const given = await expectStatus(
      api.call("PATCH", path, { body: { canCreateAgents: true, canAssignTasks: true } }),
      200,
    );
    expect(given.body).toMatchObject({
      permissions: { canCreateAgents: true },
      access: { canAssignTasks: true, taskAssignSource: "explicit_grant" },
    });
    await expectStatus(create(), 201);
    const ceo = await anAgentKey(api, (await company.agent({ role: "ceo" })).id);
    const taken = await expectStatus(
      api.call("PATCH", path, { key: ceo, body: { canCreateAgents: false, canAssignTasks: false } }),
      200,
    );
    expect(taken.body).toMatchObject({
      permissions: { canCreateAgents: false },
      access: { canAssignTasks: false, taskAssignSource: "none", grants: [] },
    });
    await expectStatus(create(), 403);
    const missing = await expectStatus(api.call("PATCH", path, { body: { canCreateAgents: true } }), 400);
    expect(missing.body.details).toMatchObject([{ path: ["canAssignTasks"] }]);
    expect((await actions(company.id)).filter(({ action }) => action === "agent.permissions_updated")).toMatchObject([
      { entityId: agent.id, actorType: "agent", details: { canCreateAgents: false, canAssignTasks: false } },
      { entityId: agent.id, actorType: "user", details: { canCreateAgents: true, canAssignTasks: true } },
    ]);
    const body = { canCreateAgents: true, canAssignTasks: true };
    expect(await refusals((caller) => api.call("PATCH", path, { key: caller, body }))).toEqual({
      worker: "403 forbidden Only CEO can manage permissions",
      foreign: FOREIGN,
      foreignCeo: FOREIGN,
      enqueue: SCOPE,
    });
  });

  it("API-85 configurations are read by whoever may create agents, secrets masked", async () => {
    const agent = await company.agent({
      title: "Keeper",
      adapterConfig: { command: "true", env: { API_KEY: "sk-000000000000000000", MODE: "plain" } },
    });
    const path = `/api/agents/${agent.id}/configuration`;
    const { body } = await expectStatus(api.call("GET", path), 200);
    expect(body).toEqual({
      id: agent.id,
      companyId: company.id,
      name: agent.name,
      role: "general",
      title: "Keeper",
      status: "idle",
      reportsTo: null,
      adapterType: "process",
      adapterConfig: {
        command: "true",
        env: { API_KEY: { type: "plain", value: "***REDACTED***" }, MODE: { type: "plain", value: "plain" } },
      },
      runtimeConfig: agent.runtimeConfig,
      permissions: { canCreateAgents: false },
      updatedAt: agent.updatedAt,
    });
    const all = `/api/companies/${company.id}/agent-configurations`;
    const first = await expectStatus(api.call("GET", `${all}?limit=1`), 200);
    expect(first.body).toHaveLength(1);
    expect(first.headers.get("x-next-cursor")).toBe(first.body[0].id);
    expect((await expectStatus(api.call("GET", all), 200)).body).toContainEqual(body);
    for (const route of [path, all]) {
      expect(await refusals((key) => api.call("GET", route, { key }))).toEqual({
        worker: "403 forbidden Missing permission: can create agents",
        foreign: FOREIGN,
        foreignCeo: FOREIGN,
        enqueue: SCOPE,
      });
    }
  });
});

describe("revisions of an agent's configuration", () => {
  const revisionsOf = async (id: string): Promise<Json[]> =>
    (await expectStatus(api.call("GET", `/api/agents/${id}/config-revisions`), 200)).body;

  it("AL-17, API-86 each change leaves what was before and after; a roll-back goes back by the rules of a change", async () => {
    const agent = await company.agent({ title: "First", adapterConfig: { command: "true", args: ["a"] } });
    const path = `/api/agents/${agent.id}`;
    await expectStatus(api.call("PATCH", path, { body: { title: "Second", adapterConfig: { args: ["b"] } } }), 200);
    await expectStatus(api.call("PATCH", `${path}/budgets`, { body: { budgetMonthlyCents: 700 } }), 200);
    await expectStatus(api.call("PATCH", path, { body: { title: "Third", icon: "star", metadata: { a: 1 } } }), 200);
    await expectStatus(api.call("PATCH", path, { body: { title: "Third", icon: "moon" } }), 200);
    const [third, budget, second, ...rest] = await revisionsOf(agent.id);
    expect(rest).toEqual([]);
    expect(third).toMatchObject({ changedKeys: ["title", "metadata"], source: "patch", createdByAgentId: null });
    expect(budget).toMatchObject({
      changedKeys: ["budgetMonthlyCents"],
      beforeConfig: { budgetMonthlyCents: 0 },
      afterConfig: { budgetMonthlyCents: 700 },
    });
    expect(second).toMatchObject({
      agentId: agent.id,
      companyId: company.id,
      createdByUserId: expect.any(String),
      changedKeys: ["title", "adapterConfig"],
      beforeConfig: { title: "First", adapterConfig: { command: "true", args: ["a"] } },
      afterConfig: { title: "Second", adapterConfig: { command: "true", args: ["b"] } },
    });
    expect((await expectStatus(api.call("GET", `${path}/config-revisions/${second.id}`), 200)).body).toEqual(second);

    const back = await expectStatus(api.call("POST", `${path}/config-revisions/${second.id}/rollback`), 200);
    expect(back.body).toMatchObject({
      title: "Second",
      metadata: null,
      budgetMonthlyCents: 0,
      icon: "moon",
      adapterConfig: { command: "true", args: ["b"] },
    });
    expect((await revisionsOf(agent.id))[0]).toMatchObject({
      source: "rollback",
      rolledBackFromRevisionId: second.id,
      changedKeys: ["title", "budgetMonthlyCents", "metadata"],
    });
    expect((await actions(company.id)).filter(({ action }) => action === "agent.config_rolled_back")).toMatchObject([
      { entityId: agent.id, details: { revisionId: second.id } },
    ]);
    const again = await expectStatus(api.call("GET", `${path}/config-revisions?limit=1`), 200);
    expect(again.headers.get("x-next-cursor")).toBe(again.body[0].id);
  });

  it("AL-17, API-86 secrets stay out of revisions, and what lost one cannot be gone back to", async () => {
    const agent = await company.agent({ adapterConfig: { command: "true", env: { TOKEN: "a-very-secret-value" } } });
    const path = `/api/agents/${agent.id}`;
    await expectStatus(
      api.call("PATCH", path, { body: { adapterConfig: { env: { TOKEN: "another-secret-value" } } } }),
      200,
    );
    const [revision] = await revisionsOf(agent.id);
    expect(revision.changedKeys).toEqual(["adapterConfig"]);
    const [kept] = await api.db.sql.query<{ text: string }>(
      "SELECT v::text AS text FROM agent_config_revisions v WHERE agent_id = $1",
      [agent.id],
    );
    expect(kept?.text).toContain("***REDACTED***");
    expect(kept?.text).not.toMatch(/secret-value/);
    const before = (await api.call("GET", path)).body;
    const refused = await expectStatus(api.call("POST", `${path}/config-revisions/${revision.id}/rollback`), 422);
    expect(refused.body.error).toBe("Cannot roll back a revision that contains redacted secret values");
    expect((await api.call("GET", path)).body).toEqual(before);
  });

  it("API-86 a revision of nobody, or of another agent, is not found; who may not read or change is refused", async () => {
    const agent = await company.agent();
    const second = await company.agent();
    await expectStatus(api.call("PATCH", `/api/agents/${second.id}`, { body: { title: "x" } }), 200);
    const [foreign] = await revisionsOf(second.id);
    for (const id of [NOWHERE, "no-uuid", foreign.id]) {
      const path = `/api/agents/${agent.id}/config-revisions/${id}`;
      for (const reply of [api.call("GET", path), api.call("POST", `${path}/rollback`)]) {
        expect((await expectStatus(reply, 404)).body.error).toBe("Revision not found");
      }
    }
    const path = `/api/agents/${second.id}/config-revisions`;
    expect(await refusals((key) => api.call("GET", path, { key }))).toMatchObject({
      worker: "403 forbidden Missing permission: can create agents",
      foreign: FOREIGN,
    });
    expect(await refusals((key) => api.call("POST", `${path}/${foreign.id}/rollback`, { key }))).toMatchObject({
      worker: "403 forbidden Only CEO or agent creators can modify other agents",
      foreign: FOREIGN,
    });
  });
});

describe("surveys", () => {
  it("API-90 the org tree nests reports below their managers, without terminated agents", async () => {
    const made = await aCompany(api);
    const boss = await made.agent({ name: "Boss", role: "ceo" });
    const lead = await made.agent({ name: "Lead", reportsTo: boss.id });
    const gone = await made.agent({ name: "Gone", reportsTo: boss.id });
    await made.agent({ name: "Hand", reportsTo: lead.id });
    await made.agent({ name: "Left behind", reportsTo: gone.id });
    await expectStatus(api.call("POST", `/api/agents/${gone.id}/terminate`), 200);
    const { body } = await expectStatus(api.call("GET", `/api/companies/${made.id}/org`), 200);
    expect(body).toMatchObject([
      {
        id: boss.id,
        name: "Boss",
        role: "ceo",
        status: "idle",
        reports: [{ name: "Lead", reports: [{ name: "Hand", reports: [] }] }],
      },
      { name: "Left behind", reports: [] },
    ]);
    expect(body).toHaveLength(2);
    expect(Object.keys(body[0])).toEqual(["id", "name", "role", "status", "reports"]);
    // A ring, as only old data can hold one, is cut where it is met again.
    await api.db.sql.query("UPDATE agents SET reports_to = $2 WHERE id = $1", [boss.id, lead.id]);
    const ring = (await expectStatus(api.call("GET", `/api/companies/${made.id}/org`), 200)).body;
    expect(ring).toMatchObject([
      { name: "Left behind" },
      { name: "Boss", reports: [{ name: "Lead", reports: [{ name: "Hand" }] }] },
    ]);
    const foreign = await anAgentKey(api, (await other.agent()).id);
    await expectStatus(api.call("GET", `/api/companies/${made.id}/org`, { key: foreign }), 403);
  });

  it("API-90 the instance's administrator sees whose timer beats, in every company", async () => {
    const made = await aCompany(api, { name: "Timers" });
    const beats = { heartbeat: { enabled: true, intervalSec: 60 } };
    const beating = await made.agent({ name: "Beats Often", title: "T", runtimeConfig: beats });
    const still = await made.agent({ name: "Still", runtimeConfig: { heartbeat: { enabled: true, intervalSec: 0 } } });
    const paused = await made.agent({ name: "Paused", runtimeConfig: beats });
    await expectStatus(api.call("POST", `/api/agents/${paused.id}/pause`), 200);
    const all = (await expectStatus(api.call("GET", "/api/instance/scheduler-heartbeats?limit=10000"), 200)).body;
    expect(all.filter(({ companyId }: Json) => companyId === made.id)).toEqual([
      {
        id: beating.id,
        companyId: made.id,
        companyName: "Timers",
        companyIssuePrefix: "TIM",
        agentName: "Beats Often",
        agentUrlKey: "beats-often",
        role: "general",
        title: "T",
        status: "idle",
        adapterType: "process",
        intervalSec: 60,
        heartbeatEnabled: true,
        schedulerActive: true,
        lastHeartbeatAt: null,
      },
      expect.objectContaining({ id: still.id, heartbeatEnabled: true, schedulerActive: false }),
    ]);
    expect(all.some(({ companyId }: Json) => companyId === company.id)).toBe(true);
    const bound = (await aKey(api, { scope: "admin", companyId: made.id })).token;
    const refused = await expectStatus(api.call("GET", "/api/instance/scheduler-heartbeats", { key: bound }), 403);
    expect(refused.body.error).toBe("Instance admin access required");
  });
});

describe("leases", () => {
  it("API-224 an environment's leases are read by whoever manages environments", async () => {
    const [environment] = await api.db.sql.query<{ id: string }>("SELECT id FROM environments WHERE company_id = $1", [
      company.id,
    ]);
    const leases = await api.db.sql.query<{ id: string }>(
      `INSERT INTO environment_leases (company_id, environment_id, status, provider, acquired_at, metadata)
       SELECT $1, $2, s, 'local', now() + n * interval '1 second', '{"driver": "local", "apiKey": "x"}'
         FROM (VALUES ('active', 1), ('released', 2), ('failed', 3)) v (s, n) RETURNING id`,
      [company.id, environment?.id],
    );
    const path = `/api/environments/${environment?.id}/leases`;
    const { body } = await expectStatus(api.call("GET", path), 200);
    expect(body.map(({ id }: Json) => id)).toEqual(leases.map(({ id }) => id).reverse());
    expect(body[0]).toMatchObject({
      status: "failed",
      leasePolicy: "ephemeral",
      metadata: { apiKey: "***REDACTED***" },
    });
    expect((await expectStatus(api.call("GET", `${path}?status=active`), 200)).body).toEqual([body[2]]);
    await expectStatus(api.call("GET", `${path}?status=lost`), 400);
    const page = await expectStatus(api.call("GET", `${path}?limit=2`), 200);
    const cursor = page.headers.get("x-next-cursor");
    expect((await expectStatus(api.call("GET", `${path}?cursor=${cursor}`), 200)).body).toEqual([body[2]]);
    const one = `/api/environment-leases/${body[0].id}`;
    expect((await expectStatus(api.call("GET", one), 200)).body).toEqual(body[0]);
    for (const [wrong, text] of [
      ["/api/environment-leases/x", "Environment lease not found"],
      [`/api/environment-leases/${NOWHERE}`, "Environment lease not found"],
      [`/api/environments/${NOWHERE}/leases`, "Environment not found"],
    ] as const) {
      expect((await expectStatus(api.call("GET", wrong), 404)).body.error).toBe(text);
    }
    for (const route of [path, one]) {
      expect(await refusals((key) => api.call("GET", route, { key }))).toEqual({
        worker: "403 forbidden Missing permission: environments:manage",
        foreign: FOREIGN,
        foreignCeo: FOREIGN,
        enqueue: SCOPE,
      });
    }
    const keeper = await company.agent();
    await api.db.sql.query(
      `INSERT INTO principal_permission_grants (company_id, principal_type, principal_id, permission_key)
       VALUES ($1, 'agent', $2, 'environments:manage')`,
      [company.id, keeper.id],
    );
    await expectStatus(api.call("GET", path, { key: await anAgentKey(api, keeper.id) }), 200);
  });
});
