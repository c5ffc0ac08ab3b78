/** Issues, checkout, comments, blockers (API-140 to API-160): spec 02 checks 26, 28, 39, 40; 08 checks 28, 30, 32 to 39. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

const issuePath = (id: string, rest = ""): string => `/api/issues/${id}${rest}`;
const patch = (id: string, body: object, options: object = {}): Promise<Reply> =>
  api.call("PATCH", issuePath(id), { body, ...options });

/** An agent with a run that is running, and how it calls the API in it. */
async function aWorker(
  name?: string,
): Promise<{ agent: Json; run: Json; call: (method: string, path: string, body?: object) => Promise<Reply> }> {
  const agent = await company.agent(name === undefined ? {} : { name });
  const run = (await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: {} }), 202)).body;
  await markRunning(api, { id: run.id, agentId: agent.id });
  const key = await anAgentKey(api, agent.id);
  const headers = { "x-wakefleet-run-id": run.id };
  return {
    agent,
    run,
    call: (method, path, body) => api.call(method, path, { key, headers, ...(body === undefined ? {} : { body }) }),
  };
}

async function wakeups(agentId: string): Promise<number> {
  const [row] = await api.db.sql.query<{ n: number }>(
    "SELECT count(*) AS n FROM agent_wakeup_requests WHERE agent_id = $1",
    [agentId],
  );
  return row?.n ?? -1;
}

describe("API-141 creating", () => {
  it("API-150, AC-36 fills in the defaults; a backlog issue wakes nobody", async () => {
    const agent = await company.agent();
    const issue = await company.issue({ assigneeAgentId: agent.id, description: "a\\nb" });
    expect(issue).toMatchObject({
      status: "backlog",
      priority: "medium",
      assigneeAgentId: agent.id,
      description: "a\nb",
      labelIds: [],
      requestDepth: 0,
      identifier: expect.stringMatching(/^[A-Z]+-\d+$/),
    });
    expect(await wakeups(agent.id)).toBe(0);
    const activity = await api.call("GET", issuePath(issue.id, "/activity"));
    expect(activity.body).toMatchObject([
      { action: "issue.created", details: { title: "An issue", identifier: issue.identifier } },
    ]);
  });

  it("CO-1 fifty at once get fifty numbers without a gap", async () => {
    const own = await aCompany(api);
    const made = await Promise.all(Array.from({ length: 50 }, () => own.issue()));
    expect(made.map((issue) => issue.issueNumber).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
  });

  it("CO-3, DP-3 refuses with the exact sentences", async () => {
    const foreign = await aCompany(api);
    const [foreignAgent, foreignIssue] = [await foreign.agent(), await foreign.issue()];
    const [gone, pending] = [await company.agent(), await company.agent()];
    await expectStatus(api.call("POST", `/api/agents/${gone.id}/terminate`), 200);
    await api.db.sql.query("UPDATE agents SET status = 'pending_approval' WHERE id = $1", [pending.id]);
    const unknown = "00000000-0000-4000-8000-000000000000";
    const cases: [object, number, string][] = [
      [{ assigneeAgentId: unknown }, 404, "Assignee agent not found"],
      [{ assigneeAgentId: foreignAgent.id }, 422, "Assignee must belong to same company"],
      [{ assigneeAgentId: pending.id }, 409, "Cannot assign work to pending approval agents"],
      [{ assigneeAgentId: gone.id }, 409, "Cannot assign work to terminated agents"],
      [{ assigneeAgentId: gone.id, assigneeUserId: "u" }, 422, "Issue can only have one assignee"],
      [{ status: "in_progress" }, 422, "in_progress issues require an assignee"],
      [{ blockedByIssueIds: [foreignIssue.id] }, 422, "Blocked-by issues must belong to the same company"],
      [{ parentId: unknown }, 404, "Parent issue not found"],
      [{ parentId: foreignIssue.id }, 422, "Parent issue must belong to same company"],
      [{ goalId: unknown }, 404, "Goal not found"],
      [{ projectId: unknown }, 404, "Project not found"],
    ];
    for (const [body, status, error] of cases) {
      const reply = await expectStatus(
        api.call("POST", `/api/companies/${company.id}/issues`, { body: { title: "x", ...body } }),
        status,
      );
      expect(reply.body.error).toBe(error);
    }
  });

  it("API-34 assigning needs tasks:assign", async () => {
    const { agent, call } = await aWorker();
    await expectStatus(
      call("POST", `/api/companies/${company.id}/issues`, { title: "x", assigneeAgentId: agent.id }),
      201,
    );
    await api.db.sql.query("DELETE FROM principal_permission_grants WHERE principal_id = $1", [agent.id]);
    const reply = await expectStatus(
      call("POST", `/api/companies/${company.id}/issues`, { title: "x", assigneeAgentId: agent.id }),
      403,
    );
    expect(reply.body.error).toBe("Missing permission: tasks:assign");
    await expectStatus(call("POST", `/api/companies/${company.id}/issues`, { title: "x" }), 201);
  });
});

describe("API-140, API-143 reading", () => {
  it("API-5 by identifier in any case; API-143 with what is around it", async () => {
    const parent = await company.issue();
    const blocker = await company.issue({ title: "First" });
    const issue = await company.issue({ parentId: parent.id, blockedByIssueIds: [blocker.id, blocker.id] });
    const read = (await expectStatus(api.call("GET", issuePath(issue.identifier.toLowerCase())), 200)).body;
    expect(read).toMatchObject({
      id: issue.id,
      ancestors: [{ id: parent.id }],
      blockedBy: [{ id: blocker.id, title: "First" }],
      blocks: [],
    });
    expect((await api.call("GET", issuePath(blocker.id))).body.blocks).toMatchObject([{ id: issue.id }]);
  });

  it("API-143, DM-55 tells of an open review of whether its work gets on, and of none that is over", async () => {
    const [issue, review] = [await company.issue(), await company.issue({ title: "Does it get on?" })];
    await api.db.sql.query(
      "UPDATE issues SET origin_kind = 'issue_productivity_review', origin_id = $2 WHERE id = $1",
      [review.id, issue.id],
    );
    const told = async (): Promise<Json> => (await api.call("GET", issuePath(issue.id))).body.productivityReview;
    expect(await told()).toMatchObject({
      reviewIssueId: review.id,
      reviewIdentifier: review.identifier,
      status: "backlog",
      priority: "medium",
      trigger: null,
    });
    await expectStatus(api.call("PATCH", issuePath(review.id), { body: { status: "done" } }), 200);
    expect(await told()).toBeNull();
  });

  it("API-144 gives an agent what it needs of an issue in one call", async () => {
    const { agent, call } = await aWorker();
    const [project] = await api.db.sql.query<{ id: string }>(
      `INSERT INTO projects (company_id, name, env) VALUES ($1, 'Garden', '{"KEY":"sealed-value"}') RETURNING id`,
      [company.id],
    );
    const blocker = await company.issue({ title: "First" });
    const issue = await company.issue({
      assigneeAgentId: agent.id,
      projectId: project?.id,
      blockedByIssueIds: [blocker.id],
    });
    const path = issuePath(issue.id, "/heartbeat-context");
    expect((await expectStatus(call("GET", path), 200)).body).toMatchObject({
      issue: { id: issue.id, blockedBy: [{ id: blocker.id }], blocks: [] },
      ancestors: [],
      project: { id: project?.id, name: "Garden" },
      goal: null,
      commentCursor: { totalComments: 0, latestCommentId: null, latestCommentAt: null },
      wakeComment: null,
      attachments: [],
      continuationSummary: null,
      currentExecutionWorkspace: null,
    });
    const comment = (await expectStatus(call("POST", issuePath(issue.id, "/comments"), { body: "one" }), 201)).body;
    const told = await expectStatus(call("GET", `${path}?wakeCommentId=${comment.id}`), 200);
    expect(told.body).toMatchObject({
      commentCursor: { totalComments: 1, latestCommentId: comment.id, latestCommentAt: comment.createdAt },
      wakeComment: { id: comment.id, body: "one" },
    });
    expect(told.text).not.toContain("sealed-value");
    const other = await company.issue();
    const elsewhere = await call("GET", issuePath(other.id, `/heartbeat-context?wakeCommentId=${comment.id}`));
    expect(elsewhere.body.wakeComment).toBeNull();
    await expectStatus(api.call("GET", issuePath("NOPE-1", "/heartbeat-context")), 404);
  });

  it("API-140 lists by priority and activity, filtered and paged", async () => {
    const own = await aCompany(api);
    const agent = await own.agent();
    const low = await own.issue({ title: "low", priority: "low", status: "todo", description: "x".repeat(2_000) });
    const high = await own.issue({ title: "high 100%", priority: "high", assigneeAgentId: agent.id });
    const urgent = await own.issue({
      title: "urgent",
      priority: "critical",
      parentId: high.id,
      blockedByIssueIds: [low.id],
    });
    const list = `/api/companies/${own.id}/issues`;
    const titles = async (query: string): Promise<string[]> =>
      (await expectStatus(api.call("GET", `${list}?${query}`), 200)).body.map((issue: Json) => issue.title);
    expect(await titles("")).toEqual(["urgent", "high 100%", "low"]);
    expect(await titles("status=todo,done")).toEqual(["low"]);
    expect(await titles(`assigneeAgentId=${agent.id}`)).toEqual(["high 100%"]);
    expect(await titles(`descendantOf=${high.id}`)).toEqual(["urgent"]);
    expect(await titles("q=100%25")).toEqual(["high 100%"]);
    expect(await titles("limit=1&offset=1")).toEqual(["high 100%"]);
    const page = await api.call("GET", `${list}?limit=2`);
    expect(await titles(`limit=2&cursor=${page.headers.get("x-next-cursor")}`)).toEqual(["low"]);
    const [first, , last] = (await api.call("GET", `${list}?includeBlockedBy=true`)).body;
    expect(first).toMatchObject({ id: urgent.id, activeRun: null, executionPolicy: null, blockedBy: [{ id: low.id }] });
    expect(last.description).toHaveLength(1_200);
    expect((await expectStatus(api.call("GET", `${list}?limit=0`), 400)).body.error).toBe(
      "limit must be a positive integer up to 1000",
    );
    expect((await expectStatus(api.call("GET", `${list}?offset=-1`), 400)).body.error).toBe(
      "offset must be a non-negative integer",
    );
    const me = await expectStatus(
      api.call("GET", `${list}?assigneeUserId=me`, { key: await anAgentKey(api, agent.id) }),
      403,
    );
    expect(me.body.error).toBe("assigneeUserId=me requires board authentication");
    await expectStatus(patch(low.id, { hiddenAt: "2026-01-01T00:00:00Z" }), 200);
    expect(await titles("")).toEqual(["urgent", "high 100%"]);
    const hidden = await api.call("GET", `/api/companies/${own.id}/activity?entityId=${low.id}`);
    expect(hidden.body).toEqual([]);
  });
});

describe("API-145 changing", () => {
  it("API-7 a PATCH with a title leaves status and priority, and wakes nobody (02-26)", async () => {
    const agent = await company.agent();
    const issue = await company.issue({ assigneeAgentId: agent.id, priority: "high" });
    const after = (await expectStatus(patch(issue.id, { title: "x" }), 200)).body;
    expect(after).toEqual({ ...issue, title: "x", comment: null, updatedAt: after.updatedAt });
    expect(await wakeups(agent.id)).toBe(0);
    const [row] = (await api.call("GET", issuePath(issue.id, "/activity?limit=1"))).body;
    expect(row).toMatchObject({
      action: "issue.updated",
      details: { title: "x", identifier: issue.identifier, _previous: { title: "An issue" } },
    });
  });

  it("CO-4, API-155 stamps follow the status", async () => {
    const agent = await company.agent();
    const issue = await company.issue({ assigneeAgentId: agent.id });
    const stamps = async (status: string): Promise<Json> => {
      const { startedAt, completedAt, cancelledAt } = (await expectStatus(patch(issue.id, { status }), 200)).body;
      return { startedAt, completedAt: completedAt !== null, cancelledAt: cancelledAt !== null };
    };
    const started = await stamps("in_progress");
    expect(started).toEqual({ startedAt: expect.any(String), completedAt: false, cancelledAt: false });
    expect(await stamps("in_progress")).toEqual(started);
    expect(await stamps("done")).toMatchObject({ completedAt: true, cancelledAt: false });
    expect(await stamps("cancelled")).toMatchObject({ completedAt: false, cancelledAt: true });
    expect(await stamps("todo")).toEqual({ startedAt: started.startedAt, completedAt: false, cancelledAt: false });
  });

  it("CO-2 any status may change to any other", async () => {
    const agent = await company.agent();
    const statuses = ["backlog", "todo", "in_progress", "in_review", "blocked", "done", "cancelled"];
    const issue = await company.issue({ assigneeAgentId: agent.id });
    for (const from of statuses) {
      for (const status of statuses) {
        await api.db.sql.query("UPDATE issues SET status = $2 WHERE id = $1", [issue.id, from]);
        expect((await expectStatus(patch(issue.id, { status }), 200)).body.status).toBe(status);
      }
    }
    await expectStatus(patch(issue.id, { status: "paused" }), 400);
  });

  it("API-151 an assignee may be a short name", async () => {
    const agent = await company.agent({ name: "Short Hand" });
    const issue = await company.issue();
    expect((await expectStatus(patch(issue.id, { assigneeAgentId: "short-hand" }), 200)).body.assigneeAgentId).toBe(
      agent.id,
    );
    expect((await expectStatus(patch(issue.id, { assigneeAgentId: "nobody-here" }), 404)).body.error).toBe(
      "Agent not found",
    );
  });

  it("CO-5 another status or assignee clears both locks and the run's mark; the run goes on", async () => {
    const { agent, run, call } = await aWorker();
    const issue = await company.issue({ status: "todo" });
    const checkedOut = (
      await expectStatus(
        call("POST", issuePath(issue.id, "/checkout"), { agentId: agent.id, expectedStatuses: ["todo"] }),
        200,
      )
    ).body;
    expect(checkedOut).toMatchObject({
      status: "in_progress",
      assigneeAgentId: agent.id,
      checkoutRunId: run.id,
      executionRunId: run.id,
    });
    const mark = async (): Promise<Json> =>
      (await api.db.sql.query<Json>("SELECT lock_issue_id, status FROM heartbeat_runs WHERE id = $1", [run.id]))[0];
    expect(await mark()).toEqual({ lock_issue_id: issue.id, status: "running" });
    const other = await company.agent();
    const reassigned = (await expectStatus(patch(issue.id, { assigneeAgentId: other.id, status: "todo" }), 200)).body;
    expect(reassigned).toMatchObject({ checkoutRunId: null, executionRunId: null, executionLockedAt: null });
    expect(await mark()).toEqual({ lock_issue_id: null, status: "running" });
  });

  it("CO-6 cancelling an issue cancels its runs, in the same breath", async () => {
    const agent = await company.agent();
    const issue = await company.issue({ assigneeAgentId: agent.id, status: "todo" });
    const run = (
      await expectStatus(
        api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: { payload: { issueId: issue.id } } }),
        202,
      )
    ).body;
    await expectStatus(patch(issue.id, { status: "cancelled" }), 200);
    expect((await api.call("GET", `/api/heartbeat-runs/${run.id}`)).body).toMatchObject({
      status: "cancelled",
      cancelKind: "issue",
    });
    const [row] = (
      await api.call("GET", `/api/companies/${company.id}/activity?runId=${run.id}&action=heartbeat.cancelled`)
    ).body;
    expect(row.details).toMatchObject({ source: "issue_status_cancelled", issueId: issue.id });
    await expectStatus(patch(issue.id, { status: "todo" }), 200);
    const second = (
      await expectStatus(
        api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: { payload: { issueId: issue.id } } }),
        202,
      )
    ).body;
    await markRunning(api, { id: second.id, agentId: agent.id });
    await expectStatus(patch(issue.id, { status: "cancelled" }), 200);
    expect((await api.call("GET", `/api/heartbeat-runs/${second.id}`)).body).toMatchObject({
      status: "running",
      cancelRequestedAt: expect.any(String),
      cancelKind: "issue",
    });
  });

  it("DP-5 unresolved blockers keep an issue from in_progress; only done resolves", async () => {
    const agent = await company.agent();
    const blocker = await company.issue();
    const issue = await company.issue({ assigneeAgentId: agent.id, status: "todo", blockedByIssueIds: [blocker.id] });
    const refused = async (): Promise<void> => {
      const reply = await expectStatus(patch(issue.id, { status: "in_progress" }), 422);
      expect(reply.body).toMatchObject({
        error: "Issue is blocked by unresolved blockers",
        details: { unresolvedBlockerIssueIds: [blocker.id] },
      });
    };
    await refused();
    await expectStatus(patch(blocker.id, { status: "cancelled" }), 200);
    await refused();
    const checkout = await expectStatus(
      api.call("POST", issuePath(issue.id, "/checkout"), { body: { agentId: agent.id, expectedStatuses: ["todo"] } }),
      422,
    );
    expect(checkout.body.details).toEqual({ unresolvedBlockerIssueIds: [blocker.id] });
    const freed = (await expectStatus(patch(issue.id, { status: "in_progress", blockedByIssueIds: [] }), 200)).body;
    expect(freed).toMatchObject({ status: "in_progress", blockedBy: [], blocks: [] });
    const updated = (await api.call("GET", `${issuePath(issue.id, "/activity")}?limit=5`)).body.find(
      (row: Json) => row.action === "issue.blockers_updated",
    );
    // AC-38: the ids, and the same by name.
    expect(updated.details).toMatchObject({
      addedBlockedByIssueIds: [],
      removedBlockedByIssueIds: [blocker.id],
      removedBlockedByIssues: [{ id: blocker.id, identifier: blocker.identifier, title: blocker.title }],
    });
  });

  it("API-162, AC-38 the whole set is replaced and told by name, read from both sides, and told only when it changed", async () => {
    const [a, b, c] = [await company.issue(), await company.issue(), await company.issue()];
    const issue = await company.issue({ blockedByIssueIds: [a.id, b.id] });
    const read = async (id: string): Promise<Json> => (await expectStatus(api.call("GET", issuePath(id)), 200)).body;
    const idsOf = (issues: Json[]): string[] => issues.map((one) => one.id as string).sort();
    const told = async (): Promise<Json[]> =>
      (await api.call("GET", issuePath(issue.id, "/activity"))).body.filter(
        (row: Json) => row.action === "issue.blockers_updated",
      );
    expect(idsOf((await read(issue.id)).blockedBy)).toEqual([a.id, b.id].sort());
    expect(await told()).toEqual([]);

    await expectStatus(patch(issue.id, { blockedByIssueIds: [b.id, c.id] }), 200);
    expect(idsOf((await read(issue.id)).blockedBy)).toEqual([b.id, c.id].sort());
    expect([(await read(a.id)).blocks, idsOf((await read(c.id)).blocks)]).toEqual([[], [issue.id]]);
    const [row, ...more] = await told();
    expect(more).toEqual([]);
    const named = ({ id, identifier, title }: Json): object => ({ id, identifier, title });
    const { blockedByIssueIds, blockedByIssues, ...rest } = row.details;
    expect([...blockedByIssueIds].sort()).toEqual([b.id, c.id].sort());
    expect(blockedByIssues).toHaveLength(2);
    expect(blockedByIssues).toEqual(expect.arrayContaining([named(b), named(c)]));
    expect(rest).toEqual({
      identifier: issue.identifier,
      addedBlockedByIssueIds: [c.id],
      removedBlockedByIssueIds: [a.id],
      addedBlockedByIssues: [named(c)],
      removedBlockedByIssues: [named(a)],
    });
    expect(row).toMatchObject({ entityType: "issue", entityId: issue.id });

    // The same set, in another order and with a title: nothing of the blockers changed.
    await expectStatus(patch(issue.id, { blockedByIssueIds: [c.id, b.id], title: "renamed" }), 200);
    expect(await told()).toHaveLength(1);
  });

  it("DP-3, DP-4 no ring, not even by two changes at once (08-30)", async () => {
    const own = await aCompany(api);
    const self = await own.issue();
    expect((await expectStatus(patch(self.id, { blockedByIssueIds: [self.id] }), 422)).body.error).toBe(
      "Issue cannot be blocked by itself",
    );
    for (let round = 0; round < 15; round += 1) {
      const [a, b, c, d] = await Promise.all([own.issue(), own.issue(), own.issue(), own.issue()]);
      await expectStatus(patch(b.id, { blockedByIssueIds: [a.id] }), 200);
      await expectStatus(patch(d.id, { blockedByIssueIds: [c.id] }), 200);
      const closing = await Promise.all([
        patch(c.id, { blockedByIssueIds: [b.id] }),
        patch(a.id, { blockedByIssueIds: [d.id] }),
      ]);
      expect(closing.map((reply) => reply.status).sort()).toEqual([200, 422]);
      const refused = closing.find((reply) => reply.status === 422);
      expect(refused?.body.error).toBe("Blocking relations cannot contain cycles");
    }
  });

  it("DP-7 parents form no ring", async () => {
    const top = await company.issue();
    const below = await company.issue({ parentId: top.id });
    await expectStatus(patch(top.id, { parentId: below.id }), 422);
    await expectStatus(patch(top.id, { parentId: top.id }), 422);
  });

  it("CO-10, CO-11 who may change an issue (08-36)", async () => {
    const [owner, stranger] = [await aWorker(), await aWorker()];
    const issue = await company.issue({ assigneeAgentId: owner.agent.id, status: "todo" });
    const foreign = await expectStatus(stranger.call("PATCH", issuePath(issue.id), { title: "x" }), 403);
    expect(foreign.body).toMatchObject({
      error: "Agent cannot mutate another agent's issue",
      details: { issueId: issue.id, assigneeAgentId: owner.agent.id, actorAgentId: stranger.agent.id, status: "todo" },
    });
    await expectStatus(owner.call("PATCH", issuePath(issue.id), { title: "mine" }), 200);
    await expectStatus(
      owner.call("POST", issuePath(issue.id, "/checkout"), { agentId: owner.agent.id, expectedStatuses: ["todo"] }),
      200,
    );
    const busy = await expectStatus(stranger.call("PATCH", issuePath(issue.id), { title: "x" }), 409);
    expect(busy.body).toMatchObject({
      error: "Issue is checked out by another agent",
      details: { issueId: issue.id, assigneeAgentId: owner.agent.id, actorAgentId: stranger.agent.id },
    });
    const noRun = await expectStatus(
      patch(issue.id, { title: "x" }, { key: await anAgentKey(api, owner.agent.id) }),
      401,
    );
    expect(noRun.body.error).toBe("Agent run id required");
    const manager = await company.agent();
    await expectStatus(api.call("PATCH", `/api/agents/${owner.agent.id}`, { body: { reportsTo: manager.id } }), 200);
    await expectStatus(patch(issue.id, { title: "boss" }, { key: await anAgentKey(api, manager.id) }), 200);
  });

  it("API-37 agents set no host commands", async () => {
    const { call } = await aWorker();
    const issue = await company.issue();
    const body = { assigneeAdapterOverrides: { adapterConfig: { provisionCommand: "x" } } };
    expect((await expectStatus(call("PATCH", issuePath(issue.id), body), 403)).body.error).toContain(
      "host-executed workspace commands",
    );
  });
});

describe("API-147, API-148 checkout and release", () => {
  it("CO-31 twenty runs at once: one wins, nineteen meet 409 with five facts (02-39, 08-32, 08-33)", async () => {
    const issue = await company.issue({ status: "todo" });
    const workers = await Promise.all(Array.from({ length: 20 }, () => aWorker()));
    const replies = await Promise.all(
      workers.map((worker) =>
        worker.call("POST", issuePath(issue.id, "/checkout"), { agentId: worker.agent.id, expectedStatuses: ["todo"] }),
      ),
    );
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(1);
    const winner = workers[replies.findIndex((reply) => reply.status === 200)];
    for (const reply of replies.filter((one) => one.status !== 200)) {
      expect(reply.body).toMatchObject({
        error: "Issue checkout conflict",
        code: "conflict",
        details: {
          issueId: issue.id,
          status: "in_progress",
          assigneeAgentId: winner?.agent.id,
          checkoutRunId: winner?.run.id,
          executionRunId: winner?.run.id,
        },
      });
    }
    const again = await expectStatus(
      winner?.call("POST", issuePath(issue.id, "/checkout"), {
        agentId: winner.agent.id,
        expectedStatuses: ["todo"],
      }) as Promise<Reply>,
      200,
    );
    expect(again.body.updatedAt).toBe((await api.call("GET", issuePath(issue.id))).body.updatedAt);
  });

  it("CO-27, AC-39 another run of the agent: 409 while the first lives, adopted after (08-33, 08-37)", async () => {
    const first = await aWorker();
    const issue = await company.issue({ status: "todo" });
    const body = { agentId: first.agent.id, expectedStatuses: ["todo"] };
    await expectStatus(first.call("POST", issuePath(issue.id, "/checkout"), body), 200);
    const run = (
      await expectStatus(
        api.call("POST", `/api/agents/${first.agent.id}/wakeup`, { body: { payload: { taskKey: "other" } } }),
        202,
      )
    ).body;
    await markRunning(api, { id: run.id, agentId: first.agent.id });
    const second = { key: await anAgentKey(api, first.agent.id), headers: { "x-wakefleet-run-id": run.id } };
    await expectStatus(api.call("POST", issuePath(issue.id, "/checkout"), { ...second, body }), 409);
    const owned = await expectStatus(patch(issue.id, { title: "x" }, second), 409);
    expect(owned.body).toMatchObject({
      error: "Issue run ownership conflict",
      details: { actorRunId: run.id, checkoutRunId: first.run.id },
    });
    expect((await expectStatus(api.call("POST", issuePath(issue.id, "/release"), second), 409)).body.error).toBe(
      "Issue run ownership conflict",
    );
    await markEnded(api, first.run.id);
    const adopted = (await expectStatus(api.call("POST", issuePath(issue.id, "/checkout"), { ...second, body }), 200))
      .body;
    expect(adopted.checkoutRunId).toBe(run.id);
    const rows = (await api.call("GET", issuePath(issue.id, "/activity"))).body.map((row: Json) => row.action);
    expect(rows).toContain("issue.checkout_lock_adopted");
    const released = (await expectStatus(api.call("POST", issuePath(issue.id, "/release"), second), 200)).body;
    expect(released).toMatchObject({
      status: "todo",
      assigneeAgentId: null,
      checkoutRunId: null,
      executionRunId: null,
    });
  });

  it("CO-30 a mutation adopts a checkout whose run is over", async () => {
    const first = await aWorker();
    const issue = await company.issue({ status: "todo" });
    await expectStatus(
      first.call("POST", issuePath(issue.id, "/checkout"), { agentId: first.agent.id, expectedStatuses: ["todo"] }),
      200,
    );
    await markEnded(api, first.run.id);
    const run = (await expectStatus(api.call("POST", `/api/agents/${first.agent.id}/wakeup`, { body: {} }), 202)).body;
    await markRunning(api, { id: run.id, agentId: first.agent.id });
    const second = { key: await anAgentKey(api, first.agent.id), headers: { "x-wakefleet-run-id": run.id } };
    expect((await expectStatus(patch(issue.id, { title: "taken over" }, second), 200)).body.checkoutRunId).toBe(run.id);
  });

  it("CO-21a, CO-25, CO-32 an agent only as itself and in a run; the board without one (08-55)", async () => {
    const { agent, call } = await aWorker();
    const other = await company.agent();
    const issue = await company.issue({ status: "todo", assigneeUserId: "ann" });
    const as = await expectStatus(
      call("POST", issuePath(issue.id, "/checkout"), { agentId: other.id, expectedStatuses: ["todo"] }),
      403,
    );
    expect(as.body.error).toBe("Agent can only checkout as itself");
    const body = { agentId: agent.id, expectedStatuses: ["todo"] };
    const noRun = await expectStatus(
      api.call("POST", issuePath(issue.id, "/checkout"), { key: await anAgentKey(api, agent.id), body }),
      401,
    );
    expect(noRun.body.error).toBe("Agent run id required");
    // A user's issue is not an agent's to take.
    const refused = await expectStatus(call("POST", issuePath(issue.id, "/checkout"), body), 409);
    expect(refused.body.error).toBe("Issue checkout conflict");
    const taken = (await expectStatus(api.call("POST", issuePath(issue.id, "/checkout"), { body }), 200)).body;
    expect(taken).toMatchObject({
      status: "in_progress",
      assigneeAgentId: agent.id,
      assigneeUserId: null,
      checkoutRunId: null,
      executionRunId: null,
    });
    await expectStatus(
      api.call("POST", issuePath(issue.id, "/checkout"), { body: { ...body, expectedStatuses: [] } }),
      400,
    );
  });

  it("CO-20, CO-21b, CO-3 no such issue, no such agent, and agents that take no work", async () => {
    const issue = await company.issue({ status: "todo" });
    const [gone, foreign] = [await company.agent(), await (await aCompany(api)).agent()];
    await expectStatus(api.call("POST", `/api/agents/${gone.id}/terminate`), 200);
    const unknown = "00000000-0000-4000-8000-000000000000";
    const checkout = (id: string, agentId: string): Promise<Reply> =>
      api.call("POST", issuePath(id, "/checkout"), { body: { agentId, expectedStatuses: ["todo"] } });
    const cases: [string, string, number, string][] = [
      [unknown, gone.id, 404, "Issue not found"],
      [issue.id, unknown, 404, "Assignee agent not found"],
      [issue.id, foreign.id, 422, "Assignee must belong to same company"],
      [issue.id, gone.id, 409, "Cannot assign work to terminated agents"],
    ];
    for (const [id, agentId, status, error] of cases) {
      expect((await expectStatus(checkout(id, agentId), status)).body.error).toBe(error);
    }
    expect((await api.call("GET", issuePath(issue.id))).body).toMatchObject({ status: "todo", assigneeAgentId: null });
  });

  it("CO-12 a run of another agent opens nothing (08-35)", async () => {
    const [owner, other] = [await aWorker(), await aWorker()];
    const issue = await company.issue({ status: "todo" });
    const body = { agentId: owner.agent.id, expectedStatuses: ["todo"] };
    await expectStatus(owner.call("POST", issuePath(issue.id, "/checkout"), body), 200);
    const key = await anAgentKey(api, owner.agent.id);
    const bare = await expectStatus(patch(issue.id, { title: "x" }, { key }), 401);
    expect(bare.body.error).toBe("Agent run id required");
    const forged = await expectStatus(
      patch(issue.id, { title: "x" }, { key, headers: { "x-wakefleet-run-id": other.run.id } }),
      403,
    );
    expect(forged.body.error).toBe("Run id does not belong to this agent");
    expect((await api.call("GET", issuePath(issue.id))).body.title).toBe(issue.title);
  });

  it("CO-21 a paused project (02-40)", async () => {
    const agent = await company.agent();
    const [project] = await api.db.sql.query<{ id: string }>(
      "INSERT INTO projects (company_id, name, paused_at, pause_reason) VALUES ($1, 'P', now(), 'budget') RETURNING id",
      [company.id],
    );
    const issue = await company.issue({ status: "todo", projectId: project?.id });
    const body = { agentId: agent.id, expectedStatuses: ["todo"] };
    const reply = await expectStatus(api.call("POST", issuePath(issue.id, "/checkout"), { body }), 409);
    expect(reply.body.error).toBe("Project is paused because its budget hard-stop was reached");
  });

  it("CO-35 only the assignee releases", async () => {
    const issue = await company.issue();
    const { call } = await aWorker();
    expect((await expectStatus(call("POST", issuePath(issue.id, "/release")), 409)).body.error).toBe(
      "Only assignee can release issue",
    );
  });
});

describe("API-158 to API-160 comments", () => {
  it("CO-40 stores who, in which run, and tells the log", async () => {
    const { agent, run, call } = await aWorker();
    const issue = await company.issue({ assigneeAgentId: agent.id, status: "todo" });
    await api.db.sql.query("UPDATE heartbeat_runs SET error_code = 'process_detached', error = 'x' WHERE id = $1", [
      run.id,
    ]);
    const made = (
      await expectStatus(
        call("POST", issuePath(issue.id, "/comments"), { body: `line\\nbreak ${"y".repeat(200)}` }),
        201,
      )
    ).body;
    expect(made).toMatchObject({
      authorAgentId: agent.id,
      authorUserId: null,
      createdByRunId: run.id,
      body: expect.stringMatching(/^line\nbreak/),
    });
    const [row] = (await api.call("GET", issuePath(issue.id, "/activity?limit=1"))).body;
    expect(row).toMatchObject({
      action: "issue.comment_added",
      runId: run.id,
      agentId: agent.id,
      details: { commentId: made.id, issueTitle: "An issue" },
    });
    expect(row.details.bodySnippet).toHaveLength(120);
    expect((await api.call("GET", `/api/heartbeat-runs/${run.id}`)).body.errorCode).toBeNull();
    expect((await expectStatus(api.call("GET", issuePath(issue.id, `/comments/${made.id}`)), 200)).body).toEqual(made);
    expect((await expectStatus(api.call("GET", issuePath(issue.id, "/comments/x")), 404)).body.error).toBe(
      "Comment not found",
    );
  });

  it("API-158 pages by anchor in both orders", async () => {
    const issue = await company.issue();
    const ids: string[] = [];
    for (const body of ["1", "2", "3"])
      ids.push(
        (await expectStatus(api.call("POST", issuePath(issue.id, "/comments"), { body: { body } }), 201)).body.id,
      );
    const bodies = async (query: string): Promise<string[]> =>
      (await expectStatus(api.call("GET", issuePath(issue.id, `/comments?${query}`)), 200)).body.map(
        (comment: Json) => comment.body,
      );
    expect(await bodies("")).toEqual(["3", "2", "1"]);
    expect(await bodies(`order=asc&after=${ids[0]}`)).toEqual(["2", "3"]);
    expect(await bodies(`afterCommentId=${ids[2]}&limit=1`)).toEqual(["2"]);
    expect(await bodies("after=00000000-0000-4000-8000-000000000000")).toEqual([]);
  });

  it("CO-42 a person's comment reopens, an agent's does not (08-40)", async () => {
    const { agent, call } = await aWorker();
    const issue = await company.issue({ assigneeAgentId: agent.id, status: "done" });
    await expectStatus(call("POST", issuePath(issue.id, "/comments"), { body: "me" }), 201);
    expect((await api.call("GET", issuePath(issue.id))).body.status).toBe("done");
    await expectStatus(api.call("POST", issuePath(issue.id, "/comments"), { body: { body: "you" } }), 201);
    expect((await api.call("GET", issuePath(issue.id))).body).toMatchObject({ status: "todo", completedAt: null });
    const reopened = (await api.call("GET", issuePath(issue.id, "/activity"))).body.find(
      (row: Json) => row.details?.reopened === true,
    );
    expect(reopened.details).toMatchObject({ reopenedFrom: "done", source: "comment" });
    const blocker = await company.issue();
    const blocked = await company.issue({
      assigneeAgentId: agent.id,
      status: "blocked",
      blockedByIssueIds: [blocker.id],
    });
    await expectStatus(api.call("POST", issuePath(blocked.id, "/comments"), { body: { body: "?" } }), 201);
    expect((await api.call("GET", issuePath(blocked.id))).body.status).toBe("blocked");
    const unassigned = await company.issue({ status: "done" });
    await expectStatus(patch(unassigned.id, { comment: "hm" }), 200);
    expect((await api.call("GET", issuePath(unassigned.id))).body.status).toBe("done");
    expect((await expectStatus(patch(unassigned.id, { comment: "again", reopen: true }), 200)).body).toMatchObject({
      status: "todo",
      comment: { body: "again" },
    });
  });

  it.each<[string, Json, Json, string]>([
    ["a person on done", { status: "done" }, {}, "todo"],
    ["a person on cancelled", { status: "cancelled" }, {}, "todo"],
    ["a person on blocked without blockers", { status: "blocked" }, {}, "todo"],
    ["a person on an open issue", { status: "in_review" }, {}, "in_review"],
    ["the PATCH names a status", { status: "done" }, { status: "cancelled" }, "cancelled"],
    ["the PATCH names the status it has", { status: "done" }, { status: "done" }, "done"],
    ["the PATCH takes the assignee away", { status: "done" }, { assigneeAgentId: null }, "done"],
  ])("API-154 a comment in a PATCH: %s", async (_, made, change, status) => {
    const agent = await company.agent();
    const issue = await company.issue({ assigneeAgentId: agent.id, ...made });
    expect((await expectStatus(patch(issue.id, { comment: "and?", ...change }), 200)).body.status).toBe(status);
  });

  it("API-154 the assignee counts as the PATCH leaves it; an agent moves its issue only when it asks to", async () => {
    const { agent, call } = await aWorker();
    const free = await company.issue({ status: "done" });
    expect((await expectStatus(patch(free.id, { comment: "?", assigneeAgentId: agent.id }), 200)).body.status).toBe(
      "todo",
    );
    const own = await company.issue({ assigneeAgentId: agent.id, status: "done" });
    const says = async (body: object): Promise<string> =>
      (await expectStatus(call("PATCH", issuePath(own.id), body), 200)).body.status;
    expect(await says({ comment: "noted" })).toBe("done");
    expect(await says({ comment: "again", reopen: true })).toBe("todo");
    await expectStatus(patch(own.id, { status: "done" }), 200);
    expect(await says({ comment: "and again", resume: true })).toBe("todo");
  });

  it("CO-44, API-152 follow-ups that are refused (08-41)", async () => {
    const { agent, call } = await aWorker();
    const cases: [string, string][] = [
      ["cancelled", "Cancelled issues must be restored through the dedicated restore flow"],
      ["backlog", "Issue is not resumable through comment follow-up intent"],
      ["in_review", "Issue is not resumable through comment follow-up intent"],
    ];
    for (const [status, error] of cases) {
      const issue = await company.issue({ assigneeAgentId: agent.id, status });
      const reply = await expectStatus(
        api.call("POST", issuePath(issue.id, "/comments"), { body: { body: "go on", resume: true } }),
        409,
      );
      expect(reply.body.error).toBe(error);
      expect((await api.call("GET", issuePath(issue.id, "/comments"))).body).toEqual([]);
    }
    const issue = await company.issue({ status: "done" });
    expect((await expectStatus(patch(issue.id, { resume: true }), 400)).body.error).toBe(
      "Follow-up intent requires a comment",
    );
    expect((await expectStatus(patch(issue.id, { interrupt: true }), 400)).body.error).toBe(
      "Interrupt is only supported when posting a comment",
    );
    expect(
      (await expectStatus(call("POST", issuePath(issue.id, "/comments"), { body: "x", interrupt: true }), 403)).body
        .error,
    ).toBe("Only board users can interrupt active runs from issue comments");
    expect(
      (await expectStatus(call("POST", issuePath(issue.id, "/comments"), { body: "x", resume: true }), 409)).body.error,
    ).toBe("Issue follow-up requires an assigned agent");
  });

  it("CO-46 interrupt asks the running run to stop", async () => {
    const { agent } = await aWorker();
    const issue = await company.issue({ assigneeAgentId: agent.id, status: "todo" });
    const run = (
      await expectStatus(
        api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: { payload: { issueId: issue.id } } }),
        202,
      )
    ).body;
    await markRunning(api, { id: run.id, agentId: agent.id });
    await expectStatus(
      api.call("POST", issuePath(issue.id, "/comments"), { body: { body: "stop", interrupt: true } }),
      201,
    );
    expect((await api.call("GET", `/api/heartbeat-runs/${run.id}`)).body.cancelRequestedAt).not.toBeNull();
  });

  it("CO-13 a run about the issue may comment though another is assigned", async () => {
    const [owner, asked] = [await aWorker(), await aWorker()];
    const issue = await company.issue({ assigneeAgentId: owner.agent.id, status: "todo" });
    await expectStatus(asked.call("POST", issuePath(issue.id, "/comments"), { body: "x" }), 403);
    await api.db.sql.query("UPDATE heartbeat_runs SET issue_id = $2 WHERE id = $1", [asked.run.id, issue.id]);
    await expectStatus(asked.call("POST", issuePath(issue.id, "/comments"), { body: "an answer" }), 201);
    await expectStatus(asked.call("PATCH", issuePath(issue.id), { title: "x" }), 403);
  });
});
