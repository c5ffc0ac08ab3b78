import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluateAfterCost, type PolicyFacts } from "./evaluate-policy.js";
import {
  budgetStopFacts,
  budgetStopOf,
  isBrakeDue,
  isLookDue,
  isSoftLimitPassed,
  overshootCents,
  withInFlight,
} from "./run-brake.js";

const policy = (facts: Partial<PolicyFacts & { inFlight: number }>) => ({
  isActive: true,
  amount: 100,
  warnPercent: 80,
  observed: 0,
  inFlight: 0,
  hardStopEnabled: true,
  notifyEnabled: true,
  softIsOpen: false,
  hardIsOpen: false,
  scopeIsPaused: false,
  ...facts,
});

describe("when the budgets of a run are looked at", () => {
  it.each([
    ["BY-6 nothing told", { cents: 0, lookedCents: null, sinceLookMs: 1e9, isBudgeted: true }, false],
    ["BY-6 first money", { cents: 1, lookedCents: null, sinceLookMs: 0, isBudgeted: true }, true],
    ["BY-6 no more than before", { cents: 5, lookedCents: 5, sinceLookMs: 1e9, isBudgeted: true }, false],
    ["BY-6 more than before", { cents: 6, lookedCents: 5, sinceLookMs: 0, isBudgeted: true }, true],
    ["BY-6 no budget", { cents: 6, lookedCents: null, sinceLookMs: 59_999, isBudgeted: false }, false],
    ["BY-6 a budget may have been set", { cents: 6, lookedCents: 5, sinceLookMs: 60_000, isBudgeted: false }, true],
  ])("%s", (_, look, due) => {
    expect(isLookDue(look)).toBe(due);
  });
});

describe("what is due on what runs have told", () => {
  it.each([
    ["BY-6 below the warning", { observed: 30, inFlight: 49 }, false],
    ["BY-6 at the warning together", { observed: 30, inFlight: 50 }, true],
    ["BY-6 at the limit, all of it in flight", { inFlight: 100 }, true],
    ["BY-6 at the limit together", { observed: 60, inFlight: 40, softIsOpen: true }, true],
    ["BY-6 a cent below it", { observed: 60, inFlight: 39, softIsOpen: true }, false],
    ["BY-6 stopped already", { observed: 90, inFlight: 50, hardIsOpen: true, scopeIsPaused: true }, false],
    ["BY-6 no hard stop", { inFlight: 500, hardStopEnabled: false, softIsOpen: true }, false],
    ["BY-6 switched off", { inFlight: 500, isActive: false }, false],
  ])("%s", (_, facts, due) => {
    expect(isBrakeDue(policy(facts))).toBe(due);
  });

  it("BY-6 a stop now is the stop that booking the same money would make", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.boolean(), fc.boolean(), (observed, inFlight, hard, soft) => {
        const facts = policy({ observed, inFlight, hardStopEnabled: hard, softIsOpen: soft });
        const booked = policy({ observed: observed + inFlight, hardStopEnabled: hard, softIsOpen: soft });
        expect(evaluateAfterCost(withInFlight(facts))).toEqual(evaluateAfterCost(booked));
      }),
    );
  });
});

describe("when runs are told of a soft limit", () => {
  it.each([
    ["BY-6 a cent below the warning", { observed: 30, inFlight: 49 }, false],
    ["BY-6 at the warning together", { observed: 30, inFlight: 50 }, true],
    ["BY-6 the incident is open already", { observed: 85, softIsOpen: true }, true],
    ["BY-6 at the limit, which stops them", { observed: 60, inFlight: 40 }, false],
    ["BY-6 over a limit that stops nobody", { inFlight: 500, hardStopEnabled: false }, true],
    ["BY-6 nobody asked for warnings", { observed: 90, notifyEnabled: false }, false],
    ["BY-6 switched off", { observed: 90, isActive: false }, false],
    ["BY-6 no limit", { amount: 0, observed: 90 }, false],
  ])("%s", (_, facts, passed) => {
    expect(isSoftLimitPassed(policy(facts))).toBe(passed);
  });

  it("BY-6 whenever a soft incident is opened and none is stopped", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), fc.boolean(), fc.boolean(), (observed, inFlight, hard, notify) => {
        const facts = policy({ observed, inFlight, hardStopEnabled: hard, notifyEnabled: notify });
        const { opensSoft, stops } = evaluateAfterCost(withInFlight(facts));
        expect(isSoftLimitPassed(facts)).toBe(opensSoft && !stops);
      }),
    );
  });
});

describe("how far a limit was overshot", () => {
  const stop = { scopeType: "agent", scopeId: "a", limitCents: 100, observedCents: 104, runCents: 60 };

  it.each([
    ["BY-6 what was over when it was found", 60, 4],
    ["BY-6 and what the run spent until it had stopped", 75, 19],
    ["BY-6 a tool that tells less at its end takes nothing off", 10, 4],
  ])("%s", (_, runCentsAtEnd, overshoot) => {
    expect(overshootCents(stop, runCentsAtEnd)).toBe(overshoot);
  });

  it("BY-6 the result tells it from the run's latest receipt", () => {
    const at = "2026-01-01T00:00:00Z";
    const { runCents, ...facts } = stop;
    const older = { rule: "BY-6", outcome: "cancelled", facts: { ...facts, limitCents: 1, runCents }, at } as const;
    const receipt = { ...older, facts: { ...facts, runCents } };
    const claimed = { rule: "CL-13", outcome: "claimed", facts: {}, at } as const;
    expect(budgetStopOf([claimed])).toBeNull();
    const read = budgetStopOf([claimed, older, receipt, claimed]);
    expect(read).toEqual(stop);
    expect(budgetStopFacts(stop, 75)).toEqual({ budgetStop: { ...stop, runCents: 75, overshootCents: 19 } });
  });
});
