/**
 * Whom each change of an issue wakes, over HTTP (02 "Who is woken by what", checks 26 and 28 to 37 of 02, 27, 28, 31, 38 to 40
 * of 08). Payloads are compared whole: their keys are exact.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Asked, anAgentInRun, onlyRequest, requestsOf } from "./issue-support.js";
import {
  aCompany,
  expectStatus,
  type Json,
  markEnded,
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
const patch = async (id: string, body: object): Promise<Json> =>
  (await expectStatus(api.call("PATCH", at(id), { body }), 200)).body;
const comment = async (id: string, body: object): Promise<Json> =>
  (await expectStatus(api.call("POST", at(id, "/comments"), { body }), 201)).body;
const said = (asked: Asked[]): (string | null)[] => asked.map((one) => one.reason);
/** The board of these tests, as a requester. */
const BOARD = { type: "user", id: expect.stringMatching(/./) };

/** An issue of an agent whose creation woke nobody. */
async function anIssue(agent: Json, body: object = {}): Promise<Json> {
  const issue = await company.issue({ assigneeAgentId: agent.id, ...body, status: "backlog" });
  const { status } = body as { status?: string };
  // Straight into the row: how it came there is not what the test is about.
  if (status !== undefined) {
    await api.db.sql.query("UPDATE issues SET status = $2 WHERE id = $1", [issue.id, status]);
  }
  return { ...issue, status: status ?? "backlog" };
}

describe("W1, W2 creating", () => {
  it("W1 wakes the assignee of an issue that is not in backlog, and nobody for one that is (02-28, 02-29)", async () => {
    const agent = await company.agent();
    await company.issue({ assigneeAgentId: agent.id });
    expect(await requestsOf(api, agent.id)).toEqual([]);
    const issue = await company.issue({ assigneeAgentId: agent.id, status: "todo" });
    expect(await onlyRequest(api, agent.id, issue.id)).toMatchObject({
      source: "assignment",
      triggerDetail: "system",
      reason: "issue_assigned",
      status: "queued",
      requester: BOARD,
      context: { issueId: issue.id, source: "issue.create", wakeReason: "issue_assigned" },
    });
    expect((await onlyRequest(api, agent.id, issue.id)).payload).toEqual({ issueId: issue.id, mutation: "create" });
  });

  it("W2, API-142, AC-36, DP-6 a child wakes its assignee, inherits, and may block its parent", async () => {
    const agent = await company.agent();
    const parent = await company.issue({ requestDepth: 2 });
    const child = (
      await expectStatus(
        api.call("POST", at(parent.id, "/children"), {
          body: {
            title: "Child",
            description: "Do it",
            acceptanceCriteria: ["it works", "it is tested"],
            status: "todo",
            assigneeAgentId: agent.id,
            blockParentUntilDone: true,
          },
        }),
        201,
      )
    ).body;
    expect(child).toMatchObject({
      parentId: parent.id,
      requestDepth: 3,
      description: "Do it\n\n## Acceptance Criteria\n\n- it works\n- it is tested",
    });
    const asked = await onlyRequest(api, agent.id, child.id);
    expect(asked).toMatchObject({ reason: "issue_assigned", context: { source: "issue.child_create" } });
    expect(asked.payload).toEqual({ issueId: child.id, mutation: "create" });
    expect((await api.call("GET", at(parent.id))).body.blockedBy).toMatchObject([{ id: child.id }]);
    expect((await api.call("GET", at(child.id, "/activity"))).body).toMatchObject([
      { action: "issue.child_created", details: { parentId: parent.id, parentBlockerAdded: true } },
    ]);
    await api.db.sql.query(
      `INSERT INTO issues (company_id, title, parent_id) SELECT $1, 'x', $2 FROM generate_series(1, 24)`,
      [company.id, parent.id],
    );
    const refused = await expectStatus(api.call("POST", at(parent.id, "/children"), { body: { title: "x" } }), 422);
    expect(refused.body.error).toBe("Parent issue already has the maximum 25 child issues for this helper");
    const nowhere = "00000000-0000-4000-8000-000000000000";
    const gone = await expectStatus(api.call("POST", at(nowhere, "/children"), { body: { title: "x" } }), 404);
    expect(gone.body.error).toBe("Parent issue not found");
  });
});

describe("W5, W6 assigning and moving", () => {
  it("W5 the new assignee is woken; with a comment it carries it", async () => {
    const [one, other] = [await company.agent(), await company.agent()];
    const issue = await anIssue(one, { status: "todo" });
    await patch(issue.id, { assigneeAgentId: other.id });
    const asked = await onlyRequest(api, other.id, issue.id);
    expect(asked).toMatchObject({
      source: "assignment",
      reason: "issue_assigned",
      context: { issueId: issue.id, source: "issue.update" },
    });
    expect(asked.payload).toEqual({ issueId: issue.id, mutation: "update" });
    expect(await requestsOf(api, one.id)).toEqual([]);

    const second = await anIssue(one, { status: "todo" });
    const changed = await patch(second.id, { assigneeAgentId: other.id, comment: "yours now" });
    const withComment = await onlyRequest(api, other.id, second.id);
    expect(withComment.payload).toEqual({ issueId: second.id, commentId: changed.comment.id, mutation: "update" });
    expect(withComment.context).toMatchObject({
      taskId: second.id,
      commentId: changed.comment.id,
      wakeCommentId: changed.comment.id,
      source: "issue.update",
    });
    const parked = await anIssue(one);
    await patch(parked.id, { assigneeAgentId: other.id });
    expect(await requestsOf(api, other.id, parked.id)).toEqual([]);
  });

  it.each([
    ["backlog", "todo", true],
    ["backlog", "in_progress", true],
    ["blocked", "todo", true],
    ["done", "todo", true],
    ["cancelled", "todo", true],
    ["in_progress", "todo", false],
    ["todo", "in_review", false],
    ["blocked", "in_progress", false],
    ["todo", "backlog", false],
  ])("W6 %s to %s wakes: %s (02-30)", async (from, to, wakes) => {
    const agent = await company.agent();
    const issue = await anIssue(agent, { status: from });
    await patch(issue.id, { status: to });
    if (!wakes) return expect(await requestsOf(api, agent.id)).toEqual([]);
    const asked = await onlyRequest(api, agent.id, issue.id);
    expect(asked).toMatchObject({
      source: "automation",
      reason: "issue_status_changed",
      context: { issueId: issue.id, source: "issue.status_change" },
    });
    expect(asked.payload).toEqual({ issueId: issue.id, mutation: "update" });
  });

  it("API-176 title, labels and release wake nobody", async () => {
    const agent = await company.agent();
    const issue = await anIssue(agent, { status: "todo" });
    await patch(issue.id, { title: "x", labelIds: [] });
    await expectStatus(api.call("POST", at(issue.id, "/release")), 200);
    expect(await requestsOf(api, agent.id)).toEqual([]);
  });
});

describe("W7, W8, W11 to W13 comments and mentions", () => {
  it("W12, API-159 a comment wakes the assignee, but not for its own or on a closed issue (02-32, 08-40)", async () => {
    const agent = await company.agent();
    const issue = await anIssue(agent, { status: "todo" });
    const made = await comment(issue.id, { body: "hello" });
    const asked = await onlyRequest(api, agent.id, issue.id);
    expect(asked).toMatchObject({
      source: "automation",
      reason: "issue_commented",
      requester: BOARD,
      context: {
        issueId: issue.id,
        taskId: issue.id,
        commentId: made.id,
        wakeCommentId: made.id,
        source: "issue.comment",
        wakeReason: "issue_commented",
      },
    });
    expect(asked.payload).toEqual({ issueId: issue.id, commentId: made.id, mutation: "comment" });

    const own = await anIssue(agent, { status: "todo" });
    const self = await anAgentInRun(api, company, { agent });
    await expectStatus(self.call("POST", at(own.id, "/comments"), { body: "my own" }), 201);
    const closed = await anIssue(agent, { status: "done" });
    const other = await anAgentInRun(api, company, { agent: await company.agent({ role: "ceo" }) });
    await expectStatus(other.call("POST", at(closed.id, "/comments"), { body: "an agent's" }), 201);
    expect(await requestsOf(api, agent.id, own.id)).toEqual([]);
    expect(await requestsOf(api, agent.id, closed.id)).toEqual([]);
    expect((await api.call("GET", at(closed.id))).body.status).toBe("done");
  });

  it("W11 a person's comment on a done issue reopens it and says from where (02-31, 08-40)", async () => {
    const agent = await company.agent();
    const issue = await anIssue(agent, { status: "done" });
    const made = await comment(issue.id, { body: "not yet" });
    expect((await api.call("GET", at(issue.id))).body.status).toBe("todo");
    const asked = await onlyRequest(api, agent.id, issue.id);
    expect(asked).toMatchObject({
      reason: "issue_reopened_via_comment",
      context: { source: "issue.comment.reopen", reopenedFrom: "done", wakeCommentId: made.id },
    });
    expect(asked.payload).toEqual({
      issueId: issue.id,
      commentId: made.id,
      reopenedFrom: "done",
      mutation: "comment",
    });
  });

  it("W11 `resume` marks payload and context (R)", async () => {
    const agent = await company.agent();
    const issue = await anIssue(agent, { status: "done" });
    await comment(issue.id, { body: "go on", resume: true });
    const asked = await onlyRequest(api, agent.id, issue.id);
    expect(asked.payload).toMatchObject({ resumeIntent: true, followUpRequested: true });
    expect(asked.context).toMatchObject({ resumeIntent: true, followUpRequested: true });
  });

  it("W7 PATCH with a comment: reopened, else commented; W7 beats W6 (CO-62)", async () => {
    const agent = await company.agent();
    const done = await anIssue(agent, { status: "done" });
    const changed = await patch(done.id, { comment: "again" });
    const asked = await onlyRequest(api, agent.id, done.id);
    expect(asked.reason).toBe("issue_reopened_via_comment");
    expect(asked.payload).toEqual({
      issueId: done.id,
      commentId: changed.comment.id,
      mutation: "comment",
      reopenedFrom: "done",
    });
    const blocked = await anIssue(agent, { status: "blocked" });
    const moved = await patch(blocked.id, { status: "todo", comment: "free" });
    const one = await onlyRequest(api, agent.id, blocked.id);
    expect(one.reason).toBe("issue_commented");
    expect(one.payload).toEqual({ issueId: blocked.id, commentId: moved.comment.id, mutation: "comment" });
  });

  it("W8, CO-62 a mention of the assignee in a PATCH stays a comment (02-34)", async () => {
    const agent = await company.agent({ name: "Mentioned-Owner" });
    const issue = await anIssue(agent, { status: "todo" });
    await patch(issue.id, { comment: "hey @mentioned-owner look" });
    expect((await onlyRequest(api, agent.id, issue.id)).reason).toBe("issue_commented");
  });

  it("W13, API-171 names and links, not addresses, other companies or terminated agents (02-33)", async () => {
    const foreign = await (await aCompany(api)).agent({ name: "Bob" });
    const bob = await company.agent({ name: "Bob" });
    const linked = await company.agent();
    const gone = await company.agent({ name: "Gone" });
    await expectStatus(api.call("POST", `/api/agents/${gone.id}/terminate`), 200);
    const issue = await company.issue({ status: "todo" });
    const body = `hi @bob, and [x](agent://${linked.id}?i=bot) and [y](agent://${foreign.id}) and @Gone`;
    const made = await comment(issue.id, { body });
    for (const agent of [bob, linked]) {
      const asked = await onlyRequest(api, agent.id, issue.id);
      expect(asked).toMatchObject({
        source: "automation",
        context: {
          wakeReason: "issue_comment_mentioned",
          source: "comment.mention",
          taskId: issue.id,
          wakeCommentId: made.id,
        },
      });
      expect(asked.payload).toEqual({ issueId: issue.id, commentId: made.id });
    }
    await comment(issue.id, { body: "write to mail@Bob" });
    expect(await requestsOf(api, bob.id, issue.id)).toHaveLength(1);
    expect(await requestsOf(api, foreign.id)).toEqual([]);
    expect(await requestsOf(api, gone.id)).toEqual([]);
    // One works on it, the other waits behind (WK-28); both keep why they were woken.
    const both = [...(await requestsOf(api, bob.id)), ...(await requestsOf(api, linked.id))];
    expect(both.map((one) => one.status).sort()).toEqual(["deferred_issue_execution", "queued"]);
  });

  it("W13 an agent's mention of itself is ignored, of others it is not; a mentioned agent may answer (CO-13)", async () => {
    const ann = await anAgentInRun(api, company, { agent: await company.agent({ name: "Ann" }) });
    const cid = await company.agent({ name: "Cid" });
    const issue = await anIssue(ann.agent, { status: "todo" });
    await expectStatus(ann.call("POST", at(issue.id, "/comments"), { body: "@ann asks @cid" }), 201);
    expect(await requestsOf(api, ann.agent.id, issue.id)).toEqual([]);
    const asked = await onlyRequest(api, cid.id, issue.id);
    expect(asked).toMatchObject({
      reason: "issue_comment_mentioned",
      requester: { type: "agent", id: ann.agent.id },
      status: "queued",
    });
  });

  it("08-40 a person's comment on a blocked issue leaves it blocked and gives one interaction run", async () => {
    const agent = await company.agent();
    const blocker = await company.issue({ title: "First this" });
    const issue = await company.issue({ assigneeAgentId: agent.id, blockedByIssueIds: [blocker.id] });
    await api.db.sql.query("UPDATE issues SET status = 'blocked' WHERE id = $1", [issue.id]);
    await comment(issue.id, { body: "how far?" });
    expect((await api.call("GET", at(issue.id))).body.status).toBe("blocked");
    const asked = await onlyRequest(api, agent.id, issue.id);
    expect(asked).toMatchObject({
      reason: "issue_commented",
      status: "queued",
      context: { dependencyBlockedInteraction: true, unresolvedBlockerIssueIds: [blocker.id] },
    });
  });
});

describe("W9, W18 dependencies and children", () => {
  it("W9a, CO-57, DP-10, DP-12 the last blocker that is done wakes (08-27, 02-35, 03-6, 03-7)", async () => {
    const agent = await company.agent();
    const [a, b] = [await company.issue({ status: "todo" }), await company.issue({ status: "todo" })];
    const blocked = await company.issue({
      assigneeAgentId: agent.id,
      status: "todo",
      blockedByIssueIds: [a.id, b.id],
    });
    // W1 was asked for and skipped: the issue waits (WK-24).
    expect(await onlyRequest(api, agent.id, blocked.id)).toMatchObject({
      status: "skipped",
      reason: "issue_dependencies_blocked",
    });
    await patch(a.id, { status: "done" });
    expect(await requestsOf(api, agent.id)).toHaveLength(1);
    await patch(b.id, { status: "done" });
    const [, asked, ...more] = await requestsOf(api, agent.id);
    expect(more).toEqual([]);
    expect(asked).toMatchObject({
      source: "automation",
      triggerDetail: "system",
      requester: BOARD,
      reason: "issue_blockers_resolved",
      status: "queued",
      context: { taskId: blocked.id, wakeReason: "issue_blockers_resolved", source: "issue.blockers_resolved" },
    });
    expect(asked?.payload).toEqual({
      issueId: blocked.id,
      resolvedBlockerIssueId: b.id,
      blockerIssueIds: [a.id, b.id],
    });
  });

  it("W18, DP-14 a cancelled blocker wakes nobody; taking the relation away does (08-28, 02-36)", async () => {
    const agent = await company.agent();
    const [a, b] = [await company.issue({ status: "done" }), await company.issue({ status: "todo" })];
    const blocked = await company.issue({ assigneeAgentId: agent.id, blockedByIssueIds: [a.id, b.id] });
    await api.db.sql.query("UPDATE issues SET status = 'todo' WHERE id = $1", [blocked.id]);
    await patch(b.id, { status: "cancelled" });
    expect(await requestsOf(api, agent.id)).toEqual([]);
    const refused = await expectStatus(api.call("PATCH", at(blocked.id), { body: { status: "in_progress" } }), 422);
    expect(refused.body.details).toEqual({ unresolvedBlockerIssueIds: [b.id] });
    await patch(blocked.id, { blockedByIssueIds: [a.id] });
    const asked = await onlyRequest(api, agent.id, blocked.id);
    expect(asked).toMatchObject({
      reason: "issue_blockers_resolved",
      context: { source: "issue.blockers_restored", taskId: blocked.id },
    });
    expect(asked.payload).toEqual({
      issueId: blocked.id,
      resolvedBlockerIssueId: null,
      blockerIssueIds: [a.id],
      mutation: "blocked_dependency_restored",
    });
    // Nothing was unresolved any more: taking the rest away says nothing new.
    await patch(blocked.id, { blockedByIssueIds: [] });
    expect(await requestsOf(api, agent.id)).toHaveLength(1);
  });

  it("API-146, DP-1, DP-14, DM-18 deleting a blocker wakes too; an issue with children stays", async () => {
    const agent = await company.agent();
    const blocker = await company.issue({ status: "todo" });
    const blocked = await company.issue({ assigneeAgentId: agent.id, blockedByIssueIds: [blocker.id] });
    await api.db.sql.query("UPDATE issues SET status = 'todo' WHERE id = $1", [blocked.id]);
    await comment(blocker.id, { body: "deleted with its comments" });
    const child = await company.issue({ parentId: blocker.id });
    expect((await expectStatus(api.call("DELETE", at(blocker.id)), 409)).body.error).toContain("child issues");
    await expectStatus(api.call("DELETE", at(child.id)), 200);
    expect((await expectStatus(api.call("DELETE", at(blocker.id)), 200)).body.id).toBe(blocker.id);
    await expectStatus(api.call("GET", at(blocker.id)), 404);
    const asked = await onlyRequest(api, agent.id, blocked.id);
    expect(asked.payload).toMatchObject({ mutation: "blocked_dependency_restored", blockerIssueIds: [] });
  });

  it("W9b, CO-57, DP-11, DP-12, DP-13 the last child that is over wakes the parent's assignee (08-31, 02-37)", async () => {
    const agent = await company.agent();
    const parent = await anIssue(agent, { status: "in_progress" });
    const children: Json[] = [];
    for (const title of ["one", "two", "three"]) {
      children.push(await company.issue({ title, parentId: parent.id, status: "todo" }));
    }
    const [one, two, three] = children;
    await comment(two.id, { body: "short" });
    await comment(two.id, { body: "y".repeat(600) });
    await patch(one.id, { status: "done" });
    await patch(two.id, { status: "done" });
    expect(await requestsOf(api, agent.id)).toEqual([]);
    await patch(three.id, { status: "cancelled" });
    const asked = await onlyRequest(api, agent.id, parent.id);
    expect(asked).toMatchObject({
      source: "automation",
      triggerDetail: "system",
      requester: BOARD,
      reason: "issue_children_completed",
      context: { taskId: parent.id, wakeReason: "issue_children_completed", source: "issue.children_completed" },
    });
    const { childIssueSummaries, ...rest } = asked.payload;
    expect(rest).toEqual({
      issueId: parent.id,
      completedChildIssueId: three.id,
      childIssueIds: children.map((child) => child.id),
      childIssueSummaryTruncated: false,
    });
    expect(childIssueSummaries.map((summary: Json) => [summary.title, summary.status])).toEqual([
      ["one", "done"],
      ["two", "done"],
      ["three", "cancelled"],
    ]);
    expect(childIssueSummaries.map((summary: Json) => summary.summary)).toEqual([
      null,
      `${"y".repeat(485)} [truncated]`,
      null,
    ]);
    // Terminal to terminal is no end.
    await patch(three.id, { status: "done" });
    expect(await requestsOf(api, agent.id)).toHaveLength(1);
  });
});

describe("W10 checkout", () => {
  it("W10 the board's checkout wakes the agent; its own in a run wakes nobody", async () => {
    const agent = await company.agent();
    const issue = await company.issue({ status: "todo" });
    const body = { agentId: agent.id, expectedStatuses: ["todo"] };
    await expectStatus(api.call("POST", at(issue.id, "/checkout"), { body }), 200);
    const asked = await onlyRequest(api, agent.id, issue.id);
    expect(asked).toMatchObject({
      source: "assignment",
      reason: "issue_checked_out",
      context: { issueId: issue.id, source: "issue.checkout" },
    });
    expect(asked.payload).toEqual({ issueId: issue.id, mutation: "checkout" });
    const self = await anAgentInRun(api, company);
    const other = await company.issue({ status: "todo" });
    await expectStatus(
      self.call("POST", at(other.id, "/checkout"), { agentId: self.agent.id, expectedStatuses: ["todo"] }),
      200,
    );
    expect(await requestsOf(api, self.agent.id, other.id)).toEqual([]);
  });
});

describe("API-14, CO-63 a change and its wakes", () => {
  it("CO-63 a paused assignee does not fail the change; the refusal is told", async () => {
    const agent = await company.agent();
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/pause`), 200);
    const issue = await company.issue({ assigneeAgentId: agent.id, status: "todo" });
    expect(await requestsOf(api, agent.id)).toEqual([]);
    const rows = (await api.call("GET", at(issue.id, "/activity"))).body;
    expect(rows.find((row: Json) => row.action === "issue.wakeup_refused")?.details).toMatchObject({
      agentId: agent.id,
      reason: "issue_assigned",
      code: "agent_not_invokable",
    });
    expect(api.logged.some((line) => line.includes("issue.wake_refused"))).toBe(true);
  });

  it("CO-63, BU-19 a budget block leaves its skipped row and the change stands", async () => {
    const own = await aCompany(api);
    const agent = await own.agent();
    await api.db.sql.query("UPDATE companies SET status = 'paused' WHERE id = $1", [own.id]);
    const issue = await own.issue({ assigneeAgentId: agent.id, status: "todo" });
    expect(await onlyRequest(api, agent.id, issue.id)).toMatchObject({ status: "skipped", reason: "budget.blocked" });
  });

  it("API-14 a change that is refused wakes nobody and writes nothing", async () => {
    const [agent, other] = [await company.agent({ name: "Quiet" }), await company.agent()];
    const blocker = await company.issue();
    const issue = await anIssue(agent, { status: "todo", blockedByIssueIds: [blocker.id] });
    const reply = await api.call("PATCH", at(issue.id), {
      body: { status: "in_progress", assigneeAgentId: other.id, comment: "@Quiet" },
    });
    expect(reply.status).toBe(422);
    expect([...(await requestsOf(api, agent.id)), ...(await requestsOf(api, other.id))]).toEqual([]);
    expect((await api.call("GET", at(issue.id, "/comments"))).body).toEqual([]);
  });

  it("CO-61, API-170 one change wakes each agent once for an issue", async () => {
    const [agent, other] = [await company.agent({ name: "Once" }), await company.agent({ name: "Twice" })];
    const issue = await anIssue(agent, { status: "backlog" });
    await patch(issue.id, { status: "todo", comment: "@Once @Twice @once" });
    expect(said(await requestsOf(api, agent.id, issue.id))).toEqual(["issue_commented"]);
    expect(said(await requestsOf(api, other.id, issue.id))).toHaveLength(1);
  });
});

describe("CO-6, CO-46 runs of an issue that changes", () => {
  it("API-42, CO-46 a refused comment with interrupt cancels nothing; an accepted one does and its wake follows", async () => {
    const agent = await company.agent();
    const issue = await anIssue(agent, { status: "in_progress" });
    const { run } = await anAgentInRun(api, company, { agent, issueId: issue.id });
    const cancelAsked = async (): Promise<boolean> =>
      (await api.call("GET", `/api/heartbeat-runs/${run.id}`)).body.cancelRequestedAt !== null;
    await api.db.sql.query("UPDATE issues SET status = 'cancelled' WHERE id = $1", [issue.id]);
    await expectStatus(
      api.call("POST", at(issue.id, "/comments"), { body: { body: "x", interrupt: true, resume: true } }),
      409,
    );
    await expectStatus(
      api.call("PATCH", at(issue.id), {
        body: { comment: "x", interrupt: true, status: "todo", assigneeAgentId: agent.id, assigneeUserId: "ann" },
      }),
      422,
    );
    expect(await cancelAsked()).toBe(false);
    await api.db.sql.query("UPDATE issues SET status = 'in_progress' WHERE id = $1", [issue.id]);
    const made = await comment(issue.id, { body: "stop, do this", interrupt: true });
    expect(await cancelAsked()).toBe(true);
    const [, asked] = await requestsOf(api, agent.id, issue.id);
    expect(asked).toMatchObject({ status: "deferred_issue_execution", context: { interruptedRunId: run.id } });
    expect(asked?.payload).toMatchObject({ commentId: made.id, interruptedRunId: run.id });
    const [row] = (
      await api.call("GET", `/api/companies/${company.id}/activity?runId=${run.id}&action=heartbeat.cancelled`)
    ).body;
    expect(row.details).toMatchObject({ source: "issue_comment_interrupt", issueId: issue.id });
  });

  it("CO-6, API-156, AC-37, CL-11, CL-30 08-39 running, queued and scheduled runs are cancelled; back to todo wakes", async () => {
    const [agent, other] = [await company.agent(), await company.agent()];
    const issue = await anIssue(agent, { status: "todo" });
    const { run } = await anAgentInRun(api, company, { agent, issueId: issue.id });
    const queued = (await expectStatus(api.call("POST", `/api/agents/${other.id}/wakeup`, { body: {} }), 202)).body;
    const retry = (
      await expectStatus(
        api.call("POST", `/api/agents/${other.id}/wakeup`, { body: { payload: { taskKey: "r" } } }),
        202,
      )
    ).body;
    await api.db.sql.query("UPDATE heartbeat_runs SET issue_id = $2 WHERE id = ANY($1::uuid[])", [
      [queued.id, retry.id],
      issue.id,
    ]);
    await api.db.sql.query(
      "UPDATE heartbeat_runs SET status = 'scheduled_retry', scheduled_retry_at = now() + interval '1 hour' WHERE id = $1",
      [retry.id],
    );
    const cancelled = await patch(issue.id, { status: "cancelled" });
    expect(cancelled.cancelledAt).not.toBeNull();
    const read = async (id: string): Promise<Json> => (await api.call("GET", `/api/heartbeat-runs/${id}`)).body;
    expect(await read(run.id)).toMatchObject({ cancelRequestedAt: expect.any(String), cancelKind: "issue" });
    expect(await read(queued.id)).toMatchObject({
      status: "cancelled",
      errorCode: "issue_terminal_status",
      error: "Cancelled because issue reached terminal status (cancelled) before the queued run could start",
    });
    expect(await read(retry.id)).toMatchObject({ status: "cancelled", errorCode: "issue_cancelled" });
    const rows = (await api.call("GET", at(issue.id, "/activity"))).body;
    expect(rows[0].details).toMatchObject({ status: "cancelled", cancelledStatusRunId: run.id });
    await markEnded(api, run.id);
    const back = await patch(issue.id, { status: "todo" });
    expect(back.cancelledAt).toBeNull();
    expect(said(await requestsOf(api, agent.id, issue.id))).toContain("issue_status_changed");
  });

  it("CO-5 08-38 reassigning while the old owner runs: the new owner's wake waits for it", async () => {
    const [old, next] = [await company.agent(), await company.agent()];
    const issue = await anIssue(old, { status: "todo" });
    const worker = await anAgentInRun(api, company, { agent: old, issueId: issue.id });
    await expectStatus(
      worker.call("POST", at(issue.id, "/checkout"), { agentId: old.id, expectedStatuses: ["todo"] }),
      200,
    );
    const moved = await patch(issue.id, { assigneeAgentId: next.id, status: "todo" });
    expect(moved).toMatchObject({ checkoutRunId: null });
    expect(await onlyRequest(api, next.id, issue.id)).toMatchObject({ status: "deferred_issue_execution" });
    expect((await api.call("GET", `/api/heartbeat-runs/${worker.run.id}`)).body).toMatchObject({
      status: "running",
      cancelRequestedAt: null,
    });
  });

  it("CO-7 an agent without the right hands its own issue back to who made it, and no further", async () => {
    const worker = await anAgentInRun(api, company);
    await api.db.sql.query("DELETE FROM principal_permission_grants WHERE principal_id = $1", [worker.agent.id]);
    const issue = await anIssue(worker.agent, { status: "todo" });
    const assign = (assigneeUserId: string | null): Promise<Reply> =>
      worker.call("PATCH", at(issue.id), { assigneeAgentId: null, assigneeUserId });
    expect((await expectStatus(assign("somebody"), 403)).body.error).toBe("Missing permission: tasks:assign");
    await expectStatus(assign(null), 403);
    await expectStatus(assign(issue.createdByUserId), 200);
  });
});
