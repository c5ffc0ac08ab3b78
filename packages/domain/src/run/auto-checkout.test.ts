import { describe, expect, it } from "vitest";
import { planCheckout, wantsCheckout } from "./auto-checkout.js";

const issue = {
  id: "i",
  status: "todo" as const,
  priority: null,
  assigneeAgentId: "a",
  executionState: null,
  unresolvedBlockerIssueIds: [] as string[],
  hold: null,
};
const hold = { holdId: "h", rootIssueId: "r", mode: "pause", reason: null };
const plan = (change: object, run: object = {}) =>
  planCheckout({
    agentId: "a",
    context: { wakeReason: "issue_assigned" },
    isInteraction: false,
    issue: { ...issue, ...change },
    ...run,
  }).kind;

describe("the worker's own checkout", () => {
  it.each([
    ["issue_assigned", true],
    ["issue_commented", true],
    ["issue_comment_mentioned", false],
    ["execution_review_requested", false],
    ["execution_", false],
    [" ", false],
    [undefined, false],
  ])("EX-2 a wake with reason %s wants one: %s", (wakeReason, wants) => {
    expect(wantsCheckout(wakeReason === undefined ? {} : { wakeReason })).toBe(wants);
  });

  it("CO-33 a comment under a hold does not put the held issue to work", () => {
    expect(wantsCheckout({ wakeReason: "issue_commented", treeHoldInteraction: true })).toBe(false);
  });

  it.each([
    ["todo", "try"],
    ["backlog", "try"],
    ["blocked", "try"],
    ["in_progress", "try"],
    ["in_review", "none"],
    ["done", "none"],
    ["cancelled", "none"],
  ] as const)("EX-2 an issue that is %s: %s", (status, kind) => expect(plan({ status })).toBe(kind));

  it("EX-2 another's issue, and one that is gone, are not tried", () => {
    expect(plan({ assigneeAgentId: "b" })).toBe("none");
    expect(planCheckout({ agentId: "a", context: { wakeReason: "r" }, isInteraction: false, issue: null }).kind).toBe(
      "none",
    );
  });

  it("CO-22, CO-24, CO-33 held or blocked since the claim ends the run, unless it is an interaction", () => {
    expect(plan({ hold })).toBe("held");
    expect(plan({ unresolvedBlockerIssueIds: ["b"] })).toBe("blocked");
    expect(plan({ unresolvedBlockerIssueIds: ["b"] }, { isInteraction: true })).toBe("none");
    expect(plan({ hold }, { isInteraction: true })).toBe("try");
  });
});
