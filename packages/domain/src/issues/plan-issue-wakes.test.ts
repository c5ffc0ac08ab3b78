/** Whom a change wakes: every row of the table, with the exact keys of payload and context (W1 to W13, W18, CO-50 to CO-62). */
import type { ExecutionState, IssueStatus } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type CommentOfChange,
  type DependentFact,
  type IssueSide,
  type IssueWake,
  planBlockersResolvedWakes,
  planBlockersRestoredWakes,
  planCheckoutWakes,
  planChildrenCompletedWakes,
  planCommentWakes,
  planCreateWakes,
  planUpdateWakes,
  strongestOf,
  type UpdateFacts,
} from "./plan-issue-wakes.js";

const ISSUE = "00000000-0000-4000-8000-0000000000aa";
const ANN = "00000000-0000-4000-8000-00000000000a";
const BOB = "00000000-0000-4000-8000-00000000000b";
const STAGE = "00000000-0000-4000-8000-000000000051";

const side = (over: Partial<IssueSide> = {}): IssueSide => ({
  id: ISSUE,
  status: "todo",
  assigneeAgentId: ANN,
  assigneeUserId: null,
  executionState: null,
  ...over,
});
const comment = (over: Partial<CommentOfChange> = {}): CommentOfChange => ({
  id: "c1",
  authorAgentId: null,
  mentionedAgentIds: [],
  ...over,
});
const facts = (over: Partial<UpdateFacts> = {}): UpdateFacts => ({
  before: side(),
  after: side(),
  statusSent: false,
  reopened: false,
  comment: null,
  resume: false,
  interruptedRunId: null,
  ...over,
});
const reasons = (wakes: readonly IssueWake[]): [string, string][] => wakes.map((wake) => [wake.agentId, wake.reason]);

describe("W1, W2, CO-50 creating", () => {
  it("has exactly the keys of the table", () => {
    expect(planCreateWakes(side(), "create")).toEqual([
      {
        rule: "W1",
        agentId: ANN,
        issueId: ISSUE,
        source: "assignment",
        reason: "issue_assigned",
        payload: { issueId: ISSUE, mutation: "create" },
        context: { issueId: ISSUE, source: "issue.create" },
      },
    ]);
    expect(planCreateWakes(side(), "child")).toMatchObject([
      { rule: "W2", context: { issueId: ISSUE, source: "issue.child_create" } },
    ]);
  });

  it("W14 an issue that people accepted of an interaction wakes as W1 does, and says where it came from", () => {
    expect(planCreateWakes(side(), "interaction")).toEqual([
      {
        rule: "W14",
        agentId: ANN,
        issueId: ISSUE,
        source: "assignment",
        reason: "issue_assigned",
        payload: { issueId: ISSUE, mutation: "interaction_accept" },
        context: { issueId: ISSUE, source: "issue.interaction.accept" },
      },
    ]);
  });
  it.each([
    ["backlog", side({ status: "backlog" })],
    ["nobody's", side({ assigneeAgentId: null })],
    ["a person's", side({ assigneeAgentId: null, assigneeUserId: "ann" })],
  ])("API-176 %s wakes nobody", (_, issue) => {
    expect(planCreateWakes(issue, "create")).toEqual([]);
  });
});

describe("W5, CO-51 assigning", () => {
  it("has exactly the keys of the table, more with a comment, R and I where they apply", () => {
    const before = side({ assigneeAgentId: BOB });
    expect(planUpdateWakes(facts({ before }))).toEqual([
      {
        rule: "W5",
        agentId: ANN,
        issueId: ISSUE,
        source: "assignment",
        reason: "issue_assigned",
        payload: { issueId: ISSUE, mutation: "update" },
        context: { issueId: ISSUE, source: "issue.update" },
      },
    ]);
    const [wake] = planUpdateWakes(facts({ before, comment: comment(), resume: true, interruptedRunId: "r" }));
    const marks = { resumeIntent: true, followUpRequested: true, interruptedRunId: "r" };
    expect(wake?.payload).toEqual({ issueId: ISSUE, commentId: "c1", mutation: "update", ...marks });
    expect(wake?.context).toEqual({
      issueId: ISSUE,
      taskId: ISSUE,
      commentId: "c1",
      wakeCommentId: "c1",
      source: "issue.update",
      ...marks,
    });
  });
  it("wakes nobody in backlog, and nobody for a person", () => {
    expect(
      planUpdateWakes(facts({ before: side({ assigneeAgentId: BOB }), after: side({ status: "backlog" }) })),
    ).toEqual([]);
    expect(planUpdateWakes(facts({ after: side({ assigneeAgentId: null, assigneeUserId: "ann" }) }))).toEqual([]);
  });
});

describe("W6, CO-52 moving", () => {
  const moves: [IssueStatus, IssueStatus, { statusSent: boolean; reopened: boolean }, boolean][] = [
    ["backlog", "todo", { statusSent: true, reopened: false }, true],
    ["backlog", "in_progress", { statusSent: true, reopened: false }, true],
    ["backlog", "done", { statusSent: true, reopened: false }, true],
    ["backlog", "todo", { statusSent: false, reopened: false }, false],
    ["blocked", "todo", { statusSent: true, reopened: false }, true],
    ["blocked", "todo", { statusSent: false, reopened: true }, true],
    ["blocked", "in_progress", { statusSent: true, reopened: false }, false],
    ["done", "todo", { statusSent: true, reopened: false }, true],
    ["done", "todo", { statusSent: false, reopened: true }, false],
    ["cancelled", "todo", { statusSent: true, reopened: false }, true],
    ["done", "in_progress", { statusSent: true, reopened: false }, false],
    ["in_progress", "todo", { statusSent: true, reopened: false }, false],
    ["todo", "in_review", { statusSent: true, reopened: false }, false],
    ["todo", "backlog", { statusSent: true, reopened: false }, false],
    ["todo", "todo", { statusSent: true, reopened: false }, false],
  ];
  it.each(moves)("CO-61 %s to %s, %o: wakes %s", (from, to, how, wakes) => {
    const planned = planUpdateWakes(facts({ before: side({ status: from }), after: side({ status: to }), ...how }));
    expect(planned.map((wake) => wake.reason)).toEqual(wakes ? ["issue_status_changed"] : []);
    if (!wakes) return;
    expect(planned[0]).toMatchObject({ rule: "W6", source: "automation", agentId: ANN });
    expect(planned[0]?.payload).toEqual({ issueId: ISSUE, mutation: "update" });
    expect(planned[0]?.context).toEqual({ issueId: ISSUE, source: "issue.status_change" });
  });
});

describe("W7, W11, W12, CO-53, CO-54 comments", () => {
  it("W12 has exactly the keys of the table", () => {
    expect(planCommentWakes({ ...facts(), comment: comment() })).toEqual([
      {
        rule: "W12",
        agentId: ANN,
        issueId: ISSUE,
        source: "automation",
        reason: "issue_commented",
        payload: { issueId: ISSUE, commentId: "c1", mutation: "comment" },
        context: {
          issueId: ISSUE,
          taskId: ISSUE,
          commentId: "c1",
          wakeCommentId: "c1",
          source: "issue.comment",
          wakeReason: "issue_commented",
        },
      },
    ]);
  });
  it("W11, W7 a comment that reopened says from where, also to its own author (CO-54)", () => {
    const moved = facts({ before: side({ status: "done" }), reopened: true });
    const own = comment({ authorAgentId: ANN });
    const [posted] = planCommentWakes({ ...moved, comment: own });
    expect(posted).toMatchObject({ rule: "W11", reason: "issue_reopened_via_comment" });
    expect(posted?.payload).toEqual({ issueId: ISSUE, commentId: "c1", mutation: "comment", reopenedFrom: "done" });
    expect(posted?.context).toMatchObject({ source: "issue.comment.reopen", reopenedFrom: "done" });
    expect(planUpdateWakes({ ...moved, comment: own })).toMatchObject([
      { rule: "W7", reason: "issue_reopened_via_comment", payload: { reopenedFrom: "done" } },
    ]);
  });
  it.each([
    ["its own author", {}, comment({ authorAgentId: ANN })],
    ["a done issue", { before: side({ status: "done" }), after: side({ status: "done" }) }, comment()],
    ["a cancelled issue", { before: side({ status: "cancelled" }), after: side({ status: "cancelled" }) }, comment()],
    ["nobody's issue", { before: side({ assigneeAgentId: null }), after: side({ assigneeAgentId: null }) }, comment()],
  ])("API-176 %s: nobody is woken", (_, over, made) => {
    expect(planCommentWakes({ ...facts(over), comment: made })).toEqual([]);
    expect(planUpdateWakes({ ...facts(over), comment: made })).toEqual([]);
  });
});

describe("W8, W13, CO-55 mentions", () => {
  it("has exactly the keys of the table; not the author, not one woken already", () => {
    const made = comment({ authorAgentId: BOB, mentionedAgentIds: [BOB, ANN, "third"] });
    for (const wakes of [
      planCommentWakes({ ...facts(), comment: made }),
      planUpdateWakes({ ...facts(), comment: made }),
    ]) {
      expect(reasons(wakes)).toEqual([
        [ANN, "issue_commented"],
        ["third", "issue_comment_mentioned"],
      ]);
      expect(wakes[1]?.payload).toEqual({ issueId: ISSUE, commentId: "c1" });
      expect(wakes[1]?.context).toEqual({
        issueId: ISSUE,
        taskId: ISSUE,
        commentId: "c1",
        wakeCommentId: "c1",
        wakeReason: "issue_comment_mentioned",
        source: "comment.mention",
      });
    }
  });
});

describe("W3, W4, EP-20, EP-21, CO-58 stages", () => {
  const pending = (over: Partial<ExecutionState> = {}): ExecutionState => ({
    status: "pending",
    currentStageId: STAGE,
    currentStageIndex: 0,
    currentStageType: "review",
    currentParticipant: { type: "agent", agentId: BOB },
    returnAssignee: { type: "agent", agentId: ANN },
    reviewRequest: null,
    completedStageIds: [],
    lastDecisionId: null,
    lastDecisionOutcome: null,
    ...over,
  });
  const inReview = (state: ExecutionState): IssueSide =>
    side({ status: "in_review", assigneeAgentId: BOB, executionState: state });

  it("W3 wakes the participant instead of the assignee's assignment, with the stage (API-173)", () => {
    const state = pending({ reviewRequest: { instructions: "look" } });
    const executionStage = {
      wakeRole: "reviewer",
      stageId: STAGE,
      stageType: "review",
      currentParticipant: { type: "agent", agentId: BOB },
      returnAssignee: { type: "agent", agentId: ANN },
      reviewRequest: { instructions: "look" },
      lastDecisionOutcome: null,
      allowedActions: ["approve", "request_changes"],
    };
    expect(planUpdateWakes(facts({ after: inReview(state), statusSent: true, interruptedRunId: "r" }))).toEqual([
      {
        rule: "W3",
        agentId: BOB,
        issueId: ISSUE,
        source: "assignment",
        reason: "execution_review_requested",
        payload: { issueId: ISSUE, mutation: "update", executionStage, interruptedRunId: "r" },
        context: {
          issueId: ISSUE,
          taskId: ISSUE,
          wakeReason: "execution_review_requested",
          source: "issue.execution_stage",
          executionStage,
          interruptedRunId: "r",
        },
      },
    ]);
  });
  it("W3 an approval stage asks for approval; CO-62 a hand-over that mentions the reviewer stays a review, and carries the comment", () => {
    const after = inReview(pending({ currentStageType: "approval" }));
    const [wake, ...more] = planUpdateWakes(facts({ after, comment: comment({ mentionedAgentIds: [BOB] }) }));
    expect(more).toEqual([]);
    expect(wake).toMatchObject({
      reason: "execution_approval_requested",
      payload: { commentId: "c1", executionStage: { wakeRole: "approver" } },
      context: { wakeCommentId: "c1" },
    });
  });
  it("W4 changes asked for wake who handed over", () => {
    const before = inReview(pending());
    const state = pending({
      status: "changes_requested",
      lastDecisionId: STAGE,
      lastDecisionOutcome: "changes_requested",
    });
    const wakes = planUpdateWakes(facts({ before, after: side({ status: "in_progress", executionState: state }) }));
    expect(wakes).toMatchObject([
      {
        rule: "W4",
        agentId: ANN,
        reason: "execution_changes_requested",
        payload: { executionStage: { wakeRole: "executor", allowedActions: ["address_changes", "resubmit"] } },
      },
    ]);
  });
  it("EP-20, EP-23 the same stage again wakes nobody, a person never", () => {
    expect(planUpdateWakes(facts({ before: inReview(pending()), after: inReview(pending()) }))).toEqual([]);
    const person = pending({ currentParticipant: { type: "user", userId: "ann" } });
    const after = side({ status: "in_review", assigneeAgentId: null, assigneeUserId: "ann", executionState: person });
    expect(planUpdateWakes(facts({ after }))).toEqual([]);
  });
});

describe("W9, W18, DP-10, DP-11, DP-14", () => {
  const dependent = (over: Partial<DependentFact> = {}): DependentFact => ({
    id: "d",
    status: "todo",
    assigneeAgentId: ANN,
    blockers: [
      { id: "a", status: "done" },
      { id: "b", status: "done" },
    ],
    ...over,
  });
  it("W9a has exactly the keys of the table", () => {
    const payload = { issueId: "d", resolvedBlockerIssueId: "b", blockerIssueIds: ["a", "b"] };
    expect(planBlockersResolvedWakes("b", [dependent()])).toEqual([
      {
        rule: "W9a",
        agentId: ANN,
        issueId: "d",
        source: "automation",
        reason: "issue_blockers_resolved",
        payload,
        context: { ...payload, taskId: "d", wakeReason: "issue_blockers_resolved", source: "issue.blockers_resolved" },
      },
    ]);
  });
  it.each([
    ["an open blocker", dependent({ blockers: [{ id: "a", status: "todo" }] })],
    ["a cancelled blocker (DP-2)", dependent({ blockers: [{ id: "a", status: "cancelled" }] })],
    ["backlog", dependent({ status: "backlog" })],
    ["done", dependent({ status: "done" })],
    ["cancelled", dependent({ status: "cancelled" })],
    ["no agent", dependent({ assigneeAgentId: null })],
  ])("DP-10 %s: nobody is woken", (_, one) => {
    expect(planBlockersResolvedWakes("b", [one])).toEqual([]);
    expect(planBlockersRestoredWakes([one])).toEqual([]);
  });
  it("W18 says that a relation is gone, and which are left", () => {
    const [wake] = planBlockersRestoredWakes([dependent()]);
    expect(wake?.payload).toEqual({
      issueId: "d",
      resolvedBlockerIssueId: null,
      blockerIssueIds: ["a", "b"],
      mutation: "blocked_dependency_restored",
    });
    expect(wake?.context).toMatchObject({ source: "issue.blockers_restored", taskId: "d" });
  });
  const child = (id: string, status: IssueStatus) => ({
    id,
    identifier: null,
    title: id,
    status,
    priority: "medium" as const,
    assigneeAgentId: null,
    assigneeUserId: null,
    updatedAt: "2026-01-01T00:00:00.000Z",
    latestComment: null,
  });
  it("W9b wakes for the last child, and not while one is open or the parent rests", () => {
    const parent = {
      id: "p",
      status: "in_progress" as const,
      assigneeAgentId: ANN,
      children: [child("x", "done"), child("y", "cancelled")],
    };
    const [wake] = planChildrenCompletedWakes("y", parent);
    expect(wake).toMatchObject({ rule: "W9b", issueId: "p", source: "automation", reason: "issue_children_completed" });
    expect(Object.keys(wake?.payload ?? {})).toEqual([
      "issueId",
      "completedChildIssueId",
      "childIssueIds",
      "childIssueSummaries",
      "childIssueSummaryTruncated",
    ]);
    expect(planChildrenCompletedWakes("y", { ...parent, children: [child("x", "todo"), child("y", "done")] })).toEqual(
      [],
    );
    for (const status of ["backlog", "done", "cancelled"] as const) {
      expect(planChildrenCompletedWakes("y", { ...parent, status })).toEqual([]);
    }
    expect(planChildrenCompletedWakes("y", { ...parent, assigneeAgentId: null })).toEqual([]);
    expect(planChildrenCompletedWakes("y", null)).toEqual([]);
  });
});

it("W10, CO-56 has exactly the keys of the table", () => {
  expect(planCheckoutWakes({ issueId: ISSUE, agentId: ANN })).toEqual([
    {
      rule: "W10",
      agentId: ANN,
      issueId: ISSUE,
      source: "assignment",
      reason: "issue_checked_out",
      payload: { issueId: ISSUE, mutation: "checkout" },
      context: { issueId: ISSUE, source: "issue.checkout" },
    },
  ]);
});

describe("API-170, CO-61, CO-62 one wake for each agent and issue", () => {
  const ORDER = [
    "execution_review_requested",
    "issue_reopened_via_comment",
    "issue_assigned",
    "issue_commented",
    "issue_comment_mentioned",
    "issue_status_changed",
  ] as const;
  const wakes = fc.array(
    fc.record({
      agentId: fc.constantFrom(ANN, BOB),
      issueId: fc.constantFrom("i", "j"),
      reason: fc.constantFrom(...ORDER),
    }),
    { maxLength: 12 },
  );
  it("the strongest stays, whatever the order, and no wake of a pair is lost", () => {
    fc.assert(
      fc.property(wakes, (asked) => {
        const all = asked.map(
          (one): IssueWake => ({ ...one, rule: "W", source: "automation", payload: {}, context: {} }),
        );
        const kept = strongestOf(all);
        const pairs = new Map<string, number>();
        for (const { agentId, issueId, reason } of asked) {
          const key = `${agentId} ${issueId}`;
          pairs.set(key, Math.min(pairs.get(key) ?? ORDER.length, ORDER.indexOf(reason)));
        }
        expect(kept).toHaveLength(pairs.size);
        for (const wake of kept) {
          expect(wake.reason).toBe(ORDER[pairs.get(`${wake.agentId} ${wake.issueId}`) ?? -1]);
        }
      }),
    );
  });
});
