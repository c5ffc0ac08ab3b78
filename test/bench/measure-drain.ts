/** Runs a second with the no-op adapter: waiting work is posted first, then the workers are started. */
import { type BenchStores, createAgents, startBenchFleet } from "./fleet.js";
import { wakeInBatches, wakesInTurn } from "./measure-latency.js";

export async function drainRate(
  stores: BenchStores,
  options: { workers: number; agents: number; runs: number; maxConcurrentRuns: number; prefix: string },
): Promise<number> {
  const poster = await startBenchFleet(stores, { workers: 0, prefix: options.prefix });
  const { agentIds } = await createAgents(stores.db, {
    count: options.agents,
    adapterType: "bench_noop",
    maxConcurrentRuns: options.maxConcurrentRuns,
  });
  await wakeInBatches(poster, wakesInTurn(agentIds, options.runs, "drain"));
  await poster.stop();
  const before = await finished(stores);
  const fleet = await startBenchFleet(stores, { workers: options.workers, prefix: options.prefix });
  let first: number | null = null;
  fleet.onStart(() => {
    first ??= performance.now();
  });
  let left = options.runs;
  while (left > 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    left = options.runs - ((await finished(stores)) - before);
  }
  const seconds = (performance.now() - (first ?? 0)) / 1000;
  await fleet.stop();
  return options.runs / seconds;
}

async function finished(stores: BenchStores): Promise<number> {
  const [row] = await stores.db.sql.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM heartbeat_runs WHERE finished_at IS NOT NULL",
  );
  return row?.count ?? 0;
}
