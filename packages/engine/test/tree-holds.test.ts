/** Subtree holds on a real database: what they end, what they let through, and whom their end wakes (TH-, FI-8). */
import { setTimeout as delay } from "node:timers/promises";
import type { TreeHoldMode } from "@wakefleet/contracts";
import { findHoldOver, HOLD_OVER_ISSUE, listHoldMembers } from "@wakefleet/store";
import { aCompany, anAgent, anIssue, insertRow, waitFor } from "@wakefleet/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { createTreeHold } from "../src/holds/create-tree-hold.js";
import { releaseTreeHold } from "../src/holds/release-tree-hold.js";
import type { IssueDeps } from "../src/issues/issue-change.js";
import { reconcileStrandedWork } from "../src/sweeps/reconcile-stranded-work.js";
import { countRows, silentLog, spoke, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
let agentId: string;
beforeEach(async () => {
  companyId = await aCompany(world.db.sql);
  agentId = await anAgent(world.db.sql, { companyId });
});

const actor = { type: "user", id: "olga", agentId: null, userId: "olga", runId: null } as const;
const sql = () => world.db.sql;
const agent = () => anAgent(sql(), { companyId });
const issue = (columns = {}) => anIssue(sql(), { companyId, status: "todo", assigneeAgentId: agentId, ...columns });
const deps = (): IssueDeps => ({ ...world.cancelDeps(), queue: world.told.runQueue() });
const hold = (rootIssueId: string, mode: TreeHoldMode = "pause", more: object = {}) =>
  createTreeHold(deps(), {
    companyId,
    rootIssueId,
    actor,
    mode,
    reason: null,
    releasePolicy: { strategy: "manual" },
    metadata: null,
    ...more,
  });
const release = (rootIssueId: string, holdId: string) =>
  releaseTreeHold(deps(), { companyId, rootIssueId, actor, holdId, reason: null, metadata: null });
const statusOf = async (id: string) =>
  (await sql().query<{ status: string }>("SELECT status FROM issues WHERE id = $1", [id]))[0]?.status;
const activity = (action: string) =>
  sql().query<{ entityId: string; details: Record<string, unknown> }>(
    `SELECT entity_id AS "entityId", details FROM activity_log WHERE company_id = $1 AND action = $2 ORDER BY created_at, id`,
    [companyId, action],
  );
const activeRuns = (issueIds: readonly string[]) =>
  countRows(
    sql(),
    "heartbeat_runs WHERE issue_id = ANY($1::text[]) AND status IN ('queued','scheduled_retry','running')",
    [issueIds],
  );
const sweep = () =>
  reconcileStrandedWork(
    {
      db: world.db,
      newId: world.cancelDeps().newId,
      dispatcher: world.told.dispatcher,
      events: world.told.publisher,
      log: silentLog,
    },
    new AbortController().signal,
  );

/** A root, a child and a grandchild. */
async function family() {
  const root = await issue();
  const child = await issue({ parentId: root });
  const grandchild = await issue({ parentId: child });
  return { root, child, grandchild, all: [root, child, grandchild] };
}

/** A comment wake as the issue side makes it (CO-53). */
async function commentWake(issueId: string, woken = agentId) {
  const commentId = await insertRow(sql(), "issue_comments", {
    companyId,
    issueId,
    authorUserId: "olga",
    body: "hello",
  });
  const payload = { issueId, commentId, mutation: "comment" };
  const context = { ...payload, taskId: issueId, wakeCommentId: commentId };
  const decided = await world.wake({
    agentId: woken,
    source: "automation",
    reason: "issue_commented",
    payload,
    context: { ...context, source: "issue.comment", wakeReason: "issue_commented" },
    actor: { type: "user", id: "olga" },
  });
  return { commentId, decided };
}

/** What an adapter does until its run is asked to stop. */
async function untilCancelled({ runId }: { runId: string }): Promise<never> {
  await waitFor(async () => (await world.run(runId)).cancelRequestedAt !== null, {
    what: "the cancel",
    deadlineMs: 20_000,
  });
  throw new Error("stopped");
}

/** A run that is running until it is asked to stop. */
async function runningOn(issueId: string, woken = agentId) {
  const { run } = await world.wake({ agentId: woken, payload: { issueId } });
  const worker = await world.worker(untilCancelled);
  const working = worker.work({ id: run?.id ?? "", agentId: woken });
  await waitFor(async () => (await world.run(run?.id ?? "")).status === "running", {
    what: "the start",
    deadlineMs: 20_000,
  });
  return { runId: run?.id ?? "", working };
}

describe("a pause", () => {
  it("TH-30, AC-23, AC-24, AC-26 ends what runs, waits and is scheduled below, and leaves the issues as they are (08-17)", async () => {
    const { root, child, grandchild, all } = await family();
    const running = await runningOn(grandchild);
    const other = await agent();
    const deferred = await world.wake({ agentId: other, payload: { issueId: grandchild } });
    const queued = await world.wake({ agentId, payload: { issueId: child } });
    const retry = await world.wake({ agentId, payload: { issueId: root } });
    await sql().query(
      "UPDATE heartbeat_runs SET status = 'scheduled_retry', scheduled_retry_at = now() + interval '1 hour' WHERE id = $1",
      [retry.run?.id],
    );
    const statuses = await Promise.all(all.map(statusOf));
    const created = await hold(root, "pause", { reason: "audit" });
    await running.working;

    expect(created.plan.totals).toMatchObject({ totalIssues: 3, affectedIssues: 3, activeRuns: 1, queuedRuns: 2 });
    expect(created.hold).toMatchObject({ status: "active", mode: "pause", createdByUserId: "olga", reason: "audit" });
    expect(created.hold.members.map(({ issueId, depth }) => [issueId, depth])).toEqual(all.map((id, at) => [id, at]));
    for (const id of [running.runId, queued.run?.id ?? "", retry.run?.id ?? ""]) {
      expect(await world.run(id)).toMatchObject({
        status: "cancelled",
        errorCode: "cancelled",
        cancelKind: "hold",
        resultJson: { stopReason: "paused" },
      });
    }
    expect((await world.run(queued.run?.id ?? "")).error).toBe(
      "Cancelled because issue is held by an active subtree pause hold",
    );
    expect(await world.request(deferred.wakeup.id)).toMatchObject({
      status: "cancelled",
      error: "Cancelled because an active subtree pause hold was created",
    });
    expect(await Promise.all(all.map(statusOf))).toEqual(statuses);
    expect(await activeRuns(all)).toBe(0);
    expect((await activity("issue.tree_hold_run_interrupted")).map(({ entityId }) => entityId).sort()).toEqual(
      [running.runId, queued.run?.id, retry.run?.id].sort(),
    );
    expect(await activity("issue.tree_hold_wakeup_deferred")).toMatchObject([
      {
        entityId: deferred.wakeup.id,
        details: {
          holdId: created.hold.id,
          rootIssueId: root,
          agentId: other,
          previousReason: "issue_execution_deferred",
        },
      },
    ]);
    expect(await activity("issue.tree_hold_created")).toMatchObject([
      { entityId: root, details: { mode: "pause", totals: { totalIssues: 3 } } },
    ]);
    expect(await findHoldOver(sql(), { id: grandchild, companyId })).toMatchObject({
      rootIssueId: root,
      isRoot: false,
    });
  });

  it("TH-32, RC-75a causes no recovery: three sweeps later nothing runs and nothing is blocked", async () => {
    const { root, child, grandchild, all } = await family();
    const running = await runningOn(grandchild);
    await world.wake({ agentId, payload: { issueId: child } });
    await hold(root);
    await running.working;
    for (let round = 0; round < 3; round += 1) await sweep();
    expect(await activeRuns(all)).toBe(0);
    expect(await countRows(sql(), "issues WHERE company_id = $1", [companyId])).toBe(3);
    expect(await Promise.all(all.map(statusOf))).not.toContain("blocked");
  });

  it("TH-30 reaches a run that holds the lock of a member without naming it", async () => {
    const { root, child } = await family();
    const { run } = await world.wake({ agentId, payload: { issueId: child } });
    const lone = await issue();
    const outside = await runningOn(lone);
    await sql().query("UPDATE issues SET execution_run_id = $2 WHERE id = $1", [root, outside.runId]);
    await hold(root);
    await outside.working;
    expect(await world.run(outside.runId)).toMatchObject({ status: "cancelled", cancelKind: "hold" });
    expect((await world.run(run?.id ?? "")).status).toBe("cancelled");
  });

  it("TH-33 one run that cannot be cancelled does not stop the rest", async () => {
    const { root, child, grandchild } = await family();
    const stuck = await world.wake({ agentId, payload: { issueId: child } });
    const other = await world.wake({ agentId: await agent(), payload: { issueId: grandchild } });
    await sql().query(
      `CREATE FUNCTION refuse_end() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$`,
    );
    await sql().query(
      `CREATE TRIGGER refuse_end BEFORE UPDATE ON heartbeat_runs FOR EACH ROW
         WHEN (NEW.status = 'cancelled' AND OLD.id = '${stuck.run?.id}') EXECUTE FUNCTION refuse_end()`,
    );
    const { hold: held } = await hold(root);
    await sql().query("DROP TRIGGER refuse_end ON heartbeat_runs");
    await sql().query("DROP FUNCTION refuse_end");
    expect((await world.run(other.run?.id ?? "")).status).toBe("cancelled");
    expect(await activity("issue.tree_hold_run_interrupt_failed")).toMatchObject([
      { entityId: stuck.run?.id, details: { holdId: held.id, error: "The run could not be cancelled" } },
    ]);
    // What it could not end is refused at its claim (CL-7).
    const worker = await world.worker();
    expect(await worker.claim({ id: stuck.run?.id ?? "", agentId })).toMatchObject({ kind: "cancelled" });
  });

  it("TH-10 children that come later and issues moved in are held, issues moved out are not (08-23)", async () => {
    const { root, grandchild } = await family();
    await hold(root);
    const later = await issue({ parentId: grandchild });
    const foreign = await issue();
    await sql().query("UPDATE issues SET parent_id = $2 WHERE id = $1", [foreign, later]);
    await sql().query("UPDATE issues SET parent_id = NULL WHERE id = $1", [grandchild]);
    const wake = (issueId: string) => world.wake({ agentId, payload: { issueId } });
    expect(await wake(grandchild)).toMatchObject({ outcome: "queued" });
    expect(await wake(later)).not.toMatchObject({ outcome: "skipped" });
    await sql().query("UPDATE issues SET parent_id = $2 WHERE id = $1", [later, root]);
    expect(await wake(foreign)).toMatchObject({ outcome: "skipped", skip: { skipReason: "issue_tree_hold_active" } });
  });
});

describe("what a hold is", () => {
  it("TH-1, TH-7 a pause stays until it is released, also when its policy says to wait for runs that have ended", async () => {
    const held = await issue();
    const running = await runningOn(held);
    const policy = { strategy: "after_active_runs_finish", note: "then go on" };
    const { hold: made } = await hold(held, "pause", { releasePolicy: policy });
    await running.working;
    await sweep();
    const over = await findHoldOver(sql(), { id: held, companyId });
    expect(over).toMatchObject({ holdId: made.id, releasePolicy: policy });
    expect(await world.wake({ agentId, payload: { issueId: held } })).toMatchObject({ outcome: "skipped" });
  });

  it("TH-6 members are what the tree was; the gate goes by the tree as it is", async () => {
    const { root, child, grandchild } = await family();
    const { hold: made } = await hold(root, "pause", { reason: "audit" });
    await sql().query("UPDATE issues SET title = 'renamed', status = 'in_review' WHERE id = $1", [child]);
    const members = await listHoldMembers(sql(), [made.id]);
    expect(members.find(({ issueId }) => issueId === child)).toMatchObject({
      parentIssueId: root,
      depth: 1,
      issueStatus: "todo",
      issueTitle: expect.not.stringContaining("renamed"),
      assigneeAgentId: agentId,
      skipped: false,
    });
    await sql().query("DELETE FROM issue_tree_hold_members WHERE hold_id = $1", [made.id]);
    expect(await findHoldOver(sql(), { id: grandchild, companyId })).toMatchObject({ holdId: made.id });
  });

  it("TH-11 is found however deep the tree, and not looked for in a company without one", async () => {
    const root = await issue();
    let deepest = root;
    for (let depth = 0; depth < 120; depth += 1) {
      deepest = await issue({ parentId: deepest, assigneeAgentId: null, status: "backlog" });
    }
    const walkOf = async (): Promise<string> => {
      const plan = await sql().query<{ "QUERY PLAN": string }>(
        `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ${HOLD_OVER_ISSUE}`,
        [deepest, companyId],
      );
      return plan.map((line) => line["QUERY PLAN"]).join("\n");
    };
    expect(await walkOf()).toMatch(/CTE up\n\s*->\s*Recursive Union \(never executed\)/);
    await hold(root);
    expect(await walkOf()).not.toMatch(/Recursive Union \(never executed\)/);
    expect(await findHoldOver(sql(), { id: deepest, companyId })).toMatchObject({ rootIssueId: root });
  });
});

describe("what was deferred behind a run, under a hold", () => {
  it("FI-8, TH-12, TH-23 is suppressed unless it is a verified interaction, which is promoted", async () => {
    const held = await issue();
    const running = await runningOn(held);
    const plain = await world.wake({ agentId: await agent(), payload: { issueId: held } });
    const mentioned = await agent();
    const { decided } = await commentWake(held, mentioned);
    expect([plain.outcome, decided.outcome]).toEqual(["deferred", "deferred"]);
    await insertRow(sql(), "issue_tree_holds", { companyId, rootIssueId: held, mode: "pause" });
    await sql().query(
      "UPDATE heartbeat_runs SET cancel_requested_at = now(), cancel_kind = 'person', cancel_reason = 'x' WHERE id = $1",
      [running.runId],
    );
    await running.working;
    expect(await world.request(plain.wakeup.id)).toMatchObject({
      status: "cancelled",
      error: "Deferred wake suppressed by active subtree pause hold",
      runId: null,
    });
    const promoted = await world.request(decided.wakeup.id);
    expect(promoted).toMatchObject({ status: "queued", reason: "issue_execution_promoted" });
    const worker = await world.worker(() => spoke);
    expect(await worker.claim({ id: promoted.runId ?? "", agentId: mentioned })).toMatchObject({ kind: "claimed" });
  });
});

describe("the end of a pause", () => {
  it("TH-40, TH-42, API-175 wakes each stopped issue once, with the comments that were refused (08-24)", async () => {
    const { root, child, grandchild } = await family();
    const running = await runningOn(grandchild);
    const { hold: held } = await hold(root);
    await running.working;
    const refused = await world.wake({ agentId, payload: { issueId: child } });
    const forged = await insertRow(sql(), "issue_comments", {
      companyId,
      issueId: child,
      authorUserId: "paul",
      body: "b",
    });
    const unverified = await world.wake({
      agentId,
      reason: "issue_commented",
      payload: { issueId: child, commentId: forged },
    });
    expect([refused.outcome, unverified.outcome]).toEqual(["skipped", "skipped"]);
    const released = await release(root, held.id);
    expect(released).toMatchObject({ status: "released", releasedByUserId: "olga" });

    const runs = await sql().query<{ issueId: string; reason: string; context: Record<string, unknown> }>(
      `SELECT issue_id AS "issueId", context_snapshot->>'wakeReason' AS reason, context_snapshot AS context
         FROM heartbeat_runs WHERE company_id = $1 AND status = 'queued'`,
      [companyId],
    );
    expect(runs.map(({ issueId }) => issueId).sort()).toEqual([child, grandchild].sort());
    const ofChild = runs.find(({ issueId }) => issueId === child)?.context;
    expect(ofChild).toMatchObject({
      issueId: child,
      taskId: child,
      wakeReason: "issue_tree_resumed",
      source: "issue.tree_resume",
      rootIssueId: root,
      releasedHoldIds: [held.id],
      wakeCommentIds: [forged],
    });
    await sweep();
    expect(await activeRuns([child])).toBe(1);
    expect(await activeRuns([grandchild])).toBe(1);
    // The root was never woken: what assigned it is not this hold's to make up for.
    expect(runs.map(({ issueId }) => issueId)).not.toContain(root);
    expect(await activity("issue.tree_hold_released")).toMatchObject([
      { entityId: root, details: { holdId: held.id, mode: "pause", memberCount: 3 } },
    ]);
  });

  it("TH-42 comments that waited behind a run or in one that had not started reach the next", async () => {
    const held = await issue();
    const first = await commentWake(held);
    const second = await commentWake(held);
    expect(second.decided.outcome).toBe("coalesced");
    const { hold: made } = await hold(held);
    await release(held, made.id);
    const [context] = await sql().query<{ ids: string[] }>(
      `SELECT context_snapshot->'wakeCommentIds' AS ids FROM heartbeat_runs WHERE issue_id = $1 AND status = 'queued'`,
      [held],
    );
    expect(context?.ids).toEqual([first.commentId, second.commentId]);
  });

  it("TH-42 a second hold makes up only for what it stopped itself", async () => {
    const held = await issue();
    await world.wake({ agentId, payload: { issueId: held } });
    const first = (await hold(held)).hold;
    await release(held, first.id);
    await sql().query(
      "UPDATE heartbeat_runs SET status = 'succeeded', finished_at = now() WHERE issue_id = $1 AND status = 'queued'",
      [held],
    );
    await sql().query(
      "UPDATE agent_wakeup_requests SET status = 'completed', finished_at = now() WHERE issue_id = $1 AND status = 'queued'",
      [held],
    );
    await sql().query("UPDATE issues SET execution_run_id = NULL, status = 'in_review' WHERE id = $1", [held]);
    await sql().query("UPDATE heartbeat_runs SET finalized_at = now() WHERE issue_id = $1", [held]);
    const second = (await hold(held)).hold;
    await release(held, second.id);
    expect(await activeRuns([held])).toBe(0);
  });

  it("TH-42 wakes nobody for issues that are over, in the backlog, or whose agent cannot be woken", async () => {
    const root = await issue({ assigneeAgentId: null });
    const paused = await agent();
    const children = [
      await issue({ parentId: root, status: "todo", assigneeAgentId: paused }),
      await issue({ parentId: root }),
      await issue({ parentId: root }),
    ];
    const { hold: held } = await hold(root);
    await world.wake({ agentId: paused, payload: { issueId: children[0] ?? "" } });
    await world.wake({ agentId, payload: { issueId: children[1] ?? "" } });
    await world.wake({ agentId, payload: { issueId: children[2] ?? "" } });
    await sql().query("UPDATE agents SET status = 'paused' WHERE id = $1", [paused]);
    await sql().query("UPDATE issues SET status = 'backlog' WHERE id = $1", [children[1]]);
    await sql().query("UPDATE issues SET status = 'done' WHERE id = $1", [children[2]]);
    await release(root, held.id);
    expect(await activeRuns(children)).toBe(0);
  });

  it("TH-2, TH-41 a resume releases the holds rooted in its subtree, and says what goes on holding it (08-25)", async () => {
    const { root, child, grandchild } = await family();
    const low = (await hold(grandchild)).hold;
    const high = (await hold(root)).hold;
    await world.wake({ agentId, payload: { issueId: grandchild } });
    const below = await hold(child, "resume");
    expect(below).toMatchObject({ resumedPauseHoldIds: [low.id], hold: { status: "released", mode: "resume" } });
    expect(below.plan.warnings).toContainEqual(
      expect.objectContaining({ code: "held_by_ancestor", holdIds: [high.id] }),
    );
    expect(below.plan.totals.affectedIssues).toBe(0);
    expect(await activeRuns([grandchild])).toBe(0);
    const above = await hold(root, "resume");
    expect(above.resumedPauseHoldIds).toEqual([high.id]);
    expect(above.hold).toMatchObject({
      releaseReason: "Subtree resume applied.",
      releaseMetadata: { resumedPauseHoldIds: [high.id], resumeMode: "subtree" },
    });
    const [row] = await sql().query<{ metadata: unknown; reason: string }>(
      "SELECT release_metadata AS metadata, release_reason AS reason FROM issue_tree_holds WHERE id = $1",
      [high.id],
    );
    expect(row).toEqual({
      reason: "Subtree resume applied.",
      metadata: { resumedByResumeHoldId: above.hold.id, resumeHoldMode: "tree_resume", resumedPauseHoldId: high.id },
    });
    expect(await activeRuns([grandchild])).toBe(1);
  });
});

describe("cancel and restore", () => {
  it("TH-31, TH-32, TH-34, AC-28 cancels what is open, restores it, and no run comes by itself (08-26)", async () => {
    const root = await issue();
    const working = await issue({ parentId: root, status: "in_progress" });
    const done = await issue({ parentId: root, status: "done", completedAt: new Date() });
    const before = await issue({ parentId: root, status: "cancelled", cancelledAt: new Date() });
    const running = await runningOn(working);
    await world.wake({ agentId, payload: { issueId: root } });
    const cancelled = await hold(root, "cancel");
    await running.working;
    const all = [root, working, done, before];
    expect(cancelled.hold.status).toBe("active");
    expect(await Promise.all(all.map(statusOf))).toEqual(["cancelled", "cancelled", "done", "cancelled"]);
    expect(await world.run(running.runId)).toMatchObject({
      status: "cancelled",
      error: "Cancelled because a subtree cancel operation was applied",
    });
    for (let round = 0; round < 3; round += 1) await sweep();
    expect(await activeRuns(all)).toBe(0);
    expect(await activity("issue.tree_cancel_status_updated")).toMatchObject([
      { entityId: root, details: { holdId: cancelled.hold.id, cancelledIssueCount: 2 } },
    ]);

    const restored = await hold(root, "restore");
    expect(await Promise.all(all.map(statusOf))).toEqual(["todo", "todo", "done", "cancelled"]);
    expect(restored.plan.members.map(({ skipReason }) => skipReason)).toEqual([
      null,
      null,
      "not_cancelled",
      "terminal_status",
    ]);
    expect(restored.hold).toMatchObject({
      status: "released",
      releaseReason: "Restore operation applied",
      releaseMetadata: { restoredIssueIds: [root, working], releasedCancelHoldIds: [cancelled.hold.id] },
    });
    const [row] = await sql().query<{ status: string; reason: string }>(
      "SELECT status, release_reason AS reason FROM issue_tree_holds WHERE id = $1",
      [cancelled.hold.id],
    );
    expect(row).toEqual({ status: "released", reason: "Restored by subtree restore operation" });
    const [stamps] = await sql().query<object>(
      `SELECT cancelled_at AS "cancelledAt", completed_at AS "completedAt", execution_run_id AS lock, checkout_run_id AS checkout
         FROM issues WHERE id = $1`,
      [working],
    );
    expect(stamps).toEqual({ cancelledAt: null, completedAt: null, lock: null, checkout: null });
    expect(await activeRuns(all)).toBe(0);
  });

  it("TH-34, CO-60, W17, AC-29 with wakeAgents each restored issue's agent is woken, and nobody else", async () => {
    const root = await issue({ assigneeAgentId: null });
    const child = await issue({ parentId: root });
    const touched = await issue({ parentId: root });
    await hold(root, "cancel");
    await sql().query("UPDATE issues SET status = 'todo', cancelled_at = NULL WHERE id = $1", [touched]);
    const { hold: restore, plan } = await hold(root, "restore", { metadata: { wakeAgents: true } });
    expect(plan.warnings.map(({ code }) => code)).toEqual(["restore_conflicts_present"]);
    const runs = await sql().query<{ id: string; source: string; context: Record<string, unknown> }>(
      `SELECT id, invocation_source AS source, context_snapshot AS context FROM heartbeat_runs WHERE company_id = $1`,
      [companyId],
    );
    expect(runs).toMatchObject([
      {
        source: "assignment",
        context: {
          issueId: child,
          rootIssueId: root,
          restoreHoldId: restore.id,
          taskId: child,
          wakeReason: "issue_tree_restored",
          source: "issue.tree_restore",
        },
      },
    ]);
    expect(await activity("issue.tree_restore_wakeup_requested")).toMatchObject([
      { entityId: runs[0]?.id, details: { holdId: restore.id, rootIssueId: root, issueId: child, agentId } },
    ]);
    expect(await activity("issue.tree_restore_status_updated")).toMatchObject([
      { entityId: root, details: { restoredIssueIds: [root, child], restoredIssueCount: 2 } },
    ]);
  });

  it("W19, DP-11 cancelling the last open child's tree wakes the owner of the issue above, once", async () => {
    const owner = await agent();
    const above = await issue({ assigneeAgentId: owner, status: "in_progress" });
    const child = await issue({ parentId: above });
    await issue({ parentId: child });
    await issue({ parentId: above, status: "done", completedAt: new Date() });
    await hold(child, "cancel");
    const runs = await sql().query<{ issueId: string; context: Record<string, unknown> }>(
      `SELECT issue_id AS "issueId", context_snapshot AS context FROM heartbeat_runs WHERE agent_id = $1`,
      [owner],
    );
    expect(runs).toMatchObject([
      { issueId: above, context: { wakeReason: "issue_children_completed", completedChildIssueId: child } },
    ]);
  });

  it("TH-34 the newest snapshot in which an issue was open counts", async () => {
    const root = await issue({ status: "in_review" });
    await hold(root, "cancel");
    await hold(root, "cancel");
    const { hold: restore } = await hold(root, "restore");
    expect(await statusOf(root)).toBe("in_review");
    expect(restore.releaseMetadata).toMatchObject({ releasedCancelHoldIds: [expect.any(String), expect.any(String)] });
  });
});

describe("at the same time", () => {
  const wait = () => delay(Math.random() * 6);

  it("TH-30, WK-16 a hold against wakes: whatever wins, nothing of the tree is left to run", {
    timeout: 60_000,
  }, async () => {
    for (let round = 0; round < 25; round += 1) {
      const { root, all } = await family();
      const agents = [agentId, await agent(), await agent()];
      const wakes = all.flatMap((issueId) =>
        agents.map(async (woken) => {
          await wait();
          return world.ask({ agentId: woken, payload: { issueId } });
        }),
      );
      await wait();
      const [, ...decided] = await Promise.all([hold(root), ...wakes]);
      expect(decided.every(({ outcome }) => outcome !== "rejected")).toBe(true);
      expect(await activeRuns(all)).toBe(0);
      const waiting =
        "agent_wakeup_requests WHERE issue_id = ANY($1::text[]) AND status IN ('queued','deferred_issue_execution')";
      expect(await countRows(sql(), waiting, [all])).toBe(0);
    }
  });

  it("TH-30, CL-7 a hold against claims: a run is claimed and asked to stop, or it never starts", {
    timeout: 60_000,
  }, async () => {
    const worker = await world.worker(untilCancelled);
    for (let round = 0; round < 25; round += 1) {
      const woken = await agent();
      const held = await issue({ assigneeAgentId: woken });
      const { run } = await world.wake({ agentId: woken, payload: { issueId: held } });
      const working = (async () => {
        await wait();
        return worker.work({ id: run?.id ?? "", agentId: woken });
      })();
      await wait();
      await Promise.all([hold(held), working]);
      expect(await world.run(run?.id ?? "")).toMatchObject({ status: "cancelled", cancelKind: "hold" });
    }
  });

  it("TH-40 of two releases one wins, and each stopped issue is woken once", { timeout: 60_000 }, async () => {
    for (let round = 0; round < 10; round += 1) {
      const held = await issue();
      await world.wake({ agentId, payload: { issueId: held } });
      const { hold: made } = await hold(held);
      const outcomes = await Promise.allSettled([release(held, made.id), release(held, made.id)]);
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(outcomes.find(({ status }) => status === "rejected")).toMatchObject({
        reason: { code: "conflict", message: "Issue tree hold is already released" },
      });
      expect(await activeRuns([held])).toBe(1);
    }
  });
});
