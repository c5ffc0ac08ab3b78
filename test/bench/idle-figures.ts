/** The figures of an idle fleet: how soon a wake is a start, what idling costs, and how many statements a wake and a run are. */
import { bareBullmqLatencies, bareHttpPosts, barePostgresTransactions } from "./baselines.js";
import type { Bench, Measurement } from "./bench.js";
import { atMost } from "./figures.js";
import { createAgents, startBenchFleet } from "./fleet.js";
import { connectionsOfApi, fillQueues, idleCost, queuesAtRest } from "./measure-idle.js";
import { wakeToStart } from "./measure-latency.js";
import { countStatements } from "./measure-statements.js";
import { median, percentile } from "./statistics.js";

/** All figures of an idle fleet. */
export const idleMeasurements: readonly Measurement[] = [latencyFigures, statementFigures];

async function latencyFigures(bench: Bench): Promise<void> {
  const { stores, quick, tell, note } = bench;
  const samples = quick ? 200 : 800;
  tell(`bare BullMQ: add → start, ${samples} jobs`);
  const bullmq = await bareBullmqLatencies(stores, samples);
  tell(`bare PostgreSQL: lock, read and write in one transaction, ${samples} times`);
  const oneTransaction = median(await barePostgresTransactions(stores, samples));
  tell(`bare node:http: post → answer, ${samples} times`);
  const posts = await bareHttpPosts(samples);
  note(
    { name: "bare PostgreSQL transaction (lock, read, write), p50", value: oneTransaction, unit: "ms" },
    { name: "bare node:http, JSON post → answer, p50", value: median(posts), unit: "ms" },
  );
  for (const agents of [10, quick ? 1_000 : 10_000])
    await idleWorker(bench, { agents, samples, bullmq, oneTransaction });
}

/** One worker and `agents` agents that have run once each. */
async function idleWorker(
  { stores, quick, tell, note }: Bench,
  of: { agents: number; samples: number; bullmq: readonly number[]; oneTransaction: number },
): Promise<void> {
  const name = `${of.agents.toLocaleString("en-US")} agents`;
  tell(`${name}, one worker: connections, idle cost, wake → adapter start`);
  const prefix = `idle-${of.agents}`;
  const { agentIds } = await createAgents(stores.db, {
    count: of.agents,
    adapterType: "bench_noop",
    maxConcurrentRuns: 5,
  });
  const connectionsBefore = await connectionsOfApi(stores, `${prefix}-api`);
  const fleet = await startBenchFleet(stores, { workers: 1, prefix });
  await fillQueues(fleet, agentIds);
  await queuesAtRest(stores, prefix);
  const cost = await idleCost(stores, { fleet, connectionsBefore, forMs: quick ? 5_000 : 20_000 });
  const latencies = await wakeToStart({ fleet, stores }, agentIds, of.samples);
  await fleet.stop();
  const bare = { p50: median(of.bullmq), p99: percentile(of.bullmq, 0.99) };
  const allowed = 3 * bare.p50 + 2 * of.oneTransaction;
  const p50 = median(latencies);
  note(
    {
      name: `wake → adapter start, ${name}, p50`,
      value: p50,
      unit: "ms",
      baseline: { name: "BullMQ add → start p50", value: bare.p50 },
      goal: atMost(p50, allowed, `3 × BullMQ + 2 transactions (${allowed.toFixed(1)} ms)`),
    },
    {
      name: `wake → adapter start, ${name}, p99`,
      value: percentile(latencies, 0.99),
      unit: "ms",
      baseline: { name: "BullMQ add → start p99", value: bare.p99 },
    },
    {
      name: `Redis connections of one worker, ${name}`,
      value: cost.redisConnections,
      unit: "connections",
      goal: atMost(cost.redisConnections, 20, "20"),
    },
    {
      name: `idle CPU of one worker, ${name}`,
      value: cost.cpuPercent,
      unit: "% of a core",
      goal: atMost(cost.cpuPercent, 5, "5 %"),
    },
    {
      name: `memory of one worker, ${name}`,
      value: cost.memoryMb,
      unit: "MB",
      goal: atMost(cost.memoryMb, 400, "400 MB"),
    },
    { name: `Redis commands a second of the idle fleet, ${name}`, value: cost.redisCommandsPerSec, unit: "/s" },
  );
}

async function statementFigures({ stores, quick, tell, note }: Bench): Promise<void> {
  tell("statements of a wake and of a run, counted by PostgreSQL");
  const { perWake, perRun } = await countStatements(stores, { wakes: quick ? 20 : 100, prefix: "statements" });
  note(
    {
      name: "statements of an accepted wake without an issue",
      value: perWake,
      unit: "statements",
      goal: atMost(Math.round(perWake), 6, "6"),
    },
    {
      name: "statements of claim + start + finish of a process run",
      value: perRun,
      unit: "statements",
      goal: atMost(Math.round(perRun), 12, "12"),
    },
  );
}
