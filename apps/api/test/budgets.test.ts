/** Costs and budgets over HTTP (API-240 to API-247): spec 08 checks 1, 2, 6 to 13, 15, 16. */
import { insertRow } from "@wakefleet/testkit";
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
afterAll(async () => api?.stop());

const cost = (agentId: string, costCents: number, more: object = {}) => ({
  agentId,
  provider: "anthropic",
  model: "sonnet",
  costCents,
  occurredAt: new Date().toISOString(),
  ...more,
});
const report = (companyId: string, body: object, options = {}) =>
  expectStatus(api.call("POST", `/api/companies/${companyId}/cost-events`, { body, ...options }), 201);
const tryReport = (companyId: string, body: object, options = {}) =>
  api.call("POST", `/api/companies/${companyId}/cost-events`, { body, ...options });
const setPolicy = async (companyId: string, body: object): Promise<Json> =>
  (await expectStatus(api.call("POST", `/api/companies/${companyId}/budgets/policies`, { body }), 200)).body;
const overview = async (companyId: string): Promise<Json> =>
  (await expectStatus(api.call("GET", `/api/companies/${companyId}/budgets/overview`), 200)).body;
const wake = (agentId: string, body: object = {}) => api.call("POST", `/api/agents/${agentId}/wakeup`, { body });
const agentOf = async (id: string): Promise<Json> =>
  (await expectStatus(api.call("GET", `/api/agents/${id}`), 200)).body;
const companyOf = async (id: string): Promise<Json> =>
  (await expectStatus(api.call("GET", `/api/companies/${id}`), 200)).body;
const resolve = (companyId: string, incidentId: string, body: object) =>
  api.call("POST", `/api/companies/${companyId}/budget-incidents/${incidentId}/resolve`, { body });
const incidents = (scopeId: string): Promise<Json[]> =>
  api.db.sql.query<Json>(
    `SELECT i.*, a.status AS approval_status, a.type AS approval_type, a.payload, a.decision_note FROM budget_incidents i
       LEFT JOIN approvals a ON a.id = i.approval_id WHERE i.scope_id = $1 ORDER BY i.created_at, i.threshold_type DESC`,
    [scopeId],
  );
const activity = async (entityType: string, action: string, companyId = company.id): Promise<Json[]> =>
  (
    await expectStatus(
      api.call("GET", `/api/companies/${companyId}/activity?entityType=${entityType}&action=${action}`),
      200,
    )
  ).body;
const aProject = (companyId: string) => insertRow(api.db.sql, "projects", { companyId, name: "P" });

/** An agent with a policy of 100 cents and nothing spent. */
async function limitedAgent(setting: object = {}): Promise<Json> {
  const agent = await company.agent();
  await setPolicy(company.id, { scopeType: "agent", scopeId: agent.id, amount: 100, ...setting });
  return agent;
}

describe("reporting costs", () => {
  it("API-240, BU-40, AC-33 books the event with its defaults, and says so in the log", async () => {
    const agent = await company.agent();
    const { body } = await report(company.id, cost(agent.id, 7, { inputTokens: 5 }));
    expect(body).toMatchObject({
      agentId: agent.id,
      companyId: company.id,
      biller: "anthropic",
      billingType: "unknown",
      inputTokens: 5,
      outputTokens: 0,
      issueId: null,
    });
    expect(body).not.toHaveProperty("dedupeKey");
    const [row] = (await activity("cost_event", "cost.reported")).filter((one) => one.entityId === body.id);
    expect(row).toMatchObject({ actorType: "user", details: { costCents: 7, model: "sonnet" } });
    expect((await agentOf(agent.id)).spentMonthlyCents).toBe(7);
    expect(await api.db.sql.query("SELECT spent_monthly_cents AS cents FROM agents WHERE id = $1", [agent.id])).toEqual(
      [{ cents: 7 }],
    );
  });

  it("BU-42 refuses what is not the company's, and writes nothing (08-16)", async () => {
    const other = await aCompany(api);
    const stranger = await other.agent();
    const agent = await company.agent();
    const colleague = await company.agent();
    const key = await anAgentKey(api, agent.id);
    const issue = await other.issue();
    const projectId = await aProject(other.id);
    const missing = "00000000-0000-4000-8000-000000000000";
    const cases: [object, object, number, string][] = [
      [cost(missing, 1), {}, 404, "Agent not found"],
      [cost(stranger.id, 1), {}, 422, "Agent does not belong to company"],
      [cost(colleague.id, 1), { key }, 403, "Agent can only report its own costs"],
      [cost(agent.id, 1, { issueId: issue.id }), {}, 422, "Issue does not belong to company"],
      [cost(agent.id, 1, { projectId }), {}, 422, "Project does not belong to company"],
      [cost(agent.id, 1, { heartbeatRunId: missing }), {}, 422, "Heartbeat run does not belong to company"],
      [cost(agent.id, 1, { goalId: missing }), {}, 422, "Goal does not belong to company"],
    ];
    for (const [body, options, status, error] of cases) {
      expect(await tryReport(company.id, body, options)).toMatchObject({ status, body: { error } });
    }
    const found = await api.db.sql.query("SELECT 1 FROM cost_events WHERE agent_id = ANY($1::uuid[])", [
      [stranger.id, colleague.id, agent.id],
    ]);
    expect(found).toEqual([]);
    await report(company.id, cost(agent.id, 1), { key });
  });

  it.each([
    [{ costCents: -1 }],
    [{ costCents: 1.5 }],
    [{ provider: "" }],
    [{ occurredAt: "yesterday" }],
    [{ billingType: "gold" }],
    [{ inputTokens: -1 }],
  ])("API-240 %o does not fit the schema", async (field) => {
    const agent = await company.agent();
    expect(await tryReport(company.id, { ...cost(agent.id, 1), ...field })).toMatchObject({ status: 400 });
  });

  it("BU-42 a key books once, is answered again, and stands for one event only", async () => {
    const agent = await limitedAgent();
    const body = cost(agent.id, 60, { idempotencyKey: "bill-1" });
    const first = await report(company.id, body);
    const again = await report(company.id, body);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect((await agentOf(agent.id)).spentMonthlyCents).toBe(60);
    expect(await tryReport(company.id, { ...body, costCents: 61 })).toMatchObject({
      status: 422,
      body: { code: "idempotency_key_reused" },
    });
    const headers = { "idempotency-key": "bill-2" };
    await report(company.id, body, { headers });
    expect((await agentOf(agent.id)).spentMonthlyCents).toBe(120);
  });

  it("BU-42 twenty repetitions at once book one event", async () => {
    const agent = await company.agent();
    const body = cost(agent.id, 5, { idempotencyKey: "at-once" });
    const answers = await Promise.all(Array.from({ length: 20 }, () => report(company.id, body)));
    expect(new Set(answers.map((one) => one.body.id)).size).toBe(1);
    expect((await agentOf(agent.id)).spentMonthlyCents).toBe(5);
  });

  it("BU-42 a batch judges item by item and can be repeated", async () => {
    const agent = await company.agent();
    const items = [cost(agent.id, 3), { nonsense: true }, cost(company.id, 1), cost(agent.id, 4)];
    const post = () =>
      api.call("POST", `/api/companies/${company.id}/cost-events/batch`, {
        body: { items },
        headers: { "idempotency-key": "batch-1" },
      });
    const { body } = await expectStatus(post(), 201);
    expect(body.summary).toEqual({ booked: 2, replayed: 0, rejected: 2 });
    expect(body.results.map((one: Json) => one.httpStatus)).toEqual([201, 400, 404, 201]);
    expect((await expectStatus(post(), 201)).body.summary).toEqual({ booked: 0, replayed: 2, rejected: 2 });
    expect((await agentOf(agent.id)).spentMonthlyCents).toBe(7);
  });

  it("BU-43 two hundred events at once are all counted", async () => {
    const busy = await aCompany(api);
    const agents = await Promise.all(Array.from({ length: 5 }, () => busy.agent()));
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => report(busy.id, cost(agents[index % 5].id, (index % 3) + 1))),
    );
    const counters = await api.db.sql.query<Json>(
      `SELECT c.scope_type, c.observed_cents, (SELECT sum(e.cost_cents)::bigint FROM cost_events e
              WHERE e.company_id = c.company_id AND (c.scope_type = 'company' OR e.agent_id = c.scope_id)) AS truth
         FROM budget_counters c WHERE c.company_id = $1`,
      [busy.id],
    );
    expect(counters).toHaveLength(12);
    for (const counter of counters) expect(counter.observed_cents).toBe(counter.truth);
    expect((await companyOf(busy.id)).spentMonthlyCents).toBe(399);
  });
});

describe("reading costs", () => {
  it("API-241, API-242, BU-45 sums a range, both ends inside, and names agents dearest first", async () => {
    const spender = await aCompany(api, { budgetMonthlyCents: 300 });
    const [cheap, dear] = [await spender.agent(), await spender.agent()];
    const at = (occurredAt: string, more: object = {}) => ({ occurredAt, ...more });
    await report(spender.id, cost(cheap.id, 10, at("2026-01-01T00:00:00.000Z")));
    await report(spender.id, cost(dear.id, 70, at("2026-01-02T00:00:00.000Z", { billingType: "metered_api" })));
    const subscription = {
      billingType: "subscription_included",
      inputTokens: 9,
      cachedInputTokens: 4,
      outputTokens: 2,
    };
    await report(spender.id, cost(dear.id, 0, at("2026-01-03T00:00:00.000Z", subscription)));
    const read = async (path: string) =>
      (await expectStatus(api.call("GET", `/api/companies/${spender.id}/costs/${path}`), 200)).body;
    expect(await read("summary")).toEqual({
      companyId: spender.id,
      spendCents: 80,
      budgetCents: 300,
      utilizationPercent: 26.67,
    });
    const ends = "from=2026-01-01T00:00:00.000Z&to=2026-01-01T00:00:00.000Z";
    expect((await read(`summary?${ends}`)).spendCents).toBe(10);
    expect((await read("summary?from=2026-01-01T00:00:00.001Z")).spendCents).toBe(70);
    const byAgent = await read("by-agent");
    expect(byAgent.map((one: Json) => one.agentId)).toEqual([dear.id, cheap.id]);
    expect(byAgent[0]).toMatchObject({
      agentName: dear.name,
      agentStatus: "idle",
      costCents: 70,
      inputTokens: 9,
      apiRunCount: 0,
      subscriptionInputTokens: 9,
      subscriptionCachedInputTokens: 4,
      subscriptionOutputTokens: 2,
    });
    for (const name of ["from", "to"]) {
      for (const path of ["summary", "by-agent"]) {
        expect(await api.call("GET", `/api/companies/${spender.id}/costs/${path}?${name}=never`)).toMatchObject({
          status: 400,
          body: { error: `invalid '${name}' date` },
        });
      }
    }
  });
});

describe("policies", () => {
  it("API-245, BU-5, BU-9, BU-11, AC-30 an upsert keeps what is left out and mirrors the month's amount", async () => {
    const agent = await company.agent();
    const scope = { scopeType: "agent", scopeId: agent.id };
    const made = await setPolicy(company.id, { ...scope, amount: 200, warnPercent: 50, notifyEnabled: false });
    expect(made).toMatchObject({
      ...scope,
      scopeName: agent.name,
      metric: "billed_cents",
      windowKind: "calendar_month_utc",
      amount: 200,
      observedAmount: 0,
      remainingAmount: 200,
      utilizationPercent: 0,
      warnPercent: 50,
      hardStopEnabled: true,
      notifyEnabled: false,
      isActive: true,
      status: "ok",
      paused: false,
      pauseReason: null,
    });
    const changed = await setPolicy(company.id, { ...scope, amount: 300 });
    expect(changed).toMatchObject({ policyId: made.policyId, amount: 300, warnPercent: 50, notifyEnabled: false });
    expect((await agentOf(agent.id)).budgetMonthlyCents).toBe(300);
    const rows = (await activity("budget_policy", "budget.policy_upserted")).filter(
      (one) => one.entityId === made.policyId,
    );
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({
      actorType: "user",
      details: { ...scope, amount: 300, windowKind: "calendar_month_utc" },
    });
  });

  it("BU-9 a project's window is lifetime unless said otherwise", async () => {
    const scopeId = await aProject(company.id);
    const made = await setPolicy(company.id, { scopeType: "project", scopeId, amount: 10 });
    expect(made).toMatchObject({
      windowKind: "lifetime",
      windowStart: "1970-01-01T00:00:00.000Z",
      windowEnd: "9999-01-01T00:00:00.000Z",
    });
  });

  it("BU-5 the exact refusals", async () => {
    const other = await aCompany(api);
    const stranger = await other.agent();
    const missing = "00000000-0000-4000-8000-000000000000";
    const post = (body: object, options = {}) =>
      api.call("POST", `/api/companies/${company.id}/budgets/policies`, { body: { amount: 1, ...body }, ...options });
    for (const [scopeType, error] of [
      ["company", "Company not found"],
      ["agent", "Agent not found"],
      ["project", "Project not found"],
    ]) {
      expect(await post({ scopeType, scopeId: missing })).toMatchObject({ status: 404, body: { error } });
    }
    const foreign = { status: 422, body: { error: "Budget scope does not belong to company" } };
    expect(await post({ scopeType: "agent", scopeId: stranger.id })).toMatchObject(foreign);
    expect(await post({ scopeType: "company", scopeId: other.id })).toMatchObject(foreign);
    const agent = await company.agent();
    const key = await anAgentKey(api, agent.id);
    expect(await post({ scopeType: "agent", scopeId: agent.id }, { key })).toMatchObject({ status: 403 });
    const { token } = await aKey(api, { scope: "operator", companyId: other.id });
    expect(await post({ scopeType: "agent", scopeId: agent.id }, { key: token })).toMatchObject({ status: 403 });
    for (const field of [
      { amount: -1 },
      { amount: 1.5 },
      { warnPercent: 0 },
      { warnPercent: 100 },
      { windowKind: "day" },
    ]) {
      expect(await post({ scopeType: "agent", scopeId: agent.id, ...field })).toMatchObject({ status: 400 });
    }
  });

  it("API-246, BU-10 every way to set a monthly budget sets the policy and acts on it", async () => {
    const spender = await aCompany(api, { budgetMonthlyCents: 500 });
    const agent = await spender.agent({ budgetMonthlyCents: 100 });
    const amounts = async () =>
      Object.fromEntries((await overview(spender.id)).policies.map((one: Json) => [one.scopeType, one.amount]));
    expect(await amounts()).toEqual({ company: 500, agent: 100 });
    await report(spender.id, cost(agent.id, 50));

    const patched = await expectStatus(
      api.call("PATCH", `/api/agents/${agent.id}/budgets`, { body: { budgetMonthlyCents: 50 } }),
      200,
    );
    expect(patched.body).toMatchObject({ status: "paused", pauseReason: "budget", budgetMonthlyCents: 50 });
    const raised = await expectStatus(
      api.call("PATCH", `/api/agents/${agent.id}`, { body: { budgetMonthlyCents: 51 } }),
      200,
    );
    expect(raised.body).toMatchObject({ status: "idle", pauseReason: null });

    await expectStatus(api.call("PATCH", `/api/companies/${spender.id}`, { body: { budgetMonthlyCents: 40 } }), 200);
    expect(await companyOf(spender.id)).toMatchObject({ status: "paused", pauseReason: "budget" });
    const freed = await expectStatus(
      api.call("PATCH", `/api/companies/${spender.id}/budgets`, { body: { budgetMonthlyCents: 0 } }),
      200,
    );
    expect(freed.body).toMatchObject({ status: "active", budgetMonthlyCents: 0 });
    expect(await amounts()).toEqual({ company: 0, agent: 51 });
    const names = (await activity("company", "company.budget_updated", spender.id)).map((one) => one.details);
    expect(names).toEqual([{ budgetMonthlyCents: 0 }]);
    expect(await activity("agent", "agent.budget_updated", spender.id)).toHaveLength(1);
  });
});

describe("thresholds", () => {
  it("BU-33, BU-30, BU-32, AC-31 79, then 1, then 20 of 100 cents (08-1, 08-2)", async () => {
    const agent = await limitedAgent();
    await report(company.id, cost(agent.id, 79));
    expect(await incidents(agent.id)).toEqual([]);

    await report(company.id, cost(agent.id, 1));
    expect(await incidents(agent.id)).toMatchObject([
      { threshold_type: "soft", status: "open", amount_limit: 100, amount_observed: 80, approval_id: null },
    ]);
    expect((await agentOf(agent.id)).status).toBe("idle");

    await report(company.id, cost(agent.id, 20));
    const [soft, hard] = await incidents(agent.id);
    expect(soft).toMatchObject({ threshold_type: "soft", status: "resolved" });
    expect(hard).toMatchObject({
      threshold_type: "hard",
      status: "open",
      amount_observed: 100,
      approval_status: "pending",
      approval_type: "budget_override_required",
      payload: {
        scopeType: "agent",
        scopeId: agent.id,
        scopeName: agent.name,
        metric: "billed_cents",
        windowKind: "calendar_month_utc",
        thresholdType: "hard",
        budgetAmount: 100,
        observedAmount: 100,
        warnPercent: 80,
        policyId: hard.policy_id,
        guidance: "Raise the budget and resume the scope, or keep the scope paused.",
      },
    });
    expect(await agentOf(agent.id)).toMatchObject({ status: "paused", pauseReason: "budget" });

    await report(company.id, cost(agent.id, 5));
    expect(await incidents(agent.id)).toHaveLength(2);
    const told = [...(await activity("budget_incident", "budget.soft_threshold_crossed"))].filter(
      (one) => one.details.scopeId === agent.id,
    );
    expect(told).toMatchObject([
      { actorType: "system", actorId: "budget_service", details: { amountObserved: 80, amountLimit: 100 } },
    ]);
    const stopped = (await activity("budget_incident", "budget.hard_threshold_crossed")).filter(
      (one) => one.details.scopeId === agent.id,
    );
    expect(stopped).toMatchObject([{ details: { approvalId: hard.approval_id, amountObserved: 100 } }]);

    expect(await wake(agent.id)).toMatchObject({
      status: 409,
      body: {
        code: "budget_blocked",
        error: "Agent is paused because its budget hard-stop was reached.",
        details: { scopeType: "agent", scopeId: agent.id },
      },
    });
    expect(
      await api.db.sql.query("SELECT status, reason FROM agent_wakeup_requests WHERE agent_id = $1", [agent.id]),
    ).toEqual([{ status: "skipped", reason: "budget.blocked" }]);
  });

  it("BU-15.2 a company paused by hand (08-6)", async () => {
    const paused = await aCompany(api);
    const agent = await paused.agent();
    await expectStatus(api.call("PATCH", `/api/companies/${paused.id}`, { body: { status: "paused" } }), 200);
    expect(await wake(agent.id)).toMatchObject({
      status: 409,
      body: { error: "Company is paused and cannot start new work." },
    });
  });

  it("BU-14, BU-15.1, BU-15.5, BU-15.7 company, agent and project stopped, raised one after the other (08-7)", async () => {
    const spender = await aCompany(api);
    const agent = await spender.agent();
    const projectId = await aProject(spender.id);
    const scopes = {
      company: { scopeType: "company", scopeId: spender.id },
      agent: { scopeType: "agent", scopeId: agent.id },
      project: { scopeType: "project", scopeId: projectId },
    };
    for (const scope of Object.values(scopes)) await setPolicy(spender.id, { ...scope, amount: 100 });
    await report(spender.id, cost(agent.id, 100, { projectId }));
    const said = async () => (await wake(agent.id, { payload: { projectId } })).body;
    expect(await overview(spender.id)).toMatchObject({
      pausedAgentCount: 1,
      pausedProjectCount: 1,
      pendingApprovalCount: 3,
    });
    expect((await overview(spender.id)).policies.map((one: Json) => one.status)).toEqual([
      "hard_stop",
      "hard_stop",
      "hard_stop",
    ]);

    expect((await said()).error).toBe("Company is paused because its budget hard-stop was reached.");
    await setPolicy(spender.id, { ...scopes.company, amount: 1_000 });
    expect((await said()).error).toBe("Agent is paused because its budget hard-stop was reached.");
    await setPolicy(spender.id, { ...scopes.agent, amount: 1_000 });
    expect(await said()).toMatchObject({
      error: "Project cannot start work because its budget hard-stop is still exceeded.",
      details: { scopeType: "project", scopeId: projectId },
    });
    await expectStatus(wake(agent.id), 202);
    await setPolicy(spender.id, { ...scopes.project, amount: 1_000 });
    await expectStatus(wake(agent.id, { payload: { projectId } }), 202);
  });

  it("BU-14, BU-15.6 the same agent resumed by hand instead of raised (08-7a)", async () => {
    const agent = await limitedAgent();
    await report(company.id, cost(agent.id, 100));
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/resume`), 200);
    expect(await wake(agent.id)).toMatchObject({
      status: 409,
      body: {
        code: "budget_blocked",
        error: "Agent cannot start because its budget hard-stop is still exceeded.",
        details: { scopeType: "agent", scopeId: agent.id },
      },
    });
  });

  it("BU-21, BU-15.1, API-51 a company's budget of 100 and one cost of 100: runs end, a wake is refused (02-13)", async () => {
    const spender = await aCompany(api, { budgetMonthlyCents: 100 });
    const [agent, other] = [await spender.agent(), await spender.agent()];
    const run = (await expectStatus(wake(other.id), 202)).body;
    await report(spender.id, cost(agent.id, 100));
    expect((await api.call("GET", `/api/heartbeat-runs/${run.id}`)).body).toMatchObject({
      status: "cancelled",
      error: "Cancelled due to budget pause",
    });
    expect(await wake(agent.id)).toMatchObject({
      status: 409,
      body: {
        code: "budget_blocked",
        error: "Company is paused because its budget hard-stop was reached.",
        details: { scopeType: "company", scopeId: spender.id },
      },
    });
    expect(
      await api.db.sql.query("SELECT status, reason FROM agent_wakeup_requests WHERE agent_id = $1", [agent.id]),
    ).toEqual([{ status: "skipped", reason: "budget.blocked" }]);
  });

  it("BU-34, BU-31, AC-32 raise by nothing, by one, and reach it again (08-8, 08-9)", async () => {
    const agent = await limitedAgent();
    await report(company.id, cost(agent.id, 100));
    const [hard] = (await overview(company.id)).activeIncidents.filter((one: Json) => one.scopeId === agent.id);
    expect(hard).toMatchObject({
      thresholdType: "hard",
      status: "open",
      approvalStatus: "pending",
      scopeName: agent.name,
    });
    const raise = (amount?: number) =>
      resolve(company.id, hard.id, { action: "raise_budget_and_resume", amount, decisionNote: "go on" });
    expect(await raise()).toMatchObject({
      status: 400,
      body: { error: "amount is required when raising a budget" },
    });
    expect(await raise(100)).toMatchObject({
      status: 422,
      body: { error: "New budget must exceed current observed spend" },
    });
    expect((await agentOf(agent.id)).status).toBe("paused");

    expect(await raise(101)).toMatchObject({ status: 200, body: { status: "resolved", approvalStatus: "approved" } });
    expect(await agentOf(agent.id)).toMatchObject({ status: "idle", pauseReason: null, budgetMonthlyCents: 101 });
    expect(await raise(200)).toMatchObject({ status: 409 });
    const told = (await activity("budget_incident", "budget.incident_resolved")).filter(
      (one) => one.entityId === hard.id,
    );
    expect(told).toMatchObject([
      { actorType: "user", details: { action: "raise_budget_and_resume", amount: 101, scopeId: agent.id } },
    ]);

    await report(company.id, cost(agent.id, 1));
    const again = (await incidents(agent.id)).filter((one) => one.threshold_type === "hard");
    expect(again).toMatchObject([
      { status: "resolved", decision_note: "go on", approval_status: "approved" },
      { status: "open", amount_limit: 101, amount_observed: 101 },
    ]);
    expect((await agentOf(agent.id)).status).toBe("paused");
  });

  it("BU-34, BU-35 keep_paused, and incidents that are not there (08-10)", async () => {
    const agent = await limitedAgent();
    await report(company.id, cost(agent.id, 100));
    const [hard] = (await overview(company.id)).activeIncidents.filter((one: Json) => one.scopeId === agent.id);
    const keep = (companyId: string, id: string) => resolve(companyId, id, { action: "keep_paused" });
    const other = await aCompany(api);
    for (const [companyId, id] of [
      [other.id, hard.id],
      [company.id, agent.id],
      [company.id, "nonsense"],
    ] as const) {
      expect(await keep(companyId, id)).toMatchObject({ status: 404, body: { error: "Budget incident not found" } });
    }
    expect(await keep(company.id, hard.id)).toMatchObject({
      status: 200,
      body: { status: "dismissed", approvalStatus: "rejected" },
    });
    expect(await agentOf(agent.id)).toMatchObject({ status: "paused", pauseReason: "budget" });
    expect(await keep(company.id, hard.id)).toMatchObject({ status: 409, body: { code: "conflict" } });
  });

  it("BU-20, BU-24 an agent paused by hand stays so (08-11)", async () => {
    const agent = await limitedAgent();
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/pause`), 200);
    await report(company.id, cost(agent.id, 100));
    expect(await agentOf(agent.id)).toMatchObject({ status: "paused", pauseReason: "manual" });
    await setPolicy(company.id, { scopeType: "agent", scopeId: agent.id, amount: 500 });
    expect(await agentOf(agent.id)).toMatchObject({ status: "paused", pauseReason: "manual" });
    expect((await incidents(agent.id)).map((one) => one.status)).toEqual(["resolved", "resolved"]);
  });

  it("BU-2, BU-25 events at a month's turn count in their own months (08-12)", async () => {
    const agent = await limitedAgent();
    const [start] = await api.db.sql.query<{ at: Date }>(
      "SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS at",
    );
    if (start === undefined) throw new Error("no clock");
    await report(company.id, cost(agent.id, 500, { occurredAt: new Date(start.at.getTime() - 1).toISOString() }));
    expect(await agentOf(agent.id)).toMatchObject({ status: "idle", spentMonthlyCents: 0 });
    expect(await incidents(agent.id)).toEqual([]);
    await report(company.id, cost(agent.id, 100, { occurredAt: start.at.toISOString() }));
    expect(await agentOf(agent.id)).toMatchObject({ status: "paused", spentMonthlyCents: 100 });

    // The month turns: what was spent lies behind, the pause stands until somebody resumes.
    const shift = "interval '2 months'";
    await api.db.sql.query(`UPDATE cost_events SET occurred_at = occurred_at - ${shift} WHERE agent_id = $1`, [
      agent.id,
    ]);
    await api.db.sql.query(
      `UPDATE budget_counters SET window_start = (window_start AT TIME ZONE 'UTC' - ${shift}) AT TIME ZONE 'UTC'
        WHERE scope_id = $1 AND window_start > '2000-01-01'`,
      [agent.id],
    );
    expect(await agentOf(agent.id)).toMatchObject({ status: "paused", pauseReason: "budget", spentMonthlyCents: 0 });
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/resume`), 200);
    await expectStatus(wake(agent.id), 202);
  });

  it("BU-7 switching an exceeded policy off resumes and opens nothing (08-13)", async () => {
    const agent = await limitedAgent();
    await report(company.id, cost(agent.id, 100));
    const before = (await incidents(agent.id)).length;
    const off = await setPolicy(company.id, { scopeType: "agent", scopeId: agent.id, amount: 100, isActive: false });
    expect(off).toMatchObject({ amount: 0, isActive: false, status: "ok", paused: false });
    expect((await agentOf(agent.id)).status).toBe("idle");
    const after = await incidents(agent.id);
    expect(after).toHaveLength(before);
    expect(after.every((one) => one.status === "resolved")).toBe(true);
    expect(after.at(-1)).toMatchObject({ approval_status: "approved", decision_note: "Resolved via budget update" });
    await expectStatus(wake(agent.id), 202);
  });

  it("BU-8 setting a limit close above what was spent warns at once", async () => {
    const agent = await company.agent();
    await report(company.id, cost(agent.id, 85));
    const made = await setPolicy(company.id, { scopeType: "agent", scopeId: agent.id, amount: 100 });
    expect(made).toMatchObject({ status: "warning", observedAmount: 85, remainingAmount: 15, utilizationPercent: 85 });
    expect(await incidents(agent.id)).toMatchObject([{ threshold_type: "soft", status: "open" }]);
  });

  it("BU-17 of a month and a lifetime policy the exceeded one blocks (08-15)", async () => {
    const agent = await limitedAgent({ amount: 1_000 });
    await setPolicy(company.id, { scopeType: "agent", scopeId: agent.id, amount: 100, windowKind: "lifetime" });
    await report(company.id, cost(agent.id, 100, { occurredAt: "2020-05-05T00:00:00.000Z" }));
    expect(await wake(agent.id)).toMatchObject({ status: 409, body: { code: "budget_blocked" } });
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/resume`), 200);
    expect(await wake(agent.id)).toMatchObject({
      status: 409,
      body: { error: "Agent cannot start because its budget hard-stop is still exceeded." },
    });
  });
});

describe("where the money went", () => {
  it("API-243, BU-46 by agent and model, provider, biller and project, dearest first, and in rolling windows", async () => {
    const own = await aCompany(api);
    const [ann, bob] = [await own.agent(), await own.agent()];
    const projectId = await aProject(own.id);
    const issue = await own.issue({ projectId });
    const run = (await expectStatus(wake(bob.id), 202)).body;
    await insertRow(api.db.sql, "activity_log", {
      companyId: own.id,
      actorType: "agent",
      actorId: bob.id,
      action: "issue.comment_added",
      entityType: "issue",
      entityId: issue.id,
      runId: run.id,
    });
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
    const metered = { billingType: "metered_api", inputTokens: 10, outputTokens: 1 };
    await report(own.id, cost(ann.id, 5, { ...metered, projectId }));
    await report(own.id, cost(ann.id, 3, { ...metered, model: "opus", biller: "reseller", occurredAt: hoursAgo(10) }));
    await report(
      own.id,
      cost(bob.id, 9, { provider: "openai", heartbeatRunId: run.id, occurredAt: hoursAgo(48), ...metered }),
    );
    const by = async (what: string, query = ""): Promise<Json[]> =>
      (await expectStatus(api.call("GET", `/api/companies/${own.id}/costs/${what}${query}`), 200)).body;

    expect(await by("by-agent-model")).toMatchObject([
      { agentId: bob.id, agentName: bob.name, provider: "openai", model: "sonnet", costCents: 9 },
      { agentId: ann.id, model: "sonnet", costCents: 5, inputTokens: 10, outputTokens: 1 },
      { agentId: ann.id, model: "opus", biller: "reseller", costCents: 3 },
    ]);
    expect(await by("by-provider")).toMatchObject([
      { provider: "openai", costCents: 9, apiRunCount: 1 },
      { provider: "anthropic", model: "sonnet", costCents: 5, apiRunCount: 0 },
      { provider: "anthropic", model: "opus", costCents: 3 },
    ]);
    expect(await by("by-biller")).toMatchObject([
      { biller: "openai", providerCount: 1, modelCount: 1, costCents: 9 },
      { biller: "anthropic", costCents: 5 },
      { biller: "reseller", costCents: 3 },
    ]);
    expect(await by("by-project")).toMatchObject([
      { projectId, projectName: "P", costCents: 14 },
      { projectId: null, projectName: null, costCents: 3 },
    ]);
    const windows = await by("window-spend");
    expect(windows.map(({ provider, biller, window, costCents }) => [provider, biller, window, costCents])).toEqual([
      ["anthropic", "anthropic", "5h", 5],
      ["anthropic", "mixed", "24h", 8],
      ["anthropic", "mixed", "7d", 8],
      ["openai", "openai", "7d", 9],
    ]);
    expect(await by("by-biller", `?from=${hoursAgo(1)}`)).toMatchObject([{ biller: "anthropic", costCents: 5 }]);
    expect(await api.call("GET", `/api/companies/${own.id}/costs/by-biller?to=soon`)).toMatchObject({
      status: 400,
      body: { error: "invalid 'to' date" },
    });
  });
});
