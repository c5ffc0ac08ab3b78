import { aCompany, anAgent, anIssue, aRun } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { newId } from "../src/ids.js";
import { createWakeupAcceptor } from "../src/wakeups/wakeup-acceptor.js";
import { countRows, useWorld, wakeRequest } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const agent = (columns = {}) => anAgent(world.db.sql, { companyId, ...columns });
const requestsOf = (agentId: string) => countRows(world.db.sql, "agent_wakeup_requests WHERE agent_id = $1", [agentId]);
const runsOf = (agentId: string) => countRows(world.db.sql, "heartbeat_runs WHERE agent_id = $1", [agentId]);

/** Acceptors of as many processes: each with a pool of its own. */
function acceptors(count: number) {
  return Array.from({ length: count }, () =>
    createWakeupAcceptor({
      db: world.pool(),
      newId,
      dispatcher: world.told.dispatcher,
      events: world.told.publisher,
    }),
  );
}

describe("what a wake writes", () => {
  it("WK-31, WK-40 a queued wake writes its request and a run with context, keys and the outbox's mark open", async () => {
    const agentId = await agent();
    const decided = await world.wake({ agentId, reason: "why", payload: { taskKey: "k", projectId: "p" } });
    expect(decided).toMatchObject({ outcome: "queued", rule: "WK-31", replayed: false, skip: null });
    const run = await world.run(decided.run?.id ?? "");
    expect(run).toMatchObject({
      status: "queued",
      agentId,
      companyId,
      taskKey: "k",
      issueId: null,
      wakeupRequestId: decided.wakeup.id,
      dispatchedAt: null,
      invocationSource: "on_demand",
      triggerDetail: "manual",
      contextSnapshot: { wakeReason: "why", taskKey: "k", projectId: "p", wakeSource: "on_demand" },
    });
    expect({ ...decided.run, createdAt: null, updatedAt: null }).toEqual({ ...run, createdAt: null, updatedAt: null });
    expect(await world.request(decided.wakeup.id)).toMatchObject({ status: "queued", runId: run.id, reason: "why" });
  });

  it("WK-41 a queued run is announced and handed to its queue, after the commit", async () => {
    const agentId = await agent();
    const { run, wakeup } = await world.wake({ agentId });
    expect(world.told.jobs.filter((job) => job.data.runId === run?.id)).toHaveLength(1);
    await expect
      .poll(() => world.told.events)
      .toContainEqual({
        companyId,
        type: "heartbeat.run.queued",
        payload: {
          runId: run?.id,
          agentId,
          invocationSource: "on_demand",
          triggerDetail: "manual",
          wakeupRequestId: wakeup.id,
        },
      });
  });

  it("WK-40 session_id_before is the task session's, else without a key the agent's own", async () => {
    const agentId = await agent();
    await world.db.sql.query(
      `INSERT INTO agent_task_sessions (company_id, agent_id, adapter_type, task_key, session_display_id)
       VALUES ($1, $2, 'process', 'k', 'of-the-task'), ($1, $2, 'http', 'k', 'of-another-adapter')`,
      [companyId, agentId],
    );
    await world.db.sql.query(
      "INSERT INTO agent_runtime_state (agent_id, company_id, adapter_type, session_id) VALUES ($1, $2, 'process', 'own')",
      [agentId, companyId],
    );
    const before = async (payload: { taskKey: string } | null) =>
      (await world.wake({ agentId, payload })).run?.sessionIdBefore;
    expect([await before({ taskKey: "k" }), await before({ taskKey: "other" }), await before(null)]).toEqual([
      "of-the-task",
      null,
      "own",
    ]);
  });

  it("WK-30 a second wake of the task joins: status coalesced, its own reason, count 1, that run's id, finished", async () => {
    const agentId = await agent();
    const first = await world.wake({ agentId, payload: { taskKey: "k" }, reason: "one" });
    const second = await world.wake({ agentId, payload: { taskKey: "k", mine: 1 }, reason: "two" });
    expect(second).toMatchObject({ outcome: "coalesced", rule: "WK-30", run: { id: first.run?.id } });
    const request = await world.request(second.wakeup.id);
    expect(request).toMatchObject({ status: "coalesced", reason: "two", coalescedCount: 1, runId: first.run?.id });
    expect(request.finishedAt).not.toBeNull();
    expect((await world.run(first.run?.id ?? "")).contextSnapshot).toMatchObject({ wakeReason: "two" });
  });

  it("WK-30 different task keys are two runs (03-2)", async () => {
    const agentId = await agent();
    for (const taskKey of ["a", "b"]) await world.wake({ agentId, payload: { taskKey } });
    expect(await runsOf(agentId)).toBe(2);
  });

  it.each([
    ["WK-14", "timer" as const, {}, "heartbeat.disabled"],
    ["WK-15", "on_demand" as const, { wakeOnDemand: false }, "heartbeat.wakeOnDemand.disabled"],
  ])("%s a skipped wake leaves a finished row with the reason and no run", async (rule, source, heartbeat, reason) => {
    const agentId = await agent({ heartbeat });
    const decided = await world.wake({ agentId, source, reason: "the caller's" });
    expect(decided).toMatchObject({ outcome: "skipped", rule, run: null, skip: { skipReason: reason } });
    const request = await world.request(decided.wakeup.id);
    expect(request).toMatchObject({ status: "skipped", reason, runId: null });
    expect(request.finishedAt).not.toBeNull();
    expect(await runsOf(agentId)).toBe(0);
  });

  it("WK-10, WK-13, API-32 refusals write no row", async () => {
    const paused = await agent({ status: "paused" });
    expect(await world.ask({ agentId: newId() })).toMatchObject({
      error: { code: "not_found", message: "Agent not found" },
    });
    expect(await world.ask({ agentId: "no uuid" })).toMatchObject({ error: { code: "not_found" } });
    expect(await world.ask({ agentId: paused })).toMatchObject({
      error: {
        code: "agent_not_invokable",
        message: "Agent is not invokable in its current state",
        details: { status: "paused" },
      },
    });
    expect(await world.ask({ agentId: paused, companyId: newId() })).toMatchObject({
      error: { code: "wrong_company" },
    });
    expect(await requestsOf(paused)).toBe(0);
  });

  it("WK-20 an unknown issue is skipped, also one of another company and one that is no uuid", async () => {
    const agentId = await agent();
    const foreign = await anIssue(world.db.sql, { companyId: await aCompany(world.db.sql) });
    for (const issueId of [newId(), foreign, "ISS-1"]) {
      const decided = await world.wake({ agentId, payload: { issueId } });
      expect(decided).toMatchObject({
        rule: "WK-20",
        skip: { reason: "wakeup_skipped", skipReason: "issue_execution_issue_not_found", executionRunId: null },
      });
    }
    expect(await runsOf(agentId)).toBe(0);
  });

  it("WK-3 an issue named in capitals is the same issue and the same task", async () => {
    const agentId = await agent();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const first = await world.wake({ agentId, payload: { issueId: issueId.toUpperCase() } });
    expect(first.run).toMatchObject({ issueId, taskKey: issueId });
    expect((await world.wake({ agentId, payload: { issueId } })).run?.id).toBe(first.run?.id);
  });

  it("DM-8 NUL characters and lone surrogates of a caller are mended, and answered as they are stored", async () => {
    const agentId = await agent();
    const payload = { taskKey: "a\u0000b", "k\u0000": "\ud800" };
    const { run, wakeup } = await world.wake({ agentId, payload, reason: "r\u0000", idempotencyKey: "i\u0000" });
    expect(run).toMatchObject({ taskKey: "a\uFFFDb" });
    const stored = await world.run(run?.id ?? "");
    expect(stored.contextSnapshot).toEqual(run?.contextSnapshot);
    expect(await world.request(wakeup.id)).toMatchObject({ reason: "r\uFFFD", payload: { "k\uFFFD": "\uFFFD" } });
    expect((await world.wake({ agentId, payload, idempotencyKey: "i\u0000" })).replayed).toBe(true);
  });
});

describe("many at once", () => {
  it("WK-32 200 identical wakes through several processes: one run, 199 joined, all name it (03-1)", async () => {
    const agentId = await agent();
    const processes = acceptors(4);
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, index) => processes[index % 4]!.accept(wakeRequest({ agentId }))),
    );
    const runIds = new Set(results.map((result) => (result.outcome === "rejected" ? "rejected" : result.run?.id)));
    expect(runIds.size).toBe(1);
    const outcomes = results.map((result) => result.outcome);
    expect(outcomes.filter((outcome) => outcome === "queued")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "coalesced")).toHaveLength(199);
    expect([await runsOf(agentId), await requestsOf(agentId)]).toEqual([1, 200]);
  });

  it("WK-32 wakes of several agents about several issues, crossing each other, neither deadlock nor double", async () => {
    const agentIds = await Promise.all(Array.from({ length: 4 }, () => agent()));
    const issueIds = await Promise.all(
      agentIds.map((assigneeAgentId) => anIssue(world.db.sql, { companyId, assigneeAgentId })),
    );
    const processes = acceptors(3);
    const batches = Array.from({ length: 12 }, (_, index) =>
      Array.from({ length: 8 }, (_, step) => {
        const agentId = agentIds[(index * 3 + step * 5) % 4]!;
        const issueId = issueIds[(index * 5 + step * 3) % 4]!;
        return wakeRequest({ agentId, payload: step % 3 === 0 ? null : { issueId } });
      }),
    );
    const results = await Promise.all(batches.map((batch, index) => processes[index % 3]!.acceptBatch(batch)));
    expect(results.flat().filter((result) => result.outcome === "rejected")).toEqual([]);
    expect(
      await countRows(world.db.sql, "heartbeat_runs WHERE issue_id = ANY($1::text[]) AND status = 'queued'", [
        issueIds,
      ]),
    ).toBe(4);
  });

  it("WK-44 in a batch of 1,000 a bad entry never spoils the rest, and same-agent entries see each other", async () => {
    const agentIds = await Promise.all(Array.from({ length: 5 }, () => agent()));
    const paused = await agent({ status: "paused" });
    const requests = Array.from({ length: 1_000 }, (_, index) => {
      if (index % 100 === 7) return wakeRequest({ agentId: newId() });
      if (index % 100 === 8) return wakeRequest({ agentId: paused });
      return wakeRequest({ agentId: agentIds[index % 5]!, payload: { taskKey: `k${index % 10}` } });
    });
    const results = await world.acceptor.acceptBatch(requests);
    const count = (outcome: string) => results.filter((result) => result.outcome === outcome).length;
    expect(results).toHaveLength(1_000);
    expect([count("rejected"), count("queued"), count("coalesced")]).toEqual([20, 10, 970]);
    expect(results[7]).toMatchObject({ outcome: "rejected", error: { code: "not_found" } });
    expect(results[8]).toMatchObject({ outcome: "rejected", error: { code: "agent_not_invokable" } });
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE agent_id = ANY($1::uuid[])", [agentIds])).toBe(10);
  });

  it("WK-44 an entry that the database itself refuses spoils only itself", async () => {
    const [good, other] = [await agent(), await agent()];
    await world.db.sql.query(
      `CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN IF NEW.reason = 'poison' THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$`,
    );
    await world.db.sql.query(
      "CREATE TRIGGER refuse_one BEFORE INSERT ON agent_wakeup_requests FOR EACH ROW EXECUTE FUNCTION refuse_one()",
    );
    const results = await world.acceptor.acceptBatch(
      [good, other, other].map((agentId, index) => wakeRequest({ agentId, reason: index === 1 ? "poison" : "fine" })),
    );
    await world.db.sql.query("DROP FUNCTION refuse_one CASCADE");
    expect(results.map((result) => result.outcome)).toEqual(["queued", "rejected", "queued"]);
    expect(results[1]).toMatchObject({ error: { code: "internal" } });
  });
});

describe("idempotency", () => {
  it("WK-42 50 at once: one row, one run, 50 equal answers (03-12)", async () => {
    const agentId = await agent();
    const processes = acceptors(4);
    const request = wakeRequest({
      agentId,
      payload: { taskKey: "k", z: 1, aa: [2, { b: 3, a: 4 }] },
      idempotencyKey: "once",
    });
    const results = await Promise.all(Array.from({ length: 50 }, (_, index) => processes[index % 4]!.accept(request)));
    const texts = results.map((result) => JSON.stringify({ ...result, replayed: null }));
    expect(new Set(texts).size).toBe(1);
    expect(results.filter((result) => result.outcome !== "rejected" && !result.replayed)).toHaveLength(1);
    expect([await runsOf(agentId), await requestsOf(agentId)]).toEqual([1, 1]);
  });

  it("WK-42 the first answer comes again whatever has happened since, byte for byte", async () => {
    const agentId = await agent();
    const request = { agentId, payload: { zebra: 1, ant: 2 }, idempotencyKey: "k" };
    const first = await world.wake(request);
    const runId = first.run?.id ?? "";
    await (await world.worker()).work({ id: runId, agentId });
    await world.db.sql.query("UPDATE agents SET status = 'paused' WHERE id = $1", [agentId]);
    const second = await world.wake(request);
    expect(second.replayed).toBe(true);
    expect(JSON.stringify({ ...second, replayed: false })).toBe(JSON.stringify(first));
    expect(await requestsOf(agentId)).toBe(1);
  });

  it("WK-42 another request with the key is refused, in the same batch too (03-13)", async () => {
    const agentId = await agent();
    const request = wakeRequest({ agentId, idempotencyKey: "k", fingerprint: "one" });
    const results = await world.acceptor.acceptBatch([request, { ...request, fingerprint: "two" }, request]);
    expect(results[1]).toMatchObject({ outcome: "rejected", error: { code: "idempotency_key_reused" } });
    expect(results[2]).toMatchObject({ replayed: true });
    expect(await world.ask({ ...request, fingerprint: "two" })).toMatchObject({ error: { status: 422 } });
  });

  it("WK-42 another agent's key is another key; a skipped wake binds it (01 checks 9, 10)", async () => {
    const agentIds = [await agent(), await agent({ heartbeat: { wakeOnDemand: false } })];
    for (const agentId of agentIds) {
      const first = await world.wake({ agentId, idempotencyKey: "k" });
      const again = await world.wake({ agentId, idempotencyKey: "k" });
      expect([first.replayed, again.replayed]).toEqual([false, true]);
      expect(await requestsOf(agentId)).toBe(1);
    }
  });

  it("API-111 a refusal without a row binds nothing", async () => {
    const agentId = await agent({ status: "paused" });
    expect(await world.ask({ agentId, idempotencyKey: "k" })).toMatchObject({ outcome: "rejected" });
    await world.db.sql.query("UPDATE agents SET status = 'idle' WHERE id = $1", [agentId]);
    expect(await world.wake({ agentId, idempotencyKey: "k" })).toMatchObject({ outcome: "queued", replayed: false });
  });
});

describe("limits of what joins", () => {
  it("WK-30 ended runs, other agents' and other companies' runs are never joined", async () => {
    const [mine, other] = [await agent(), await agent()];
    await aRun(world.db.sql, { companyId, agentId: mine, taskKey: "k", status: "succeeded" });
    await aRun(world.db.sql, { companyId, agentId: other, taskKey: "k" });
    expect((await world.wake({ agentId: mine, payload: { taskKey: "k" } })).outcome).toBe("queued");
  });
});
