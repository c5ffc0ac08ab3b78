import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PACED_FOR_MS, startsAllowed, untilNextStartMs } from "./start-pace.js";
import { isWorthTelling } from "./worth-telling.js";

describe("the pace of starts", () => {
  it.each([
    [0, 0, 10],
    [0, 10, 0],
    [500, 10, 4],
    [1_000, 10, 10],
    [1_000, 20, 0],
    [3_000, 20, 60],
    [PACED_FOR_MS - 1, 10_240, 0],
    [PACED_FOR_MS, 1_000_000, Number.POSITIVE_INFINITY],
  ])("BY-13 after %i ms with %i started, %d more of a pace of ten may start", (elapsedMs, started, allowed) => {
    expect(startsAllowed({ perSecond: 10, elapsedMs, started })).toBe(allowed);
  });

  it.each([
    [0, 9, 0],
    [0, 10, 138],
    [0, 19, 1_000],
    [900, 19, 100],
    [9_000, 1_000_000, 1_000],
  ])("BY-13 after %i ms with %i started, the next may start in %i ms", (elapsedMs, started, expected) => {
    expect(untilNextStartMs({ perSecond: 10, elapsedMs, started })).toBe(expected);
  });

  it("BY-13 whoever waits as long as it says may start one, and nothing waits for ever", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 0, max: PACED_FOR_MS }),
        fc.nat(100_000),
        (perSecond, elapsedMs, started) => {
          const waitMs = untilNextStartMs({ perSecond, elapsedMs, started });
          expect(waitMs).toBeLessThanOrEqual(PACED_FOR_MS);
          expect(startsAllowed({ perSecond, elapsedMs: elapsedMs + waitMs, started })).toBeGreaterThan(0);
        },
      ),
    );
  });
});

it("BY-14 an hour of failures, one each two seconds, is eleven lines", () => {
  const told = Array.from({ length: 1_800 }, (_, index) => index + 1).filter(isWorthTelling);
  expect(told).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]);
  expect(isWorthTelling(0)).toBe(false);
});
