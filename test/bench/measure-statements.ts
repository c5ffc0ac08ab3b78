/**
 * Statements as PostgreSQL itself counts them (pg_stat_statements, BEGIN and COMMIT included). The two halves are counted
 * apart: wakes while no worker runs, then their runs. What the fleet does anyhow (renewals, sweeps) is counted over an
 * idle stretch of the same length and taken off.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type BenchStores, createAgents, startBenchFleet } from "./fleet.js";
import { wake } from "./measure-latency.js";

/** Log and event batches stand beside the count (issue's words); the bench's own questions are marked. */
const BESIDE =
  /bench_|pg_stat_statements|INSERT INTO heartbeat_run_events [^;]*jsonb_array_elements\(\$1::jsonb\)|SET last_output_at = p\./;

export interface StatementCounts {
  readonly perWake: number;
  readonly perRun: number;
}

async function total(stores: BenchStores): Promise<number> {
  const rows = await stores.db.sql.query<{ query: string; calls: number }>(
    "SELECT query, calls FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
  );
  return rows.filter(({ query }) => !BESIDE.test(query)).reduce((sum, { calls }) => sum + calls, 0);
}

async function unfinished(stores: BenchStores): Promise<number> {
  const [row] = await stores.db.sql.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM heartbeat_runs WHERE finished_at IS NULL /* bench_ */",
  );
  return row?.count ?? 0;
}

/** Counts during `work`, minus what an idle stretch as long costs. */
async function counted(stores: BenchStores, work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  const before = await total(stores);
  await work();
  const during = (await total(stores)) - before;
  const lastedMs = performance.now() - startedAt;
  const idleBefore = await total(stores);
  await delay(lastedMs);
  return during - ((await total(stores)) - idleBefore);
}

/** Mean statements of a single wake without an issue, and of claim + start + spawn + finish of its `process` run. */
export async function countStatements(
  stores: BenchStores,
  options: { wakes: number; prefix: string },
): Promise<StatementCounts> {
  const { agentIds } = await createAgents(stores.db, {
    count: 1,
    adapterType: "process",
    maxConcurrentRuns: 1,
    adapterConfig: { command: "/bin/true" },
  });
  const agentId = agentIds[0] ?? "";
  const accepting = await startBenchFleet(stores, { workers: 0, prefix: options.prefix });
  await wake(accepting, agentId, "warm-up");
  const wakes = await counted(stores, async () => {
    for (let index = 0; index < options.wakes; index += 1) await wake(accepting, agentId, `statements-${index}`);
    // The mark in the outbox follows the answer.
    await delay(200);
  });
  await accepting.stop();
  await stores.db.sql.query("SELECT pg_stat_statements_reset()");
  const fleet = await startBenchFleet(stores, { workers: 1, prefix: options.prefix });
  const runs = await counted(stores, async () => {
    while ((await unfinished(stores)) > 0) await delay(20);
  });
  await fleet.stop();
  return { perWake: wakes / options.wakes, perRun: runs / (options.wakes + 1) };
}
