import { AGENT_STATUSES, ISSUE_STATUSES, type JsonObject, RUN_STATUSES } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ClaimFacts, type ClaimIssueFacts, freeSlot, gateClaim } from "./gate-claim.js";

const ME = "11111111-1111-4111-8111-111111111111";
type Run = NonNullable<ClaimFacts["run"]>;
const run = (one: Partial<Run> = {}): Run => ({
  status: "queued",
  scheduledRetryAtMs: null,
  context: {},
  issueId: null,
  isInteraction: false,
  retry: { scheduledRetryAttempt: 2 },
  ...one,
});
const issue = (one: Partial<ClaimIssueFacts> = {}): ClaimIssueFacts => ({
  id: "i",
  status: "todo",
  priority: "medium",
  assigneeAgentId: ME,
  executionState: null,
  unresolvedBlockerIssueIds: [],
  lockFreeOrOwn: true,
  hold: null,
  ...one,
});
const hold = { holdId: "h", rootIssueId: "r", mode: "pause", reason: null, releasePolicy: null };
/** A whole state (EP-1): a review that waits for `currentParticipant`. */
const reviewBy = (currentParticipant: JsonObject): JsonObject => ({
  status: "pending",
  currentStageId: "22222222-2222-4222-8222-222222222222",
  currentStageIndex: 0,
  currentStageType: "review",
  currentParticipant,
  returnAssignee: null,
  reviewRequest: null,
  completedStageIds: [],
  lastDecisionId: null,
  lastDecisionOutcome: null,
});
const claimable: ClaimFacts = {
  run: run(),
  agent: { id: ME, status: "idle", maxConcurrentRuns: 2 },
  budget: null,
  takenSlots: [],
  issue: null,
  nowMs: 1_000,
};
const gate = (facts: Partial<ClaimFacts>) => gateClaim({ ...claimable, ...facts });
const gateIssue = (one: Partial<ClaimIssueFacts>, waiting: Partial<Run> = {}) =>
  gate({ run: run({ issueId: "i", ...waiting }), issue: issue(one) });

describe("the gates of a claim, in their order", () => {
  it("CL-1 a run that is gone ends the job", () => {
    expect(gate({ run: null })).toEqual({ kind: "ended", rule: "CL-1" });
  });

  it.each(RUN_STATUSES.filter((status) => status !== "queued" && status !== "scheduled_retry"))(
    "CL-1 a run that is %s ends the job, also when nothing else would let it run",
    (status) => {
      expect(gate({ run: run({ status, scheduledRetryAtMs: 9_999 }), agent: null })).toEqual({
        kind: "ended",
        rule: "CL-1",
      });
    },
  );

  it("CL-2 a retry that is not due goes back, before any other gate", () => {
    expect(gate({ run: run({ status: "scheduled_retry", scheduledRetryAtMs: 1_001 }), agent: null })).toEqual({
      kind: "not_due",
      rule: "CL-2",
      dueAtMs: 1_001,
    });
  });

  it("CL-3 CL-32 a retry that is due goes on", () => {
    expect(gate({ run: run({ status: "scheduled_retry", scheduledRetryAtMs: 1_000 }) })).toMatchObject({
      kind: "claim",
      wasRetry: true,
    });
  });

  it("CL-4 without its agent it is cancelled with the words of the rule", () => {
    expect(gate({ agent: null })).toMatchObject({
      kind: "cancel",
      rule: "CL-4",
      text: "Cancelled because the agent no longer exists",
    });
  });

  it.each(AGENT_STATUSES)("CL-5 an agent that is %s", (status) => {
    const decision = gate({ agent: { id: ME, status, maxConcurrentRuns: 2 }, takenSlots: [1, 2] });
    if (["paused", "terminated", "pending_approval"].includes(status)) {
      expect(decision).toMatchObject({
        kind: "cancel",
        rule: "CL-5",
        cancelKind: "gate",
        text: "Cancelled because the agent is not invokable",
      });
    } else expect(decision).toEqual({ kind: "full", rule: "CL-18" });
  });

  it("CL-6 a budget cancels with the block's reason, before the hold", () => {
    const budget = { rule: "BU-15.1", scopeType: "company" as const, scopeId: "c", reason: "no money" };
    expect(gate({ budget, run: run({ issueId: "i" }), issue: issue({ hold }) })).toMatchObject({
      kind: "cancel",
      rule: "CL-6",
      cancelKind: "budget",
      text: "no money",
    });
  });

  it("CL-7 a pause hold cancels, unless it is a verified interaction", () => {
    expect(gateIssue({ hold })).toMatchObject({
      rule: "CL-7",
      cancelKind: "hold",
      hold,
      text: "Cancelled because issue is held by an active subtree pause hold",
    });
    expect(gateIssue({ hold }, { isInteraction: true }).kind).toBe("claim");
  });

  it("CL-8 unresolved blockers refuse, unless it is a verified interaction", () => {
    expect(gateIssue({ unresolvedBlockerIssueIds: ["b"] })).toMatchObject({
      kind: "refuse",
      rule: "CL-8",
      refusal: {
        code: "issue_dependencies_blocked",
        requestStatus: "skipped",
        timeoutSource: "dependency_gate",
        event: { payload: { issueId: "i", unresolvedBlockerIssueIds: ["b"] } },
      },
    });
    expect(gateIssue({ unresolvedBlockerIssueIds: ["b"] }, { isInteraction: true }).kind).toBe("claim");
  });

  it("CL-9 an issue that no longer exists", () => {
    expect(gate({ run: run({ issueId: "i" }) })).toMatchObject({
      rule: "CL-9",
      refusal: { code: "issue_not_found", text: "Cancelled because the target issue no longer exists" },
    });
  });

  it.each([["agent-other"], [null]])("CL-10 an issue that is now %s's", (assigneeAgentId) => {
    expect(gateIssue({ assigneeAgentId })).toMatchObject({
      rule: "CL-10",
      refusal: {
        code: "issue_assignee_changed",
        event: { payload: { previousAssigneeAgentId: ME, currentAssigneeAgentId: assigneeAgentId } },
      },
    });
    expect(gateIssue({ assigneeAgentId }, { isInteraction: true })).toMatchObject({ kind: "claim", takesLock: false });
  });

  it.each(ISSUE_STATUSES)("CL-11 an issue that is %s", (status) => {
    const isOver = status === "done" || status === "cancelled";
    if (isOver) {
      expect(gateIssue({ status })).toMatchObject({
        rule: "CL-11",
        refusal: {
          text: `Cancelled because issue reached terminal status (${status}) before the queued run could start`,
          timeoutSource: "stale_queued_run_gate",
        },
      });
    } else expect(gateIssue({ status }).kind).toBe("claim");
    for (const context of [{ resumeIntent: true }, { followUpRequested: true }, { wakeCommentId: "c" }]) {
      expect(gateIssue({ status }, { context }).kind).toBe("claim");
    }
  });

  it("CL-12 an issue in review that waits for another", () => {
    const executionState = reviewBy({ type: "agent", agentId: "33333333-3333-4333-8333-333333333333" });
    expect(gateIssue({ status: "in_review", executionState })).toMatchObject({
      rule: "CL-12",
      refusal: { code: "issue_review_participant_changed", event: { payload: { currentStageType: "review" } } },
    });
    expect(gateIssue({ status: "in_review", executionState }, { context: { wakeCommentId: "c" } }).kind).toBe("claim");
    expect(gateIssue({ status: "todo", executionState }).kind).toBe("claim");
    const mine = reviewBy({ type: "agent", agentId: ME });
    expect(gateIssue({ status: "in_review", executionState: mine }).kind).toBe("claim");
    const aUsers = reviewBy({ type: "user", userId: "u" });
    expect(gateIssue({ status: "in_review", executionState: aUsers })).toMatchObject({ rule: "CL-12" });
  });

  it.each<[string, JsonObject]>([
    ["an empty object", {}],
    ["a participant alone", { currentParticipant: { type: "user", userId: "u" } }],
    ["an unknown status", { ...reviewBy({ type: "user", userId: "u" }), status: "waiting" }],
    ["a participant of no kind", reviewBy({ userId: "u" })],
    ["an agent without an id", reviewBy({ type: "agent", agentId: null })],
    ["completed stages that are no list", { ...reviewBy({ type: "user", userId: "u" }), completedStageIds: null }],
  ])("EP-1, EP-3 a stored state of another shape holds nobody back: %s", (_, executionState) => {
    expect(gateIssue({ status: "in_review", executionState }).kind).toBe("claim");
  });

  it("CL-30 CL-31 a due retry whose issue was cancelled, or is another's, before the gates of a queued run", () => {
    const due = { status: "scheduled_retry" as const, scheduledRetryAtMs: 1 };
    expect(gateIssue({ status: "cancelled", assigneeAgentId: null }, due)).toMatchObject({
      rule: "CL-30",
      refusal: { code: "issue_cancelled", requestStatus: "cancelled" },
    });
    expect(gateIssue({ assigneeAgentId: "agent-other" }, due)).toMatchObject({
      rule: "CL-31",
      refusal: {
        code: "issue_reassigned",
        text: "Cancelled because the issue was reassigned before the scheduled retry became due",
        event: {
          message: "Scheduled retry cancelled because issue ownership changed before it became due",
          payload: { issueStatus: "todo", scheduledRetryAttempt: 2, currentAssigneeAgentId: "agent-other" },
        },
      },
    });
  });

  it("CL-13 otherwise it runs, in the lowest free slot", () => {
    expect(gate({ takenSlots: [1] })).toEqual({
      kind: "claim",
      rule: "CL-13",
      slot: 2,
      takesLock: false,
      wasRetry: false,
    });
  });

  it.each([
    [ME, true, true],
    [ME, false, false],
    ["agent-other", true, false],
  ])("CL-14 assignee %s, lock free or its own %s: takes the lock %s", (assigneeAgentId, lockFreeOrOwn, takesLock) => {
    expect(gateIssue({ assigneeAgentId, lockFreeOrOwn }, { isInteraction: true })).toMatchObject({
      kind: "claim",
      takesLock,
    });
  });
});

describe("slots", () => {
  it("CL-18 runs above a lowered limit still count", () => {
    expect(freeSlot([4, 5], 2)).toBeNull();
    expect(freeSlot([5], 2)).toBe(1);
  });

  it("CL-18 never gives a taken slot or one above the limit, and refuses exactly when the limit is reached", () => {
    const taken = fc.uniqueArray(fc.integer({ min: 1, max: 10 }));
    fc.assert(
      fc.property(taken, fc.integer({ min: 1, max: 10 }), (slots, limit) => {
        const slot = freeSlot(slots, limit);
        if (slots.length >= limit) return slot === null;
        return slot !== null && slot >= 1 && slot <= limit && !slots.includes(slot);
      }),
    );
  });
});
