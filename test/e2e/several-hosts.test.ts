/**
 * A fleet over several hosts: each has its name, its folders, and its own way to the stores, which can be cut. Two APIs, four
 * workers. A host that is cut off ends its own agents before anybody else may start them again (EX-14); the fleet goes on
 * without it, and takes it back when it returns (PL-1, PL-2, RL-5, RL-6).
 */
import { join } from "node:path";
import { TcpProxy } from "@wakefleet/testkit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { expectEachExecutedOnce, expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import type { FleetProcess } from "../support/fleet-process.js";
import {
  createAgent,
  createCompany,
  readRun,
  runCounts,
  untilEnded,
  untilSettled,
  untilSpawnStored,
  untilStarted,
  wake,
  wakeMany,
} from "../support/fleet-work.js";
import { isAlive } from "../support/leftovers.js";
import { throughPort } from "../support/through-port.js";

const LEASE_MS = 5_000;
const ADOPT_GRACE_MS = 8_000;
const SETTLE_MS = 120_000;

/** A machine with a network of its own, as far as the stores can tell. */
class Host {
  private constructor(
    private readonly fleet: Fleet,
    readonly name: string,
    private readonly proxies: readonly [postgres: TcpProxy, redis: TcpProxy],
  ) {}

  static async open(fleet: Fleet, name: string): Promise<Host> {
    const ports = [fleet.databaseUrl, fleet.redisUrl].map((url) => Number(new URL(url).port));
    const [postgres, redis] = await Promise.all([TcpProxy.open(ports[0] ?? 0), TcpProxy.open(ports[1] ?? 0)]);
    return new Host(fleet, name, [postgres, redis]);
  }

  private get env(): Record<string, string> {
    const [postgres, redis] = this.proxies;
    return {
      WORKER_HOSTNAME: this.name,
      RUN_SPOOL_DIR: join(this.fleet.spoolDir, this.name),
      DATABASE_URL: throughPort(this.fleet.databaseUrl, postgres.port),
      REDIS_URL: throughPort(this.fleet.redisUrl, redis.port),
    };
  }

  startApi(): Promise<number> {
    return this.fleet.startApi({ env: this.env });
  }

  startWorker(): Promise<FleetProcess> {
    return this.fleet.startWorker({ env: this.env });
  }

  /** Nothing it sends arrives until it is brought back; then all of it does. */
  hold(): void {
    for (const proxy of this.proxies) proxy.stall();
  }

  /** Nothing it sends arrives, its connections never come back, and nothing tells it so. */
  cutOff(): void {
    for (const proxy of this.proxies) proxy.blackhole();
  }

  bringBack(): void {
    for (const proxy of this.proxies) proxy.restore();
  }

  async close(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
  }
}

let fleet: Fleet;
let companyId: string;
let hosts: Host[] = [];

beforeEach(async () => {
  const env = { LEASE_MS: String(LEASE_MS), PROCESS_ADOPT_GRACE_MS: String(ADOPT_GRACE_MS), WORKER_CONCURRENCY: "3" };
  fleet = await startFleet({ apis: 0, workers: 0, env });
  hosts = await Promise.all(["north", "east", "south"].map((name) => Host.open(fleet, name)));
});
afterEach(async () => {
  await fleet?.stop();
  await Promise.all(hosts.map((host) => host.close()));
});

interface Held {
  readonly id: string;
  readonly agentId: string;
  readonly pid: number;
  readonly host: string;
  readonly workerPid: number;
}

/** The run as it is under way, and where. */
async function underWay(agentId: string, runId: string): Promise<Held> {
  await untilStarted(fleet, runId);
  const pid = await untilSpawnStored(fleet, runId);
  const [row] = await fleet.db.sql.query<{ host: string; workerPid: number }>(
    `SELECT w.hostname AS host, w.pid AS "workerPid" FROM heartbeat_runs r JOIN workers w ON w.id = r.worker_id
      WHERE r.id = $1`,
    [runId],
  );
  if (row === undefined) throw new Error(`run ${runId} has no worker`);
  return { id: runId, agentId, pid, ...row };
}

async function retryOf(runId: string): Promise<string> {
  const { retries } = await fleet.http.read<{ retries: string[] }>(`/api/heartbeat-runs/${runId}`);
  expect(retries).toHaveLength(1);
  return retries[0] ?? "";
}

it("RL-1, RL-2, RL-4, EX-14, PL-1, PL-2 a host cut off from both stores and come back: nothing lost, nothing doubled", async () => {
  const [north, east, south] = hosts as [Host, Host, Host];
  await north.startApi();
  const southApi = await south.startApi();
  companyId = await createCompany(fleet);
  // As many as the four workers together take: each has some.
  const agentIds = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      createAgent(fleet, {
        companyId,
        name: `Agent ${index}`,
        adapterConfig: fleet.witness.agentConfig("until_released", { graceSec: 1 }),
        heartbeat: { maxConcurrentRuns: 1 },
      }),
    ),
  );
  const first = await Promise.all(agentIds.map((agentId) => wake(fleet, agentId, { taskKey: "first" })));
  for (const host of [south, north, north, east]) await host.startWorker();
  const held = await Promise.all(first.map(({ id }, index) => underWay(agentIds[index] ?? "", id)));
  const of = (host: Host): Held[] => held.filter((run) => run.host === host.name);
  for (const host of hosts) expect(of(host).length).toBeGreaterThan(0);

  // East is away for longer than its lease and shorter than its grace: nobody touches its runs, and they go on.
  east.hold();
  const leases = (ids: readonly string[]): Promise<{ over: boolean }[]> =>
    fleet.db.sql.query("SELECT lease_expires_at < now() AS over FROM heartbeat_runs WHERE id = ANY($1::uuid[])", [ids]);
  const idsOf = (host: Host): string[] => of(host).map(({ id }) => id);
  await eventually("its leases to be over", async () => (await leases(idsOf(east))).every(({ over }) => over));
  east.bringBack();
  await eventually("its leases to hold again", async () => (await leases(idsOf(east))).every(({ over }) => !over));
  for (const { id, pid } of of(east)) {
    expect(await readRun(fleet, id)).toMatchObject({ status: "running", processPid: pid });
    expect(isAlive(pid)).toBe(true);
  }

  // South is away for good, as far as anybody can know: it ends its agents, and then the others start them again.
  south.cutOff();
  await east.startWorker();
  const refused = await fleet.httpOf(southApi).post(`/api/agents/${agentIds[0]}/wakeup`);
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).not.toBeNull();
  const retries: Held[] = [];
  for (const run of of(south)) {
    expect(await untilEnded(fleet, run.id)).toMatchObject({ status: "failed", errorCode: "process_lost" });
    expect(isAlive(run.pid)).toBe(false);
    retries.push(await underWay(run.agentId, await retryOf(run.id)));
  }
  expect(retries.map(({ host }) => host)).not.toContain(south.name);
  for (const { id } of [...of(north), ...of(east)]) expect((await readRun(fleet, id)).status).toBe("running");

  // What comes meanwhile is accepted, and waits for its agents.
  const waiting = (await Promise.all(agentIds.map((agentId) => wakeMany(fleet, agentId, 2, "waiting")))).flat();

  // A worker of north dies: the other one of its host takes its runs over, with their processes.
  const victim = of(north)[0];
  await fleet.workers.find(({ pid }) => pid === victim?.workerPid)?.kill();
  const orphans = [...of(north), ...retries].filter(({ workerPid }) => workerPid === victim?.workerPid);
  for (const orphan of orphans) {
    await eventually("it to be taken over", async () => {
      const now = await underWay(orphan.agentId, orphan.id);
      return now.workerPid !== orphan.workerPid;
    });
    expect(await underWay(orphan.agentId, orphan.id)).toMatchObject({ pid: orphan.pid, host: north.name });
  }

  // South comes back and works again.
  south.bringBack();
  fleet.witness.release();
  await untilSettled(fleet, SETTLE_MS);
  await eventually("south to work", async () => {
    const more = await Promise.all(agentIds.map((agentId) => wake(fleet, agentId, { taskKey: "more" })));
    await Promise.all(more.map(({ id }) => untilEnded(fleet, id)));
    const [row] = await fleet.db.sql.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM heartbeat_runs r JOIN workers w ON w.id = r.worker_id
        WHERE w.hostname = $1 AND r.id = ANY($2::uuid[])`,
      [south.name, more.map(({ id }) => id)],
    );
    return (row?.count ?? 0) > 0;
  });

  await untilSettled(fleet, SETTLE_MS);
  expectEachExecutedOnce(
    fleet,
    [...held, ...retries].map(({ id }) => id),
  );
  // What waited was executed, too; but connections that died with south's network cost its workers time when it comes
  // back, and what they hold meanwhile may be lost once more.
  const failed = await fleet.db.sql.query<{ id: string; host: string; code: string }>(
    `SELECT r.id, w.hostname AS host, r.error_code AS code FROM heartbeat_runs r JOIN workers w ON w.id = r.worker_id
      WHERE r.status <> 'succeeded'`,
  );
  expect(failed.map(({ id }) => id)).toEqual(expect.arrayContaining(of(south).map(({ id }) => id)));
  expect(failed.filter(({ host, code }) => host !== south.name || code !== "process_lost")).toEqual([]);
  const failedIds = new Set(failed.map(({ id }) => id));
  expectEachExecutedOnce(
    fleet,
    waiting.filter((id) => !failedIds.has(id)),
  );
  const { succeeded = 0, ...others } = await runCounts(fleet);
  expect(others).toEqual({ failed: failed.length });
  expect(succeeded).toBeGreaterThan(waiting.length / 2);
  await expectNothingBroken(fleet, () => 1);
}, 400_000);
