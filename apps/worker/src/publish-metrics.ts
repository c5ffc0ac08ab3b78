/**
 * A worker serves no HTTP: it leaves its figures in Redis at intervals, and any API process adds them up for `/metrics`
 * (API-301). The key dies with the worker.
 */
import type { Log } from "@wakefleet/engine";
import { type AgentQueues, workerMetricsKey } from "@wakefleet/queue";
import type { Metrics } from "@wakefleet/telemetry";
import { type BackgroundLoop, startBackgroundLoop } from "./background-loop.js";

const EVERY_MS = 5_000;
const KEPT_SEC = 20;

export function publishMetrics(options: {
  queues: AgentQueues;
  workerId: string;
  metrics: Metrics;
  log: Log;
}): BackgroundLoop {
  const { queues, workerId, metrics, log } = options;
  return startBackgroundLoop({
    name: "metrics",
    everyMs: EVERY_MS,
    log,
    async run() {
      await queues.redis.set(workerMetricsKey(queues.prefix, workerId), await metrics.figures(), "EX", KEPT_SEC);
    },
  });
}
