/**
 * The torture's short form (RL-1 to RL-7, RL-9, RL-10): a fixed seed, about a minute of faults. `npm run torture` is the
 * long one.
 */
import { expect, it } from "vitest";
import { report } from "./report.js";
import { FAULT_KINDS } from "./schedule.js";
import { torture } from "./torture.js";

const MINUTES = 1;

it(
  "RL-1, RL-2, RL-3, RL-4, RL-5, RL-6, RL-7, RL-9, RL-10 hold while everything around the fleet breaks",
  async () => {
    const result = await torture({ seed: 20_261, minutes: MINUTES, kinds: FAULT_KINDS, onProgress: () => undefined });
    const broken = result.verdicts.flatMap(({ promise, violations }) =>
      violations.map(({ what }) => `${promise} ${what}`),
    );
    expect(broken, report(result)).toEqual([]);
    expect(result.executions).toBeGreaterThan(20);
    expect(result.faults.length).toBeGreaterThan(10);
  },
  MINUTES * 60_000 + 300_000,
);
