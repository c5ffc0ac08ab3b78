/** Review and approval stages over HTTP (EP-1 to EP-23, W3, W4; 08 checks 42 to 44), and the order of waiting runs (QU-3). */
import { closeRedis, connectRedis, silentLog } from "@wakefleet/queue";
import { testRedisUrl } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anAgentInRun, type InRun, onlyRequest, requestsOf } from "./issue-support.js";
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
const patch = (id: string, body: object): Promise<Reply> => api.call("PATCH", at(id), { body });
const lastRequest = async (agentId: string, issueId: string): Promise<Json> =>
  (await requestsOf(api, agentId, issueId)).at(-1);

interface Story {
  readonly executor: InRun;
  readonly reviewer: Json;
  readonly approver: string;
  readonly issue: Json;
}

/** An issue in progress at its executor, with a review by an agent and an approval by a person. */
async function aStory(): Promise<Story> {
  const executor = await anAgentInRun(api, company);
  const reviewer = await company.agent();
  const made = await company.issue();
  const approver = made.createdByUserId as string;
  const issue = (
    await expectStatus(
      patch(made.id, {
        status: "todo",
        executionPolicy: {
          stages: [
            { type: "review", participants: [{ type: "agent", agentId: reviewer.id }] },
            { type: "approval", participants: [{ type: "user", userId: approver }] },
          ],
        },
      }),
      200,
    )
  ).body;
  await expectStatus(
    executor.call("POST", at(issue.id, "/checkout"), { agentId: executor.agent.id, expectedStatuses: ["todo"] }),
    200,
  );
  return { executor, reviewer, approver, issue };
}

/** The agent's run about an issue, as if a worker had claimed it, and how the agent calls in it. */
async function inItsRun(agent: Json, runId: string): Promise<(body: object, id: string) => Promise<Reply>> {
  await markRunning(api, { id: runId, agentId: agent.id });
  const key = await anAgentKey(api, agent.id);
  return (body, id) => api.call("PATCH", at(id), { key, headers: { "x-wakefleet-run-id": runId }, body });
}

describe("EP-11 to EP-15, W3, W4", () => {
  it("08-42, 08-43 hand-over, refusal without a comment, approval, changes asked for, done", async () => {
    const { executor, reviewer, approver, issue } = await aStory();
    const mention = `[you](agent://${reviewer.id}) please`;
    const handed = (await expectStatus(executor.call("PATCH", at(issue.id), { status: "done", comment: mention }), 200))
      .body;
    expect(handed).toMatchObject({
      status: "in_review",
      assigneeAgentId: reviewer.id,
      checkoutRunId: null,
      executionState: { status: "pending", currentStageType: "review", returnAssignee: { agentId: executor.agent.id } },
    });
    // One wake, the stage's, though the comment mentions the reviewer (CO-62).
    const asked = await onlyRequest(api, reviewer.id, issue.id);
    expect(asked.payload).toMatchObject({ mutation: "update", commentId: handed.comment.id });
    expect(asked.context).toMatchObject({
      wakeReason: "execution_review_requested",
      source: "issue.execution_stage",
      executionStage: { wakeRole: "reviewer", stageType: "review", allowedActions: ["approve", "request_changes"] },
      wakeCommentId: handed.comment.id,
    });
    const only = "Only the active reviewer or approver can advance the current execution stage";
    expect((await expectStatus(patch(issue.id, { status: "done" }), 422)).body.error).toBe(only);

    const review = await inItsRun(reviewer, asked.runId as string);
    expect((await expectStatus(review({ status: "done" }, issue.id), 422)).body.error).toBe(
      "Approving a review or approval stage requires a comment",
    );
    const approved = (await expectStatus(review({ status: "done", comment: "fine" }, issue.id), 200)).body;
    expect(approved).toMatchObject({
      status: "in_review",
      assigneeAgentId: null,
      assigneeUserId: approver,
      executionState: { currentStageType: "approval", lastDecisionOutcome: "approved" },
    });
    const before = await requestsOf(api, executor.agent.id, issue.id);
    expect((await expectStatus(patch(issue.id, { status: "in_progress" }), 422)).body.error).toBe(
      "Requesting changes requires a comment",
    );
    const back = (await expectStatus(patch(issue.id, { status: "in_progress", comment: "not yet" }), 200)).body;
    expect(back).toMatchObject({
      status: "in_progress",
      assigneeAgentId: executor.agent.id,
      executionState: { status: "changes_requested", lastDecisionOutcome: "changes_requested" },
    });
    expect(await requestsOf(api, executor.agent.id, issue.id)).toHaveLength(before.length + 1);
    const wake = await lastRequest(executor.agent.id, issue.id);
    expect(wake.context).toMatchObject({
      wakeReason: "execution_changes_requested",
      executionStage: { wakeRole: "executor", allowedActions: ["address_changes", "resubmit"] },
    });

    // The reviewer's run is over; nobody lives that holds the issue.
    await markEnded(api, asked.runId as string);
    await expectStatus(executor.call("PATCH", at(issue.id), { status: "done" }), 200);
    const finished = (await expectStatus(patch(issue.id, { status: "done", comment: "now" }), 200)).body;
    expect(finished).toMatchObject({ status: "done", executionState: { status: "completed" } });
    const decisions = await api.db.sql.query<Json>(
      `SELECT id, stage_type AS type, outcome, body, actor_agent_id AS agent, actor_user_id AS "user", created_by_run_id AS run
         FROM issue_execution_decisions WHERE issue_id = $1 ORDER BY created_at`,
      [issue.id],
    );
    expect(decisions).toMatchObject([
      { type: "review", outcome: "approved", body: "fine", agent: reviewer.id, user: null, run: asked.runId },
      { type: "approval", outcome: "changes_requested", body: "not yet", agent: null, user: approver },
      { type: "approval", outcome: "approved", body: "now" },
    ]);
    expect(finished.executionState.lastDecisionId).toBe(decisions[2].id);
  });

  it("08-44, EP-3, CL-12 another reviewer while the first one's run waits: it is cancelled, the new one is woken", async () => {
    const { executor, reviewer, issue } = await aStory();
    await expectStatus(executor.call("PATCH", at(issue.id), { status: "in_review" }), 200);
    const first = await onlyRequest(api, reviewer.id, issue.id);
    const next = await company.agent();
    const stages = issue.executionPolicy.stages.map((stage: Json, index: number) =>
      index === 0 ? { ...stage, participants: [{ type: "agent", agentId: next.id }] } : stage,
    );
    const changed = (await expectStatus(patch(issue.id, { executionPolicy: { stages } }), 200)).body;
    expect(changed).toMatchObject({ status: "in_review", assigneeAgentId: next.id });
    expect((await api.call("GET", `/api/heartbeat-runs/${first.runId}`)).body).toMatchObject({
      status: "cancelled",
      errorCode: "issue_review_participant_changed",
    });
    expect(await onlyRequest(api, next.id, issue.id)).toMatchObject({
      status: "queued",
      context: { wakeReason: "execution_review_requested" },
    });
  });

  it("EP-12.6 an operator's cancelled is always allowed and clears the state; EP-11.1 so does taking the policy away", async () => {
    const one = await aStory();
    await expectStatus(one.executor.call("PATCH", at(one.issue.id), { status: "in_review" }), 200);
    expect((await expectStatus(patch(one.issue.id, { status: "cancelled" }), 200)).body).toMatchObject({
      status: "cancelled",
      executionState: null,
    });
    const two = await aStory();
    await expectStatus(two.executor.call("PATCH", at(two.issue.id), { status: "in_review" }), 200);
    expect((await expectStatus(patch(two.issue.id, { executionPolicy: null }), 200)).body).toMatchObject({
      status: "in_progress",
      assigneeAgentId: two.executor.agent.id,
      executionState: null,
      executionPolicy: null,
    });
  });

  it("CO-45 a comment that reopens clears the state", async () => {
    const { executor, issue } = await aStory();
    await api.db.sql.query(
      `UPDATE issues SET status = 'done', checkout_run_id = NULL, execution_run_id = NULL,
              execution_state = '{"status":"completed","completedStageIds":[]}' WHERE id = $1`,
      [issue.id],
    );
    await expectStatus(api.call("POST", at(issue.id, "/comments"), { body: { body: "again" } }), 201);
    expect((await api.call("GET", at(issue.id))).body).toMatchObject({ status: "todo", executionState: null });
    expect((await lastRequest(executor.agent.id, issue.id)).payload).toMatchObject({ reopenedFrom: "done" });
  });

  it("EP-15 a review request is for a pending stage; EP-2, API-150 what a policy may be", async () => {
    const { executor, reviewer, issue } = await aStory();
    const reviewRequest = { instructions: "mind the edges" };
    expect((await expectStatus(executor.call("PATCH", at(issue.id), { reviewRequest }), 422)).body.error).toBe(
      "reviewRequest requires an active review or approval stage",
    );
    await expectStatus(executor.call("PATCH", at(issue.id), { status: "in_review", reviewRequest }), 200);
    expect((await onlyRequest(api, reviewer.id, issue.id)).payload.executionStage).toMatchObject({ reviewRequest });

    const plain = await company.issue();
    const stage = (participants: object[]): object => ({
      executionPolicy: { stages: [{ type: "review", participants }] },
    });
    const bad = await expectStatus(patch(plain.id, stage([{ type: "agent", userId: "ann" }])), 400);
    expect(bad.body.details.map((one: Json) => one.message)).toContain("Agent participants require agentId");
    const foreign = await (await aCompany(api)).agent();
    const refused = await expectStatus(patch(plain.id, stage([{ type: "agent", agentId: foreign.id }])), 422);
    expect(refused.body.error).toBe("Invalid execution policy");
    const twice = { type: "user", userId: "ann" };
    const kept = (await expectStatus(patch(plain.id, stage([twice, twice])), 200)).body;
    expect(kept.executionPolicy).toMatchObject({ mode: "normal", commentRequired: true });
    expect(kept.executionPolicy.stages[0].participants).toHaveLength(1);
    expect((await expectStatus(patch(plain.id, stage([])), 200)).body.executionPolicy).toBeNull();
  });

  it("EP-15 two decisions at once: the second meets the state the first left", async () => {
    const { executor, reviewer, issue } = await aStory();
    await expectStatus(executor.call("PATCH", at(issue.id), { status: "in_review" }), 200);
    const { runId } = await onlyRequest(api, reviewer.id, issue.id);
    const review = await inItsRun(reviewer, runId as string);
    const replies = await Promise.all([
      review({ status: "done", comment: "yes" }, issue.id),
      review({ status: "todo", comment: "no" }, issue.id),
    ]);
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(1);
    const [row] = await api.db.sql.query<{ n: number }>(
      "SELECT count(*) AS n FROM issue_execution_decisions WHERE issue_id = $1",
      [issue.id],
    );
    expect(row?.n).toBe(1);
  });
});

it("EP-1 the state is answered whole, and a stored value of another shape as null", async () => {
  const { executor, reviewer, issue } = await aStory();
  await expectStatus(executor.call("PATCH", at(issue.id), { status: "in_review" }), 200);
  const [review] = issue.executionPolicy.stages;
  const stateOf = async (): Promise<Json> =>
    (await expectStatus(api.call("GET", at(issue.id)), 200)).body.executionState;
  const state = {
    status: "pending",
    currentStageId: review.id,
    currentStageIndex: 0,
    currentStageType: "review",
    currentParticipant: { type: "agent", agentId: reviewer.id },
    returnAssignee: { type: "agent", agentId: executor.agent.id },
    reviewRequest: null,
    completedStageIds: [],
    lastDecisionId: null,
    lastDecisionOutcome: null,
  };
  expect(await stateOf()).toEqual(state);
  const store = (value: object): Promise<unknown> =>
    api.db.sql.query("UPDATE issues SET execution_state = $2::jsonb WHERE id = $1", [issue.id, JSON.stringify(value)]);
  for (const other of [{}, { ...state, status: "waiting" }, { ...state, reviewRequest: { instructions: "" } }]) {
    await store(other);
    expect(await stateOf()).toBeNull();
  }
  await store({ ...state, reviewRequest: { instructions: "x".repeat(20_001) } });
  expect(await stateOf()).toBeNull();
  await store({ ...state, reviewRequest: { instructions: "x".repeat(20_000) } });
  expect(await stateOf()).toMatchObject({ status: "pending" });
});

describe("QU-3 the order of waiting runs", () => {
  let redis: ReturnType<typeof connectRedis>;
  beforeAll(() => {
    redis = connectRedis({ url: testRedisUrl(), name: "test", log: silentLog });
  });
  afterAll(() => closeRedis(redis));

  /** The agent's waiting runs in the order of its queue, by the titles of their issues. */
  async function orderOf(agentId: string): Promise<string[]> {
    const { body } = await expectStatus(
      api.call("GET", `/api/companies/${company.id}/heartbeat-runs?agentId=${agentId}`),
      200,
    );
    const titles = new Map<string, string>();
    for (const run of body) {
      const { issueId } = (await api.call("GET", `/api/heartbeat-runs/${run.id}`)).body.contextSnapshot;
      titles.set(run.id, (await api.call("GET", at(issueId))).body.title);
    }
    const ids = await queuedIds(agentId);
    return ids.map((id) => titles.get(id) ?? id);
  }

  async function queuedIds(agentId: string): Promise<string[]> {
    const [key] = await redis.keys(`${api.prefix}*${agentId}*:prioritized`);
    return key === undefined ? [] : await redis.zrange(key, "0", "-1");
  }

  it("QU-3 status, priority and blockers move the job, and among equals it keeps its place", async () => {
    const agent = await company.agent();
    const make = (title: string, body: object = {}): Promise<Json> =>
      company.issue({ title, status: "todo", priority: "medium", assigneeAgentId: agent.id, ...body });
    const [a, b, c] = [await make("a"), await make("b"), await make("c")];
    const settled = async (order: string[]): Promise<void> => {
      await expect.poll(() => orderOf(agent.id), { timeout: 10_000 }).toEqual(order);
    };
    await settled(["a", "b", "c"]);
    await expectStatus(patch(c.id, { priority: "critical" }), 200);
    await settled(["c", "a", "b"]);
    await expectStatus(patch(a.id, { priority: "critical" }), 200);
    // Among equals first come, first served: a came before c.
    await settled(["a", "c", "b"]);
    await expectStatus(patch(b.id, { status: "in_progress" }), 200);
    await settled(["b", "a", "c"]);
    const blocker = await company.issue({ title: "blocker" });
    await expectStatus(patch(a.id, { blockedByIssueIds: [blocker.id] }), 200);
    await settled(["b", "c", "a"]);
    await expectStatus(patch(blocker.id, { status: "done" }), 200);
    await settled(["b", "a", "c"]);
  });
});
