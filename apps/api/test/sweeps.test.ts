/** An operator has a sweep run now and gets its counters (RC-83). */
import { SWEEP_NAMES } from "@wakefleet/contracts";
import { AgentQueues, connectRedis, createMaintenance, silentLog } from "@wakefleet/queue";
import { testRedisUrl } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aCompany, aKey, expectStatus, startTestApi, type TestApi } from "./support.js";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const run = (name: string, key?: string) =>
  api.call("POST", `/api/fleet/sweeps/${name}/run`, key === undefined ? {} : { key });

describe("running a sweep now", () => {
  it("RC-83 each sweep by its name, with its counters; a failure says nothing of the inside", async () => {
    const redis = connectRedis({ url: testRedisUrl(), name: "test", log: silentLog });
    const queues = new AgentQueues({ redis, prefix: api.prefix, log: silentLog });
    const sweeps = SWEEP_NAMES.map((name) => ({
      name,
      everyMs: 3_600_000,
      run: async () => {
        if (name === "orphans") throw new Error("relation heartbeat_runs is away");
        return { scanned: name.length };
      },
    }));
    const maintenance = createMaintenance({ queues, sweeps });
    maintenance.start();
    try {
      const { token } = await aKey(api, { scope: "operator" });
      for (const name of SWEEP_NAMES.filter((one) => one !== "orphans")) {
        expect((await expectStatus(run(name, token), 200)).body).toEqual({
          sweep: name,
          outcome: "done",
          counters: { scanned: name.length },
        });
      }
      expect((await expectStatus(run("orphans"), 200)).body).toEqual({
        sweep: "orphans",
        outcome: "failed",
        counters: null,
      });
    } finally {
      await maintenance.stop();
      redis.disconnect();
    }
  });

  it("RC-83 an unknown name is 404 and names those there are; a company's key and an agent are 403", async () => {
    const missing = await expectStatus(run("everything"), 404);
    expect(missing.body.detail).toContain('no sweep "everything"; there are timers, orphans');
    const company = await aCompany(api);
    const { token } = await aKey(api, { scope: "operator", companyId: company.id });
    await expectStatus(run("timers", token), 403);
    const agent = await company.agent();
    const agentKey = await expectStatus(
      api.call("POST", `/api/agents/${agent.id}/keys`, { body: { name: "its own" } }),
      201,
    );
    await expectStatus(run("timers", agentKey.body.token), 403);
  });
});
