/**
 * What holds after every end-to-end test, whatever was done to the fleet: nothing is left running, waiting or locked, each
 * event follows its predecessor, and by the witness nothing ran twice or beside what its agent allows (RL-1 to RL-4).
 */
import { expect } from "vitest";
import { brokenAtRest } from "./at-rest.js";
import type { Fleet } from "./fleet.js";

/**
 * Checks a fleet that has settled. `limitOf` is the most executions an agent may have at once (its
 * `maxConcurrentRuns`; the highest it ever had, if the test changed it).
 */
export async function expectNothingBroken(fleet: Fleet, limitOf: (agentId: string) => number): Promise<void> {
  const broken: Record<string, unknown> = await brokenAtRest(fleet.db.sql);
  const witnessed = fleet.witness.violations(limitOf);
  if (witnessed.length > 0) broken["RL-2, RL-4 by the witness"] = witnessed;
  expect(broken).toEqual({});
}

/** Each of these runs was executed exactly once by the witness. */
export function expectEachExecutedOnce(fleet: Fleet, runIds: readonly string[]): void {
  const counts = new Map<string, number>();
  for (const line of fleet.witness.lines()) {
    if (line.kind === "start") counts.set(line.runId, (counts.get(line.runId) ?? 0) + 1);
  }
  expect(runIds.filter((runId) => counts.get(runId) !== 1)).toEqual([]);
}
