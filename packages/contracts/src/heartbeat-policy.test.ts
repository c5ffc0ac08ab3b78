/** Reading the heartbeat policy of an agent, however it was written (DM-61). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_TIMER_INTERVAL_SEC, readHeartbeatPolicy } from "./heartbeat-policy.js";

describe("readHeartbeatPolicy", () => {
  it.each([
    [0, 1],
    [-3, 1],
    [10.9, 10],
    [11, 10],
    ["4", 5],
    [null, 5],
    ["x", 5],
    [undefined, 5],
    [7, 7],
  ])("DM-61 maxConcurrentRuns %j is %i (01 check 22)", (maxConcurrentRuns, expected) => {
    expect(readHeartbeatPolicy({ heartbeat: { maxConcurrentRuns } }).maxConcurrentRuns).toBe(expected);
  });

  it.each([
    [{}, { enabled: false, intervalSec: 0, wakeOnDemand: true, maxConcurrentRuns: 5 }],
    [
      { enabled: true, intervalSec: 300 },
      { enabled: true, intervalSec: 300 },
    ],
    [
      { enabled: "yes", intervalSec: "300" },
      { enabled: false, intervalSec: 0 },
    ],
    [{ intervalSec: -1 }, { intervalSec: 0 }],
    [{ intervalSec: 1e300 }, { intervalSec: MAX_TIMER_INTERVAL_SEC }],
    [{ wakeOnDemand: false }, { wakeOnDemand: false }],
    [{ wakeOnAssignment: false }, { wakeOnDemand: false }],
    [{ wakeOnOnDemand: false }, { wakeOnDemand: false }],
    [{ wakeOnAutomation: false }, { wakeOnDemand: false }],
    [{ wakeOnDemand: true, wakeOnAssignment: false }, { wakeOnDemand: true }],
  ])("DM-61 reads %j", (heartbeat, expected) => {
    expect(readHeartbeatPolicy({ heartbeat })).toMatchObject(expected);
  });

  it("DM-65 answers a usable policy for any JSON at all", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (config, heartbeat) => {
        for (const policy of [readHeartbeatPolicy(config), readHeartbeatPolicy({ heartbeat })]) {
          expect(Number.isInteger(policy.maxConcurrentRuns)).toBe(true);
          expect(policy.maxConcurrentRuns).toBeGreaterThanOrEqual(1);
          expect(policy.maxConcurrentRuns).toBeLessThanOrEqual(10);
          expect(policy.intervalSec).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
