/** Which sweeps the scheduler's switch switches, and how often they look (RC-80, RC-83). */
import { describe, expect, it } from "vitest";
import { type RecoverySweepOptions, recoverySweeps } from "./recovery-sweeps.js";

const OPTIONS: RecoverySweepOptions = {
  // No sweep is run here.
  deps: {} as RecoverySweepOptions["deps"],
  sweepIntervalMs: 10_000,
  schedulerIntervalMs: null,
  schedulerEnabled: true,
  eventsDays: 30,
  timed: (_sweep, run) => run,
};
const SCHEDULED = ["stranded-work", "issue-graph", "silent-runs"];

describe("the sweeps that look after work nobody does", () => {
  it("RC-80 off: recovery is not run at intervals, what promises rest on is", () => {
    const isOff = (options: Partial<RecoverySweepOptions>): string[] =>
      recoverySweeps({ ...OPTIONS, ...options })
        .filter((sweep) => sweep.isOff === true)
        .map(({ name }) => name);
    expect(isOff({})).toEqual([]);
    expect(isOff({ schedulerEnabled: false })).toEqual(SCHEDULED);
  });

  it("RL-27 nothing is deleted for its age unless a limit is set", () => {
    const isOff = (eventsDays: number | null): boolean | undefined =>
      recoverySweeps({ ...OPTIONS, eventsDays }).find(({ name }) => name === "retention")?.isOff;
    expect(isOff(null)).toBe(true);
    expect(isOff(7)).toBe(false);
  });

  it("RC-80, RC-83 each has its interval; the scheduler's is that of recovery alone", () => {
    const everyMs = (options: Partial<RecoverySweepOptions>): Record<string, number> =>
      Object.fromEntries(recoverySweeps({ ...OPTIONS, ...options }).map((sweep) => [sweep.name, sweep.everyMs]));
    const usual = everyMs({});
    const given = everyMs({ schedulerIntervalMs: 45_000 });
    for (const name of SCHEDULED) expect([usual[name], given[name]]).toEqual([30_000, 45_000]);
    expect(given["finish-ends"]).toBe(10_000);
  });
});
