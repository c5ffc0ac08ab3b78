import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  codexFallbackMode,
  DEFAULT_RETRY_TABLE,
  exhaustedText,
  isTransientFailure,
  notBeforeOf,
  scheduleRetry,
} from "./schedule.js";

const now = new Date("2026-11-24T08:00:00Z");
const at = (attempt: number, random = 0.5, notBefore: Date | null = null) =>
  scheduleRetry({ attempt, now, random, notBefore, table: DEFAULT_RETRY_TABLE });
const delayMs = (attempt: number, random?: number) => (at(attempt, random)?.dueAt.getTime() ?? 0) - now.getTime();

describe("the bounded schedule", () => {
  it.each([
    [1, 120_000],
    [2, 600_000],
    [3, 1_800_000],
    [4, 7_200_000],
  ])("RT-1 attempt %i waits %i ms in the middle of its jitter", (attempt, base) => {
    expect(delayMs(attempt)).toBe(base);
    expect(delayMs(attempt, 0)).toBe(base * 0.75);
    expect(delayMs(attempt, 1)).toBe(base * 1.25);
  });

  it.each([0, 5, -1, 1.5, Number.NaN])("RT-1 attempt %s has no schedule", (attempt) => expect(at(attempt)).toBeNull());

  it("RT-1 a delay is never below a second", () => {
    const table = { delaysMs: [10], jitter: 0.25 };
    const due = scheduleRetry({ attempt: 1, now, random: 0, notBefore: null, table })?.dueAt.getTime();
    expect(due).toBe(now.getTime() + 1_000);
  });

  it("RT-1 jitter stays within its bounds whatever chance says", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
        const base = DEFAULT_RETRY_TABLE.delaysMs[attempt - 1] ?? 0;
        return delayMs(attempt, random) >= base * 0.75 && delayMs(attempt, random) <= base * 1.25;
      }),
    );
  });

  it("RT-2 the upstream's word moves a retry later, never earlier", () => {
    const later = new Date("2026-11-24T14:00:00Z");
    expect(at(1, 0.5, later)?.dueAt).toEqual(later);
    expect(at(1, 0.5, new Date("2026-11-24T08:00:01Z"))?.dueAt).toEqual(new Date("2026-11-24T08:02:00Z"));
  });

  it.each([
    [{ retryNotBefore: "2026-11-24T10:00:00Z" }, "2026-11-24T10:00:00.000Z"],
    [{ transientRetryNotBefore: 1_795_514_400 }, "2026-11-24T10:00:00.000Z"],
    [{ retryNotBefore: 1_795_514_400_000 }, "2026-11-24T10:00:00.000Z"],
    [{ retryNotBefore: "soon", transientRetryNotBefore: "2026-11-24T11:00:00Z" }, "2026-11-24T11:00:00.000Z"],
  ])("RT-2 %j says %s", (result, expected) => expect(notBeforeOf(result)?.toISOString()).toBe(expected));

  it("RT-2 says nothing without a readable instant", () => {
    expect(notBeforeOf({ retryNotBefore: null })).toBeNull();
    expect(notBeforeOf(null)).toBeNull();
  });

  it("RT-4 each attempt has its fallback mode", () => {
    expect([0, 1, 2, 3, 4, 9].map(codexFallbackMode)).toEqual([
      "same_session",
      "same_session",
      "safer_invocation",
      "fresh_session",
      "fresh_session_safer_invocation",
      "fresh_session_safer_invocation",
    ]);
  });

  it("RT-5 the words of the end", () => {
    expect(exhaustedText(4)).toBe(
      "Bounded retry exhausted after 4 scheduled attempts; no further automatic retry will be queued",
    );
  });

  it.each([
    ["failed", null, { errorFamily: "transient_upstream" }, true],
    ["failed", "claude_transient_upstream", null, true],
    ["failed", "codex_transient_upstream", {}, true],
    ["failed", "adapter_failed", {}, false],
    ["timed_out", null, { errorFamily: "transient_upstream" }, false],
    ["succeeded", null, { errorFamily: "transient_upstream" }, false],
  ] as const)("FI-6 %s %s %j: retried %s", (status, errorCode, resultJson, expected) => {
    expect(isTransientFailure({ status, errorCode, resultJson })).toBe(expected);
  });
});
