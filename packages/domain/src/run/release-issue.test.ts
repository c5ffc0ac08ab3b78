import { AGENT_STATUSES, type JsonObject } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { DEFERRED_CONTEXT_KEY } from "../wakeup/context.js";
import type { ActiveRunFact } from "../wakeup/decide-wakeup.js";
import { type DeferredRequestFact, planRelease, type ReleaseFacts } from "./release-issue.js";

const issue = (one: Partial<ReleaseFacts["issue"]> = {}): ReleaseFacts["issue"] => ({
  id: "i",
  status: "in_progress",
  assigneeAgentId: "ann",
  lockRunId: "ended",
  ...one,
});
const deferred = (one: Partial<DeferredRequestFact> & { context?: JsonObject } = {}): DeferredRequestFact => {
  const { context = {}, ...rest } = one;
  return {
    id: "request",
    reason: "issue_execution_deferred",
    payload: { issueId: "i", [DEFERRED_CONTEXT_KEY]: context },
    requestedByActorType: "agent",
    agent: { id: "ann", status: "idle" },
    isHeld: false,
    ...rest,
  };
};
const active = (one: Partial<ActiveRunFact>): ActiveRunFact => ({
  id: "other",
  agentId: "bob",
  status: "queued",
  context: {},
  createdAtMs: 1,
  ...one,
});
const plan = (one: Partial<ReleaseFacts>) =>
  planRelease({ runId: "ended", issue: issue(), otherActiveRuns: [], deferred: [], ...one });

describe("what the end of a run does to its issue", () => {
  it("FI-8 nothing happens while another run holds the lock", () => {
    expect(plan({ issue: issue({ lockRunId: "other" }), deferred: [deferred()] })).toEqual({ kind: "not_holder" });
  });

  it.each(["ended", null])("FI-8 with the lock held by %s it is released when nothing waits", (lockRunId) => {
    expect(plan({ issue: issue({ lockRunId }) })).toEqual({
      kind: "release",
      failedRequestIds: [],
      suppressedRequestIds: [],
      promote: null,
    });
  });

  it("FI-8 another active run that names the issue becomes the holder and nothing is promoted", () => {
    const runs = [active({ id: "old" }), active({ id: "runs", status: "running", createdAtMs: 5 })];
    expect(plan({ otherActiveRuns: runs, deferred: [deferred()] })).toEqual({
      kind: "hand_over",
      toRunId: "runs",
      toAgentId: "bob",
    });
  });

  it("FI-8 the oldest request is promoted with its stored context and reason", () => {
    expect(plan({ deferred: [deferred({ context: { wakeCommentIds: ["c"] } }), deferred({ id: "second" })] })).toEqual({
      kind: "release",
      failedRequestIds: [],
      suppressedRequestIds: [],
      promote: {
        requestId: "request",
        agentId: "ann",
        context: { wakeCommentIds: ["c"] },
        reason: "issue_execution_deferred",
        takesLock: true,
        reopenFrom: null,
      },
    });
  });

  it.each(AGENT_STATUSES)("FI-8 a waiting agent that is %s", (status) => {
    const waiting = [deferred({ agent: { id: "ann", status } }), deferred({ id: "second" })];
    const decided = plan({ deferred: waiting });
    const fails = ["paused", "terminated", "pending_approval"].includes(status);
    expect(decided).toMatchObject({
      failedRequestIds: fails ? ["request"] : [],
      promote: { requestId: fails ? "second" : "request" },
    });
  });

  it("FI-8 a waiting agent that is gone fails; nobody left, nothing is promoted (check 15)", () => {
    const gone = deferred({ id: "gone", agent: null });
    const paused = deferred({ id: "paused", agent: { id: "ann", status: "paused" } });
    expect(plan({ deferred: [gone, paused] })).toEqual({
      kind: "release",
      failedRequestIds: ["gone", "paused"],
      suppressedRequestIds: [],
      promote: null,
    });
  });

  it("FI-8, TH-12 what a pause hold covers is suppressed, and the next that may pass is promoted", () => {
    const waiting = [
      deferred({ id: "gone", agent: null, isHeld: true }),
      deferred({ id: "held", isHeld: true }),
      deferred({ id: "comment" }),
      deferred({ id: "later", isHeld: true }),
    ];
    expect(plan({ deferred: waiting })).toMatchObject({
      failedRequestIds: ["gone"],
      suppressedRequestIds: ["held"],
      promote: { requestId: "comment" },
    });
    expect(plan({ deferred: [deferred({ isHeld: true })] })).toMatchObject({
      suppressedRequestIds: ["request"],
      promote: null,
    });
  });

  it("FI-8 the lock moves only to a run of the assignee", () => {
    const mentioned = deferred({ agent: { id: "bob", status: "idle" } });
    expect(plan({ deferred: [mentioned] })).toMatchObject({ promote: { agentId: "bob", takesLock: false } });
    expect(plan({ issue: issue({ assigneeAgentId: null }), deferred: [deferred()] })).toMatchObject({
      promote: { takesLock: false },
    });
  });

  const comment = { wakeCommentId: "c" };
  it.each<[string, ReleaseFacts["issue"]["status"], "user" | "agent", JsonObject, boolean]>([
    ["a user's comment on a done issue", "done", "user", comment, true],
    ["a user's comment on a cancelled issue", "cancelled", "user", comment, true],
    ["a user's comment on an open issue", "in_review", "user", comment, false],
    ["an agent's comment on a done issue", "done", "agent", comment, false],
    ["an agent's reopening comment", "done", "agent", { ...comment, wakeReason: "issue_reopened_via_comment" }, true],
    ["a user's wake without a comment", "done", "user", {}, false],
    ["a reopening reason without a comment", "done", "agent", { wakeReason: "issue_reopened_via_comment" }, false],
  ])("FI-8 %s reopens it or not", (_, status, requestedByActorType, context, reopens) => {
    expect(plan({ issue: issue({ status }), deferred: [deferred({ requestedByActorType, context })] })).toMatchObject({
      promote: { reopenFrom: reopens ? status : null },
    });
  });
});
