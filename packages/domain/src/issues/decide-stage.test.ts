/** Review and approval stages: EP-2, EP-11 to EP-15, one row a rule, and laws over whole stories. */
import type { ExecutionPolicy, ExecutionState, PrincipalRef } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { decideStage, type StageDecision, type StageFacts } from "./decide-stage.js";
import { settleExecutionPolicy } from "./execution-policy.js";

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const agent = (n: number): PrincipalRef => ({ type: "agent", agentId: id(n) });
const user = (userId: string): PrincipalRef => ({ type: "user", userId });
const EXECUTOR = agent(1);
const REVIEWER = agent(2);
const APPROVER = user("ann");
const participant = (one: PrincipalRef, n: number) => ({
  id: id(n),
  type: one.type,
  agentId: one.type === "agent" ? one.agentId : null,
  userId: one.type === "user" ? one.userId : null,
});
const REVIEW = id(51);
const APPROVAL = id(52);
const policy: ExecutionPolicy = {
  mode: "normal",
  commentRequired: true,
  stages: [
    { id: REVIEW, type: "review", approvalsNeeded: 1, participants: [participant(REVIEWER, 61)] },
    { id: APPROVAL, type: "approval", approvalsNeeded: 1, participants: [participant(APPROVER, 62)] },
  ],
};
const pendingReview: ExecutionState = {
  status: "pending",
  currentStageId: REVIEW,
  currentStageIndex: 0,
  currentStageType: "review",
  currentParticipant: REVIEWER,
  returnAssignee: EXECUTOR,
  reviewRequest: null,
  completedStageIds: [],
  lastDecisionId: null,
  lastDecisionOutcome: null,
};
const facts = (over: Partial<StageFacts> = {}): StageFacts => ({
  policy,
  state: null,
  issue: { status: "in_progress", assignee: EXECUTOR },
  asked: {},
  actor: EXECUTOR,
  isOperator: false,
  hasComment: false,
  ...over,
});
const inReview = (over: Partial<StageFacts> = {}): StageFacts =>
  facts({ state: pendingReview, issue: { status: "in_review", assignee: REVIEWER }, actor: REVIEWER, ...over });
const refused = (message: string): object => ({ kind: "refuse", message });

describe("EP-13 handing over", () => {
  it.each(["done", "in_review"] as const)("%s pends the first stage on its participant", (status) => {
    expect(decideStage(facts({ asked: { status } }))).toMatchObject({
      kind: "change",
      rule: "EP-13",
      status: "in_review",
      assignee: REVIEWER,
      state: { status: "pending", currentStageId: REVIEW, currentParticipant: REVIEWER, returnAssignee: EXECUTOR },
    });
  });
  it("nobody reviews his own work: a lone reviewer who executes is skipped on done, and refused on in_review", () => {
    const own = facts({ issue: { status: "in_progress", assignee: REVIEWER }, actor: REVIEWER });
    expect(decideStage({ ...own, asked: { status: "done" } })).toMatchObject({
      status: "in_review",
      assignee: APPROVER,
      state: { currentStageId: APPROVAL, completedStageIds: [REVIEW] },
    });
    expect(decideStage({ ...own, asked: { status: "in_review" } })).toMatchObject(
      refused("No eligible review participant is configured for this issue"),
    );
  });
  it("all skipped: done goes through, state completed", () => {
    const only: ExecutionPolicy = { ...policy, stages: policy.stages.slice(0, 1) };
    const decision = decideStage(
      facts({ policy: only, issue: { status: "in_progress", assignee: REVIEWER }, asked: { status: "done" } }),
    );
    expect(decision).toMatchObject({ kind: "change", state: { status: "completed", completedStageIds: [REVIEW] } });
    expect(decision).not.toHaveProperty("status");
  });
  it("after changes it is the same stage and the former participant", () => {
    const state: ExecutionState = {
      ...pendingReview,
      status: "changes_requested",
      lastDecisionOutcome: "changes_requested",
    };
    expect(decideStage(facts({ state, asked: { status: "done" } }))).toMatchObject({
      assignee: REVIEWER,
      state: { status: "pending", currentStageId: REVIEW },
    });
  });
  it("EP-14 anything else has no effect", () => {
    expect(decideStage(facts({ asked: { status: "blocked" } }))).toEqual({ kind: "none" });
    expect(decideStage(facts({ policy: null, asked: { status: "done" } }))).toEqual({ kind: "none" });
  });
});

describe("EP-12 while a stage is pending", () => {
  it("EP-12.3 the participant approves with a comment; the next stage is pended, at last the issue is done", () => {
    expect(decideStage(inReview({ asked: { status: "done" } }))).toMatchObject(
      refused("Approving a review or approval stage requires a comment"),
    );
    const first = decideStage(inReview({ asked: { status: "done" }, hasComment: true }));
    expect(first).toMatchObject({
      rule: "EP-12.3",
      status: "in_review",
      assignee: APPROVER,
      state: { currentStageId: APPROVAL, completedStageIds: [REVIEW], returnAssignee: EXECUTOR },
      decision: { outcome: "approved", stageId: REVIEW, stageType: "review" },
    });
    const state = (first as Extract<StageDecision, { kind: "change" }>).state;
    const last = decideStage(
      inReview({
        state,
        issue: { status: "in_review", assignee: APPROVER },
        actor: APPROVER,
        asked: { status: "done" },
        hasComment: true,
      }),
    );
    expect(last).toMatchObject({
      status: "done",
      state: { status: "completed", completedStageIds: [REVIEW, APPROVAL] },
      decision: { outcome: "approved", stageId: APPROVAL, stageType: "approval" },
    });
  });
  it("EP-12.4 any other status asks for changes, with a comment and somebody to return to", () => {
    expect(decideStage(inReview({ asked: { status: "in_progress" } }))).toMatchObject(
      refused("Requesting changes requires a comment"),
    );
    const state: ExecutionState = { ...pendingReview, returnAssignee: null };
    expect(decideStage(inReview({ state, asked: { status: "todo" }, hasComment: true }))).toMatchObject(
      refused("This execution stage has no return assignee"),
    );
    expect(decideStage(inReview({ asked: { status: "todo" }, hasComment: true }))).toMatchObject({
      status: "in_progress",
      assignee: EXECUTOR,
      state: { status: "changes_requested", currentStageId: REVIEW, currentParticipant: REVIEWER },
      decision: { outcome: "changes_requested" },
    });
  });
  it("EP-12.6 nobody else moves it on; an operator may always cancel, which clears the state", () => {
    const only = "Only the active reviewer or approver can advance the current execution stage";
    for (const asked of [{ status: "done" } as const, { status: "todo" } as const, { assignee: agent(9) }]) {
      expect(decideStage(inReview({ actor: EXECUTOR, asked, hasComment: true }))).toMatchObject(refused(only));
    }
    const operator = inReview({ actor: user("op"), isOperator: true });
    expect(decideStage({ ...operator, asked: { status: "done" }, hasComment: true })).toMatchObject(refused(only));
    expect(decideStage({ ...operator, asked: { status: "cancelled" } })).toEqual({
      kind: "change",
      rule: "EP-12.6",
      state: null,
    });
  });
  it("EP-12.5 what drifted is pended again", () => {
    expect(decideStage(inReview({ issue: { status: "todo", assignee: EXECUTOR }, actor: EXECUTOR }))).toMatchObject({
      rule: "EP-12.5",
      status: "in_review",
      assignee: REVIEWER,
    });
  });
  it("EP-12.2 a participant that left the stage is replaced, never by whoever executes", () => {
    const other = agent(7);
    const changed: ExecutionPolicy = {
      ...policy,
      stages: [
        {
          ...(policy.stages[0] as ExecutionPolicy["stages"][number]),
          participants: [participant(EXECUTOR, 71), participant(other, 72)],
        },
      ],
    };
    expect(decideStage(inReview({ policy: changed, actor: EXECUTOR }))).toMatchObject({
      rule: "EP-12.2",
      assignee: other,
      state: { currentParticipant: other },
    });
  });
  it("EP-12.1 no participant at all is refused", () => {
    const nobody: ExecutionPolicy = {
      ...policy,
      stages: [
        { ...(policy.stages[0] as ExecutionPolicy["stages"][number]), participants: [participant(EXECUTOR, 71)] },
      ],
    };
    const state: ExecutionState = { ...pendingReview, currentParticipant: null };
    expect(decideStage(inReview({ policy: nobody, state, actor: EXECUTOR }))).toMatchObject(
      refused("No eligible review participant is configured for this issue"),
    );
  });
});

describe("EP-11 stages that end", () => {
  it("EP-11.1 without a policy the state is cleared, and work in review goes back", () => {
    expect(decideStage(inReview({ policy: null }))).toEqual({
      kind: "change",
      rule: "EP-11.1",
      state: null,
      status: "in_progress",
      assignee: EXECUTOR,
    });
  });
  it("EP-11.2 leaving a terminal status clears the state", () => {
    const state: ExecutionState = { ...pendingReview, status: "completed", currentStageId: null };
    expect(
      decideStage(facts({ state, issue: { status: "done", assignee: EXECUTOR }, asked: { status: "todo" } })),
    ).toEqual({ kind: "change", rule: "EP-11.2", state: null });
  });
  it("EP-11.3 a stage that is gone from the policy ends; with a status asked nothing else moves", () => {
    const shorter: ExecutionPolicy = { ...policy, stages: policy.stages.slice(1) };
    expect(decideStage(inReview({ policy: shorter }))).toMatchObject({
      rule: "EP-11.3",
      status: "in_progress",
      state: null,
    });
    expect(decideStage(inReview({ policy: shorter, asked: { status: "blocked" } }))).toEqual({
      kind: "change",
      rule: "EP-11.3",
      state: null,
    });
  });
});

it("EP-15 a review request needs a pending stage and is kept with it", () => {
  const reviewRequest = { instructions: "mind the edges" };
  expect(decideStage(facts({ reviewRequest }))).toMatchObject(
    refused("reviewRequest requires an active review or approval stage"),
  );
  expect(decideStage(facts({ reviewRequest, asked: { status: "in_review" } }))).toMatchObject({
    state: { reviewRequest },
  });
  expect(decideStage(inReview({ reviewRequest, actor: EXECUTOR }))).toMatchObject({
    rule: "EP-15",
    state: { reviewRequest },
  });
  expect(decideStage(facts({ reviewRequest: null }))).toEqual({ kind: "none" });
});

describe("EP-2 storing a policy", () => {
  const newId = (() => {
    let n = 900;
    return () => {
      n += 1;
      return id(n);
    };
  })();
  it("makes ids, drops duplicates and empty stages", () => {
    const sent = {
      stages: [
        { type: "review" as const, participants: [] },
        {
          type: "approval" as const,
          participants: [
            { type: "agent" as const, agentId: id(2).toUpperCase() },
            { type: "agent" as const, agentId: id(2) },
            { type: "user" as const, userId: "ann" },
          ],
        },
      ],
    };
    expect(settleExecutionPolicy(sent, newId)).toMatchObject({
      kind: "policy",
      policy: {
        mode: "normal",
        commentRequired: true,
        stages: [
          {
            type: "approval",
            participants: [
              { agentId: id(2), userId: null },
              { agentId: null, userId: "ann" },
            ],
          },
        ],
      },
    });
  });
  it("no stages are no policy; two stages of one id are refused", () => {
    expect(settleExecutionPolicy({ stages: [] }, newId)).toEqual({ kind: "policy", policy: null });
    expect(settleExecutionPolicy(null, newId)).toEqual({ kind: "policy", policy: null });
    const stage = { id: REVIEW, type: "review" as const, participants: [{ type: "user" as const, userId: "ann" }] };
    expect(settleExecutionPolicy({ stages: [stage, stage] }, newId)).toEqual({ kind: "invalid" });
  });
});
