/** Stranded work: the one automatic retry, escalation, and who may not be touched (06 sections 5, 8 and 9). */
import { setTimeout as delay } from "node:timers/promises";
import type { JsonObject } from "@wakefleet/contracts";
import type { RunRow } from "@wakefleet/store";
import { aCompany, anAgent, anIssue, aRun, insertRow, waitFor } from "@wakefleet/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { cancelRun } from "../src/runs/cancel-run.js";
import { recoverOrphansOfHost } from "../src/runs/recover-orphans.js";
import { workRun } from "../src/runs/work-run.js";
import { finishEnds } from "../src/sweeps/finish-ends.js";
import { reconcileStrandedWork, type StrandedWorkResult } from "../src/sweeps/reconcile-stranded-work.js";
import { commentsOn, everything, goOn, issueOf, runsOf, sweepDeps } from "./recovery-support.js";
import { countRows, done, endLease, type Play, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
let managerId: string;
let agentId: string;
beforeEach(async () => {
  // Earlier tests leave work that a sweep would look at.
  await world.db.sql.query("UPDATE issues SET hidden_at = now() WHERE hidden_at IS NULL");
  companyId = await aCompany(world.db.sql);
  managerId = await anAgent(world.db.sql, { companyId, name: "Manager" });
  agentId = await anAgent(world.db.sql, { companyId, name: "Worker", reportsTo: managerId });
});

const fails: Play = () => ({ ...done, exitCode: 3, errorMessage: "boom" });

const sweep = (): Promise<StrandedWorkResult> => reconcileStrandedWork(sweepDeps(world), goOn);

async function lastRunOf(issueId: string): Promise<RunRow> {
  const run = (await runsOf(world, issueId)).at(-1);
  if (run === undefined) throw new Error("no run");
  return run;
}

async function play(run: Pick<RunRow, "id" | "agentId">, how: Play): Promise<RunRow> {
  const worker = await world.worker(how);
  await worker.work(run);
  return world.run(run.id);
}

const anAssigned = (status: "todo" | "in_progress", columns: JsonObject = {}): Promise<string> =>
  anIssue(world.db.sql, { companyId, status, assigneeAgentId: agentId, ...columns } as never);

/** A run of the issue that failed long ago, its end done. */
const aFailedRun = (issueId: string, columns: object = {}): Promise<string> =>
  aRun(world.db.sql, {
    companyId,
    agentId,
    issueId,
    status: "failed",
    errorCode: "adapter_failed",
    ...columns,
  } as never);

describe("the first dispatch (RC-11)", () => {
  it("RC-85 an assigned issue without a run is dispatched once, whoever sweeps at once", async () => {
    const issueId = await anAssigned("todo");
    const results = await Promise.all([sweep(), sweep(), sweep()]);
    expect(results.map((one) => one.assignmentDispatched).reduce((a, b) => a + b)).toBe(1);
    const requests = await world.db.sql.query<object>(
      "SELECT reason, source, status, payload, requested_by_actor_type, requested_by_actor_id, idempotency_key FROM agent_wakeup_requests WHERE issue_id = $1",
      [issueId],
    );
    expect(requests).toEqual([
      {
        reason: "issue_assigned",
        source: "assignment",
        status: "queued",
        payload: { issueId, mutation: "assigned_todo_liveness_dispatch" },
        requested_by_actor_type: "system",
        requested_by_actor_id: null,
        idempotency_key: `recovery:${issueId}:initial:none`,
      },
    ]);
    expect(await runsOf(world, issueId)).toHaveLength(1);
    expect((await sweep()).assignmentDispatched).toBe(0);
  });

  it("RC-19a, RC-89 a blocked issue is passed over without a trace, twenty times", async () => {
    const issueId = await anAssigned("todo");
    const blocker = await anIssue(world.db.sql, { companyId, assigneeUserId: "someone" });
    await insertRow(world.db.sql, "issue_relations", {
      companyId,
      issueId: blocker,
      relatedIssueId: issueId,
      type: "blocks",
    });
    const before = await everything(world.db.sql);
    for (let round = 0; round < 20; round += 1) await sweep();
    expect(await everything(world.db.sql)).toBe(before);
  });

  it("RC-19a, RC-5 wakeOnDemand off, a paused agent: nothing", async () => {
    const off = await anAgent(world.db.sql, { companyId, heartbeat: { wakeOnDemand: false } });
    const paused = await anAgent(world.db.sql, { companyId, status: "paused" });
    for (const one of [off, paused]) await anAssigned("todo", { assigneeAgentId: one });
    const before = await everything(world.db.sql);
    expect(await sweep()).toMatchObject({ assignmentDispatched: 0, skipped: 2, issueIds: [] });
    expect(await everything(world.db.sql)).toBe(before);
  });
});

describe("the one retry (RC-15, RC-19)", () => {
  it("RC-19, API-175 an issue in progress whose run is gone goes on with a retry of it", async () => {
    const issueId = await anAssigned("in_progress");
    const lost = await aFailedRun(issueId);
    expect(await sweep()).toMatchObject({ continuationRequeued: 1, issueIds: [issueId] });
    const run = await lastRunOf(issueId);
    expect(run).toMatchObject({ status: "queued", retryOfRunId: lost, invocationSource: "automation" });
    expect(run.contextSnapshot).toMatchObject({
      issueId,
      taskId: issueId,
      wakeReason: "issue_continuation_needed",
      retryReason: "issue_continuation_needed",
      source: "issue.continuation_recovery",
      retryOfRunId: lost,
    });
    const after = await everything(world.db.sql);
    await sweep();
    expect(await everything(world.db.sql)).toBe(after);
  });

  it("RC-15, API-175 the same for todo", async () => {
    const issueId = await anAssigned("todo");
    await aFailedRun(issueId);
    expect(await sweep()).toMatchObject({ dispatchRequeued: 1 });
    expect((await lastRunOf(issueId)).contextSnapshot).toMatchObject({
      wakeReason: "issue_assignment_recovery",
      retryReason: "assignment_recovery",
    });
  });

  it("RC-12, RC-17 a succeeded run ends it, and is counted by its use", async () => {
    await aFailedRun(await anAssigned("todo"), { status: "succeeded" });
    await aFailedRun(await anAssigned("in_progress"), { status: "succeeded", livenessState: "advanced" });
    await aFailedRun(await anAssigned("in_progress"), { status: "succeeded", livenessState: "plan_only" });
    expect(await sweep()).toMatchObject({
      productiveContinuationObserved: 1,
      successfulContinuationObserved: 1,
      skipped: 1,
      issueIds: [],
    });
  });

  it("RC-2 another agent's newer run is the latest", async () => {
    const issueId = await anAssigned("in_progress");
    await aFailedRun(issueId, { createdAt: new Date(Date.now() - 60_000) });
    await aFailedRun(issueId, { agentId: managerId, status: "succeeded" });
    expect(await sweep()).toMatchObject({ continuationRequeued: 0, successfulContinuationObserved: 1 });
  });

  it("RC-86 a run whose end is not finished still is somebody's", async () => {
    world.allow({ finalizedWithinMs: 60_000 });
    const issueId = await anAssigned("in_progress");
    const run = await aFailedRun(issueId, { finalizedAt: null });
    expect(await sweep()).toMatchObject({ continuationRequeued: 0 });
    await world.db.sql.query("UPDATE heartbeat_runs SET finalized_at = now() WHERE id = $1", [run]);
    expect(await sweep()).toMatchObject({ continuationRequeued: 1 });
  });

  it("RC-7 under a pause hold nothing is touched until it is released", async () => {
    const parent = await anIssue(world.db.sql, { companyId, status: "in_progress", assigneeUserId: "someone" });
    const issueId = await anAssigned("in_progress", { parentId: parent });
    await aFailedRun(issueId);
    const hold = await insertRow(world.db.sql, "issue_tree_holds", { companyId, rootIssueId: parent, mode: "pause" });
    const before = await everything(world.db.sql);
    expect(await sweep()).toMatchObject({ continuationRequeued: 0 });
    expect(await everything(world.db.sql)).toBe(before);
    await world.db.sql.query("UPDATE issue_tree_holds SET status = 'released' WHERE id = $1", [hold]);
    expect(await sweep()).toMatchObject({ continuationRequeued: 1 });
  });

  it("RC-12a, RC-78 what a person stopped stays stopped; with recover it goes on", async () => {
    const issueId = await anAssigned("in_progress");
    const { run } = await world.wake({ agentId, reason: "nudged", payload: { issueId } });
    const actor = { type: "user", id: "someone" } as const;
    await cancelRun(world.cancelDeps(), { runId: run?.id ?? "", actor });
    expect(await runsOf(world, issueId)).toHaveLength(1);
    const before = await everything(world.db.sql);
    for (let round = 0; round < 3; round += 1) await sweep();
    expect(await everything(world.db.sql)).toBe(before);

    const again = await world.wake({ agentId, reason: "nudged", payload: { issueId } });
    await cancelRun(world.cancelDeps(), { runId: again.run?.id ?? "", actor, recover: true });
    const recovery = await lastRunOf(issueId);
    expect(recovery).toMatchObject({ status: "queued", retryOfRunId: again.run?.id });
    expect((await issueOf(world.db.sql, issueId)).executionRunId).toBe(recovery.id);

    await cancelRun(world.cancelDeps(), { runId: recovery.id, actor, recover: true });
    expect((await issueOf(world.db.sql, issueId)).status).toBe("blocked");
  });
});

describe("a worker that stands still in the middle of an end", () => {
  // Each sweep of the frozen worker's time is another process's; the steps are the end's own, one after the other.
  it.each([1, 2, 3, 4, 5])(
    "RC-86, RC-87, RT-3 (06-35) after its step %i: sweeps do nothing, and after the thaw one retry is scheduled",
    async (step) => {
      const issueId = await anAssigned("in_progress");
      const { run } = await world.wake({ agentId, reason: "nudged", payload: { issueId } });
      let thaw: () => void = () => undefined;
      const thawed = new Promise<void>((resolve) => {
        thaw = resolve;
      });
      let steps = 0;
      let isFrozen = false;
      const faults = {
        async hit(name: string): Promise<void> {
          if (name !== "between-finish-steps") return;
          steps += 1;
          if (steps !== step) return;
          isFrozen = true;
          await thawed;
        },
      };
      const worker = await world.worker(() => ({ ...done, exitCode: 1, errorFamily: "transient_upstream" }), {
        db: world.pool(),
      });
      const working = workRun({ ...worker.deps, faults }, { runId: run?.id ?? "", agentId });
      await waitFor(() => isFrozen, { what: "the worker to stand still" });
      const before = await everything(world.db.sql);
      for (let round = 0; round < 3; round += 1) {
        expect(await sweep()).toMatchObject({ continuationRequeued: 0, dispatchRequeued: 0, escalated: 0 });
        expect(await finishEnds(sweepDeps(world), goOn)).toEqual({ scanned: 0, finished: 0, failed: 0 });
      }
      expect(await everything(world.db.sql)).toBe(before);
      thaw();
      await working;
      const runs = await runsOf(world, issueId);
      expect(runs.map((one) => one.status)).toEqual(["failed", "scheduled_retry"]);
      expect(runs[1]).toMatchObject({ retryOfRunId: run?.id, scheduledRetryAttempt: 1 });
      const after = await everything(world.db.sql);
      await sweep();
      expect(await everything(world.db.sql)).toBe(after);
    },
  );
});

describe("recovery at release (RC-72 to RC-79)", () => {
  it("FI-9, RC-77 a failed run is followed by one recovery run that holds the lock", async () => {
    const issueId = await anAssigned("in_progress");
    const { run } = await world.wake({ agentId, reason: "nudged", payload: { issueId } });
    const failed = await play(run as RunRow, fails);
    const recovery = await lastRunOf(issueId);
    expect(failed).toMatchObject({ status: "failed", endState: null, finalizedAt: expect.any(Date) });
    expect(recovery).toMatchObject({ status: "queued", retryOfRunId: failed.id });
    expect(recovery.contextSnapshot).toMatchObject({
      wakeReason: "issue_continuation_needed",
      retryReason: "issue_continuation_needed",
      source: "issue.continuation_recovery",
      wakeSource: "automation",
    });
    expect((await issueOf(world.db.sql, issueId)).executionRunId).toBe(recovery.id);
    const request = await world.request(recovery.wakeupRequestId ?? "");
    expect(request).toMatchObject({
      reason: "issue_continuation_needed",
      payload: { issueId, retryOfRunId: failed.id },
      idempotencyKey: `recovery:${issueId}:issue_continuation_needed:${failed.id}`,
    });
    expect(world.told.jobs.some((job) => job.data.runId === recovery.id)).toBe(true);
  });

  it("RC-76, RC-20 to RC-25, API-175 the second failure blocks the issue and has its manager repair it", async () => {
    const issueId = await anAssigned("in_progress", { priority: "high" });
    await aFailedRun(issueId);
    await sweep();
    const failed = await play(await lastRunOf(issueId), fails);
    expect(failed).toMatchObject({ status: "failed", endState: null });
    const issue = await issueOf(world.db.sql, issueId);
    expect(issue).toMatchObject({ status: "blocked", executionRunId: null, checkoutRunId: null });
    const [recovery, ...more] = await world.db.sql.query<Record<string, unknown>>(
      "SELECT * FROM issues WHERE origin_kind = 'stranded_issue_recovery' AND origin_id = $1",
      [issueId],
    );
    expect(more).toEqual([]);
    expect(recovery).toMatchObject({
      parent_id: issueId,
      status: "todo",
      priority: "high",
      assignee_agent_id: managerId,
      origin_run_id: failed.id,
      origin_fingerprint: `stranded_issue_recovery:${companyId}:${issueId}:${failed.id}`,
    });
    expect(
      await countRows(
        world.db.sql,
        "issue_relations WHERE related_issue_id = $1 AND issue_id = $2 AND type = 'blocks'",
        [issueId, recovery?.["id"]],
      ),
    ).toBe(1);
    const [comment, ...others] = await commentsOn(world.db.sql, issueId);
    expect(others).toEqual([]);
    expect(comment?.author).toBe(null);
    expect(comment?.body).toContain(
      "retried continuation for this assigned `in_progress` issue during terminal run recovery",
    );
    expect(comment?.body).toContain("Latest retry failure details were withheld from the issue thread");
    expect(comment?.body).toContain(`/agents/${agentId}/runs/${failed.id}`);
    expect(comment?.body).not.toContain("boom");
    const wakes = await world.db.sql.query<object>(
      "SELECT agent_id, source, reason, status FROM agent_wakeup_requests WHERE issue_id = $1",
      [recovery?.["id"]],
    );
    expect(wakes).toEqual([{ agent_id: managerId, source: "assignment", reason: "issue_assigned", status: "queued" }]);
    expect(
      await countRows(
        world.db.sql,
        "activity_log WHERE entity_id = $1 AND action = 'issue.updated' AND details->>'source' = 'recovery.reconcile_stranded_assigned_issue'",
        [issueId],
      ),
    ).toBe(1);

    // RC-22: the repair fails, too, and so does the run that is asked for its missing comment (FI-7).
    for (let attempt = 0; attempt < 2; attempt += 1) await play(await lastRunOf(recovery?.["id"] as string), fails);
    expect((await issueOf(world.db.sql, recovery?.["id"] as string)).status).toBe("blocked");
    expect((await commentsOn(world.db.sql, recovery?.["id"] as string))[0]?.body).toContain(
      "recovery issues do not create nested",
    );
    expect(
      await countRows(world.db.sql, "issues WHERE origin_kind = 'stranded_issue_recovery' AND company_id = $1", [
        companyId,
      ]),
    ).toBe(1);

    const after = await everything(world.db.sql);
    await sweep();
    expect(await everything(world.db.sql)).toBe(after);
  });

  it("RC-27, RC-23 nobody may be asked: blocked, and it says so", async () => {
    await world.db.sql.query("UPDATE agents SET reports_to = NULL WHERE id = $1", [agentId]);
    const issueId = await anAssigned("in_progress");
    await aFailedRun(issueId, { contextSnapshot: { issueId, retryReason: "issue_continuation_needed" } });
    await insertRow(world.db.sql, "budget_policies", {
      companyId,
      scopeType: "agent",
      scopeId: agentId,
      windowKind: "lifetime",
      amount: 1,
    });
    await world.db.sql.query(
      "INSERT INTO budget_counters (company_id, scope_type, scope_id, window_start, observed_cents) VALUES ($1, 'agent', $2, '1970-01-01 00:00:00+00', 5)",
      [companyId, agentId],
    );
    expect(await sweep()).toMatchObject({ escalated: 1 });
    expect((await issueOf(world.db.sql, issueId)).status).toBe("blocked");
    expect((await commentsOn(world.db.sql, issueId))[0]?.body).toContain(
      "- Recovery issue: none created because Wakefleet could not find",
    );
  });

  it("RC-85, RC-39 (06-30) five processes that escalate at once make one recovery issue, one comment, one wake", async () => {
    const hits: string[] = [];
    const faults = {
      async hit(name: string): Promise<void> {
        hits.push(name);
        await delay(Math.random() * 40);
      },
    };
    const processes = Array.from({ length: 5 }, () => ({ ...sweepDeps(world), db: world.pool(), faults }));
    for (let round = 1; round <= 8; round += 1) {
      const issueId = await anAssigned("todo");
      await aFailedRun(issueId, { contextSnapshot: { issueId, retryReason: "assignment_recovery" } });
      const results = await Promise.all(
        processes.map(async (deps) => {
          await delay(Math.random() * 10);
          return reconcileStrandedWork(deps, goOn);
        }),
      );
      expect(results.map((one) => one.escalated).reduce((a, b) => a + b)).toBe(1);
      expect(hits).toHaveLength(round);
      const ofSource = { companyId, originKind: "stranded_issue_recovery", originId: issueId };
      const [recovery, ...more] = await world.db.sql.query<{ id: string }>(
        "SELECT id FROM issues WHERE origin_kind = 'stranded_issue_recovery' AND origin_id = $1",
        [issueId],
      );
      expect(more).toEqual([]);
      expect(await commentsOn(world.db.sql, issueId)).toHaveLength(1);
      expect(await countRows(world.db.sql, "agent_wakeup_requests WHERE issue_id = $1", [recovery?.id])).toBe(1);
      const second = await anIssue(world.db.sql, ofSource).catch((error: { constraint?: string }) => error.constraint);
      expect(second).toBe("issues_active_stranded_issue_recovery_uq");
      await world.db.sql.query("UPDATE issues SET status = 'done' WHERE id = $1", [recovery?.id]);
      const allowed = await anIssue(world.db.sql, ofSource);
      await world.db.sql.query("UPDATE issues SET hidden_at = now() WHERE id = ANY($1::uuid[])", [[allowed, issueId]]);
    }
  });

  it("RC-75a a pause is no failure: released, and taken up after the resume", async () => {
    const issueId = await anAssigned("in_progress");
    const { run } = await world.wake({ agentId, reason: "nudged", payload: { issueId } });
    await cancelRun(world.cancelDeps(), { runId: run?.id ?? "", actor: { type: "system", id: "x" }, kind: "pause" });
    expect(await runsOf(world, issueId)).toHaveLength(1);
    expect(await issueOf(world.db.sql, issueId)).toMatchObject({ status: "in_progress", executionRunId: null });
    expect(await sweep()).toMatchObject({ continuationRequeued: 1, escalated: 0 });
  });

  it("RC-3 a task that kills its worker each time ends: run, loss retry, recovery, loss retry, blocked", async () => {
    const issueId = await anAssigned("in_progress");
    await world.wake({ agentId, reason: "nudged", payload: { issueId } });
    const worker = await world.worker();
    for (let lost = 0; lost < 10; lost += 1) {
      const run = await lastRunOf(issueId);
      if (run.status !== "queued") break;
      await worker.mustClaim(run);
      await world.db.sql.query(
        "UPDATE heartbeat_runs SET process_pid = 999999, process_group_id = 999999 WHERE id = $1",
        [run.id],
      );
      await endLease(world.db.sql, run.id, 600_000);
      await recoverOrphansOfHost(worker.recovery);
      await sweep();
    }
    const runs = await runsOf(world, issueId);
    expect(runs.map((run) => run.contextSnapshot?.["retryReason"] ?? "first")).toEqual([
      "first",
      "process_lost",
      "issue_continuation_needed",
      "process_lost",
    ]);
    expect((await issueOf(world.db.sql, issueId)).status).toBe("blocked");
  });

  it("RC-79, RC-74 a transient retry that waits is an active run", async () => {
    const issueId = await anAssigned("in_progress");
    const { run } = await world.wake({ agentId, reason: "nudged", payload: { issueId } });
    await play(run as RunRow, () => ({ ...done, exitCode: 1, errorFamily: "transient_upstream" }));
    const runs = await runsOf(world, issueId);
    expect(runs.map((one) => one.status)).toEqual(["failed", "scheduled_retry"]);
    expect((await issueOf(world.db.sql, issueId)).executionRunId).toBe(runs[1]?.id);
    expect(await sweep()).toMatchObject({ continuationRequeued: 0, escalated: 0 });
  });
});

describe("steps that fail (FI-14, RC-86)", () => {
  it("keep neither the run from ending nor the issue for ever", async () => {
    const issueId = await anAssigned("in_progress");
    const failingRun = await world.wake({ agentId, reason: "nudged", payload: { issueId } });
    // Somebody holds the manager's row: the escalation at release cannot lock it in its turn.
    await world.db.sql.query(
      'UPDATE heartbeat_runs SET context_snapshot = context_snapshot || \'{"retryReason":"issue_continuation_needed"}\' WHERE id = $1',
      [failingRun.run?.id],
    );
    let release: () => void = () => undefined;
    const held = world.pool().transaction(async (tx) => {
      await tx.query("SELECT id FROM agents WHERE id = $1 FOR UPDATE", [managerId]);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    const failed = await play(failingRun.run as RunRow, fails);
    expect(failed).toMatchObject({
      status: "failed",
      finalizedAt: null,
      endState: { missing: ["immediate_recovery"] },
    });
    expect((await issueOf(world.db.sql, issueId)).status).toBe("in_progress");
    expect(await sweep()).toMatchObject({ escalated: 0, continuationRequeued: 0 });
    release();
    await held;

    const results = await Promise.all([1, 2, 3].map(() => finishEnds(sweepDeps(world), goOn)));
    expect(results.map((one) => one.finished).reduce((a, b) => a + b)).toBe(1);
    expect(await world.run(failed.id)).toMatchObject({ finalizedAt: expect.any(Date), endState: null });
    expect((await issueOf(world.db.sql, issueId)).status).toBe("blocked");
    expect(await commentsOn(world.db.sql, issueId)).toHaveLength(1);
    const after = await everything(world.db.sql);
    expect(await finishEnds(sweepDeps(world), goOn)).toEqual({ scanned: 0, finished: 0, failed: 0 });
    expect(await everything(world.db.sql)).toBe(after);
  });
});

describe("orphan blockers (RC-30 to RC-32)", () => {
  it("go back to the agent that made them, once", async () => {
    const blocked = await anIssue(world.db.sql, {
      companyId,
      status: "blocked",
      identifier: `X-${Date.now()}`,
      assigneeUserId: "someone",
    });
    const blocker = await anIssue(world.db.sql, { companyId, status: "todo", createdByAgentId: agentId });
    await insertRow(world.db.sql, "issue_relations", {
      companyId,
      issueId: blocker,
      relatedIssueId: blocked,
      type: "blocks",
    });
    expect(await sweep()).toMatchObject({ orphanBlockersAssigned: 1, issueIds: [blocker] });
    expect((await issueOf(world.db.sql, blocker)).assigneeAgentId).toBe(agentId);
    const comments = await commentsOn(world.db.sql, blocker);
    expect(comments).toHaveLength(1);
    expect(comments[0]?.body).toMatch(/^## Assigned Orphan Blocker\n\nWakefleet found this issue is blocking \[X-/);
    expect(await runsOf(world, blocker)).toHaveLength(1);
    const after = await everything(world.db.sql);
    await sweep();
    expect(await everything(world.db.sql)).toBe(after);
  });

  it("stay where their maker may not be woken", async () => {
    const blocked = await anIssue(world.db.sql, { companyId, status: "blocked", assigneeUserId: "someone" });
    const maker = await anAgent(world.db.sql, { companyId, status: "paused" });
    const blocker = await anIssue(world.db.sql, { companyId, status: "todo", createdByAgentId: maker });
    await insertRow(world.db.sql, "issue_relations", {
      companyId,
      issueId: blocker,
      relatedIssueId: blocked,
      type: "blocks",
    });
    const before = await everything(world.db.sql);
    expect(await sweep()).toMatchObject({ orphanBlockersAssigned: 0, skipped: 1 });
    expect(await everything(world.db.sql)).toBe(before);
  });
});
