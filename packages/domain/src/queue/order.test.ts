import { ISSUE_PRIORITIES, ISSUE_STATUSES } from "@wakefleet/contracts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { queuePriority, type WaitingIssueFacts, type WaitingRun } from "./order.js";

const NOON = Date.UTC(2026, 10, 24, 12);
const HOUR_MS = 3_600_000;

const issue = (facts: Partial<WaitingIssueFacts>): WaitingIssueFacts => ({
  status: "todo",
  priority: "medium",
  hasUnresolvedBlockers: false,
  ...facts,
});
const waiting = (run: Partial<WaitingRun>): WaitingRun => ({
  issue: null,
  isAskedByPerson: false,
  waitsSince: new Date(NOON),
  ...run,
});

const PRIORITIES = [...ISSUE_PRIORITIES, null];
/** Every standing of QU-3, the best first. */
const STANDINGS: readonly (WaitingIssueFacts | null)[] = [
  ...PRIORITIES.map((priority) => issue({ status: "in_progress", priority })),
  ...PRIORITIES.map((priority) => issue({ priority })),
  null,
  ...PRIORITIES.map((priority) => issue({ status: "in_progress", priority, hasUnresolvedBlockers: true })),
];

const aRun = fc.record({
  issue: fc.option(
    fc.record({
      status: fc.constantFrom(...ISSUE_STATUSES),
      priority: fc.constantFrom(...PRIORITIES),
      hasUnresolvedBlockers: fc.boolean(),
    }),
  ),
  isAskedByPerson: fc.boolean(),
  waitsSince: fc.integer({ min: 0, max: 400 * 24 }).map((hours) => new Date(NOON + hours * HOUR_MS)),
});

describe("the order of an agent's waiting runs", () => {
  it("QU-3 in progress and ready, other ready, without an issue, blocked; within each by priority", () => {
    const numbers = STANDINGS.map((one) => queuePriority(waiting({ issue: one })));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it("QU-3 an in-progress issue of low priority goes before a critical one that is not begun (check 10)", () => {
    expect(queuePriority(waiting({ issue: issue({ status: "in_progress", priority: "low" }) }))).toBeLessThan(
      queuePriority(waiting({ issue: issue({ priority: "critical" }) })),
    );
  });

  it("QU-3 within one standing whoever came first; a better standing also where it came an hour later", () => {
    for (const [place, standing] of STANDINGS.entries()) {
      const first = waiting({ issue: standing });
      const later = waiting({ issue: standing, waitsSince: new Date(NOON + HOUR_MS) });
      expect(queuePriority(first)).toBeLessThan(queuePriority(later));
      const better = STANDINGS[place - 1];
      if (better === undefined) continue;
      expect(queuePriority({ ...later, issue: better })).toBeLessThan(queuePriority(first));
    }
  });

  it("BY-3 a person's wake goes before a machine's of equal standing, not before a better standing", () => {
    for (const [place, standing] of STANDINGS.entries()) {
      const machine = waiting({ issue: standing });
      const person = waiting({ issue: standing, isAskedByPerson: true, waitsSince: new Date(NOON + HOUR_MS) });
      expect(queuePriority(person)).toBeLessThan(queuePriority(machine));
      const better = STANDINGS[place - 1];
      if (better !== undefined) expect(queuePriority(waiting({ issue: better }))).toBeLessThan(queuePriority(person));
    }
  });

  it("BY-3 nothing starves: after four days the worst standing goes before the best that comes now", () => {
    const worst = waiting({ issue: STANDINGS.at(-1) ?? null });
    const best = { issue: STANDINGS[0] ?? null, isAskedByPerson: true };
    const at = (hours: number) => queuePriority({ ...best, waitsSince: new Date(NOON + hours * HOUR_MS) });
    expect(at(1)).toBeLessThan(queuePriority(worst));
    expect(queuePriority(worst)).toBeLessThan(at(4 * 24));
  });

  it("QU-3 is total and stable: equal facts, equal numbers; never 0 nor above what BullMQ takes", () => {
    fc.assert(
      fc.property(aRun, aRun, (one, other) => {
        const [a, b] = [queuePriority(one), queuePriority(other)];
        expect(queuePriority({ ...one })).toBe(a);
        expect(Number.isInteger(a) && a >= 1 && a <= 2_097_152).toBe(true);
        // Waiting longer never makes it worse.
        expect(queuePriority({ ...one, waitsSince: new Date(one.waitsSince.getTime() + HOUR_MS) })).toBeGreaterThan(a);
        expect(Math.sign(a - b)).toBe(-Math.sign(b - a) + 0);
      }),
    );
  });

  it("QU-3 a clock before the epoch and one far after it stay within BullMQ's numbers", () => {
    for (const year of [1970, 2400]) {
      const number = queuePriority(waiting({ waitsSince: new Date(Date.UTC(year, 0, 1)) }));
      expect(number).toBeGreaterThanOrEqual(1);
      expect(number).toBeLessThanOrEqual(2_097_152);
    }
  });
});
