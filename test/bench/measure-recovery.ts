/** How long a fleet needs to be whole again: after a Redis that lost everything, and after a worker that was killed. */
import { setTimeout as delay } from "node:timers/promises";
import { agentQueueName, agentQueuePrefix, fleetKeys } from "@wakefleet/queue";
import { Redis } from "ioredis";
import { type BenchStores, cancelWaitingRuns, createAgents, startBenchFleet } from "./fleet.js";
import { wake } from "./measure-latency.js";

const POLL_MS = 20;
/** Jobs asked about in one pipeline. */
const LOOK_AT_ONCE = 5_000;

/** What is to wait. */
export interface Waiting {
  readonly companyId: string;
  readonly agentIds: readonly string[];
  readonly runs: number;
}

/** Lets `runs` runs of the agents in turn wait, and waits until a worker's relay has added all their jobs. */
export async function letWait(stores: BenchStores, { companyId, agentIds, runs }: Waiting): Promise<void> {
  await stores.db.sql.query(
    `WITH places AS (
       SELECT n, gen_random_uuid() AS run_id, gen_random_uuid() AS request_id,
              ($2::uuid[])[1 + n % cardinality($2::uuid[])] AS agent_id FROM generate_series(1, $3) n
     ), requests AS (
       INSERT INTO agent_wakeup_requests (id, company_id, agent_id, source, status, run_id)
       SELECT request_id, $1, agent_id, 'on_demand', 'queued', run_id FROM places
     )
     INSERT INTO heartbeat_runs (id, company_id, agent_id, status, wakeup_request_id, task_key)
     SELECT run_id, $1, agent_id, 'queued', request_id, 'task ' || n FROM places`,
    [companyId, agentIds, runs],
  );
  for (;;) {
    const left = await stores.db.sql.query(
      "SELECT FROM heartbeat_runs WHERE dispatched_at IS NULL AND status = 'queued' LIMIT 1",
    );
    if (left.length === 0) return;
    await delay(POLL_MS);
  }
}

/**
 * Seconds from a flushed Redis until every waiting run has its job again, with nobody doing anything. The fleet's slots are
 * full, so that all keep waiting.
 */
export async function flushedRedisRecovery(
  stores: BenchStores,
  of: { prefix: string; companyId: string },
): Promise<number> {
  const redis = new Redis(stores.redis.url);
  const { epoch } = fleetKeys(of.prefix);
  const whole = await untilRebuilt(redis, epoch);
  await redis.flushall();
  const startedAt = performance.now();
  while ((await redis.get(epoch)) !== whole) await delay(POLL_MS);
  const seconds = (performance.now() - startedAt) / 1000;
  const missing = await withoutJob(stores, { redis, ...of });
  redis.disconnect();
  if (missing > 0) throw new Error(`${missing} waiting runs had no job after the rebuild`);
  return seconds;
}

/** What the epoch key holds once nothing is being put back any more (RL-21). */
async function untilRebuilt(redis: Redis, epoch: string): Promise<string> {
  for (;;) {
    const held = await redis.get(epoch);
    if (held !== null && !held.startsWith("rebuilding:")) return held;
    await delay(POLL_MS);
  }
}

/** How many waiting runs have no job, or are not known to have one. */
async function withoutJob(
  stores: BenchStores,
  of: { redis: Redis; companyId: string; prefix: string },
): Promise<number> {
  const runs = await stores.db.sql.query<{ id: string; agentId: string; isMarked: boolean }>(
    `SELECT id, agent_id AS "agentId", dispatched_at IS NOT NULL AS "isMarked" FROM heartbeat_runs
      WHERE company_id = $1 AND status = 'queued'`,
    [of.companyId],
  );
  let missing = 0;
  for (let from = 0; from < runs.length; from += LOOK_AT_ONCE) {
    const look = of.redis.pipeline();
    const some = runs.slice(from, from + LOOK_AT_ONCE);
    for (const { id, agentId } of some) {
      look.exists(`${agentQueuePrefix(of.prefix, agentId)}:${agentQueueName(agentId)}:${id}`);
    }
    const replies = (await look.exec()) ?? [];
    missing += some.filter(({ isMarked }, index) => !isMarked || replies[index]?.[1] !== 1).length;
  }
  return missing;
}

/**
 * Seconds from the SIGKILL of a worker with `runs` running children until every run is another worker's or has ended as
 * lost. The children sleep and outlive their worker; the other worker is of the same host.
 */
export async function killedWorkerRecovery(
  stores: BenchStores,
  options: { runs: number; leaseMs: number; prefix: string },
): Promise<number> {
  const { companyId, agentIds } = await createAgents(stores.db, {
    count: options.runs,
    adapterType: "process",
    adapterConfig: { command: "sleep", args: ["600"] },
    maxConcurrentRuns: 1,
  });
  const how = { prefix: options.prefix, leaseMs: options.leaseMs };
  const first = await startBenchFleet(stores, { workers: 1, ...how });
  for (const agentId of agentIds) await wake(first, agentId, "sleep");
  const heldByOthers = async (workerIds: readonly string[]): Promise<number> => {
    const [row] = await stores.db.sql.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM heartbeat_runs
        WHERE company_id = $1 AND status = 'running' AND process_pid IS NOT NULL AND worker_id <> ALL($2::uuid[])`,
      [companyId, workerIds],
    );
    return row?.count ?? 0;
  };
  while ((await heldByOthers([])) < options.runs) await delay(POLL_MS);
  const killedIds = (
    await stores.db.sql.query<{ id: string }>(
      "SELECT DISTINCT worker_id AS id FROM heartbeat_runs WHERE company_id = $1 AND status = 'running'",
      [companyId],
    )
  ).map((row) => row.id);
  const second = await startBenchFleet(stores, { workers: 1, ...how });
  const [killed] = first.workers;
  if (killed === undefined) throw new Error("there is a worker to kill");
  const startedAt = performance.now();
  process.kill(killed.pid, "SIGKILL");
  const left = async (): Promise<number> => {
    const [row] = await stores.db.sql.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM heartbeat_runs
        WHERE company_id = $1 AND status = 'running' AND worker_id = ANY($2::uuid[])`,
      [companyId, killedIds],
    );
    return row?.count ?? 0;
  };
  while ((await left()) > 0) await delay(POLL_MS);
  const seconds = (performance.now() - startedAt) / 1000;
  await second.stop();
  await first.stop();
  // What was ended by the stop comes again, and would keep the fleets of other figures busy.
  await cancelWaitingRuns(stores.db, companyId);
  return seconds;
}
