/** Budgets, holds, blockers and changed issues, at the accept and at the claim, on a real database. */
import { aCompany, anAgent, anIssue, insertRow } from "@wakefleet/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
let agentId: string;
beforeEach(async () => {
  companyId = await aCompany(world.db.sql);
  agentId = await anAgent(world.db.sql, { companyId });
});

const issue = (columns = {}) =>
  anIssue(world.db.sql, { companyId, status: "todo", assigneeAgentId: agentId, ...columns });
const hold = (rootIssueId: string) =>
  insertRow(world.db.sql, "issue_tree_holds", { companyId, rootIssueId, mode: "pause", reason: "audit" });
const block = (blocker: string, blocked: string) =>
  insertRow(world.db.sql, "issue_relations", { companyId, issueId: blocker, relatedIssueId: blocked, type: "blocks" });
const comment = (issueId: string, authorUserId: string) =>
  insertRow(world.db.sql, "issue_comments", { companyId, issueId, authorUserId, body: "hello" });

/** A comment wake as the issue side makes it (CO-53). */
function commentWake(issueId: string, commentId: string, user: string, agent = agentId) {
  return world.wake({
    agentId: agent,
    source: "automation",
    reason: "issue_commented",
    payload: { issueId, commentId, mutation: "comment" },
    context: {
      issueId,
      taskId: issueId,
      commentId,
      wakeCommentId: commentId,
      source: "issue.comment",
      wakeReason: "issue_commented",
    },
    actor: { type: "user", id: user },
  });
}

async function claim(runId: string) {
  const worker = await world.worker();
  return worker.claim({ id: runId, agentId });
}

async function requestOf(runId: string) {
  return world.request((await world.run(runId)).wakeupRequestId ?? "");
}

describe("budgets", () => {
  const exceed = async (scopeType: string, scopeId: string, windowStart: string) => {
    await insertRow(world.db.sql, "budget_policies", {
      companyId,
      scopeType,
      scopeId,
      windowKind: "lifetime",
      amount: 100,
    });
    await world.db.sql.query(
      `INSERT INTO budget_counters (company_id, scope_type, scope_id, window_start, observed_cents) VALUES ($1, $2, $3, $4, 100)`,
      [companyId, scopeType, scopeId, windowStart],
    );
  };

  it("WK-12, BU-19, API-111 an exceeded budget skips, answers 409 and binds an idempotency key", async () => {
    await exceed("agent", agentId, "1970-01-01T00:00:00Z");
    const first = await world.ask({ agentId, idempotencyKey: "k" });
    expect(first).toMatchObject({
      outcome: "rejected",
      error: {
        code: "budget_blocked",
        message: "Agent cannot start because its budget hard-stop is still exceeded.",
        details: { scopeType: "agent", scopeId: agentId },
      },
    });
    const again = await world.ask({ agentId, idempotencyKey: "k" });
    expect(again).toMatchObject({ outcome: "rejected", replayed: true, error: { code: "budget_blocked" } });
    const rows = await world.db.sql.query("SELECT status, reason FROM agent_wakeup_requests WHERE agent_id = $1", [
      agentId,
    ]);
    expect(rows).toEqual([{ status: "skipped", reason: "budget.blocked" }]);
  });

  it("CL-6, BU-14, BU-16, BU-15.7 the claim looks at the issue's project, too", async () => {
    const projectId = await insertRow(world.db.sql, "projects", { companyId, name: "P" });
    const { run } = await world.wake({ agentId, payload: { issueId: await issue({ projectId }) } });
    await exceed("project", projectId, "1970-01-01T00:00:00Z");
    expect(await claim(run?.id ?? "")).toMatchObject({ kind: "cancelled" });
    expect(await world.run(run?.id ?? "")).toMatchObject({
      status: "cancelled",
      errorCode: "cancelled",
      cancelKind: "budget",
      error: "Project cannot start work because its budget hard-stop is still exceeded.",
      resultJson: { stopReason: "budget_paused" },
    });
  });
});

describe("holds", () => {
  it("WK-16, TH-10 a wake below a held root is skipped, with an activity row", async () => {
    const root = await issue();
    const child = await issue({ parentId: await issue({ parentId: root }) });
    const holdId = await hold(root);
    const wake = await world.wake({ agentId, payload: { issueId: child } });
    expect(wake).toMatchObject({ outcome: "skipped", rule: "WK-16", skip: { skipReason: "issue_tree_hold_active" } });
    const rows = await world.db.sql.query("SELECT action, entity_id, details FROM activity_log WHERE company_id = $1", [
      companyId,
    ]);
    expect(rows).toMatchObject([
      { action: "issue.tree_hold_wakeup_deferred", entity_id: child, details: { holdId, rootIssueId: root } },
    ]);
  });

  it("WK-17, TH-21 a person's comment gets through and says so; a forged one does not", async () => {
    const held = await issue();
    const holdId = await hold(held);
    const commentId = await comment(held, "ann");
    expect(await commentWake(held, commentId, "bob")).toMatchObject({ outcome: "skipped", rule: "WK-16" });
    const other = await comment(await issue(), "ann");
    expect(await commentWake(held, other, "ann")).toMatchObject({ outcome: "skipped", rule: "WK-16" });
    const wake = await commentWake(held, commentId, "ann");
    expect(wake).toMatchObject({
      outcome: "queued",
      run: { contextSnapshot: { treeHoldInteraction: true, activeTreeHold: { holdId, interaction: true } } },
    });
    expect(await claim(wake.run?.id ?? "")).toMatchObject({ kind: "claimed" });
  });

  it("CL-7 a hold set while the run waits cancels it at the claim (08-22)", async () => {
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const holdId = await hold(issueId);
    await claim(run?.id ?? "");
    expect(await world.run(run?.id ?? "")).toMatchObject({
      status: "cancelled",
      error: "Cancelled because issue is held by an active subtree pause hold",
      resultJson: { stopReason: "paused" },
    });
    expect(await requestOf(run?.id ?? "")).toMatchObject({ status: "cancelled" });
    const rows = await world.db.sql.query(
      "SELECT details FROM activity_log WHERE action = 'issue.tree_hold_run_interrupted' AND company_id = $1",
      [companyId],
    );
    expect(rows).toMatchObject([{ details: { holdId, source: "heartbeat.claim_queued_run" } }]);
  });
});

describe("blockers", () => {
  it("WK-24 is skipped with the ids in the payload (03-6); a cancelled blocker blocks on, a done one does not", async () => {
    const blocked = await issue();
    const done = await issue({ status: "done" });
    const cancelled = await issue({ status: "cancelled" });
    await block(done, blocked);
    await block(cancelled, blocked);
    const wake = await world.wake({ agentId, payload: { issueId: blocked } });
    expect(wake).toMatchObject({ outcome: "skipped", rule: "WK-24" });
    expect((await world.request(wake.wakeup.id)).payload).toEqual({
      issueId: blocked,
      unresolvedBlockerIssueIds: [cancelled],
    });
  });

  it("WK-25 a person's comment on a blocked issue runs and carries the blockers", async () => {
    const blocked = await issue();
    const blocker = await issue({ title: "First", status: "todo" });
    await block(blocker, blocked);
    const wake = await commentWake(blocked, await comment(blocked, "ann"), "ann");
    expect(wake.run?.contextSnapshot).toMatchObject({
      dependencyBlockedInteraction: true,
      unresolvedBlockerIssueIds: [blocker],
      unresolvedBlockerSummaries: [{ id: blocker, title: "First" }],
    });
    expect(await claim(wake.run?.id ?? "")).toMatchObject({ kind: "claimed" });
  });

  it("CL-8, CL-15, LV-111 a blocker that came while the run waited", async () => {
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const blocker = await issue();
    await block(blocker, issueId);
    await claim(run?.id ?? "");
    expect(await world.run(run?.id ?? "")).toMatchObject({
      status: "cancelled",
      errorCode: "issue_dependencies_blocked",
      resultJson: {
        stopReason: "issue_dependencies_blocked",
        timeoutSource: "dependency_gate",
        effectiveTimeoutSec: 0,
        timeoutConfigured: false,
      },
    });
    expect(await requestOf(run?.id ?? "")).toMatchObject({ status: "skipped" });
  });
});

describe("what became of the issue", () => {
  it("CL-10 reassigned while the run waited (03-11); what waited behind it is promoted (CL-15)", async () => {
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    const other = await anAgent(world.db.sql, { companyId });
    const commentId = await comment(issueId, "ann");
    const waiting = await commentWake(issueId, commentId, "ann", other);
    expect(waiting.outcome).toBe("deferred");
    await world.db.sql.query("UPDATE issues SET assignee_agent_id = $2 WHERE id = $1", [issueId, other]);
    await claim(run?.id ?? "");
    expect(await world.run(run?.id ?? "")).toMatchObject({ status: "cancelled", errorCode: "issue_assignee_changed" });
    const promoted = await world.request(waiting.wakeup.id);
    expect(promoted).toMatchObject({ status: "queued", reason: "issue_execution_promoted" });
  });

  it.each([
    ["done", "issue_terminal_status"],
    ["cancelled", "issue_terminal_status"],
  ])("CL-11 an issue that is %s", async (status, errorCode) => {
    const issueId = await issue();
    const { run } = await world.wake({ agentId, payload: { issueId } });
    await world.db.sql.query("UPDATE issues SET status = $2 WHERE id = $1", [issueId, status]);
    await claim(run?.id ?? "");
    expect(await world.run(run?.id ?? "")).toMatchObject({ status: "cancelled", errorCode });
  });

  it("WK-22 a new owner's wake does not wait behind the old owner's: that run is cancelled here", async () => {
    const issueId = await issue();
    const old = await world.wake({ agentId, payload: { issueId } });
    const other = await anAgent(world.db.sql, { companyId });
    await world.db.sql.query("UPDATE issues SET assignee_agent_id = $2 WHERE id = $1", [issueId, other]);
    const wake = await world.wake({ agentId: other, payload: { issueId } });
    expect(wake.outcome).toBe("queued");
    expect(await world.run(old.run?.id ?? "")).toMatchObject({
      status: "cancelled",
      errorCode: "issue_assignee_changed",
      finishedAt: expect.any(Date),
    });
  });

  it("WK-22 a mentioned agent's waiting run is no old owner's and stays", async () => {
    const issueId = await issue();
    const other = await anAgent(world.db.sql, { companyId });
    const commentId = await comment(issueId, "ann");
    const mention = await world.wake({
      agentId: other,
      source: "automation",
      reason: "issue_comment_mentioned",
      payload: { issueId, commentId },
      context: {
        issueId,
        taskId: issueId,
        commentId,
        wakeCommentId: commentId,
        source: "comment.mention",
        wakeReason: "issue_comment_mentioned",
      },
      actor: { type: "user", id: "ann" },
    });
    expect(mention.outcome).toBe("queued");
    expect((await world.wake({ agentId, payload: { issueId } })).outcome).toBe("deferred");
    expect((await world.run(mention.run?.id ?? "")).status).toBe("queued");
  });
});

describe("explicit resume", () => {
  it("WK-11, SE-12, SE-15 a wake that names a run resumes its session and its work", async () => {
    const issueId = await issue();
    const first = await world.wake({ agentId, payload: { issueId } });
    const worker = await world.worker(() => ({ exitCode: 0, signal: null, timedOut: false, sessionId: "s-1" }));
    await worker.work({ id: first.run?.id ?? "", agentId });
    const again = await world.wake({ agentId, payload: { resumeFromRunId: first.run?.id ?? "" } });
    expect(again.run).toMatchObject({
      issueId,
      sessionIdBefore: "s-1",
      contextSnapshot: {
        resumeFromRunId: first.run?.id,
        resumeSessionDisplayId: "s-1",
        resumeSessionParams: { sessionId: "s-1" },
      },
    });
  });

  it("WK-11 another agent's run, an unknown one and one that left nothing are ignored", async () => {
    const other = await anAgent(world.db.sql, { companyId });
    const theirs = await world.wake({ agentId: other });
    for (const id of [theirs.run?.id ?? "", "00000000-0000-4000-8000-000000000000", "no-uuid"]) {
      const wake = await world.wake({ agentId, payload: { resumeFromRunId: id, taskKey: id } });
      expect(wake.run?.contextSnapshot).not.toHaveProperty("resumeFromRunId");
    }
  });
});
