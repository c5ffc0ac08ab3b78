/** What a worker costs while ten thousand agents are idle: Redis connections, CPU, memory, commands. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fleetKeys } from "@wakefleet/queue";
import { Redis } from "ioredis";
import { type BenchFleet, type BenchStores, startBenchFleet } from "./fleet.js";
import { wakeInBatches } from "./measure-latency.js";

const TICKS_A_SECOND = 100;

export interface IdleCost {
  readonly redisConnections: number;
  /** Percent of one core. */
  readonly cpuPercent: number;
  readonly memoryMb: number;
  readonly redisCommandsPerSec: number;
}

function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

function residentMb(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1] ?? 0) / 1024;
}

/**
 * Waits until no queue is to be looked at again. After its last job each is looked at once more, some seconds later (the
 * ready set's law 5): that belongs to the job, not to idling.
 */
export async function queuesAtRest(stores: BenchStores, prefix: string): Promise<void> {
  const redis = new Redis(stores.redis.url);
  while ((await redis.zcard(fleetKeys(prefix).ready)) > 0) await delay(100);
  redis.disconnect();
}

/**
 * Watches the fleet's workers for `forMs`. Connections are those that appeared with them, a worker's share; CPU and memory
 * are those of the worker that needs most.
 */
export async function idleCost(
  stores: BenchStores,
  options: { fleet: BenchFleet; connectionsBefore: number; forMs: number },
): Promise<IdleCost> {
  const pids = options.fleet.workers.map((worker) => worker.pid);
  const redis = new Redis(stores.redis.url);
  const commands = async (): Promise<number> =>
    Number(/total_commands_processed:(\d+)/.exec(await redis.info("stats"))?.[1] ?? 0);
  const ticks = pids.map(cpuTicks);
  const commandsBefore = await commands();
  await delay(options.forMs);
  const seconds = options.forMs / 1000;
  const cost = {
    redisConnections: ((await countClients(redis)) - options.connectionsBefore - 1) / pids.length,
    cpuPercent: Math.max(...pids.map((pid, n) => ((cpuTicks(pid) - (ticks[n] ?? 0)) / TICKS_A_SECOND / seconds) * 100)),
    memoryMb: Math.max(...pids.map(residentMb)),
    redisCommandsPerSec: ((await commands()) - commandsBefore) / seconds,
  };
  redis.disconnect();
  return cost;
}

async function countClients(redis: Redis): Promise<number> {
  return String(await redis.client("LIST"))
    .trim()
    .split("\n").length;
}

/** How many Redis connections there are with an API and no worker. */
export async function connectionsOfApi(stores: BenchStores, prefix: string): Promise<number> {
  const api = await startBenchFleet(stores, { workers: 0, prefix });
  const redis = new Redis(stores.redis.url);
  const connections = (await countClients(redis)) - 1;
  redis.disconnect();
  await api.stop();
  return connections;
}

/** Every agent has run once, so that each has its queue in Redis. */
export async function fillQueues(
  fleet: { apiUrl: string; adminKey: string },
  agentIds: readonly string[],
): Promise<void> {
  await wakeInBatches(
    fleet,
    agentIds.map((agentId) => ({ agentId, payload: { taskKey: "fill" } })),
  );
  for (;;) {
    const response = await fetch(`${fleet.apiUrl}/api/fleet`, {
      headers: { authorization: `Bearer ${fleet.adminKey}` },
    });
    const { totals } = (await response.json()) as { totals: { queued: number; running: number } };
    if (totals.queued + totals.running === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
