import { describe, expect, it } from "vitest";
import { backoffMs, countDeaths } from "./backoff.js";

describe("backoff", () => {
  it.each([
    [0, 1_000],
    [1, 2_000],
    [2, 4_000],
    [4, 16_000],
    [5, 30_000],
    [1_000_000, 30_000],
  ])("OP-7 after %i deaths in a row waits %i ms", (deaths, expected) => {
    expect(backoffMs(deaths)).toBe(expected);
  });

  it("OP-7 begins anew after a long life", () => {
    expect(countDeaths(7, 59_999)).toBe(8);
    expect(countDeaths(7, 60_000)).toBe(0);
  });
});
