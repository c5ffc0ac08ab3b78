/** Running again over HTTP: a scheduled retry now, and a finished run's work once more (API-126, API-127). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  markEnded,
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

/** A run of a new agent, waiting. */
async function aRun(): Promise<{ id: string; agentId: string }> {
  const agent = await company.agent();
  const body = { payload: { taskKey: "t-1" }, reason: "first_reason" };
  return (await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body }), 202)).body;
}

const retry = (runId: string, options = {}) => api.call("POST", `/api/heartbeat-runs/${runId}/retry`, options);
const runNow = (runId: string, options = {}) => api.call("POST", `/api/heartbeat-runs/${runId}/run-now`, options);

describe("API-127 retrying a run", () => {
  it("API-127 makes a new run for the same work that points at the old one", async () => {
    const run = await aRun();
    await markEnded(api, run.id);
    const { body } = await expectStatus(retry(run.id), 202);
    expect(body).toMatchObject({
      status: "queued",
      agentId: run.agentId,
      retryOfRunId: run.id,
      invocationSource: "on_demand",
      triggerDetail: "manual",
      taskKey: "t-1",
      contextSnapshot: { wakeReason: "manual_retry", retryOfRunId: run.id, retryReason: "manual", taskKey: "t-1" },
    });
    expect(body.id).not.toBe(run.id);
    const old = await expectStatus(api.call("GET", `/api/heartbeat-runs/${run.id}`), 200);
    expect(old.body).toMatchObject({ status: "succeeded", retries: [body.id] });
  });

  it("API-127 is refused for a run that is not finished", async () => {
    const run = await aRun();
    const { body } = await expectStatus(retry(run.id), 409);
    expect(body).toMatchObject({ code: "conflict", error: "Only finished runs can be retried" });
  });

  it("API-127 passes the gates of a wake: a paused agent is not retried", async () => {
    const run = await aRun();
    await markEnded(api, run.id);
    await expectStatus(api.call("POST", `/api/agents/${run.agentId}/pause`), 200);
    expect((await expectStatus(retry(run.id), 409)).body.code).toBe("agent_not_invokable");
  });

  it("API-127, WK-30 two retries at once are one run", async () => {
    const run = await aRun();
    await markEnded(api, run.id);
    const [first, second] = await Promise.all([retry(run.id), retry(run.id)]);
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(first.body.id).toBe(second.body.id);
  });

  it("API-127, API-308 repeated under a key it makes one run, and is answered with the same headers", async () => {
    const run = await aRun();
    await markEnded(api, run.id);
    const options = { headers: { "idempotency-key": "again" } };
    const first = await expectStatus(retry(run.id, options), 202);
    await markEnded(api, first.body.id);
    const second = await expectStatus(retry(run.id, options), 202);
    expect(second.body).toEqual(first.body);
    for (const header of ["x-wakeup-id", "x-wakeup-outcome", "location"]) {
      expect(second.headers.get(header)).toBe(first.headers.get(header));
    }
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    const { retries } = (await expectStatus(api.call("GET", `/api/heartbeat-runs/${run.id}`), 200)).body;
    expect(retries).toEqual([first.body.id]);
  });

  it("API-308 the mark of a retry is set with its wake: when its answer is lost, it is known to be carried out", async () => {
    const run = await aRun();
    await markEnded(api, run.id);
    const { sql } = api.db;
    await sql.query(
      `CREATE FUNCTION lose_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = 'XX000'; END $$`,
    );
    await sql.query(
      `CREATE TRIGGER loses BEFORE UPDATE ON idempotency_records FOR EACH ROW WHEN (NEW.response_status IS NOT NULL) EXECUTE FUNCTION lose_it()`,
    );
    await expectStatus(retry(run.id, { headers: { "idempotency-key": "lost" } }), 202);
    await sql.query("DROP TRIGGER loses ON idempotency_records");
    const [record] = await sql.query("SELECT state, response_status FROM idempotency_records WHERE key = 'lost'");
    expect(record).toEqual({ state: "done", response_status: null });
  });
});

describe("API-126 running a scheduled retry now", () => {
  it("API-126, RT-6 makes it due", async () => {
    const run = await aRun();
    await api.db.sql.query(
      `UPDATE heartbeat_runs SET status = 'scheduled_retry', scheduled_retry_at = now() + interval '1 hour',
              scheduled_retry_attempt = 1, scheduled_retry_reason = 'transient_failure' WHERE id = $1`,
      [run.id],
    );
    const before = Date.now();
    const { body } = await expectStatus(runNow(run.id), 202);
    expect(body).toMatchObject({ id: run.id, status: "scheduled_retry" });
    expect(Date.parse(body.scheduledRetryAt)).toBeLessThan(before + 60_000);
  });

  it("API-126 is refused for any other run", async () => {
    const run = await aRun();
    const { body } = await expectStatus(runNow(run.id), 409);
    expect(body).toMatchObject({ code: "conflict", error: "Only scheduled retries can be run now" });
  });
});

describe.each([
  ["retry", retry],
  ["run-now", runNow],
])("API-32, API-34 who may ask for %s", (_name, ask) => {
  it("API-34 not an agent", async () => {
    const run = await aRun();
    const key = await anAgentKey(api, run.agentId);
    expect((await ask(run.id, { key })).status).toBe(403);
  });

  it("API-32 not another company's key", async () => {
    const run = await aRun();
    const other = await aCompany(api);
    const { token } = await aKey(api, { scope: "admin", companyId: other.id });
    expect((await ask(run.id, { key: token })).status).toBe(403);
  });

  it("API-40 and an unknown run is not found", async () => {
    expect((await ask("00000000-0000-4000-8000-000000000000")).body.error).toBe("Heartbeat run not found");
    expect((await ask("nonsense")).status).toBe(404);
  });
});
