/** BY-1 over HTTP: which rule decided, on which facts, what would change it; and who may ask. */
import { agentWhySchema, explainedWakeupSchema, runWhySchema } from "@wakefleet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
  aKey,
  expectStatus,
  type Json,
  markRunning,
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

const get = async (path: string, key?: string): Promise<Json> =>
  (await expectStatus(api.call("GET", path, key === undefined ? {} : { key }), 200)).body;
const wake = async (agentId: string, body: object = {}): Promise<Json> =>
  (await expectStatus(api.call("POST", `/api/agents/${agentId}/wakeup`, { body }), 202)).body;

describe("GET /api/wakeups/:id", () => {
  it("BY-1, API-104 says why a wake became a run, and why another joined it", async () => {
    const agent = await company.agent();
    const first = await wake(agent.id, { payload: { taskKey: "t" } });
    const second = await wake(agent.id, { payload: { taskKey: "t" } });
    const told = explainedWakeupSchema.parse(await get(`/api/wakeups/${second.wakeup.id}`));
    expect(told.why.reason).toMatchObject({
      rule: "WK-30",
      text: `This agent already has run ${first.id} for task t (queued); the wake joined it.`,
      facts: { runId: first.id, taskKey: "t" },
    });
    expect(told.why.decisions.map((one) => [one.of, one.rule])).toEqual([
      ["wakeup", "WK-30"],
      ["run", "WK-31"],
    ]);
    expect(told).not.toHaveProperty("receipts");
    expect(told.run).not.toHaveProperty("receipts");
    const listed = await get(`/api/agents/${agent.id}/wakeups`);
    for (const row of listed) expect(row).not.toHaveProperty("receipts");
  });

  it("BY-1, WK-15 says why a wake was skipped and what to do", async () => {
    const agent = await company.agent({ runtimeConfig: { heartbeat: { wakeOnDemand: false } } });
    const skipped = await wake(agent.id);
    const { why } = await get(`/api/wakeups/${skipped.wakeup.id}`);
    expect(why.reason).toMatchObject({ rule: "WK-15", change: "Set runtimeConfig.heartbeat.wakeOnDemand to true." });
  });

  it("BY-1 keeps secrets out of the facts it answers", async () => {
    const agent = await company.agent();
    const run = await wake(agent.id, { payload: { taskKey: "t" } });
    await api.db.sql.query(
      `UPDATE agent_wakeup_requests SET receipts = jsonb_set(receipts, '{0,facts,apiKey}', '"sk-very-secret-value"') WHERE id = $1`,
      [run.wakeup.id],
    );
    expect(JSON.stringify(await get(`/api/wakeups/${run.wakeup.id}`))).not.toContain("sk-very-secret-value");
  });
});

describe("GET /api/heartbeat-runs/:runId/why", () => {
  it("BY-1 says why a run waits, and that no worker is alive", async () => {
    const agent = await company.agent();
    const run = await wake(agent.id);
    const told = runWhySchema.parse(await get(`/api/heartbeat-runs/${run.id}/why`));
    expect(told).toMatchObject({
      runId: run.id,
      status: "queued",
      reason: { rule: "QU-3", facts: { place: 1, waiting: 1, slotsUsed: 0, slotsOf: 5, workersAlive: 0 } },
      wakeups: [{ id: run.wakeup.id, rule: "WK-31" }],
    });
    expect(told.reason?.change).toBe("Start a worker: it takes what waits by itself.");
  });

  it("BY-1, CN-1 says who ended it", async () => {
    const agent = await company.agent();
    const run = await wake(agent.id);
    await expectStatus(api.call("POST", `/api/heartbeat-runs/${run.id}/cancel`, { body: {} }), 200);
    const told = runWhySchema.parse(await get(`/api/heartbeat-runs/${run.id}/why`));
    expect(told.reason).toMatchObject({ rule: "CN-1", facts: { cancelKind: "person" } });
  });

  it("BY-1, API-20, API-36 answers the company's keys, and an enqueue key about its own wakes only", async () => {
    const agent = await company.agent();
    const run = await wake(agent.id);
    const path = `/api/heartbeat-runs/${run.id}/why`;
    const other = await aCompany(api);
    const foreign = await aKey(api, { scope: "operator", companyId: other.id });
    await expectStatus(api.call("GET", path, { key: foreign.token }), 403);
    const enqueue = await aKey(api, { scope: "enqueue", companyId: company.id });
    await expectStatus(api.call("GET", path, { key: enqueue.token }), 403);
    const own = await expectStatus(
      api.call("POST", `/api/agents/${agent.id}/wakeup`, {
        key: enqueue.token,
        body: { payload: { taskKey: "mine" } },
      }),
      202,
    );
    await expectStatus(api.call("GET", `/api/heartbeat-runs/${own.body.id}/why`, { key: enqueue.token }), 200);
    await expectStatus(api.call("GET", path, { key: null }), 401);
    await expectStatus(api.call("GET", "/api/heartbeat-runs/no-such-run/why"), 404);
  });
});

describe("GET /api/agents/:id/why", () => {
  it("BY-1 says that an agent runs, what waits behind it, and why", async () => {
    const agent = await company.agent({ runtimeConfig: { heartbeat: { maxConcurrentRuns: 1 } } });
    const running = await wake(agent.id, { payload: { taskKey: "1" } });
    await markRunning(api, running);
    const waiting = await wake(agent.id, { payload: { taskKey: "2" } });
    const told = agentWhySchema.parse(await get(`/api/agents/${agent.id}/why`));
    expect(told).toMatchObject({
      isRunning: true,
      slots: { used: 1, of: 1 },
      reason: { rule: "QU-1" },
      waiting: [{ runId: waiting.id, place: 1, reason: { rule: "CL-18" } }],
    });
  });

  it("BY-1, API-5 an idle, a paused and a terminated agent; by its short name, too; another company's is refused", async () => {
    const agent = await company.agent({ name: "Grace Hopper" });
    const path = `/api/agents/${agent.id}/why`;
    expect((await get(path)).reason).toMatchObject({ rule: "WK-50" });
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/pause`), 200);
    expect((await get(`/api/agents/grace-hopper/why?companyId=${company.id}`)).reason).toMatchObject({
      rule: "AL-10",
      facts: { pauseReason: "manual" },
    });
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/terminate`), 200);
    expect((await get(path)).reason).toMatchObject({ rule: "WK-13", facts: { agentStatus: "terminated" } });
    const foreign = await aKey(api, { scope: "operator", companyId: (await aCompany(api)).id });
    await expectStatus(api.call("GET", path, { key: foreign.token }), 403);
  });
});
