import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { costInCents, judgeUsage, type ReportedUsage, type TokenCounts } from "./usage.js";

const reported = (one: Partial<ReportedUsage>): ReportedUsage => ({
  usage: null,
  usageBasis: null,
  costUsd: null,
  billingType: null,
  provider: null,
  biller: null,
  model: null,
  previousTotals: null,
  session: {},
  ...one,
});
const usage = (inputTokens: number, outputTokens = 0, cachedInputTokens = 0) => ({
  inputTokens,
  outputTokens,
  cachedInputTokens,
});

describe("a run's own usage", () => {
  /** The runs of one session, each judged against the raw totals of the one before. */
  function runsOfSession(basis: ReportedUsage["usageBasis"], totals: number[]): number[] {
    let previousTotals: TokenCounts | null = null;
    return totals.map((total) => {
      const judged = judgeUsage(reported({ usage: usage(total), usageBasis: basis, previousTotals }));
      previousTotals = usage(total);
      return judged.tokens.inputTokens;
    });
  }

  it.each<[ReportedUsage["usageBasis"], number[]]>([
    ["session_cumulative", [100, 150, 90]],
    ["per_run", [100, 250, 90]],
    [null, [100, 250, 90]],
  ])("US-1 AD-22 AD-65 AD-66 totals 100, 250, 90 with basis %s: %j (check 17)", (basis, expected) => {
    expect(runsOfSession(basis, [100, 250, 90])).toEqual(expected);
  });

  it("US-1 each kind of token is compared for itself", () => {
    const judged = judgeUsage(
      reported({
        usage: usage(300, 5, 40),
        usageBasis: "session_cumulative",
        previousTotals: usage(100, 50, 10),
      }),
    );
    expect(judged.tokens).toEqual(usage(200, 5, 30));
    expect(judged.usageJson).toMatchObject({
      inputTokens: 200,
      rawInputTokens: 300,
      rawCachedInputTokens: 40,
      rawOutputTokens: 5,
      usageSource: "session_delta",
    });
  });

  it("US-1 says session_delta only where a difference was taken", () => {
    const first = judgeUsage(reported({ usage: usage(1), usageBasis: "session_cumulative" }));
    expect(first.usageJson).not.toHaveProperty("usageSource");
  });

  it("US-1 values are floored at 0, and what is no finite number counts as 0", () => {
    const odd = { inputTokens: -5, outputTokens: Number.NaN, cachedInputTokens: Number.POSITIVE_INFINITY };
    expect(judgeUsage(reported({ usage: odd })).tokens).toEqual(usage(0));
    expect(judgeUsage(reported({ usage: usage(1.9) })).tokens.inputTokens).toBe(1);
  });

  it("US-1 usage is null when neither usage nor cost was reported", () => {
    expect(judgeUsage(reported({ provider: "p" })).usageJson).toBeNull();
    expect(judgeUsage(reported({ costUsd: 0 })).usageJson).toMatchObject({ costUsd: 0, inputTokens: 0 });
  });

  it("US-1 the biller is else the provider, else unknown", () => {
    expect(judgeUsage(reported({ costUsd: 1, provider: "p" })).usageJson).toMatchObject({ provider: "p", biller: "p" });
    expect(judgeUsage(reported({ costUsd: 1 })).usageJson).toMatchObject({
      provider: "unknown",
      biller: "unknown",
      model: "unknown",
    });
    expect(judgeUsage(reported({ costUsd: 1, provider: "p", biller: "b" })).biller).toBe("b");
  });

  it("US-1 keeps how the session was used", () => {
    const session = { persistedSessionId: "s", freshSession: false };
    expect(judgeUsage(reported({ usage: usage(1), session })).usageJson).toMatchObject(session);
  });
});

describe("billing", () => {
  it.each([
    ["api", "metered_api"],
    ["metered_api", "metered_api"],
    ["subscription", "subscription_included"],
    ["subscription_included", "subscription_included"],
    ["subscription_overage", "subscription_overage"],
    ["credits", "credits"],
    ["fixed", "fixed"],
    ["barter", "unknown"],
    ["toString", "unknown"],
    ["", "unknown"],
    [null, "unknown"],
  ])("US-2 AD-24 %j is kept as %s", (billingType, expected) => {
    expect(judgeUsage(reported({ costUsd: 1, billingType })).billingType).toBe(expected);
  });

  it.each([
    [1.234, "metered_api", 123],
    [1.236, "metered_api", 124],
    [0.004, "metered_api", 0],
    [-3, "metered_api", 0],
    [1, "subscription_included", 0],
    [1, "subscription_overage", 100],
    [Number.POSITIVE_INFINITY, "metered_api", 0],
    [Number.NaN, "metered_api", 0],
    [null, "metered_api", 0],
  ])("US-2 AD-24 %j USD, %s: %i cents", (costUsd, billingType, cents) => {
    expect(costInCents(costUsd, billingType)).toBe(cents);
  });

  it.each<[string, Partial<ReportedUsage>, boolean]>([
    ["tokens", { usage: usage(1) }, true],
    ["cached tokens only", { usage: usage(0, 0, 1) }, true],
    ["cents", { costUsd: 0.01, billingType: "api" }, true],
    ["an included subscription without tokens", { costUsd: 5, billingType: "subscription" }, false],
    ["nothing", { usage: usage(0) }, false],
  ])("US-3 a cost event is written for %s: %s", (_, one, expected) => {
    expect(judgeUsage(reported(one)).isBillable).toBe(expected);
  });

  it("US-3 whatever a program reports about itself fits the ledger's whole numbers", () => {
    const most = 2 ** 31 - 1;
    const anyNumber = fc.oneof(fc.double(), fc.maxSafeInteger());
    fc.assert(
      fc.property(anyNumber, anyNumber, anyNumber, (inputTokens, outputTokens, costUsd) => {
        const judged = judgeUsage(reported({ usage: { inputTokens, outputTokens }, costUsd, billingType: "api" }));
        for (const value of [...Object.values(judged.tokens), judged.costCents]) {
          expect(Number.isInteger(value) && value >= 0 && value <= most).toBe(true);
        }
      }),
    );
  });
});
