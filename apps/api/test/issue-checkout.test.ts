/** Checkout, release and follow-ups under holds, closed workspaces and force (CO-22, CO-35, CO-36, CO-44, API-149, API-153). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anAgentInRun, onlyRequest, requestsOf } from "./issue-support.js";
import {
  aCompany,
  anAgentKey,
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

const at = (id: string, rest = ""): string => `/api/issues/${id}${rest}`;
const post = (path: string, body: object = {}): Promise<Reply> => api.call("POST", path, { body });
const hold = async (id: string): Promise<Json> =>
  (await expectStatus(post(at(id, "/tree-holds"), { mode: "pause" }), 201)).body.hold;

/** The run of a request that waits behind the owner's, as its promotion would make it (FI-8). */
async function promoted(agentId: string, issueId: string): Promise<string> {
  const run = await post(`/api/agents/${agentId}/wakeup`, { payload: { taskKey: "promoted" } });
  await api.db.sql.query("UPDATE heartbeat_runs SET issue_id = $2 WHERE id = $1", [run.body.id, issueId]);
  return run.body.id;
}

describe("CO-22, CO-44 under a hold", () => {
  it("CO-22 checkout is refused with the hold; a verified interaction about this issue may (02-40)", async () => {
    const agent = await company.agent();
    const root = await company.issue({ title: "root" });
    const issue = await company.issue({ assigneeAgentId: agent.id, parentId: root.id });
    await api.db.sql.query("UPDATE issues SET status = 'todo' WHERE id = $1", [issue.id]);
    const made = await hold(root.id);
    const body = { agentId: agent.id, expectedStatuses: ["todo"] };
    const refused = await expectStatus(post(at(issue.id, "/checkout"), body), 409);
    expect(refused.body).toMatchObject({
      error: "Issue checkout blocked by active subtree pause hold",
      details: { issueId: issue.id, holdId: made.id, rootIssueId: root.id, mode: "pause" },
    });
    await expectStatus(post(at(issue.id, "/comments"), { body: "please look" }), 201);
    const asked = await onlyRequest(api, agent.id, issue.id);
    expect(asked).toMatchObject({ status: "queued", context: { treeHoldInteraction: true } });
    await markRunning(api, { id: asked.runId as string, agentId: agent.id });
    const inRun = { key: await anAgentKey(api, agent.id), headers: { "x-wakefleet-run-id": asked.runId as string } };
    const other = await company.issue({ assigneeAgentId: agent.id, parentId: root.id });
    await api.db.sql.query("UPDATE issues SET status = 'todo' WHERE id = $1", [other.id]);
    // The interaction is about one issue and opens no other.
    await expectStatus(api.call("POST", at(other.id, "/checkout"), { ...inRun, body }), 409);
    const taken = await expectStatus(api.call("POST", at(issue.id, "/checkout"), { ...inRun, body }), 200);
    expect(taken.body).toMatchObject({ status: "in_progress", checkoutRunId: asked.runId });
  });

  it("CO-24 checkout of an issue with unresolved blockers is 422, with their ids (02-40)", async () => {
    const agent = await company.agent();
    const blocker = await company.issue();
    const issue = await company.issue({ blockedByIssueIds: [blocker.id] });
    const body = { agentId: agent.id, expectedStatuses: ["backlog"] };
    const refused = await expectStatus(post(at(issue.id, "/checkout"), body), 422);
    expect(refused.body).toMatchObject({
      error: "Issue is blocked by unresolved blockers",
      details: { unresolvedBlockerIssueIds: [blocker.id] },
    });
    expect((await api.call("GET", at(issue.id))).body).toMatchObject({ status: "backlog", assigneeAgentId: null });
  });

  it("CO-29, CO-31 a checkout whose run is over does not open an issue whose lock a live run of the agent has (08-34)", async () => {
    const first = await anAgentInRun(api, company);
    const { agent } = first;
    const issue = await company.issue({ status: "todo" });
    const body = { agentId: agent.id, expectedStatuses: ["todo"] };
    await expectStatus(first.call("POST", at(issue.id, "/checkout"), body), 200);
    const more = async (taskKey: string): Promise<Json> => {
      const run = await post(`/api/agents/${agent.id}/wakeup`, { payload: { taskKey } });
      await markRunning(api, { id: run.body.id, agentId: agent.id });
      return run.body;
    };
    const [live, asking] = [await more("live"), await more("asking")];
    await api.db.sql.query("UPDATE issues SET execution_run_id = $2 WHERE id = $1", [issue.id, live.id]);
    await markEnded(api, first.run.id);
    const key = await anAgentKey(api, agent.id);
    const refused = await expectStatus(
      api.call("POST", at(issue.id, "/checkout"), { key, headers: { "x-wakefleet-run-id": asking.id }, body }),
      409,
    );
    expect(refused.body).toMatchObject({
      error: "Issue checkout conflict",
      details: { checkoutRunId: first.run.id, executionRunId: live.id },
    });
    expect((await api.call("GET", at(issue.id))).body).toMatchObject({
      checkoutRunId: first.run.id,
      executionRunId: live.id,
    });
  });

  it("CO-10, CO-13 an agent that was mentioned comments on an issue it may not change (08-36)", async () => {
    const [owner, asked] = [await anAgentInRun(api, company), await company.agent({ name: "Asked-for-advice" })];
    const issue = await company.issue({ status: "todo" });
    const body = { agentId: owner.agent.id, expectedStatuses: ["todo"] };
    await expectStatus(owner.call("POST", at(issue.id, "/checkout"), body), 200);
    await expectStatus(owner.call("POST", at(issue.id, "/comments"), { body: "@asked-for-advice what now?" }), 201);
    const { runId } = await onlyRequest(api, asked.id, issue.id);
    const run = runId ?? (await promoted(asked.id, issue.id));
    await markRunning(api, { id: run, agentId: asked.id });
    const inRun = { key: await anAgentKey(api, asked.id), headers: { "x-wakefleet-run-id": run } };
    const change = await expectStatus(api.call("PATCH", at(issue.id), { ...inRun, body: { title: "x" } }), 409);
    expect(change.body.error).toBe("Issue is checked out by another agent");
    await expectStatus(api.call("POST", at(issue.id, "/comments"), { ...inRun, body: { body: "this" } }), 201);
  });

  it("CO-44 an explicit follow-up on a held issue is refused; a plain comment is not (08-41)", async () => {
    const agent = await company.agent();
    const issue = await company.issue({ assigneeAgentId: agent.id });
    await api.db.sql.query("UPDATE issues SET status = 'done' WHERE id = $1", [issue.id]);
    await hold(issue.id);
    const refused = await expectStatus(post(at(issue.id, "/comments"), { body: "go on", resume: true }), 409);
    expect(refused.body.error).toBe("Issue follow-up blocked by active subtree pause hold");
    expect(await requestsOf(api, agent.id)).toEqual([]);
    await expectStatus(post(at(issue.id, "/comments"), { body: "a question" }), 201);
  });

  it("TH-21, API-174 a comment's wake is verified under the hold, a mention's too, whoever is assigned (08-19, 08-21)", async () => {
    const [owner, other] = [await company.agent(), await company.agent({ name: "Heldtalk" })];
    const issue = await company.issue({ assigneeAgentId: owner.id });
    await api.db.sql.query("UPDATE issues SET status = 'todo' WHERE id = $1", [issue.id]);
    await hold(issue.id);
    await expectStatus(post(at(issue.id, "/comments"), { body: "@Heldtalk and owner" }), 201);
    const statuses = [...(await requestsOf(api, owner.id)), ...(await requestsOf(api, other.id))].map(
      (one) => one.status,
    );
    expect(statuses.sort()).toEqual(["deferred_issue_execution", "queued"]);
    // An assignment is no interaction: skipped, with its activity.
    const next = await company.agent();
    await expectStatus(api.call("PATCH", at(issue.id), { body: { assigneeAgentId: next.id } }), 200);
    expect(await onlyRequest(api, next.id, issue.id)).toMatchObject({
      status: "skipped",
      reason: "issue_tree_hold_active",
    });
  });
});

describe("CO-35, CO-36 giving back", () => {
  it("CO-35 a finished issue is not released", async () => {
    const issue = await company.issue({ status: "done" });
    expect((await expectStatus(post(at(issue.id, "/release")), 409)).body.error).toContain("cannot be released");
  });

  it("CO-36, API-149 force takes the locks away, the assignee where asked, and touches neither status nor run", async () => {
    const worker = await anAgentInRun(api, company);
    const issue = await company.issue({ status: "todo" });
    const body = { agentId: worker.agent.id, expectedStatuses: ["todo"] };
    await expectStatus(worker.call("POST", at(issue.id, "/checkout"), body), 200);
    const path = at(issue.id, "/admin/force-release");
    await expectStatus(worker.call("POST", path), 403);
    const previous = { checkoutRunId: worker.run.id, executionRunId: worker.run.id };
    const released = (await expectStatus(post(path), 200)).body;
    expect(released.previous).toEqual(previous);
    expect(released.issue).toMatchObject({
      status: "in_progress",
      assigneeAgentId: worker.agent.id,
      checkoutRunId: null,
      executionRunId: null,
    });
    expect((await expectStatus(post(`${path}?clearAssignee=true`), 200)).body.issue.assigneeAgentId).toBeNull();
    expect((await api.call("GET", `/api/heartbeat-runs/${worker.run.id}`)).body).toMatchObject({ status: "running" });
    const rows = (await api.call("GET", at(issue.id, "/activity"))).body.filter(
      (row: Json) => row.action === "issue.admin_force_release",
    );
    expect(rows[1].details).toMatchObject({ prevCheckoutRunId: worker.run.id, clearAssignee: false });
    expect(await requestsOf(api, worker.agent.id, issue.id)).toEqual([]);
  });
});

it("API-153 a closed isolated workspace takes no comment, no agent's change and no checkout", async () => {
  const worker = await anAgentInRun(api, company);
  const [project] = await api.db.sql.query<{ id: string }>(
    "INSERT INTO projects (company_id, name) VALUES ($1, 'Closed') RETURNING id",
    [company.id],
  );
  const [workspace] = await api.db.sql.query<{ id: string }>(
    `INSERT INTO execution_workspaces (company_id, project_id, mode, strategy_type, name, status)
     VALUES ($1, $2, 'isolated_workspace', 'git_worktree', 'feature-x', 'archived') RETURNING id`,
    [company.id, project?.id],
  );
  const issue = await company.issue({ assigneeAgentId: worker.agent.id, status: "todo" });
  await api.db.sql.query("UPDATE issues SET execution_workspace_id = $2 WHERE id = $1", [issue.id, workspace?.id]);
  const text =
    'This issue is linked to the closed workspace "feature-x". Move it to an open workspace before adding comments or resuming work.';
  const refusals = [
    post(at(issue.id, "/comments"), { body: "hello" }),
    worker.call("PATCH", at(issue.id), { title: "x" }),
    worker.call("POST", at(issue.id, "/checkout"), { agentId: worker.agent.id, expectedStatuses: ["todo"] }),
  ];
  for (const refusal of refusals) {
    expect((await expectStatus(refusal, 409)).body).toMatchObject({
      error: text,
      details: { executionWorkspace: { id: workspace?.id, name: "feature-x" } },
    });
  }
  await expectStatus(api.call("PATCH", at(issue.id), { body: { title: "the board may" } }), 200);
});
