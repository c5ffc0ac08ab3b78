import { ISSUE_PRIORITIES, ISSUE_STATUSES } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { queuePriority, type WaitingIssueFacts } from "./order.js";

const issue = (facts: Partial<WaitingIssueFacts>): WaitingIssueFacts => ({
  status: "todo",
  priority: "medium",
  hasUnresolvedBlockers: false,
  ...facts,
});

describe("the order of an agent's waiting runs", () => {
  it("QU-3 in progress and ready, other ready, without an issue, blocked; within each by priority", () => {
    const inOrder = [
      ...[...ISSUE_PRIORITIES, null].map((priority) => issue({ status: "in_progress", priority })),
      ...[...ISSUE_PRIORITIES, null].map((priority) => issue({ priority })),
      null,
      ...[...ISSUE_PRIORITIES, null].map((priority) =>
        issue({ status: "in_progress", priority, hasUnresolvedBlockers: true }),
      ),
    ];
    const numbers = inOrder.map(queuePriority);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it("QU-3 an in-progress issue of low priority goes before a critical one that is not begun (check 10)", () => {
    expect(queuePriority(issue({ status: "in_progress", priority: "low" }))).toBeLessThan(
      queuePriority(issue({ priority: "critical" })),
    );
  });

  it("QU-3 is never 0, which BullMQ would put ahead of all others", () => {
    const facts = fc.record({
      status: fc.constantFrom(...ISSUE_STATUSES),
      priority: fc.constantFrom(...ISSUE_PRIORITIES, null),
      hasUnresolvedBlockers: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.option(facts), (one) => {
        const number = queuePriority(one);
        return Number.isInteger(number) && number >= 1 && number <= 20;
      }),
    );
  });
});
