/**
 * A store that is away for long (BY-14): every loop of every process backs off and tells of it ever more rarely, while work
 * waits and runs end; when it is back, all of it is done.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, runCounts, untilSettled, wake } from "../support/fleet-work.js";

const AGENTS = 12;
/** How long a store is away, in two halves that are compared. */
const HALF_MS = 8_000;
/** What one process may say in the first half, with the traces of errors that it tells of for the first time. */
const MOST_BYTES_FIRST = 80_000;
/** And in the second, when nothing is new. */
const MOST_BYTES_THEN = 8_000;

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  // Leases of a minute outlast the outage, so that every run ends under its first worker, while they are renewed often.
  fleet = await startFleet({
    workers: 1,
    stores: "private",
    env: { LEASE_MS: "60000", WORKER_CONCURRENCY: "6", SWEEP_INTERVAL_MS: "1000" },
  });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

/** Bytes that each process has printed so far. */
function printed(): Map<string, number> {
  const logs = readdirSync(fleet.folder).filter((name) => name.endsWith(".log"));
  return new Map(logs.map((name) => [name, statSync(join(fleet.folder, name)).size]));
}

function since(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...after].map(([name, size]) => [name, size - (before.get(name) ?? 0)]));
}

const over = (most: number, bytes: ReadonlyMap<string, number>): [string, number][] =>
  [...bytes].filter(([, count]) => count > most);

/** Twice as many runs as the worker has slots; those that execute end while the store is away. */
async function workUnderWay(name: string): Promise<string[]> {
  fleet.witness.holdAgain();
  const agentIds = await Promise.all(
    Array.from({ length: AGENTS }, (_, index) =>
      createAgent(fleet, {
        companyId,
        name: `${name} ${index}`,
        adapterConfig: fleet.witness.agentConfig("until_released"),
        heartbeat: { maxConcurrentRuns: 1 },
      }),
    ),
  );
  for (const agentId of agentIds) await wake(fleet, agentId);
  await eventually("every slot to be used", () => fleet.witness.open().length === 6);
  return agentIds;
}

it.each([
  {
    store: "PostgreSQL",
    stop: () => fleet.stores.stopPostgres("immediate"),
    start: () => fleet.stores.startPostgres(),
  },
  { store: "Redis", stop: () => fleet.stores.stopRedis("crash"), start: () => fleet.stores.startRedis() },
])(
  "BY-14, RL-5, RL-6 $store away while runs end and others wait: kilobytes of log, fewer as it lasts, then all is done",
  async ({ store, stop, start }) => {
    const agentIds = await workUnderWay(store);
    await stop();
    fleet.witness.release();
    const before = printed();
    await delay(HALF_MS);
    const halfway = printed();
    await delay(HALF_MS);
    const after = printed();
    await start();

    expect(over(MOST_BYTES_FIRST, since(before, halfway))).toEqual([]);
    expect(over(MOST_BYTES_THEN, since(halfway, after))).toEqual([]);
    await untilSettled(fleet, 90_000);
    expect(await runCounts(fleet, agentIds)).toEqual({ succeeded: AGENTS });
    await expectNothingBroken(fleet, () => 1);
  },
);
