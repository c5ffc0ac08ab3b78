import { aCompany, anAgent, anIssue, aRun } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { pauseAgent } from "../src/agents/change-agent-status.js";
import { newId } from "../src/ids.js";
import { useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const agent = (columns = {}) => anAgent(world.db.sql, { companyId, ...columns });
const queued = async (agentId: string, columns = {}) => ({
  id: await aRun(world.db.sql, { companyId, agentId, ...columns }),
  agentId,
});
const lockOf = async (issueId: string) => {
  const [row] = await world.db.sql.query<Record<string, unknown>>(
    `SELECT execution_run_id AS run, execution_agent_name_key AS key, execution_locked_at IS NOT NULL AS locked
       FROM issues WHERE id = $1`,
    [issueId],
  );
  return row;
};

describe("claiming", () => {
  it("CL-13, DM-33 a waiting run becomes this worker's: token 1, slot, lease, started once, request claimed (01 check 13)", async () => {
    const agentId = await agent();
    const run = await queued(agentId);
    const worker = await world.worker();
    const { fence } = await worker.mustClaim(run);
    expect(fence).toEqual({ runId: run.id, workerId: worker.id, claimToken: 1 });
    const row = await world.run(run.id);
    expect(row).toMatchObject({ status: "running", claimToken: 1, startToken: 1, workerId: worker.id, runSlot: 1 });
    expect(row.startedAt).not.toBeNull();
    expect(row.dispatchedAt).not.toBeNull();
    const leaseMs = (row.leaseExpiresAt?.getTime() ?? 0) - row.updatedAt.getTime();
    expect(leaseMs).toBeGreaterThan(0);
    expect(leaseMs).toBeLessThanOrEqual(31_000);
    expect(await world.request(row.wakeupRequestId ?? "")).toMatchObject({ status: "claimed" });
  });

  it("CL-13, EX-8 the agent becomes running and the first event is `run started`", async () => {
    const agentId = await agent({ status: "error" });
    const run = await queued(agentId);
    await (await world.worker()).mustClaim(run);
    const [{ status } = { status: null }] = await world.db.sql.query<{ status: string }>(
      "SELECT status FROM agents WHERE id = $1",
      [agentId],
    );
    expect(status).toBe("running");
    const events = await world.db.sql.query(
      "SELECT seq, event_type AS type, message FROM heartbeat_run_events WHERE run_id = $1",
      [run.id],
    );
    expect(events).toEqual([{ seq: 1, type: "lifecycle", message: "run started" }]);
  });

  it.each(["running", "succeeded", "failed", "cancelled", "timed_out"] as const)(
    "CL-1 a run that is %s ends the job and nothing is written",
    async (status) => {
      const agentId = await agent();
      const run = await queued(agentId, { status });
      const before = await world.run(run.id);
      expect(await (await world.worker()).claim(run)).toEqual({ kind: "ended" });
      expect(await world.run(run.id)).toEqual(before);
    },
  );

  it("CL-1 a run that is gone, or another agent's, ends the job", async () => {
    const worker = await world.worker();
    const run = await queued(await agent());
    expect(await worker.claim({ id: newId(), agentId: run.agentId })).toEqual({ kind: "ended" });
    expect(await worker.claim({ id: run.id, agentId: await agent() })).toEqual({ kind: "ended" });
    expect((await world.run(run.id)).status).toBe("queued");
  });

  it("CL-2 a retry that is not due goes back to its time", async () => {
    const scheduledRetryAt = new Date(Date.now() + 3_600_000);
    const run = await queued(await agent(), { status: "scheduled_retry", scheduledRetryAt, scheduledRetryAttempt: 1 });
    expect(await (await world.worker()).claim(run)).toEqual({ kind: "not_due", dueAtMs: scheduledRetryAt.getTime() });
  });

  it("CL-3 a retry that is due runs", async () => {
    const run = await queued(await agent(), { status: "scheduled_retry", scheduledRetryAt: new Date(0) });
    await (await world.worker()).mustClaim(run);
  });

  it.each(["paused", "terminated", "pending_approval"] as const)(
    "CL-5 the run of an agent that is %s is cancelled by the gate, its request too",
    async (status) => {
      const agentId = await agent({ status });
      const run = await queued(agentId);
      const text = "Cancelled because the agent is not invokable";
      expect(await (await world.worker()).claim(run)).toEqual({ kind: "cancelled", text });
      const row = await world.run(run.id);
      expect(row).toMatchObject({ status: "cancelled", errorCode: "cancelled", error: text, cancelKind: "gate" });
      expect(row).toMatchObject({ resultJson: { stopReason: "cancelled" }, startedAt: null });
      expect(await world.request(row.wakeupRequestId ?? "")).toMatchObject({ status: "cancelled", error: text });
    },
  );
});

describe("one winner", () => {
  it("CL-13, CL-17 of twenty claims at once one wins", async () => {
    const run = await queued(await agent({ heartbeat: { maxConcurrentRuns: 10 } }));
    const workers = await Promise.all(Array.from({ length: 20 }, () => world.worker(undefined, { db: world.db })));
    const results = await Promise.all(workers.map((worker) => worker.claim(run)));
    expect(results.filter((result) => result.kind === "claimed")).toHaveLength(1);
    expect(results.filter((result) => result.kind === "ended")).toHaveLength(19);
    expect((await world.run(run.id)).claimToken).toBe(1);
  });

  it.each([1, 3])(
    "CL-18 of twenty waiting runs %i are claimed at once, the others are put back (check 8)",
    async (limit) => {
      const agentId = await agent({ heartbeat: { maxConcurrentRuns: limit } });
      const runs = await Promise.all(Array.from({ length: 20 }, (_, n) => queued(agentId, { taskKey: `k${n}` })));
      const workers = await Promise.all([world.worker(), world.worker(undefined, { db: world.pool() })]);
      const results = await Promise.all(runs.map((run, index) => workers[index % 2]!.claim(run)));
      expect(results.filter((result) => result.kind === "claimed")).toHaveLength(limit);
      expect(results.filter((result) => result.kind === "full")).toHaveLength(20 - limit);
    },
  );

  it("CL-18, DM-90 a lowered limit counts what runs above it", async () => {
    const agentId = await agent({ heartbeat: { maxConcurrentRuns: 3 } });
    const worker = await world.worker();
    for (const taskKey of ["a", "b"]) await worker.mustClaim(await queued(agentId, { taskKey }));
    await world.db.sql.query("UPDATE agents SET max_concurrent_runs = 1 WHERE id = $1", [agentId]);
    expect(await worker.claim(await queued(agentId, { taskKey: "c" }))).toEqual({ kind: "full" });
    await world.db.sql.query("UPDATE agents SET max_concurrent_runs = 3 WHERE id = $1", [agentId]);
  });
});

describe("the issue's lock", () => {
  it("CL-14 the assignee's run takes a free lock: run, agent name key, time", async () => {
    const agentId = await agent({ name: " Ann O'Hara " });
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const run = await queued(agentId, { issueId });
    await (await world.worker()).mustClaim(run);
    expect(await lockOf(issueId)).toEqual({ run: run.id, key: "ann o'hara", locked: true });
    expect((await world.run(run.id)).lockIssueId).toBe(issueId);
  });

  it("CL-14 another agent's lock by a terminal run counts as free", async () => {
    const agentId = await agent();
    const executionRunId = await aRun(world.db.sql, { companyId, agentId, status: "failed" });
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId, executionRunId });
    const run = await queued(agentId, { issueId });
    await (await world.worker()).mustClaim(run);
    expect(await lockOf(issueId)).toMatchObject({ run: run.id });
  });

  it("CL-14 the lock of another active run is left alone", async () => {
    const agentId = await agent();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const holder = await queued(agentId, { issueId });
    await (await world.worker()).mustClaim(holder);
    const second = await queued(agentId, { issueId });
    await (await world.worker()).mustClaim(second);
    expect(await lockOf(issueId)).toMatchObject({ run: holder.id });
    expect((await world.run(second.id)).lockIssueId).toBeNull();
  });

  it("DM-36 a run that was given the lock while it waited is marked as its holder once it runs", async () => {
    const agentId = await agent();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const first = await world.wake({ agentId, payload: { issueId } });
    await world.wake({ agentId, payload: { issueId } });
    const runId = first.run?.id ?? "";
    expect(await lockOf(issueId)).toMatchObject({ run: runId });
    await (await world.worker()).mustClaim({ id: runId, agentId });
    expect((await world.run(runId)).lockIssueId).toBe(issueId);
  });
});

describe("one snapshot", () => {
  it("CL-16 a pause and a claim at once: a gate that changed before the claim is never missed", async () => {
    const worker = await world.worker();
    for (let round = 0; round < 20; round += 1) {
      const agentId = await agent();
      const run = await queued(agentId);
      const [result] = await Promise.all([
        worker.claim(run),
        pauseAgent(
          { ...world.cancelDeps(), queue: world.told.runQueue() },
          { agentId, actor: { type: "user", id: "u" } },
        ),
      ]);
      const row = await world.run(run.id);
      // Claimed before the pause: asked to stop. After it: never started.
      if (result.kind === "claimed") expect(row).toMatchObject({ status: "running", cancelKind: "pause" });
      else expect(row).toMatchObject({ status: "cancelled", claimToken: 0, startedAt: null });
    }
  });

  it("CL-16 a limit that is lowered at once with claims is kept from then on", async () => {
    const agentId = await agent({ heartbeat: { maxConcurrentRuns: 4 } });
    const worker = await world.worker();
    const runs = await Promise.all(Array.from({ length: 8 }, (_, n) => queued(agentId, { taskKey: `k${n}` })));
    await world.db.sql.query("UPDATE agents SET max_concurrent_runs = 2 WHERE id = $1", [agentId]);
    const results = await Promise.all(runs.map((run) => worker.claim(run)));
    expect(results.filter(({ kind }) => kind === "claimed")).toHaveLength(2);
  });
});

describe("the second wall", () => {
  it("CL-18, DM-36 a slot that the facts did not see is refused by the index, and the job is put back", async () => {
    const agentId = await agent({ heartbeat: { maxConcurrentRuns: 1 } });
    const run = await queued(agentId);
    const worker = await world.worker();
    // Another running run appears between the facts and the write: a trigger plays the process that broke in.
    await world.db.sql.query(
      `CREATE FUNCTION break_in() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF NEW.id = '${run.id}' AND NEW.status = 'running' AND OLD.status = 'queued' THEN
           INSERT INTO heartbeat_runs (company_id, agent_id, status, worker_id, lease_expires_at, run_slot)
           VALUES (NEW.company_id, NEW.agent_id, 'running', gen_random_uuid(), now(), NEW.run_slot);
         END IF;
         RETURN NEW;
       END $$`,
    );
    await world.db.sql.query(
      "CREATE TRIGGER break_in BEFORE UPDATE ON heartbeat_runs FOR EACH ROW EXECUTE FUNCTION break_in()",
    );
    expect(await worker.claim(run)).toEqual({ kind: "full" });
    await world.db.sql.query("DROP FUNCTION break_in CASCADE");
    expect(await world.run(run.id)).toMatchObject({ status: "queued", claimToken: 0 });
    await worker.mustClaim(run);
  });

  it("CL-18, DM-36 two running runs can never hold one issue's lock; the job is laid aside", async () => {
    const agentId = await agent();
    const issueId = await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId });
    const holder = await queued(agentId, { issueId });
    const worker = await world.worker();
    await worker.mustClaim(holder);
    // The lock is taken from under the holder, whose mark stays: the facts now say that it is free.
    await world.db.sql.query("UPDATE issues SET execution_run_id = NULL WHERE id = $1", [issueId]);
    const second = await queued(agentId, { issueId });
    expect(await worker.claim(second)).toEqual({ kind: "locked" });
    expect((await world.run(second.id)).status).toBe("queued");
    expect(await worker.work(second)).toEqual({ kind: "putBack", delayMs: 1_000 });
    await world.db.sql.query("UPDATE heartbeat_runs SET lock_issue_id = NULL WHERE id = $1", [holder.id]);
  });
});
