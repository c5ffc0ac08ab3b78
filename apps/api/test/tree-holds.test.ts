/** Subtree holds over HTTP (API-190 to API-195): spec 02 checks 40 to 42, spec 08 checks 18 to 25. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { requestsOf } from "./issue-support.js";
import {
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  type Json,
  markRunning,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
let agent: Json;
let root: Json;
let child: Json;

beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
});
afterAll(async () => api?.stop());
beforeEach(async () => {
  agent = await company.agent();
  root = await company.issue({ status: "todo", assigneeAgentId: agent.id });
  child = await company.issue({ status: "todo", assigneeAgentId: agent.id, parentId: root.id });
});

const post = (path: string, body: object = {}, options: object = {}) => api.call("POST", path, { body, ...options });
const get = (path: string, options: object = {}) => api.call("GET", path, options);
const hold = async (id: string, body: object = { mode: "pause" }, status = 201): Promise<Json> =>
  (await expectStatus(post(`/api/issues/${id}/tree-holds`, body), status)).body;
const wake = (agentId: string, payload: object, more: object = {}, options: object = {}) =>
  post(`/api/agents/${agentId}/wakeup`, { payload, ...more }, options);
const activity = async (entityId: string, action: string): Promise<Json[]> =>
  (await expectStatus(get(`/api/companies/${company.id}/activity?entityId=${entityId}&action=${action}`), 200)).body;

describe("who may, and what is asked", () => {
  it("TH-5, API-34 only the board, only its own company, only what exists, only what the schema knows", async () => {
    const key = await anAgentKey(api, agent.id);
    const other = await aKey(api, { scope: "operator", companyId: (await aCompany(api)).id });
    const path = `/api/issues/${root.id}/tree-holds`;
    const made = await hold(root.id);
    const missing = "00000000-0000-4000-8000-000000000000";
    const reads = [`${path}`, `${path}/${made.hold.id}`, `/api/issues/${root.id}/tree-control/state`];
    for (const read of reads)
      expect(await get(read, { key })).toMatchObject({ status: 403, body: { error: "Board access required" } });
    const writes = [path, `/api/issues/${root.id}/tree-control/preview`, `${path}/${made.hold.id}/release`];
    for (const write of writes) {
      const body = write.endsWith("release") ? {} : { mode: "pause" };
      expect(await post(write, body, { key })).toMatchObject({ status: 403 });
      expect(await post(write, body, { key: other.token })).toMatchObject({
        status: 403,
        body: { code: "wrong_company" },
      });
      expect(await post(write, { ...body, surprise: 1 })).toMatchObject({
        status: 400,
        body: { code: "validation_failed" },
      });
    }
    for (const id of [missing, "not-a-uuid"]) {
      expect(await post(`/api/issues/${id}/tree-holds`, { mode: "pause" })).toMatchObject({
        status: 404,
        body: { error: "Root issue not found" },
      });
      expect(await get(`/api/issues/${id}/tree-control/state`)).toMatchObject({
        status: 404,
        body: { error: "Issue not found" },
      });
      expect(await get(`${path}/${id}`)).toMatchObject({ status: 404, body: { error: "Issue tree hold not found" } });
      expect(await post(`${path}/${id}/release`)).toMatchObject({
        status: 404,
        body: { error: "Issue tree hold not found" },
      });
    }
  });

  it.each([
    [{}],
    [{ mode: "stop" }],
    [{ mode: "pause", reason: "" }],
    [{ mode: "pause", reason: "x".repeat(1_001) }],
    [{ mode: "pause", releasePolicy: { strategy: "soon" } }],
    [{ mode: "pause", releasePolicy: { note: "x".repeat(501) } }],
    [{ mode: "pause", releasePolicy: { strategy: "manual", by: "me" } }],
    [{ mode: "pause", metadata: [] }],
  ])("TH-5 %o does not fit", async (body) => {
    expect(await post(`/api/issues/${root.id}/tree-holds`, body)).toMatchObject({ status: 400 });
    expect((await get(`/api/issues/${root.id}/tree-holds`)).body).toEqual([]);
  });
});

describe("a pause", () => {
  it("API-190, AC-25 the preview changes nothing and says what a pause would do", async () => {
    const { body } = await expectStatus(
      post(`/api/issues/${root.identifier.toLowerCase()}/tree-control/preview`, { mode: "pause" }),
      200,
    );
    expect(body).toMatchObject({
      companyId: company.id,
      rootIssueId: root.id,
      mode: "pause",
      releasePolicy: { strategy: "manual" },
      totals: { totalIssues: 2, affectedIssues: 2, skippedIssues: 0 },
      countsByStatus: { todo: 2 },
      skippedIssues: [],
    });
    expect(body.issues[1]).toMatchObject({
      id: child.id,
      identifier: child.identifier,
      parentId: root.id,
      depth: 1,
      action: "pause",
      skipped: false,
      skipReason: null,
      activeHoldIds: [],
    });
    expect(body.issues[1]).not.toHaveProperty("pauseHoldIds");
    expect(new Date(body.generatedAt).getTime()).toBeGreaterThan(0);
    expect((await get(`/api/issues/${root.id}/tree-holds`)).body).toEqual([]);
    expect(await activity(root.id, "issue.tree_control_previewed")).toMatchObject([
      { actorType: "user", details: { mode: "pause", totals: { totalIssues: 2 } } },
    ]);
  });

  it("API-191, API-192, AC-22 holds what is below; wakes are skipped with the reason, and the state names the root (02-41, 08-18)", async () => {
    const answer = await hold(root.id, {
      mode: "pause",
      reason: "audit",
      releasePolicy: { strategy: "after_active_runs_finish", note: "n" },
    });
    expect(answer.hold).toMatchObject({
      rootIssueId: root.id,
      mode: "pause",
      status: "active",
      reason: "audit",
      releasePolicy: { strategy: "after_active_runs_finish", note: "n" },
      createdByActorType: "user",
      releasedAt: null,
    });
    expect(answer.hold.members.map((member: Json) => [member.issueId, member.depth, member.skipped])).toEqual([
      [root.id, 0, false],
      [child.id, 1, false],
    ]);
    expect(answer).not.toHaveProperty("resumedPauseHoldIds");
    expect((await get(`/api/issues/${child.id}/tree-control/state`)).body).toEqual({
      activePauseHold: {
        holdId: answer.hold.id,
        rootIssueId: root.id,
        issueId: child.id,
        isRoot: false,
        mode: "pause",
        reason: "audit",
        releasePolicy: { strategy: "after_active_runs_finish", note: "n" },
      },
    });
    const skipped = await expectStatus(wake(agent.id, { issueId: child.id }), 202);
    expect(skipped.body).toMatchObject({ status: "skipped", skipReason: "issue_tree_hold_active" });
    expect(await activity(child.id, "issue.tree_hold_wakeup_deferred")).toMatchObject([
      { actorType: "system", details: { holdId: answer.hold.id, rootIssueId: root.id } },
    ]);
    const late = await company.issue({ status: "todo", assigneeAgentId: agent.id, parentId: child.id });
    expect((await expectStatus(wake(agent.id, { issueId: late.id }), 202)).body).toMatchObject({ status: "skipped" });
  });

  it("TH-20, TH-25 a caller's own comment reason passes nobody through, whatever the key (08-20)", async () => {
    await hold(root.id);
    const { body: comment } = await expectStatus(post(`/api/issues/${child.id}/comments`, { body: "hello" }), 201);
    const key = await anAgentKey(api, agent.id);
    const asked = { reason: "issue_commented" };
    for (const options of [{}, { key }]) {
      const { body } = await expectStatus(
        wake(agent.id, { issueId: child.id, commentId: comment.id }, asked, options),
        202,
      );
      expect(body).toMatchObject({ status: "skipped", skipReason: "issue_tree_hold_active" });
    }
  });

  it("TH-33 a running run is asked to stop; the answer waits a second for it at most (02-41)", async () => {
    const woken = await expectStatus(wake(agent.id, { issueId: child.id }), 202);
    await markRunning(api, { id: woken.body.id, agentId: agent.id });
    const { hold: made, preview } = await hold(root.id);
    // The root's assignment waits (W1); the child's is the run that was woken again.
    expect(preview.activeRuns).toMatchObject([
      { issueId: root.id, status: "queued" },
      { id: woken.body.id, issueId: child.id, agentId: agent.id, status: "running" },
    ]);
    expect(preview.warnings).toMatchObject([
      { code: "running_runs_present", issueIds: [child.id] },
      { code: "queued_runs_present", issueIds: [root.id] },
    ]);
    const { body: run } = await get(`/api/heartbeat-runs/${woken.body.id}`);
    expect(run.cancelRequestedAt).not.toBeNull();
    expect(made.members[1]).toMatchObject({ activeRunId: woken.body.id, activeRunStatus: "running" });
    expect(await activity(woken.body.id, "issue.tree_hold_run_interrupted")).toMatchObject([
      { details: { holdId: made.id, rootIssueId: root.id, reason: "active_subtree_pause_hold" } },
    ]);
  });
});

describe("who gets through", () => {
  const context = async (issueId: string, agentId: string): Promise<Json> => {
    const { body: runs } = await get(`/api/issues/${issueId}/runs`);
    const { runId } = runs.find((run: Json) => run.agentId === agentId && run.status === "queued");
    return (await get(`/api/heartbeat-runs/${runId}`)).body.contextSnapshot;
  };

  it("TH-21, TH-26, WK-17 a person's comment reaches the agent, marked, and the issue stays as it is (02-41, 08-19)", async () => {
    const { hold: made } = await hold(root.id, { mode: "pause", reason: "audit" });
    const { body: comment } = await expectStatus(
      post(`/api/issues/${child.id}/comments`, { body: "still there?" }),
      201,
    );
    expect(await context(child.id, agent.id)).toMatchObject({
      wakeReason: "issue_commented",
      wakeCommentId: comment.id,
      treeHoldInteraction: true,
      activeTreeHold: { holdId: made.id, rootIssueId: root.id, mode: "pause", reason: "audit", interaction: true },
    });
    expect((await get(`/api/issues/${child.id}`)).body.status).toBe("todo");
  });

  it("TH-24 an agent's mention of another gets through; a wake of its own that names a comment of another issue does not (08-21)", async () => {
    const other = await company.agent();
    const elsewhere = await company.issue();
    const { body: foreign } = await expectStatus(post(`/api/issues/${elsewhere.id}/comments`, { body: "x" }), 201);
    await hold(root.id);
    await api.db.sql.query("UPDATE issues SET assignee_agent_id = NULL WHERE id = $1", [child.id]);
    const key = await anAgentKey(api, agent.id);
    const body = { body: `please look, @${other.name.replaceAll(" ", "-")} or [you](agent://${other.id})` };
    await expectStatus(post(`/api/issues/${child.id}/comments`, body, { key }), 201);
    expect(await context(child.id, other.id)).toMatchObject({
      wakeReason: "issue_comment_mentioned",
      treeHoldInteraction: true,
    });
    const forged = { issueId: child.id, commentId: foreign.id };
    const { body: skipped } = await expectStatus(wake(agent.id, forged, { reason: "issue_comment_mentioned" }), 202);
    expect(skipped).toMatchObject({ status: "skipped", skipReason: "issue_tree_hold_active" });
  });
});

describe("releasing", () => {
  it("API-195, TH-40, AC-27 stores who, why and the new policy; a second time is 409 (02-42, 08-24)", async () => {
    const { hold: made } = await hold(root.id);
    const path = `/api/issues/${root.id}/tree-holds/${made.id}/release`;
    const body = { reason: "settled", metadata: { ticket: 7 }, releasePolicy: { strategy: "manual", note: "late" } };
    const released = await expectStatus(post(path, body), 200);
    expect(released.body).toMatchObject({
      id: made.id,
      status: "released",
      releaseReason: "settled",
      releaseMetadata: { ticket: 7 },
      releasePolicy: { strategy: "manual", note: "late" },
      releasedByActorType: "user",
      members: [{ issueId: root.id }, { issueId: child.id }],
    });
    expect(released.body.releasedAt).not.toBeNull();
    expect(await post(path)).toMatchObject({ status: 409, body: { error: "Issue tree hold is already released" } });
    expect((await get(`/api/issues/${child.id}/tree-control/state`)).body).toEqual({ activePauseHold: null });
    expect(await activity(root.id, "issue.tree_hold_released")).toMatchObject([
      { details: { holdId: made.id, mode: "pause", reason: "settled", memberCount: 2 } },
    ]);
  });

  it("TH-40, API-194 a hold of another root is 422 to release and 404 to read, and stays as it is", async () => {
    const { hold: made } = await hold(root.id);
    expect(await post(`/api/issues/${child.id}/tree-holds/${made.id}/release`)).toMatchObject({
      status: 422,
      body: { error: "Issue tree hold does not belong to the requested root issue" },
    });
    expect(await get(`/api/issues/${child.id}/tree-holds/${made.id}`)).toMatchObject({ status: 404 });
    expect((await get(`/api/issues/${root.id}/tree-holds/${made.id}`)).body).toMatchObject({ status: "active" });
  });

  it("TH-42 a wake that was refused is made up for once, by the operator who released", async () => {
    const { hold: made } = await hold(root.id);
    await expectStatus(wake(agent.id, { issueId: child.id }), 202);
    await expectStatus(post(`/api/issues/${root.id}/tree-holds/${made.id}/release`), 200);
    const { body: runs } = await get(`/api/issues/${child.id}/runs`);
    expect(runs.filter((run: Json) => run.contextSnapshot.wakeReason === "issue_tree_resumed")).toMatchObject([
      { status: "queued", invocationSource: "automation" },
    ]);
  });

  it("API-191, API-193 resume answers 200 with what it released; lists filter, and ignore what is no filter", async () => {
    const { hold: first } = await hold(root.id);
    const resumed = await hold(root.id, { mode: "resume", reason: "go" }, 200);
    expect(resumed).toMatchObject({
      resumedPauseHoldIds: [first.id],
      hold: { mode: "resume", status: "released", releaseReason: "go" },
    });
    const list = async (query: string): Promise<Json[]> =>
      (await get(`/api/issues/${root.id}/tree-holds${query}`)).body;
    expect((await list("")).map(({ mode }) => mode)).toEqual(["pause", "resume"]);
    expect((await list("?mode=pause&status=released")).map(({ id }) => id)).toEqual([first.id]);
    expect(await list("?status=active")).toEqual([]);
    expect(await list("?status=soon&mode=never")).toHaveLength(2);
    expect((await list(""))[0]).not.toHaveProperty("members");
    expect((await list("?includeMembers=true"))[0]?.members).toHaveLength(2);
    const nothing = await hold(child.id, { mode: "resume" }, 200);
    expect(nothing.preview.warnings.map(({ code }: Json) => code)).toEqual([
      "no_affected_issues",
      "no_active_pause_holds",
    ]);
  });
});

it("W19, DP-11 cancelling a tree wakes the parent above it, whose last open child it was", async () => {
  const above = await company.agent();
  const parent = await company.issue({ assigneeAgentId: above.id });
  await api.db.sql.query("UPDATE issues SET status = 'in_progress' WHERE id = $1", [parent.id]);
  await api.db.sql.query("UPDATE issues SET parent_id = $2 WHERE id = $1", [root.id, parent.id]);
  await hold(root.id, { mode: "cancel" });
  const [asked, ...more] = await requestsOf(api, above.id);
  expect(more).toEqual([]);
  expect(asked).toMatchObject({
    reason: "issue_children_completed",
    payload: { issueId: parent.id, completedChildIssueId: root.id, childIssueIds: [root.id] },
  });
});

it("TH-3, TH-4 cancel answers 201 and restore 200 with their previews (08-26)", async () => {
  const done = await company.issue({ status: "done", parentId: root.id });
  const cancelled = await hold(root.id, { mode: "cancel" });
  expect(cancelled.preview.skippedIssues).toMatchObject([{ id: done.id, skipReason: "terminal_status" }]);
  const status = async (id: string): Promise<string> => (await get(`/api/issues/${id}`)).body.status;
  expect([await status(root.id), await status(child.id), await status(done.id)]).toEqual([
    "cancelled",
    "cancelled",
    "done",
  ]);
  const restored = await hold(root.id, { mode: "restore", metadata: { wakeAgents: true } }, 200);
  expect(restored.hold).toMatchObject({ mode: "restore", status: "released" });
  expect([await status(root.id), await status(child.id), await status(done.id)]).toEqual(["todo", "todo", "done"]);
});
