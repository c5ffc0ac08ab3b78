/** The fleet at a glance (API-300): counts, workers, queues and stores, in bounded time. */
import { listFleetAgents, listWorkers, readFleetTotals } from "@wakefleet/store";
import type { ApiDeps, QueueFigures } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import type { JsonAnswer } from "../http/route.js";
import type { Principal } from "../principal.js";

const MAX_WORKERS = 500;

/** Asks a store for a sign of life; a failure is a figure here, not an error. */
async function latencyOf(ask: () => Promise<unknown>): Promise<{ ok: boolean; latencyMs: number | null }> {
  const from = performance.now();
  try {
    await ask();
    return { ok: true, latencyMs: Math.round((performance.now() - from) * 100) / 100 };
  } catch {
    // Being away is what this figure reports; the connection's own log tells why.
    return { ok: false, latencyMs: null };
  }
}

async function figuresOf(deps: ApiDeps, agentIds: readonly string[]): Promise<ReadonlyMap<string, QueueFigures>> {
  try {
    return await deps.queues.counts(agentIds);
  } catch (err) {
    deps.log.debug({ err }, "queue figures are missing from the fleet view: Redis is away");
    return new Map();
  }
}

export interface FleetQuery {
  readonly caller: Principal;
  readonly all: boolean;
  readonly limit: number;
  readonly cursor: string | null;
}

/** API-300. A company-bound key sees its company's totals and queues; workers serve everybody and are shown to all. */
export async function readFleet(deps: ApiDeps, query: FleetQuery): Promise<JsonAnswer> {
  assertBoard(query.caller);
  const { companyId } = query.caller;
  const [totals, workers, agents, postgres, redis] = await Promise.all([
    readFleetTotals(deps.db.sql, companyId),
    listWorkers(deps.db.sql, { leaseMs: deps.settings.leaseMs, limit: MAX_WORKERS }),
    listFleetAgents(deps.db.sql, { companyId, all: query.all, cursor: query.cursor, limit: query.limit + 1 }),
    latencyOf(() => deps.db.sql.query("SELECT 1")),
    latencyOf(() => deps.queues.ping()),
  ]);
  const page = agents.slice(0, query.limit);
  const figures = await figuresOf(
    deps,
    page.map((agent) => agent.id),
  );
  const alive = workers.filter((worker) => worker.alive);
  const last = page.at(-1);
  const body = {
    generatedAt: deps.now().toISOString(),
    totals: {
      ...totals,
      workersAlive: alive.length,
      capacity: alive.reduce((sum, worker) => sum + worker.capacity, 0),
      inUse: alive.reduce((sum, worker) => sum + worker.running, 0),
    },
    workers,
    queues: page.map((agent) => {
      const known = figures.get(agent.id);
      return {
        agentId: agent.id,
        agentName: agent.name,
        companyId: agent.companyId,
        queue: deps.queues.queueName(agent.id),
        concurrency: agent.maxConcurrentRuns,
        paused: known?.paused ?? agent.status === "paused",
        waiting: known?.waiting ?? 0,
        active: known?.active ?? 0,
        delayed: known?.delayed ?? 0,
        failed: known?.failed ?? 0,
      };
    }),
    stores: { postgres, redis },
  };
  return agents.length > query.limit && last !== undefined
    ? { status: 200, body, headers: { "X-Next-Cursor": last.id } }
    : { status: 200, body };
}
