/** What the activity log tells, and that it is one with what it tells of (AC-5, AC-20 to AC-35, API-250, API-252). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
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
afterAll(async () => api?.stop());

const get = (path: string, options: object = {}) => api.call("GET", path, options);
const send = (method: string, path: string, body: object = {}, options: object = {}) =>
  api.call(method, path, { body, ...options });
const log = async (query: string, of = company.id): Promise<Json[]> =>
  (await expectStatus(get(`/api/companies/${of}/activity?${query}`), 200)).body;

describe("reading", () => {
  it("API-250, AC-4 newest first, by agent, entity, run, action and time, in pages, without hidden issues", async () => {
    const own = await aCompany(api);
    const agent = await own.agent();
    const issue = await own.issue();
    const hidden = await own.issue();
    const key = await anAgentKey(api, agent.id);
    await expectStatus(send("POST", `/api/issues/${issue.id}/comments`, { body: "hello" }, { key }), 201);
    await expectStatus(send("PATCH", `/api/issues/${hidden.id}`, { hiddenAt: new Date().toISOString() }), 200);
    const all = await log("limit=500", own.id);
    const times = all.map(({ createdAt }) => createdAt);
    expect(times).toEqual([...times].sort().reverse());
    expect(all.map(({ entityId }) => entityId)).not.toContain(hidden.id);
    expect((await log(`agentId=${agent.id}`, own.id)).map(({ action }) => action)).toEqual(["issue.comment_added"]);
    expect((await log(`entityType=issue&entityId=${issue.id}`, own.id)).map(({ action }) => action)).toEqual([
      "issue.comment_added",
      "issue.created",
    ]);
    expect(await log("action=issue.created&since=2999-01-01T00:00:00Z", own.id)).toEqual([]);
    const first = await expectStatus(get(`/api/companies/${own.id}/activity?limit=2`), 200);
    const rest = await log(`limit=500&cursor=${first.headers.get("x-next-cursor")}`, own.id);
    expect([...first.body, ...rest]).toEqual(all);
    const stranger = await anAgentKey(api, (await company.agent()).id);
    expect(await get(`/api/companies/${own.id}/activity`, { key: stranger })).toMatchObject({ status: 403 });
  });

  it("API-252 an issue's own rows, in pages", async () => {
    const issue = await company.issue();
    for (const body of ["a", "b"]) await expectStatus(send("POST", `/api/issues/${issue.id}/comments`, { body }), 201);
    const page = await expectStatus(get(`/api/issues/${issue.identifier}/activity?limit=2`), 200);
    const cursor = page.headers.get("x-next-cursor");
    const rest = (await expectStatus(get(`/api/issues/${issue.id}/activity?cursor=${cursor}`), 200)).body;
    expect([...page.body, ...rest].map(({ action }) => action)).toEqual([
      "issue.comment_added",
      "issue.comment_added",
      "issue.created",
    ]);
  });
});

describe("what is told", () => {
  it("AC-34, AC-35, AL-18 of an agent: made, changed by key names only, paused, resumed, keys, ended", async () => {
    const agent = await company.agent({ role: "engineer" });
    const path = `/api/agents/${agent.id}`;
    const change = {
      title: "x",
      adapterConfig: { env: { API_TOKEN: "hidden-value" } },
      runtimeConfig: { heartbeat: { intervalSec: 9 } },
    };
    await expectStatus(send("PATCH", path, change), 200);
    const made = (await expectStatus(send("POST", `${path}/keys`, { name: "laptop" }), 201)).body;
    await expectStatus(send("DELETE", `${path}/keys/${made.id}`), 200);
    await expectStatus(send("POST", `${path}/pause`), 200);
    expect(await send("POST", `${path}/wakeup`)).toMatchObject({ status: 409, body: { code: "agent_not_invokable" } });
    await expectStatus(send("POST", `${path}/resume`), 200);
    await expectStatus(send("POST", `${path}/wakeup`), 202);
    await expectStatus(send("POST", `${path}/terminate`), 200);
    const rows = await log(`entityType=agent&entityId=${agent.id}`);
    const details = (action: string): Json => rows.find((row) => row.action === action)?.details;
    expect(rows.map(({ action }) => action)).toEqual([
      "agent.terminated",
      "agent.resumed",
      "agent.paused",
      "agent.key_revoked",
      "agent.key_created",
      "agent.updated",
      "agent.created",
    ]);
    expect(details("agent.created")).toMatchObject({ name: agent.name, role: "engineer" });
    expect(details("agent.updated").changedTopLevelKeys).toEqual(expect.arrayContaining(["title"]));
    expect(JSON.stringify(rows)).not.toContain("hidden-value");
    expect(details("agent.key_created")).toMatchObject({ keyId: made.id, name: "laptop" });
    expect(JSON.stringify(rows)).not.toContain(made.token);
  });

  it("AC-20, AC-21 of a run: asked for once, cancelled with its agent", async () => {
    const agent = await company.agent();
    const run = (await expectStatus(send("POST", `/api/agents/${agent.id}/wakeup`), 202)).body;
    await expectStatus(send("POST", `/api/heartbeat-runs/${run.id}/cancel`), 200);
    await expectStatus(send("POST", `/api/heartbeat-runs/${run.id}/cancel`), 200);
    const rows = await log(`entityId=${run.id}`);
    expect(rows).toMatchObject([
      { action: "heartbeat.cancelled", entityType: "heartbeat_run", runId: run.id, details: { agentId: agent.id } },
      { action: "heartbeat.invoked", details: { agentId: agent.id } },
    ]);
  });
});

describe("one with what it tells of", () => {
  it("AC-5 a change whose row cannot be written does not happen, and its row says nothing of it", async () => {
    const agent = await company.agent();
    const issue = await company.issue();
    await api.db.sql.query(
      `CREATE FUNCTION refuse_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no log'; END $$`,
    );
    await api.db.sql.query(
      "CREATE TRIGGER refuse_log BEFORE INSERT ON activity_log FOR EACH ROW EXECUTE FUNCTION refuse_log()",
    );
    try {
      const attempts = [
        send("PATCH", `/api/agents/${agent.id}`, { title: "changed" }),
        send("POST", `/api/agents/${agent.id}/pause`),
        send("PATCH", `/api/issues/${issue.id}`, { title: "changed" }),
        send("PUT", `/api/issues/${issue.id}/documents/plan`, { format: "markdown", body: "x" }),
        send("POST", `/api/issues/${issue.id}/tree-holds`, { mode: "pause" }),
        send("POST", `/api/companies/${company.id}/approvals`, { type: "request_board_approval", payload: {} }),
        send("POST", `/api/companies/${company.id}/projects`, { name: "never" }),
      ];
      for (const reply of await Promise.all(attempts)) expect(reply.status).toBe(500);
    } finally {
      await api.db.sql.query("DROP TRIGGER refuse_log ON activity_log");
    }
    expect((await get(`/api/agents/${agent.id}`)).body).toMatchObject({ title: null, status: "idle" });
    expect((await get(`/api/issues/${issue.id}`)).body).toMatchObject({ title: "An issue", documentSummaries: [] });
    expect((await get(`/api/issues/${issue.id}/tree-holds`)).body).toEqual([]);
    expect((await get(`/api/companies/${company.id}/approvals`)).body).toEqual([]);
    expect((await get(`/api/companies/${company.id}/projects`)).body).toEqual([]);
  });

  it("IN-3 while isolated workspaces are off, what an issue says of its own is dropped; on, it is kept", async () => {
    const settings = { mode: "isolated_workspace" };
    const body = { executionWorkspacePreference: "isolated_workspace", executionWorkspaceSettings: settings };
    const dropped = { executionWorkspacePreference: null, executionWorkspaceSettings: null };
    expect((await get(`/api/issues/${(await company.issue(body)).id}`)).body).toMatchObject(dropped);
    const later = await company.issue();
    await expectStatus(send("PATCH", `/api/issues/${later.id}`, body), 200);
    expect((await get(`/api/issues/${later.id}`)).body).toMatchObject(dropped);
    await expectStatus(send("PATCH", "/api/instance/settings/experimental", { enableIsolatedWorkspaces: true }), 200);
    await expectStatus(send("PATCH", `/api/issues/${later.id}`, body), 200);
    expect((await get(`/api/issues/${later.id}`)).body).toMatchObject(body);
    await expectStatus(send("PATCH", "/api/instance/settings/experimental", { enableIsolatedWorkspaces: false }), 200);
  });
});
