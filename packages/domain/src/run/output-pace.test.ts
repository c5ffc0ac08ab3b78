import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRESH_PACE, OUTPUT_BURST_BYTES, OUTPUT_BYTES_PER_SECOND, takeOutput } from "./output-pace.js";

const MIB = 1024 * 1024;

describe("LG-8 a run's share of its worker", () => {
  it.each<[string, number, number, number]>([
    ["what was saved up is taken at once", MIB, 0, 0],
    ["a quarter more waits as long as it takes to earn it", MIB * 1.25, 0, 31.25],
    ["what was earned meanwhile counts", MIB * 1.25, 1_000, 31.25],
    ["no wait is long", MIB * 100, 0, 250],
  ])("LG-8 %s", (_, bytes, nowMs, waitMs) => {
    expect(takeOutput(FRESH_PACE, { bytes, nowMs }).waitMs).toBe(waitMs);
  });

  it("LG-8 what was taken too early is waited for over several takes", () => {
    const first = takeOutput(FRESH_PACE, { bytes: 9 * MIB, nowMs: 0 });
    expect(takeOutput(first.pace, { bytes: 0, nowMs: 500 }).waitMs).toBe(250);
    expect(takeOutput(first.pace, { bytes: 0, nowMs: 1_000 }).waitMs).toBe(0);
  });

  it("LG-8 who waits as told is never above the rate, and an agent below it never waits", () => {
    const chunks = fc.array(fc.tuple(fc.integer({ min: 1, max: 256 * 1024 }), fc.integer({ min: 0, max: 40 })));
    fc.assert(
      fc.property(chunks, (taken) => {
        let [pace, nowMs, total] = [FRESH_PACE, 0, 0];
        for (const [bytes, idleMs] of taken) {
          const next = takeOutput(pace, { bytes, nowMs });
          total += bytes;
          if (total <= OUTPUT_BURST_BYTES) expect(next.waitMs).toBe(0);
          pace = next.pace;
          nowMs += next.waitMs + idleMs;
          expect(total).toBeLessThanOrEqual(OUTPUT_BURST_BYTES + (nowMs * OUTPUT_BYTES_PER_SECOND) / 1000 + 1);
        }
      }),
    );
  });
});
