/** The product's worker with one more adapter: `bench_noop` does nothing and tells its parent when it was started. */
import { type Adapter, builtInAdapters, createAdapterRegistry } from "@wakefleet/adapters";
import { loadEnvironment, readConfig } from "@wakefleet/config";
import { createLogger } from "@wakefleet/telemetry";
import { startWorker } from "@wakefleet/worker";

let starts: { runId: string; atMs: number }[] = [];

/** Told in groups, so that telling costs the measured process next to nothing. */
function tell(runId: string): void {
  const isFirst = starts.push({ runId, atMs: performance.timeOrigin + performance.now() }) === 1;
  if (!isFirst) return;
  setTimeout(() => {
    process.send?.({ type: "starts", starts });
    starts = [];
  }, 5);
}

const noop: Adapter = {
  type: "bench_noop",
  async execute({ runId }) {
    tell(runId);
    return { exitCode: 0, signal: null, timedOut: false };
  },
  async testEnvironment({ adapterType }) {
    return { adapterType, status: "pass", checks: [], testedAt: new Date().toISOString() };
  },
};

const env = loadEnvironment();
const config = readConfig(env);
const worker = await startWorker({
  config,
  env,
  log: createLogger({ level: config.logLevel, name: "bench-worker" }),
  adapters: createAdapterRegistry([...builtInAdapters(), noop]),
});
process.send?.({ type: "ready" });
process.on("SIGTERM", () => void worker.stop({ terminate: true }).then(() => process.exit(0)));
process.on("disconnect", () => process.exit(1));
