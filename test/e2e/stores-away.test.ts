/**
 * A store that is away for long (BY-14): every loop of every process backs off and tells of it ever more rarely, while work
 * waits and runs end; when it is back, all of it is done.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, runCounts, untilSettled, wake } from "../support/fleet-work.js";

const AGENTS = 12;
/** How long a store is away. Every loop tries a dozen times and more. */
const AWAY_MS = 16_000;
/** Lines about one and the same thing: the first failures, then ever fewer. */
const MOST_LINES = 6;
/** What one process may say in all, with the traces of errors. */
const MOST_BYTES = 150_000;

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

type Printed = ReadonlyMap<string, string>;

/** What each process has printed so far, by its log's name. */
function printed(): Printed {
  const logs = readdirSync(fleet.folder).filter((name) => name.endsWith(".log"));
  return new Map(logs.map((name) => [name, readFileSync(join(fleet.folder, name), "utf8")]));
}

/** How many lines `text` has about each thing. */
function linesBySubject(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of text.split("\n").filter((one) => one.startsWith("{"))) {
    const said = JSON.parse(line) as Record<string, unknown>;
    const about = ["event", "subject", "runId", "loop", "sweep", "connection"].map((key) => said[key] ?? "");
    const subject = [...about, said["msg"]].join(" ").trim();
    counts.set(subject, (counts.get(subject) ?? 0) + 1);
  }
  return counts;
}

/** What was said too often between two looks. */
function loud(before: Printed, after: Printed): [string, string | number][] {
  return [...after].flatMap(([name, all]) => {
    const text = all.slice(before.get(name)?.length ?? 0);
    const often = [...linesBySubject(text)].filter(([, count]) => count > MOST_LINES);
    return text.length > MOST_BYTES ? [...often, [name, `${text.length} characters`] as [string, string]] : often;
  });
}

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
    await delay(AWAY_MS);
    const after = printed();
    await start();

    expect(loud(before, after)).toEqual([]);
    await untilSettled(fleet, 90_000);
    expect(await runCounts(fleet, agentIds)).toEqual({ succeeded: AGENTS });
    await expectNothingBroken(fleet, () => 1);
  },
);
