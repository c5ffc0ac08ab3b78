/** Redis away is no error for accepting wakeups (WK-43, API-57, API-275, API-39): spec 02 check 23. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aCompany, aKey, expectStatus, startTestApi, type TestApi } from "./support.js";

let api: TestApi;
beforeAll(async () => {
  // Nothing listens on this port; the API starts all the same.
  api = await startTestApi({ REDIS_URL: "redis://127.0.0.1:1", RATE_LIMIT_READS: "20", RATE_LIMIT_READS_BURST: "20" });
});
afterAll(() => api.stop());

describe("Redis away", () => {
  it("WK-43 a wake is accepted and waits for its dispatch (02-23)", async () => {
    const company = await aCompany(api);
    const agent = await company.agent();
    const reply = await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: {} }), 202);
    expect(reply.body).toMatchObject({ status: "queued", dispatchedAt: null });
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/pause`), 200);
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/terminate`), 200);
  });

  it("API-275 readiness is degraded and 200; strict makes it 503 (02-23)", async () => {
    const ready = await expectStatus(api.call("GET", "/readyz", { key: null }), 200);
    expect(ready.body).toMatchObject({ status: "degraded", checks: { postgres: "ok", redis: "unreachable" } });
    await expectStatus(api.call("GET", "/readyz?strict=1", { key: null }), 503);
  });

  it("API-300 the fleet says so (02-23)", async () => {
    const company = await aCompany(api);
    const agent = await company.agent();
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: {} }), 202);
    const { token } = await aKey(api, { scope: "operator", companyId: company.id });
    const fleet = (await expectStatus(api.call("GET", "/api/fleet", { key: token }), 200)).body;
    expect(fleet.stores.redis).toEqual({ ok: false, latencyMs: null });
    expect(fleet.totals.undispatched).toBe(1);
    expect(fleet.queues).toMatchObject([{ agentId: agent.id, waiting: 0 }]);
  });

  it("RC-83 a sweep cannot be asked for: 503, and it says why", async () => {
    const answer = await expectStatus(api.call("POST", "/api/fleet/sweeps/timers/run"), 503);
    expect(answer.body).toMatchObject({ code: "store_unavailable", detail: expect.stringContaining("Redis is away") });
  });

  it("API-39 rates are kept by this process alone meanwhile", async () => {
    const { token } = await aKey(api, { scope: "operator" });
    const replies = await Promise.all(
      Array.from({ length: 60 }, () => api.call("GET", "/api/companies", { key: token })),
    );
    const allowed = replies.filter((reply) => reply.status === 200).length;
    expect(allowed).toBeGreaterThanOrEqual(20);
    expect(allowed).toBeLessThan(60);
  });
});
