/** `/metrics` (API-301, API-310): figures of the fleet are read when they are asked for; counters count as they happen. */
import { listWorkers, readFleetTotals } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertBoard } from "../http/guards.js";
import type { TextAnswer } from "../http/route.js";
import type { Principal } from "../principal.js";

const MAX_WORKERS = 1_000;

/** Answers the ids of the workers that are alive. */
async function refreshGauges(deps: ApiDeps): Promise<string[]> {
  const { metrics } = deps;
  const from = performance.now();
  const [totals, workers] = await Promise.all([
    readFleetTotals(deps.db.sql, null),
    listWorkers(deps.db.sql, { leaseMs: deps.settings.leaseMs, limit: MAX_WORKERS }),
  ]);
  metrics.storeLatency.observe({ store: "postgres" }, (performance.now() - from) / 1_000);
  metrics.runs.set({ status: "queued" }, totals.queued);
  metrics.runs.set({ status: "running" }, totals.running);
  metrics.runs.set({ status: "scheduled_retry" }, totals.scheduledRetry);
  metrics.undispatchedRuns.set(totals.undispatched);
  metrics.oldestQueued.set(totals.oldestQueuedAgeSec ?? 0);
  metrics.deferredWakeups.set(totals.deferredWakeups);
  const states = { alive: 0, draining: 0, lost: 0 };
  let capacity = 0;
  let inUse = 0;
  for (const worker of workers) {
    states[!worker.alive ? "lost" : worker.draining ? "draining" : "alive"] += 1;
    if (worker.alive) {
      capacity += worker.capacity;
      inUse += worker.running;
    }
  }
  for (const [state, number] of Object.entries(states)) metrics.workers.set({ state }, number);
  metrics.workerCapacity.set({ state: "alive" }, capacity);
  metrics.workerInUse.set({ state: "alive" }, inUse);
  return workers.filter(({ alive }) => alive).map(({ id }) => id);
}

/** Workers serve no HTTP; what they counted lies in Redis. While it is away the answer has this process's figures alone. */
async function readWorkerFigures(deps: ApiDeps, workerIds: readonly string[]): Promise<string[]> {
  try {
    return await deps.queues.workerFigures(workerIds);
  } catch (err) {
    deps.metrics.storeErrors.inc({ store: "redis" });
    deps.log.warn({ err }, "the workers' figures could not be read for /metrics");
    return [];
  }
}

/** The Prometheus text of the API and all living workers; while PostgreSQL is away the gauges keep their last values. */
export async function readMetrics(deps: ApiDeps, caller: Principal): Promise<TextAnswer> {
  assertBoard(caller);
  const workerIds = await refreshGauges(deps).catch((err: unknown) => {
    deps.metrics.storeErrors.inc({ store: "postgres" });
    deps.log.warn({ err }, "the fleet's figures could not be read for /metrics");
    return [];
  });
  const workerFigures = await readWorkerFigures(deps, workerIds);
  return {
    status: 200,
    text: await deps.metrics.text(workerFigures),
    contentType: deps.metrics.contentType,
    headers: { "Cache-Control": "no-store" },
  };
}
