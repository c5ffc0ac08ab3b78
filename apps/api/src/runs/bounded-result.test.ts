import { describe, expect, it } from "vitest";
import { boundedResult, WHOLE_RESULT_MAX_BYTES } from "./bounded-result.js";

describe("RD-2, LV-118, LV-119 a run's result", () => {
  it("LV-118 is given whole while it is small", () => {
    const result = { anything: "x".repeat(1_000), summary: null };
    expect(boundedResult(result)).toBe(result);
  });

  it("LV-119 keeps texts, the end of the output, cost and stop metadata of a large one", () => {
    const bounded = boundedResult({
      summary: "s".repeat(600),
      result: { not: "a text" },
      stdout: `${"o".repeat(WHOLE_RESULT_MAX_BYTES)}the end`,
      stderr: "e",
      cost_usd: 0.5,
      stopReason: "completed",
      timeoutFired: false,
      other: [1, 2, 3],
    });
    expect(bounded).toEqual({
      summary: "s".repeat(500),
      stdout: `${"o".repeat(4_089)}the end`,
      stdoutTruncated: true,
      stderr: "e",
      costUsd: 0.5,
      cost_usd: 0.5,
      total_cost_usd: 0.5,
      stopReason: "completed",
      timeoutFired: false,
      truncated: true,
      truncationReason: "oversized_result_json",
      originalSizeBytes: expect.any(Number),
    });
  });
});
