/** Reading ended runs: what an issue's list tells of a result, and why no retry follows (RD-1, RD-4, LV-112, LV-116, RT-5). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
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
afterAll(async () => api?.stop());

/** A failed run about a new issue. */
async function failedRun(columns: { result?: object; usage?: object } = {}) {
  const agent = await company.agent();
  const [issue] = await api.db.sql.query<{ id: string }>(
    "INSERT INTO issues (company_id, title, status) VALUES ($1, 'An issue', 'todo') RETURNING id",
    [company.id],
  );
  const [run] = await api.db.sql.query<{ id: string }>(
    `INSERT INTO heartbeat_runs (company_id, agent_id, status, issue_id, result_json, usage_json, error_code, event_seq,
         context_snapshot, finished_at, finalized_at, dispatched_at)
     VALUES ($1, $2, 'failed', $3, $4, $5, 'adapter_failed', 1, jsonb_build_object('issueId', $3::text), now(), now(), now())
     RETURNING id`,
    [company.id, agent.id, issue?.id, columns.result ?? null, columns.usage ?? null],
  );
  return { issueId: issue?.id ?? "", runId: run?.id ?? "", agentId: agent.id as string };
}

const listed = async (issueId: string): Promise<Json> => {
  const { body } = await expectStatus(api.call("GET", `/api/issues/${issueId}/runs`), 200);
  return body[0];
};

describe("an issue's runs", () => {
  it("LV-116 tell how a run was paid, what it cost and how it stopped, each cost under its three names", async () => {
    const { issueId } = await failedRun({
      result: {
        summary: "not told",
        stdout: "neither",
        costUsd: 0.5,
        stopReason: "timeout",
        timeoutFired: true,
        timeoutSource: null,
      },
      usage: { billingType: "metered_api", inputTokens: 7 },
    });
    const { resultJson } = await listed(issueId);
    expect(resultJson).toEqual({
      billingType: "metered_api",
      billing_type: "metered_api",
      costUsd: 0.5,
      cost_usd: 0.5,
      total_cost_usd: 0.5,
      stopReason: "timeout",
      timeoutFired: true,
    });
  });

  it("LV-112 the code of the gate that refused a run is its stop reason", async () => {
    const result = { stopReason: "issue_assignee_changed", effectiveTimeoutSec: 0, timeoutConfigured: false };
    const { issueId } = await failedRun({ result });
    expect((await listed(issueId)).resultJson).toEqual(result);
  });

  it("LV-116 of a result that says nothing of these, nothing is told", async () => {
    const { issueId } = await failedRun({ result: { summary: "words" } });
    expect((await listed(issueId)).resultJson).toBeNull();
  });
});

describe("a run list", () => {
  it("RD-1, LV-116 leaves blank texts out", async () => {
    const { runId } = await failedRun({ result: { summary: " ", message: "m", stdout: "x", costUsd: 1 } });
    const { body } = await expectStatus(api.call("GET", `/api/companies/${company.id}/heartbeat-runs?limit=50`), 200);
    expect(body.find((run: Json) => run.id === runId).resultJson).toEqual({ message: "m", costUsd: 1 });
  });
});

describe("silence", () => {
  it("RC-40 begins where the configuration says, and a decision to go on is heeded for as long as it says", async () => {
    const eager = await startTestApi({
      SILENCE_SUSPICION_MS: "60000",
      SILENCE_CRITICAL_MS: "7200000",
      SILENCE_QUIET_MS: "120000",
    });
    try {
      const agent = await (await aCompany(eager)).agent();
      const body = { payload: { taskKey: "silent" } };
      const run = (await expectStatus(eager.call("POST", `/api/agents/${agent.id}/wakeup`, { body }), 202)).body;
      await markRunning(eager, run);
      await eager.db.sql.query(
        "UPDATE heartbeat_runs SET last_output_at = now() - interval '10 minutes' WHERE id = $1",
        [run.id],
      );
      const silence = async (): Promise<Json> =>
        (await expectStatus(eager.call("GET", `/api/heartbeat-runs/${run.id}`), 200)).body.outputSilence;
      expect(await silence()).toMatchObject({
        level: "suspicious",
        suspicionThresholdMs: 60_000,
        criticalThresholdMs: 7_200_000,
      });
      const path = `/api/heartbeat-runs/${run.id}/watchdog-decisions`;
      const decision = await eager.call("POST", path, { body: { decision: "continue" } });
      const quietMs = Date.parse(decision.body.snoozedUntil) - Date.parse(decision.body.createdAt);
      expect(Math.round(quietMs / 1_000)).toBe(120);
    } finally {
      await eager.stop();
    }
  });
});

describe("why no retry follows", () => {
  it("RD-4, RT-5 a run whose bounded retries are used up says so, alone and in its issue's list", async () => {
    const reason = "Bounded retry exhausted after 4 scheduled attempts; no further automatic retry will be queued";
    const { issueId, runId, agentId } = await failedRun({ result: { errorFamily: "transient_upstream" } });
    const one = () => api.call("GET", `/api/heartbeat-runs/${runId}`);
    expect((await one()).body.retryExhaustedReason).toBeNull();
    await api.db.sql.query(
      `INSERT INTO heartbeat_run_events (company_id, run_id, agent_id, seq, event_type, stream, level, message)
       VALUES ($1, $2, $3, 1, 'lifecycle', 'system', 'warn', $4)`,
      [company.id, runId, agentId, reason],
    );
    expect((await one()).body.retryExhaustedReason).toBe(reason);
    expect((await listed(issueId)).retryExhaustedReason).toBe(reason);
  });
});
