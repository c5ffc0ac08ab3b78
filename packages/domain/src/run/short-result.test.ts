import { describe, expect, it } from "vitest";
import { shortResult, shortResultText } from "./short-result.js";

describe("LV-115 the short form of a result", () => {
  it("LV-115 keeps texts, costs and stop metadata, and nothing else", () => {
    const stop = {
      stopReason: "timeout",
      timeoutSource: "config",
      effectiveTimeoutSec: 0,
      effectiveTimeoutMs: 5,
      timeoutConfigured: true,
      timeoutFired: false,
    };
    const kept = {
      summary: "",
      result: "r",
      message: "m",
      error: "e",
      total_cost_usd: 0,
      cost_usd: "1",
      costUsd: 2,
      ...stop,
    };
    expect(shortResult({ ...kept, stdout: "x", nextAction: "y" })).toEqual(kept);
    expect(shortResult({ summary: "x".repeat(501) })).toEqual({ summary: "x".repeat(500) });
  });

  it.each([
    null,
    [],
    "text",
    {},
    { stdout: "x" },
    { summary: 1, stopReason: " ", timeoutFired: "no", costUsd: null, effectiveTimeoutSec: null },
  ])("LV-115 of %j nothing is left", (result) => expect(shortResult(result)).toBeNull());

  it("LV-115, SE-48 the first text that says something", () => {
    expect(shortResultText({ summary: " ", result: 7, message: "m", error: "e" })).toBe("m");
    expect(shortResultText({ error: "e" })).toBe("e");
    expect(shortResultText(null)).toBeNull();
  });
});
