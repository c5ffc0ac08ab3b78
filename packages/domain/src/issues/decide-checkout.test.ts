/** Who may take an issue (CO-22 to CO-29), one row a rule, and the law that a live lock is never taken (CO-31). */
import { ISSUE_STATUSES } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CheckoutFacts, decideCheckout } from "./decide-checkout.js";

const facts = (issue: Partial<CheckoutFacts["issue"]> = {}, over: Partial<CheckoutFacts> = {}): CheckoutFacts => ({
  issue: {
    status: "todo",
    assigneeAgentId: null,
    assigneeUserId: null,
    checkoutRunId: null,
    executionRunId: null,
    ...issue,
  },
  agentId: "me",
  runId: "mine",
  expectedStatuses: ["todo"],
  isOperator: false,
  activeRunIds: new Set(["mine", "live"]),
  isHeld: false,
  isInteraction: false,
  unresolvedBlockerIssueIds: [],
  ...over,
});
const mine = { status: "in_progress", assigneeAgentId: "me" } as const;

describe("CO-22 to CO-29, the first that applies", () => {
  it.each<[string, CheckoutFacts, string, string]>([
    ["a hold", facts({}, { isHeld: true, unresolvedBlockerIssueIds: ["b"] }), "CO-22", "held"],
    ["a hold, but a verified interaction", facts({}, { isHeld: true, isInteraction: true }), "CO-25", "take"],
    ["a blocker", facts({}, { unresolvedBlockerIssueIds: ["b"] }), "CO-24", "blocked"],
    ["nobody's, expected", facts(), "CO-25", "take"],
    ["its own, expected, free", facts({ assigneeAgentId: "me" }), "CO-25", "take"],
    ["another's", facts({ assigneeAgentId: "other" }), "CO-29", "conflict"],
    ["not expected", facts({ status: "blocked" }), "CO-29", "conflict"],
    ["a person's, asked by an agent", facts({ assigneeUserId: "ann" }), "CO-29", "conflict"],
    [
      "a person's, asked by an operator",
      facts({ assigneeUserId: "ann" }, { isOperator: true, runId: null }),
      "CO-25",
      "take",
    ],
    ["a live execution lock", facts({ executionRunId: "live" }), "CO-29", "conflict"],
    ["a stale execution lock (CO-23)", facts({ executionRunId: "over" }), "CO-25", "take"],
    ["its own in progress, free", facts(mine), "CO-26", "take"],
    ["its own in progress, held by a run that is over", facts({ ...mine, checkoutRunId: "over" }), "CO-27", "take"],
    [
      "the same, but a live run executes",
      facts({ ...mine, checkoutRunId: "over", executionRunId: "live" }),
      "CO-29",
      "conflict",
    ],
    ["its own in progress, held by a live run", facts({ ...mine, checkoutRunId: "live" }), "CO-29", "conflict"],
    ["asked again", facts({ ...mine, checkoutRunId: "mine", executionRunId: "mine" }), "CO-28", "unchanged"],
    ["a run that is over asks", facts({}, { runId: "over" }), "CO-29", "conflict"],
  ])("%s", (_, asked, rule, kind) => {
    expect(decideCheckout(asked)).toMatchObject({ rule, kind });
  });

  it("CO-27 says whose checkout was stale", () => {
    expect(decideCheckout(facts({ ...mine, checkoutRunId: "over" }))).toMatchObject({ staleCheckoutRunId: "over" });
    expect(decideCheckout(facts(mine))).toMatchObject({ staleCheckoutRunId: null });
  });
});

it("CO-31 no combination takes a live lock of another run, or another agent's issue", () => {
  const run = fc.constantFrom(null, "mine", "live", "over");
  const agent = fc.constantFrom(null, "me", "other");
  const asked = fc.record({
    issue: fc.record({
      status: fc.constantFrom(...ISSUE_STATUSES),
      assigneeAgentId: agent,
      assigneeUserId: fc.constantFrom(null, "ann"),
      checkoutRunId: run,
      executionRunId: run,
    }),
    runId: fc.constantFrom(null, "mine", "over"),
    expectedStatuses: fc.subarray([...ISSUE_STATUSES]),
    isOperator: fc.boolean(),
  });
  fc.assert(
    fc.property(asked, (one) => {
      const all = facts({}, one);
      const decision = decideCheckout(all);
      if (decision.kind !== "take") return;
      expect(all.issue.executionRunId).not.toBe("live");
      expect(all.issue.checkoutRunId === "live" && all.issue.assigneeAgentId === "me").toBe(false);
      expect(all.issue.assigneeAgentId).not.toBe("other");
      expect(all.runId).not.toBe("over");
    }),
  );
});
