import { beforeAll, describe, expect, it } from "vitest";
import { listPriceUsd, loadListPrices, type PricedTokens } from "./list-price.js";

beforeAll(loadListPrices);

const use = (model: string | null, more: Partial<PricedTokens> = {}): PricedTokens => ({
  model,
  inputTokens: 0,
  cacheWriteTokens: 0,
  cacheReadTokens: 0,
  outputTokens: 0,
  ...more,
});
const MILLION = 1_000_000;

describe("BY-6 list prices", () => {
  it("BY-6 prices each kind of token by its own rate, and adds up models", () => {
    const sonnet = (more: Partial<PricedTokens>) => listPriceUsd("anthropic", [use("claude-sonnet-4-20250514", more)]);
    const input = sonnet({ inputTokens: MILLION / 10 }) ?? 0;
    expect(input).toBeCloseTo(0.3);
    expect(sonnet({ outputTokens: MILLION / 10 })).toBeCloseTo(1.5);
    expect(sonnet({ cacheReadTokens: MILLION / 10 })).toBeLessThan(input);
    expect(sonnet({ cacheWriteTokens: MILLION / 10 })).toBeGreaterThan(input);
    const two = [
      use("claude-sonnet-4-20250514", { outputTokens: 1_000 }),
      use("claude-opus-4-20250514", { outputTokens: 1_000 }),
    ];
    expect(listPriceUsd("anthropic", two)).toBeCloseTo(0.09);
  });

  it.each<[string, string, PricedTokens[]]>([
    ["nothing", "anthropic", []],
    ["a model that no list has", "anthropic", [use("no-such-model", { inputTokens: 5 })]],
    ["no model", "anthropic", [use(null, { inputTokens: 5 })]],
    ["a provider that no list has", "nobody", [use("claude-sonnet-4-20250514", { inputTokens: 5 })]],
    [
      "counts that are no numbers",
      "anthropic",
      [use("claude-sonnet-4-20250514", { inputTokens: Number.POSITIVE_INFINITY })],
    ],
  ])("BY-6 %s has no price", (_, provider, uses) => {
    expect(listPriceUsd(provider, uses)).toBeNull();
  });

  it("BY-6 a model without a price takes nothing from those that have one", () => {
    const priced = use("claude-sonnet-4-20250514", { outputTokens: 1_000 });
    expect(listPriceUsd("anthropic", [priced, use("no-such-model", { outputTokens: 9 })])).toBeCloseTo(0.015);
  });
});
