import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hostPressure } from "./host-pressure.js";

const limits = { minMemoryShare: 0.05, maxLoadPerCore: 4 };
const none = { minMemoryShare: null, maxLoadPerCore: null };

describe("BY-10 a host under pressure", () => {
  it.each([
    [{ availableMemoryShare: 0.05, loadPerCore: 4 }, false, null],
    [{ availableMemoryShare: 0.049, loadPerCore: 0 }, false, "4 % of the memory is available"],
    [{ availableMemoryShare: 0.06, loadPerCore: 0 }, true, "6 % of the memory is available"],
    [{ availableMemoryShare: 0.0625, loadPerCore: 3 }, true, null],
    [{ availableMemoryShare: 0.5, loadPerCore: 4.1 }, false, "The load is 4.1 for each core"],
    [{ availableMemoryShare: 0.5, loadPerCore: 3.1 }, true, "The load is 3.1 for each core"],
    [{ availableMemoryShare: null, loadPerCore: null }, false, null],
  ])("BY-10 %o, pressed before: %s → %s", (figures, wasPressed, said) => {
    const answer = hostPressure(figures, { limits, wasPressed });
    if (said === null) expect(answer).toBeNull();
    else expect(answer).toContain(said);
  });

  it("BY-10 without limits nothing presses; what presses a host at ease presses one under pressure", () => {
    const share = fc.option(fc.double({ min: 0, max: 1, noNaN: true }));
    const load = fc.option(fc.double({ min: 0, max: 500, noNaN: true }));
    fc.assert(
      fc.property(share, load, (availableMemoryShare, loadPerCore) => {
        const figures = { availableMemoryShare, loadPerCore };
        expect(hostPressure(figures, { limits: none, wasPressed: true })).toBeNull();
        if (hostPressure(figures, { limits, wasPressed: false }) !== null) {
          expect(hostPressure(figures, { limits, wasPressed: true })).not.toBeNull();
        }
      }),
    );
  });

  it("BY-10 a limit of all memory can be met", () => {
    const all = { limits: { minMemoryShare: 1, maxLoadPerCore: null }, wasPressed: true };
    expect(hostPressure({ availableMemoryShare: 1, loadPerCore: null }, all)).toBeNull();
  });
});
