import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluateAfterCost, evaluateAfterSetting, type PolicyEffects, type PolicyFacts } from "./evaluate-policy.js";
import { budgetStatus, warningAmount } from "./policy-status.js";

const policy = (facts: Partial<PolicyFacts>): PolicyFacts => ({
  isActive: true,
  amount: 100,
  warnPercent: 80,
  observed: 0,
  hardStopEnabled: true,
  notifyEnabled: true,
  softIsOpen: false,
  hardIsOpen: false,
  scopeIsPaused: false,
  ...facts,
});

/** What a row of a table says happens, in short: `soft`, `hard`, `stop`, `resume`, `-soft`, `-all`. */
function said(effects: PolicyEffects): string {
  return [
    effects.resumes && "resume",
    effects.resolves === "all" && "-all",
    effects.opensSoft && "soft",
    effects.resolves === "soft" && "-soft",
    effects.opensHard && "hard",
    effects.stops && "stop",
  ]
    .filter((word) => word !== false)
    .join(" ");
}

describe("BU-33 after a cost event", () => {
  it.each<[string, Partial<PolicyFacts>, string]>([
    ["below the warning", { observed: 79 }, ""],
    ["at the warning", { observed: 80 }, "soft"],
    ["between, the soft one open", { observed: 90, softIsOpen: true }, ""],
    ["between, nobody is to be told", { observed: 90, notifyEnabled: false }, ""],
    ["at the limit, the soft one open", { observed: 100, softIsOpen: true }, "-soft hard stop"],
    ["over the limit at once", { observed: 250 }, "soft -soft hard stop"],
    ["over the limit, nobody is to be told", { observed: 100, notifyEnabled: false }, "hard stop"],
    ["over the limit, no hard stop", { observed: 100, hardStopEnabled: false }, "soft"],
    ["stopped already", { observed: 120, hardIsOpen: true, scopeIsPaused: true }, ""],
    ["resumed by hand while it is exceeded", { observed: 120, hardIsOpen: true }, "stop"],
    ["paused by hand, then exceeded", { observed: 100, scopeIsPaused: true }, "soft -soft hard stop"],
    ["switched off", { observed: 500, isActive: false }, ""],
    ["without a limit", { observed: 500, amount: 0 }, ""],
  ])("BU-33 %s", (_, facts, what) => {
    const effects = evaluateAfterCost(policy(facts));
    expect(said(effects)).toBe(what);
    expect(effects.rule).toBe("BU-33");
  });
});

describe("BU-6 after the policy was set", () => {
  it.each<[string, Partial<PolicyFacts>, string, string]>([
    ["BU-6 without a limit", { amount: 0, observed: 500, scopeIsPaused: true }, "BU-6", "resume -all"],
    ["BU-6 raised above what was observed", { observed: 79, hardIsOpen: true }, "BU-6", "resume -all"],
    ["BU-8 between the warning and the limit", { observed: 80 }, "BU-8", "resume -all soft"],
    ["BU-8 between, the old soft one open", { observed: 80, softIsOpen: true }, "BU-8", "resume -all soft"],
    ["BU-8 between, nobody is to be told", { observed: 80, notifyEnabled: false }, "BU-6", "resume -all"],
    ["BU-6 at what was observed", { observed: 100 }, "BU-6", "soft -soft hard stop"],
    ["BU-6 below it, no hard stop", { observed: 120, hardStopEnabled: false }, "BU-6", "soft"],
    ["BU-6 set again while it is stopped", { observed: 120, hardIsOpen: true, scopeIsPaused: true }, "BU-6", ""],
    ["BU-7 exceeded and switched off", { observed: 120, isActive: false }, "BU-7", "resume -all"],
  ])("%s", (_, facts, rule, what) => {
    const effects = evaluateAfterSetting(policy(facts));
    expect(said(effects)).toBe(what);
    expect(effects.rule).toBe(rule);
  });
});

describe("laws", () => {
  const anyPolicy = fc.record({
    isActive: fc.boolean(),
    amount: fc.nat(1_000),
    warnPercent: fc.integer({ min: 1, max: 99 }),
    observed: fc.nat(2_000),
    hardStopEnabled: fc.boolean(),
    notifyEnabled: fc.boolean(),
    softIsOpen: fc.boolean(),
    hardIsOpen: fc.boolean(),
    scopeIsPaused: fc.boolean(),
  });

  /** The facts once the effects were carried out. */
  const carriedOut = (facts: PolicyFacts, effects: PolicyEffects): PolicyFacts => ({
    ...facts,
    softIsOpen:
      effects.resolves === "soft" ? false : effects.opensSoft || (effects.resolves !== "all" && facts.softIsOpen),
    hardIsOpen: effects.opensHard || (effects.resolves !== "all" && facts.hardIsOpen),
    scopeIsPaused: effects.stops || (facts.scopeIsPaused && !effects.resumes),
  });

  it("BU-33 an evaluation is at rest: doing it again does nothing", () => {
    fc.assert(
      fc.property(anyPolicy, (facts) => {
        expect(said(evaluateAfterCost(carriedOut(facts, evaluateAfterCost(facts))))).toBe("");
      }),
    );
  });

  it("BU-31 an incident is opened only where none is open, or the open one was resolved by the same step", () => {
    fc.assert(
      fc.property(anyPolicy, (facts) => {
        for (const effects of [evaluateAfterCost(facts), evaluateAfterSetting(facts)]) {
          if (effects.opensHard) expect(facts.hardIsOpen && effects.resolves !== "all").toBe(false);
          if (effects.opensSoft) expect(facts.softIsOpen && effects.resolves !== "all").toBe(false);
        }
      }),
    );
  });

  it("BU-4, BU-20 nothing is stopped below the limit or without a hard stop, and nothing both stops and resumes", () => {
    fc.assert(
      fc.property(anyPolicy, (facts) => {
        for (const effects of [evaluateAfterCost(facts), evaluateAfterSetting(facts)]) {
          if (budgetStatus(facts) !== "hard_stop" || !facts.hardStopEnabled) expect(effects.stops).toBe(false);
          expect(effects.stops && effects.resumes).toBe(false);
          if (effects.opensHard) expect(effects.stops).toBe(true);
        }
      }),
    );
  });

  it("BU-4 more spending never lowers a status, and the warning lies within the amount", () => {
    const order = ["ok", "warning", "hard_stop"];
    fc.assert(
      fc.property(anyPolicy, fc.nat(500), (facts, more) => {
        const before = order.indexOf(budgetStatus(facts));
        expect(order.indexOf(budgetStatus({ ...facts, observed: facts.observed + more }))).toBeGreaterThanOrEqual(
          before,
        );
        expect(warningAmount(facts)).toBeLessThanOrEqual(facts.amount);
      }),
    );
  });
});
