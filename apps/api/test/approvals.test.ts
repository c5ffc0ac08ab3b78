/** Approvals over HTTP (API-183 to API-186, AL-14, AL-15, BU-35, W16): spec 08 check 52. */
import { insertRow } from "@wakefleet/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
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
let agent: Json;
let key: string;

beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
});
afterAll(async () => api?.stop());
beforeEach(async () => {
  agent = await company.agent();
  key = await anAgentKey(api, agent.id);
});

const get = (path: string, options: object = {}) => api.call("GET", path, options);
const post = (path: string, body: object = {}, options: object = {}) => api.call("POST", path, { body, ...options });
const ask = async (body: object = {}, options: object = { key }): Promise<Json> =>
  (
    await expectStatus(
      post(
        `/api/companies/${company.id}/approvals`,
        { type: "request_board_approval", payload: { title: "Buy" }, ...body },
        options,
      ),
      201,
    )
  ).body;
const activity = async (entityId: string): Promise<Json[]> =>
  (await expectStatus(get(`/api/companies/${company.id}/activity?entityId=${entityId}`), 200)).body;
const runsOf = async (agentId: string): Promise<Json[]> =>
  (await expectStatus(get(`/api/companies/${company.id}/heartbeat-runs?agentId=${agentId}`), 200)).body;

describe("asking", () => {
  it("API-184, API-183 an agent asks for itself; it is listed, shown with its issues, and nothing secret is answered", async () => {
    const [first, second] = [await company.issue(), await company.issue()];
    const approval = await ask({ payload: { apiKey: "secret", title: "Buy" }, issueIds: [second.id, first.id] });
    expect(approval).toMatchObject({
      type: "request_board_approval",
      status: "pending",
      requestedByAgentId: agent.id,
      requestedByUserId: null,
      payload: { apiKey: "***REDACTED***", title: "Buy" },
    });
    expect((await get(`/api/approvals/${approval.id}`, { key })).body).toEqual(approval);
    expect((await get(`/api/approvals/${approval.id}/issues`)).body.map(({ id }: Json) => id)).toEqual([
      second.id,
      first.id,
    ]);
    expect((await get(`/api/issues/${first.id}/approvals`)).body).toEqual([approval]);
    const list = async (query: string): Promise<string[]> =>
      (await get(`/api/companies/${company.id}/approvals${query}`)).body.map(({ id }: Json) => id);
    expect(await list("?status=pending")).toContain(approval.id);
    expect(await list("?status=approved,rejected")).not.toContain(approval.id);
    expect((await activity(approval.id))[0]).toMatchObject({
      action: "approval.created",
      details: { type: "request_board_approval", issueIds: [second.id, first.id], requestedByAgentId: agent.id },
    });
    expect(await ask({}, {})).toMatchObject({ requestedByAgentId: null, requestedByUserId: expect.any(String) });
  });

  it("API-184 another's name, another company's agent or issue, and a budget's type are 422", async () => {
    const stranger = await (await aCompany(api)).agent();
    const foreign = await (await aCompany(api)).issue();
    const colleague = await company.agent();
    const cases: [object, object][] = [
      [{ requestedByAgentId: colleague.id }, { key }],
      [{ requestedByAgentId: stranger.id }, {}],
      [{ issueIds: [foreign.id] }, {}],
      [{ type: "budget_override_required" }, {}],
    ];
    for (const [body, options] of cases) {
      const full = { type: "request_board_approval", payload: {}, ...body };
      expect(await post(`/api/companies/${company.id}/approvals`, full, options)).toMatchObject({ status: 422 });
    }
    expect(await post(`/api/companies/${company.id}/approvals`, { type: "wish", payload: {} })).toMatchObject({
      status: 400,
    });
    expect(await get("/api/approvals/nope")).toMatchObject({ status: 404, body: { error: "Approval not found" } });
    const other = await anAgentKey(api, stranger.id);
    const approval = await ask();
    expect(await get(`/api/approvals/${approval.id}`, { key: other })).toMatchObject({ status: 403 });
  });
});

describe("deciding", () => {
  it("W16, CO-59 approving wakes the agent that asked, about the first linked issue", async () => {
    const issue = await company.issue();
    const approval = await ask({ issueIds: [issue.id] });
    const approved = await expectStatus(
      post(`/api/approvals/${approval.id}/approve`, { decisionNote: "go\\non" }),
      200,
    );
    expect(approved.body).toMatchObject({ status: "approved", decisionNote: "go\non" });
    expect(approved.body.decidedAt).not.toBeNull();
    expect(await runsOf(agent.id)).toMatchObject([
      {
        invocationSource: "automation",
        triggerDetail: "system",
        contextSnapshot: { issueId: issue.id, taskId: issue.id, wakeReason: "approval_approved" },
      },
    ]);
    const [row] = await api.db.sql.query<Json>(
      "SELECT payload, requested_by_actor_type AS type FROM agent_wakeup_requests WHERE agent_id = $1",
      [agent.id],
    );
    expect(row).toEqual({
      type: "user",
      payload: { approvalId: approval.id, approvalStatus: "approved", issueId: issue.id, issueIds: [issue.id] },
    });
    expect((await activity(approval.id)).map(({ action }) => action)).toEqual(
      expect.arrayContaining(["approval.approved", "approval.requester_wakeup_queued"]),
    );
  });

  it("AL-15 twenty approvals of one at once wake once; a rejection after it is refused (08-52)", async () => {
    const approval = await ask();
    const replies = await Promise.all(Array.from({ length: 20 }, () => post(`/api/approvals/${approval.id}/approve`)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    const requests = await api.db.sql.query("SELECT id FROM agent_wakeup_requests WHERE agent_id = $1", [agent.id]);
    expect(requests).toHaveLength(1);
    expect((await activity(approval.id)).filter(({ action }) => action === "approval.approved")).toHaveLength(1);
    expect(await post(`/api/approvals/${approval.id}/reject`)).toMatchObject({
      status: 422,
      body: { error: "Only pending or revision requested approvals can be rejected" },
    });
  });

  it("CO-63 a wake that is refused is told, and the decision stands", async () => {
    const approval = await ask();
    await expectStatus(post(`/api/agents/${agent.id}/pause`), 200);
    await expectStatus(post(`/api/approvals/${approval.id}/approve`), 200);
    expect(await runsOf(agent.id)).toEqual([]);
    expect(await activity(approval.id)).toContainEqual(
      expect.objectContaining({
        action: "approval.requester_wakeup_failed",
        details: expect.objectContaining({ error: "Agent is not invokable in its current state" }),
      }),
    );
  });

  it("API-185, API-186 revision, resubmission by the one that asked, rejection; rejecting wakes nobody", async () => {
    const approval = await ask();
    const path = `/api/approvals/${approval.id}`;
    expect(await post(`${path}/resubmit`, {}, { key })).toMatchObject({
      status: 422,
      body: { error: "Only revision requested approvals can be resubmitted" },
    });
    await expectStatus(post(`${path}/request-revision`, { decisionNote: "cheaper" }), 200);
    await expectStatus(post(`${path}/request-revision`), 200);
    const stranger = await anAgentKey(api, (await company.agent()).id);
    expect(await post(`${path}/resubmit`, {}, { key: stranger })).toMatchObject({
      status: 403,
      body: { error: "Only requesting agent can resubmit this approval" },
    });
    const again = await expectStatus(post(`${path}/resubmit`, { payload: { title: "Rent" } }, { key }), 200);
    expect(again.body).toMatchObject({ status: "pending", payload: { title: "Rent" }, decisionNote: "cheaper" });
    for (const verb of ["approve", "reject", "request-revision"]) {
      expect(await post(`${path}/${verb}`, {}, { key })).toMatchObject({
        status: 403,
        body: { error: "Board access required" },
      });
    }
    await expectStatus(post(`${path}/reject`), 200);
    expect(await runsOf(agent.id)).toEqual([]);
  });

  it("BU-35 a budget's approval points to its incident, and stays as it is", async () => {
    await expectStatus(
      post(`/api/companies/${company.id}/budgets/policies`, { scopeType: "agent", scopeId: agent.id, amount: 1 }),
      200,
    );
    const event = { agentId: agent.id, provider: "p", model: "m", costCents: 2, occurredAt: new Date().toISOString() };
    await expectStatus(post(`/api/companies/${company.id}/cost-events`, event), 201);
    const { body: overview } = await get(`/api/companies/${company.id}/budgets/overview`);
    const incident = overview.activeIncidents.find(
      (one: Json) => one.scopeId === agent.id && one.thresholdType === "hard",
    );
    for (const verb of ["approve", "reject", "request-revision"]) {
      expect(await post(`/api/approvals/${incident.approvalId}/${verb}`)).toMatchObject({
        status: 409,
        body: {
          error: "Budget approvals are decided by resolving their budget incident",
          details: {
            incidentId: incident.id,
            resolve: `POST /api/companies/${company.id}/budget-incidents/${incident.id}/resolve`,
          },
        },
      });
    }
    expect((await get(`/api/approvals/${incident.approvalId}`)).body.status).toBe("pending");
    expect((await get(`/api/agents/${agent.id}`)).body.status).toBe("paused");
  });
});

describe("hiring", () => {
  /** An agent that waits for its approval, and the approval. */
  async function aHire(budgetMonthlyCents = 0) {
    const hired = await company.agent({ budgetMonthlyCents });
    await api.db.sql.query("UPDATE agents SET status = 'pending_approval' WHERE id = $1", [hired.id]);
    const approvalId = await insertRow(api.db.sql, "approvals", {
      companyId: company.id,
      type: "hire_agent",
      requestedByAgentId: agent.id,
      payload: { agentId: hired.id },
    });
    return { hired, approvalId };
  }
  const statusOf = async (id: string): Promise<string> => (await get(`/api/agents/${id}`)).body.status;

  it("AL-14 approving hires, with the month's policy; wakes are refused before and taken after", async () => {
    const { hired, approvalId } = await aHire(500);
    expect(await post(`/api/agents/${hired.id}/wakeup`)).toMatchObject({ status: 409 });
    await expectStatus(post(`/api/approvals/${approvalId}/approve`), 200);
    expect(await statusOf(hired.id)).toBe("idle");
    await expectStatus(post(`/api/agents/${hired.id}/wakeup`), 202);
    const { body } = await get(`/api/companies/${company.id}/budgets/overview`);
    expect(body.policies).toContainEqual(expect.objectContaining({ scopeId: hired.id, amount: 500, isActive: true }));
    expect(await activity(hired.id)).toContainEqual(
      expect.objectContaining({ action: "agent.approved", details: { source: "approval" } }),
    );
    expect(await runsOf(agent.id)).toHaveLength(1);
  });

  it("AL-14 rejecting terminates an agent that waits, and no other", async () => {
    const { hired, approvalId } = await aHire();
    await expectStatus(post(`/api/approvals/${approvalId}/reject`), 200);
    expect(await statusOf(hired.id)).toBe("terminated");
    const working = await company.agent();
    const stray = await ask({ type: "hire_agent", payload: { agentId: working.id } });
    await expectStatus(post(`/api/approvals/${stray.id}/reject`), 200);
    expect(await statusOf(working.id)).toBe("idle");
  });

  it("API-73, AL-2, AC-41 where the company wants approvals a hire waits for one; elsewhere it works at once", async () => {
    const own = await aCompany(api);
    const path = `/api/companies/${own.id}`;
    const issue = await own.issue();
    const hire = (body: object, options: object = {}) => post(`${path}/agent-hires`, body, options);
    const direct = await expectStatus(hire({ name: "Ann", budgetMonthlyCents: 100 }), 201);
    expect(direct.body).toMatchObject({ agent: { name: "Ann", status: "idle" }, approval: null });
    await expectStatus(api.call("PATCH", path, { body: { requireBoardApprovalForNewAgents: true } }), 200);
    expect(await post(`${path}/agents`, { name: "Bob" })).toMatchObject({ status: 409 });
    const before = (await get(`${path}/budgets/overview`)).body.policies.length;
    const { body: waiting } = await expectStatus(
      hire({ name: "Bob", budgetMonthlyCents: 700, sourceIssueId: issue.id, sourceIssueIds: [issue.id] }),
      201,
    );
    expect(waiting).toMatchObject({
      agent: { name: "Bob", status: "pending_approval" },
      approval: { type: "hire_agent", status: "pending", payload: { agentId: waiting.agent.id } },
    });
    expect((await get(`${path}/budgets/overview`)).body.policies.length).toBe(before);
    expect((await get(`/api/issues/${issue.id}/approvals`)).body.map(({ id }: Json) => id)).toEqual([
      waiting.approval.id,
    ]);
    expect(await post(`/api/agents/${waiting.agent.id}/wakeup`)).toMatchObject({ status: 409 });
    await expectStatus(post(`/api/approvals/${waiting.approval.id}/approve`), 200);
    expect((await get(`${path}/budgets/overview`)).body.policies).toContainEqual(
      expect.objectContaining({ scopeId: waiting.agent.id, amount: 700 }),
    );
    const foreign = await company.issue();
    expect(await hire({ name: "Cid", sourceIssueId: foreign.id })).toMatchObject({ status: 422 });
    expect((await get(`${path}/agents`)).body.map(({ name }: Json) => name)).toEqual(["Ann", "Bob"]);
    const stranger = await anAgentKey(api, direct.body.agent.id);
    expect(await hire({ name: "Dan" }, { key: stranger })).toMatchObject({ status: 403 });
  });

  it("API-80, AL-14 the board hires directly, only who waits", async () => {
    const { hired } = await aHire();
    const path = `/api/agents/${hired.id}/approve`;
    expect(await post(path, {}, { key })).toMatchObject({
      status: 403,
      body: { error: "Missing permission: agents:create" },
    });
    expect((await expectStatus(post(path), 200)).body.status).toBe("idle");
    expect(await post(path)).toMatchObject({
      status: 409,
      body: { error: "Only pending approval agents can be approved" },
    });
    expect(await activity(hired.id)).toContainEqual(
      expect.objectContaining({ action: "agent.approved", details: { source: "direct" } }),
    );
  });

  it("API-186 links to issues are the board's and of those who create agents", async () => {
    const issue = await company.issue();
    const approval = await ask();
    const path = `/api/issues/${issue.id}/approvals`;
    expect(await post(path, { approvalId: approval.id }, { key })).toMatchObject({ status: 403 });
    await expectStatus(post(path, { approvalId: approval.id }), 201);
    await expectStatus(post(path, { approvalId: approval.id }), 201);
    expect((await get(path)).body.map(({ id }: Json) => id)).toEqual([approval.id]);
    await expectStatus(api.call("DELETE", `${path}/${approval.id}`), 200);
    expect(await api.call("DELETE", `${path}/${approval.id}`)).toMatchObject({ status: 404 });
    const other = await aCompany(api);
    const foreign = await expectStatus(
      post(`/api/companies/${other.id}/approvals`, { type: "request_board_approval", payload: {} }),
      201,
    );
    expect(await post(path, { approvalId: foreign.body.id })).toMatchObject({ status: 422 });
  });
});
