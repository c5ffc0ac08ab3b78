/** Wakeups over HTTP (API-100 to API-113): spec 02 checks 12, 14 to 16, 18 to 21, 47. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
  type CallOptions,
  expectStatus,
  type Json,
  markEnded,
  markRunning,
  type Reply,
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

const wake = (agentId: string, options: CallOptions = {}, path = "wakeup"): Promise<Reply> =>
  api.call("POST", `/api/agents/${agentId}/${path}`, { body: {}, ...options });

async function rowsOf(agentId: string): Promise<Json[]> {
  return await api.db.sql.query<Json>("SELECT * FROM agent_wakeup_requests WHERE agent_id = $1 ORDER BY requested_at", [
    agentId,
  ]);
}

describe("API-100 to API-111 one wakeup", () => {
  it("API-107, API-109 answers the run with the wakeup and headers; Location is the run (02-14, 02-15)", async () => {
    const agent = await company.agent();
    const reply = await expectStatus(wake(agent.id, { raw: "" }), 202);
    expect(reply.body).toMatchObject({
      agentId: agent.id,
      invocationSource: "on_demand",
      triggerDetail: "manual",
      contextSnapshot: { triggeredBy: "board", actorId: expect.any(String), forceFreshSession: false },
      wakeup: { status: "queued", reason: null, coalescedCount: 0, idempotencyKey: null },
    });
    for (const internal of ["claimToken", "startToken", "runSlot", "eventSeq", "endState"])
      expect(reply.body).not.toHaveProperty(internal);
    expect(reply.headers.get("x-wakeup-id")).toBe(reply.body.wakeup.id);
    expect(reply.headers.get("x-wakeup-outcome")).toBe("queued");
    const run = await expectStatus(api.call("GET", reply.headers.get("location") ?? ""), 200);
    expect(run.body).toMatchObject({
      id: reply.body.id,
      retries: [],
      worker: null,
      outputSilence: { level: "not_applicable" },
    });
    const wakeup = await expectStatus(api.call("GET", `/api/wakeups/${reply.body.wakeup.id}`), 200);
    expect(wakeup.body).toMatchObject({ status: "queued", run: { id: reply.body.id } });
    for (const hidden of ["responseStatus", "responseJson", "idempotencyFingerprint"])
      expect(wakeup.body).not.toHaveProperty(hidden);
  });

  it("AC-20 logs heartbeat.invoked on the run", async () => {
    const agent = await company.agent();
    const run = (await expectStatus(wake(agent.id), 202)).body;
    const activity = await api.call("GET", `/api/companies/${company.id}/activity?entityId=${run.id}`);
    expect(activity.body).toMatchObject([
      { action: "heartbeat.invoked", entityType: "heartbeat_run", runId: run.id, details: { agentId: agent.id } },
    ]);
  });

  it("API-107 a coalesced caller gets the run it joined", async () => {
    const agent = await company.agent();
    const first = (await expectStatus(wake(agent.id), 202)).body;
    const second = await expectStatus(wake(agent.id), 202);
    expect(second.body).toMatchObject({
      id: first.id,
      wakeup: { status: "coalesced", coalescedCount: 1, runId: first.id },
    });
    expect(second.headers.get("x-wakeup-outcome")).toBe("coalesced");
  });

  it("API-111 a paused agent is 409 with its status, and no row (02-12)", async () => {
    const agent = await company.agent();
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/pause`), 200);
    const reply = await expectStatus(wake(agent.id, { headers: { "idempotency-key": "p" } }), 409);
    expect(reply.body).toMatchObject({
      error: "Agent is not invokable in its current state",
      code: "agent_not_invokable",
      details: { status: "paused" },
    });
    expect(await rowsOf(agent.id)).toEqual([]);
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/resume`), 200);
    // Nothing was bound: the same key may be tried again.
    await expectStatus(wake(agent.id, { headers: { "idempotency-key": "p" } }), 202);
  });

  it("API-108 an agent that takes no wakes on demand: the skip object (02-16)", async () => {
    const agent = await company.agent({ runtimeConfig: { heartbeat: { wakeOnDemand: false } } });
    const reply = await expectStatus(wake(agent.id), 202);
    expect(reply.body).toEqual({
      status: "skipped",
      reason: "wakeup_skipped",
      message: "Wakeup was skipped.",
      issueId: null,
      executionRunId: null,
      executionAgentId: null,
      executionAgentName: null,
      skipReason: "heartbeat.wakeOnDemand.disabled",
      wakeup: expect.any(Object),
    });
    expect(reply.headers.get("location")).toBe(`/api/wakeups/${reply.body.wakeup.id}`);
    expect((await expectStatus(wake(agent.id, {}, "heartbeat/invoke"), 202)).body).toEqual({
      status: "skipped",
      wakeup: expect.any(Object),
    });
    expect((await expectStatus(wake(agent.id, {}, "wakeups"), 202)).body).toEqual({
      outcome: "skipped",
      wakeup: expect.any(Object),
      run: null,
    });
  });

  it("API-108, API-132 to API-134 an issue that another agent works on: deferred, with who (02-17); its runs are read", async () => {
    const [holder, second] = [await company.agent({ name: "Holder" }), await company.agent()];
    const issue = await company.issue({ assigneeAgentId: holder.id, status: "todo" });
    const payload = { issueId: issue.id };
    const run = (await expectStatus(wake(holder.id, { body: { payload } }), 202)).body;
    await markRunning(api, { id: run.id, agentId: holder.id });
    await api.db.sql.query("UPDATE heartbeat_runs SET lock_issue_id = $2 WHERE id = $1", [run.id, issue.id]);
    await api.db.sql.query("UPDATE issues SET execution_run_id = $2 WHERE id = $1", [issue.id, run.id]);
    const reply = await expectStatus(wake(second.id, { body: { payload } }), 202);
    expect(reply.body).toMatchObject({
      status: "skipped",
      reason: "issue_execution_deferred",
      executionRunId: run.id,
      executionAgentId: holder.id,
      executionAgentName: "Holder",
      message: "Wakeup was deferred because this issue is already being executed by Holder.",
    });
    expect(reply.headers.get("x-wakeup-outcome")).toBe("deferred");
    const wakeup = (await api.call("GET", `/api/wakeups/${reply.body.wakeup.id}`)).body;
    expect(wakeup.status).toBe("deferred_issue_execution");
    expect(Object.keys(wakeup.payload).filter((key) => key.startsWith("_"))).toEqual([]);
    const active = await expectStatus(api.call("GET", `/api/issues/${issue.id}/active-run`), 200);
    expect(active.body).toMatchObject({ id: run.id, agentName: "Holder", outputSilence: { level: "ok" } });
    expect((await api.call("GET", `/api/issues/${issue.id}/live-runs`)).body).toHaveLength(1);
    expect((await api.call("GET", `/api/issues/${issue.identifier.toLowerCase()}/runs`)).body).toMatchObject([
      { runId: run.id },
    ]);
  });
});

describe("WK-42 idempotency", () => {
  it("WK-42 the header wins over the body, and loses its quotes (02-18)", async () => {
    const agent = await company.agent();
    await expectStatus(wake(agent.id, { body: { idempotencyKey: "k2" }, headers: { "idempotency-key": '"k1"' } }), 202);
    expect((await rowsOf(agent.id)).map((row) => row.idempotency_key)).toEqual(["k1"]);
  });

  it("API-109 the same key is answered the same, also after the run ended, with no new row (02-19)", async () => {
    const agent = await company.agent();
    const ask = (): Promise<Reply> =>
      wake(agent.id, { body: { reason: "r" }, headers: { "idempotency-key": "again" } });
    const first = await expectStatus(ask(), 202);
    await markRunning(api, { id: first.body.id, agentId: agent.id });
    await markEnded(api, first.body.id);
    const second = await expectStatus(ask(), 202);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect(second.headers.get("location")).toBe(first.headers.get("location"));
    expect(await rowsOf(agent.id)).toHaveLength(1);
    const other = await expectStatus(
      wake(agent.id, { body: { reason: "other" }, headers: { "idempotency-key": "again" } }),
      422,
    );
    expect(other.body).toMatchObject({
      code: "idempotency_key_reused",
      error: "Idempotency key was already used with a different request",
    });
  });

  it("API-109, WK-12 a budget's refusal is answered the same again, also after the budget was raised", async () => {
    const agent = await company.agent();
    // Stands for the hard stop of a budget that was reached, which pauses with this reason.
    await api.db.sql.query(
      "UPDATE agents SET status = 'paused', pause_reason = 'budget', paused_at = now() WHERE id = $1",
      [agent.id],
    );
    const ask = (): Promise<Reply> => wake(agent.id, { headers: { "idempotency-key": "refused" } });
    const first = await expectStatus(ask(), 409);
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    await api.db.sql.query("UPDATE agents SET status = 'idle', pause_reason = NULL, paused_at = NULL WHERE id = $1", [
      agent.id,
    ]);
    const second = await expectStatus(ask(), 409);
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect({ ...second.body, requestId: null }).toEqual({ ...first.body, requestId: null });
    expect(await rowsOf(agent.id)).toHaveLength(1);
  });

  it("WK-42 ten at once with one key: one row", async () => {
    const agent = await company.agent();
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => wake(agent.id, { headers: { "idempotency-key": "once" } })),
    );
    expect(new Set(replies.map((reply) => reply.body.id)).size).toBe(1);
    expect(await rowsOf(agent.id)).toHaveLength(1);
  });

  it("API-102 a blank or too long key is 400", async () => {
    const agent = await company.agent();
    for (const headers of [{ "idempotency-key": '"  "' }, { "idempotency-key": "x".repeat(256) }])
      await expectStatus(wake(agent.id, { headers }), 400);
    await expectStatus(wake(agent.id, { body: { idempotencyKey: " " } }), 400);
  });
});

describe("API-103, API-112 batches", () => {
  it("API-112 a thousand with three bad ones: 997 decided, in order (02-20)", async () => {
    const other = await (await aCompany(api)).agent();
    const agents = await Promise.all(Array.from({ length: 5 }, () => company.agent()));
    const { token: key } = (
      await expectStatus(
        api.call("POST", "/api/keys", { body: { scope: "operator", name: "b", companyId: company.id } }),
        201,
      )
    ).body;
    const items: Json[] = Array.from({ length: 1_000 }, (_, index) => ({
      agentId: agents[index % 5].id,
      payload: { taskKey: `t${index}` },
    }));
    items[10] = { agentId: agents[0].id, source: "bogus" };
    items[20] = { agentId: "00000000-0000-4000-8000-000000000000" };
    items[30] = { agentId: other.id };
    const reply = await expectStatus(api.call("POST", "/api/wakeups/batch", { key, body: { items } }), 202);
    expect(reply.body.results.map((result: Json) => result.index)).toEqual(items.map((_, index) => index));
    expect(reply.body.summary).toEqual({ queued: 997, coalesced: 0, deferred: 0, skipped: 0, rejected: 3 });
    const bad = [10, 20, 30].map((index) => reply.body.results[index]);
    expect(bad.map((result) => [result.httpStatus, result.outcome, result.error.code])).toEqual([
      [400, "rejected", "validation_failed"],
      [404, "rejected", "not_found"],
      [403, "rejected", "wrong_company"],
    ]);
    expect(bad[0].error).toMatchObject({
      error: "Validation error",
      details: [{ path: ["source"] }],
      requestId: expect.any(String),
    });
  });

  it("API-112 same-agent items see each other", async () => {
    const agent = await company.agent();
    const items = [{ agentId: agent.id }, { agentId: agent.id }];
    const reply = await expectStatus(api.call("POST", "/api/wakeups/batch", { body: { items } }), 202);
    expect(reply.body.results.map((result: Json) => result.outcome)).toEqual(["queued", "coalesced"]);
    expect(reply.body.results[1].runId).toBe(reply.body.results[0].runId);
  });

  it("API-112 a header key makes the batch repeatable", async () => {
    const agents = await Promise.all([company.agent(), company.agent()]);
    const body = { items: agents.map((agent) => ({ agentId: agent.id })) };
    const ask = (): Promise<Reply> =>
      expectStatus(api.call("POST", "/api/wakeups/batch", { body, headers: { "idempotency-key": "B" } }), 202);
    const [first, second] = [await ask(), await ask()];
    expect(second.body.results.map((result: Json) => result.wakeupId)).toEqual(
      first.body.results.map((result: Json) => result.wakeupId),
    );
    expect((await rowsOf(agents[1].id)).map((row) => row.idempotency_key)).toEqual(["B#1"]);
    await expectStatus(
      api.call("POST", "/api/wakeups/batch", { body, headers: { "idempotency-key": "x".repeat(241) } }),
      400,
    );
  });

  it("API-112 0 and 1,001 items are 400 (02-21)", async () => {
    const agent = await company.agent();
    for (const length of [0, 1_001]) {
      const items = Array.from({ length }, () => ({ agentId: agent.id }));
      await expectStatus(api.call("POST", "/api/wakeups/batch", { body: { items } }), 400);
    }
    expect(await rowsOf(agent.id)).toEqual([]);
  });
});

describe("API-105, API-120 to API-131 reading", () => {
  it("API-120, API-105 lists page through without gap or double while rows are added", async () => {
    const own = await aCompany(api);
    const agent = await own.agent();
    for (let index = 0; index < 7; index += 1)
      await expectStatus(
        wake(agent.id, { body: { reason: "why", payload: { taskKey: `k${index}`, note: "secret stuff" } } }),
        202,
      );
    for (const list of [
      `/api/companies/${own.id}/heartbeat-runs`,
      `/api/agents/${agent.id}/runs`,
      `/api/companies/${own.id}/wakeups`,
      `/api/agents/${agent.id}/wakeups`,
    ]) {
      const seen: string[] = [];
      let next: string | null = `${list}?limit=3`;
      while (next !== null) {
        const page: Reply = await expectStatus(api.call("GET", next), 200);
        seen.push(...page.body.map((row: Json) => row.id));
        if (seen.length === 3)
          await expectStatus(wake(agent.id, { body: { payload: { taskKey: `late ${list}` } } }), 202);
        next = /<(.*)>/.exec(page.headers.get("link") ?? "")?.[1] ?? null;
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.length).toBeGreaterThanOrEqual(7);
    }
    const [run] = (await api.call("GET", `/api/companies/${own.id}/heartbeat-runs?taskKey=k3`)).body;
    expect(run).toMatchObject({
      stdoutExcerpt: null,
      contextSnapshot: { taskKey: "k3", wakeReason: "why" },
      resultJson: null,
    });
    expect(run.contextSnapshot).not.toHaveProperty("actorId");
    expect((await api.call("GET", `/api/companies/${own.id}/heartbeat-runs?status=running,failed`)).body).toEqual([]);
    expect(
      (await api.call("GET", `/api/companies/${own.id}/heartbeat-runs?limit=unreadable`)).body.length,
    ).toBeGreaterThan(0);
    await expectStatus(api.call("GET", `/api/companies/${own.id}/heartbeat-runs?since=nonsense`), 400);
  });

  it("API-131 live runs are filled up with finished ones", async () => {
    const own = await aCompany(api);
    const agent = await own.agent();
    const runs: Json[] = [];
    for (const taskKey of ["a", "b"])
      runs.push((await expectStatus(wake(agent.id, { body: { payload: { taskKey } } }), 202)).body);
    await markRunning(api, { id: runs[0].id, agentId: agent.id });
    await markEnded(api, runs[0].id);
    const list = `/api/companies/${own.id}/live-runs`;
    expect((await api.call("GET", list)).body.map((run: Json) => run.id)).toEqual([runs[1].id]);
    expect((await api.call("GET", `${list}?minCount=5`)).body.map((run: Json) => run.id)).toEqual([
      runs[1].id,
      runs[0].id,
    ]);
    expect((await api.call("GET", list)).body[0]).toMatchObject({
      agentName: agent.name,
      adapterType: "process",
      companyId: own.id,
    });
  });

  it("API-122 events by number, secrets masked", async () => {
    const agent = await company.agent();
    const run = (await expectStatus(wake(agent.id), 202)).body;
    await api.db.sql.query(
      `INSERT INTO heartbeat_run_events (company_id, run_id, agent_id, seq, event_type, payload)
       SELECT $1, $2, $3, s, 'lifecycle', '{"env": {"API_KEY": "x"}, "apiKey": "y"}' FROM generate_series(1, 3) s`,
      [company.id, run.id, agent.id],
    );
    const events = await expectStatus(
      api.call("GET", `/api/heartbeat-runs/${run.id}/events?afterSeq=1&limit=bad`),
      200,
    );
    expect(events.body.map((event: Json) => event.seq)).toEqual([2, 3]);
    expect(events.body[0].payload).toEqual({ env: { API_KEY: "***REDACTED***" }, apiKey: "***REDACTED***" });
  });
});

describe("API-125 cancel", () => {
  it("API-125, CN-1 a waiting run is cancelled at once; again: unchanged (02-47)", async () => {
    const agent = await company.agent();
    const run = (await expectStatus(wake(agent.id), 202)).body;
    const first = await expectStatus(
      api.call("POST", `/api/heartbeat-runs/${run.id}/cancel`, { body: { reason: "Not needed" } }),
      200,
    );
    expect(first.body).toMatchObject({ id: run.id, status: "cancelled", error: "Not needed" });
    const again = await expectStatus(api.call("POST", `/api/heartbeat-runs/${run.id}/cancel`), 200);
    expect(again.body.finishedAt).toBe(first.body.finishedAt);
    const activity = await api.call(
      "GET",
      `/api/companies/${company.id}/activity?runId=${run.id}&action=heartbeat.cancelled`,
    );
    expect(activity.body).toHaveLength(1);
  });

  it("API-125, CN-2 a running run whose worker does not answer: 202 and asked (02-47)", async () => {
    const agent = await company.agent();
    const run = (await expectStatus(wake(agent.id), 202)).body;
    await markRunning(api, { id: run.id, agentId: agent.id });
    const reply = await expectStatus(api.call("POST", `/api/heartbeat-runs/${run.id}/cancel`), 202);
    expect(reply.body).toMatchObject({ status: "running", cancelRequestedAt: expect.any(String) });
  });
});
