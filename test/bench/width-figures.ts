/** The figures of a wide fleet: ten thousand agents, a hundred thousand waiting runs, four workers, and what is lost. */
import { bareBullmqAddRate } from "./baselines.js";
import type { Bench, Measurement } from "./bench.js";
import { atMost, type Figure } from "./figures.js";
import { cancelWaitingRuns, createAgents, startBenchFleet } from "./fleet.js";
import { connectionsOfApi, fillQueues, type IdleCost, idleCost, queuesAtRest } from "./measure-idle.js";
import { wake } from "./measure-latency.js";
import { flushedRedisRecovery, killedWorkerRecovery, letWait } from "./measure-recovery.js";

const WORKERS = 4;

/** All figures of a wide fleet. */
export const widthMeasurements: readonly Measurement[] = [killedWorker, wideFleet];

/** A worker dies while others are there. */
async function killedWorker({ stores, quick, tell, note }: Bench): Promise<void> {
  const leaseMs = quick ? 10_000 : 30_000;
  tell(`SIGKILL of a worker with 50 running children, lease ${leaseMs / 1_000} s`);
  const taken = await killedWorkerRecovery(stores, { runs: 50, leaseMs, prefix: "killed" });
  note({
    name: "SIGKILL of a worker with 50 running runs → all adopted or failed over",
    value: taken,
    unit: "s",
    baseline: { name: "the lease", value: leaseMs / 1_000 },
    goal: atMost(taken, (1.2 * leaseMs) / 1_000, "1.2 ×"),
  });
}

/**
 * Four workers: without any agent, with many idle ones, with many runs waiting behind full slots, and then with a Redis that
 * forgot all of it.
 */
async function wideFleet(bench: Bench): Promise<void> {
  const { stores, quick, tell, note } = bench;
  const [agents, runs] = quick ? [1_000, 10_000] : [10_000, 100_000];
  const [many, waiting] = [`${agents.toLocaleString("en-US")} agents`, `${runs.toLocaleString("en-US")} waiting runs`];
  const prefix = "width";
  const connectionsBefore = await connectionsOfApi(stores, prefix);
  const forMs = quick ? 5_000 : 20_000;

  tell(`${WORKERS} workers without agents: idle cost`);
  const first = await startBenchFleet(stores, { workers: WORKERS, prefix });
  const none = await idleCost(stores, { fleet: first, connectionsBefore, forMs });

  tell(`${WORKERS} workers, ${many} that have run: idle cost`);
  const { companyId, agentIds } = await createAgents(stores.db, {
    count: agents,
    adapterType: "bench_noop",
    maxConcurrentRuns: 5,
  });
  await fillQueues(first, agentIds);
  await first.stop();
  // Started anew: what they have taken to run ten thousand runs is no cost of having ten thousand queues.
  const second = await startBenchFleet(stores, { workers: WORKERS, prefix });
  await queuesAtRest(stores, prefix);
  note(...costFigures(many, { none, cost: await idleCost(stores, { fleet: second, connectionsBefore, forMs }) }));
  await second.stop();

  tell(`${WORKERS} workers with full slots, ${waiting} of ${many}: idle cost`);
  const sleepers = await createAgents(stores.db, {
    count: WORKERS,
    adapterType: "process",
    adapterConfig: { command: "sleep", args: ["3600"] },
    maxConcurrentRuns: 1,
  });
  const fleet = await startBenchFleet(stores, { workers: WORKERS, concurrency: 1, prefix });
  for (const agentId of sleepers.agentIds) await wake(fleet, agentId, "sleep");
  await allRun(bench, sleepers.companyId);
  await letWait(stores, { companyId, agentIds, runs });
  const cost = await idleCost(stores, { fleet, connectionsBefore, forMs });
  note(...costFigures(`${many}, ${waiting}`, { none, cost }));

  tell(`flushed Redis with ${waiting}; bare addBulk first`);
  const bareSeconds = runs / (await bareBullmqAddRate(stores, { queues: 50, jobs: runs }));
  const recovered = await flushedRedisRecovery(stores, { prefix, companyId });
  note({
    name: `flushed Redis → all ${waiting} have their jobs again, ${WORKERS} workers`,
    value: recovered,
    unit: "s",
    baseline: { name: "bare BullMQ addBulk of as many", value: bareSeconds },
    goal: atMost(recovered, 2 * bareSeconds, "2 ×"),
  });
  await fleet.stop();
  await cancelWaitingRuns(stores.db, companyId);
  await cancelWaitingRuns(stores.db, sleepers.companyId);
}

async function allRun({ stores }: Bench, companyId: string): Promise<void> {
  for (;;) {
    const [row] = await stores.db.sql.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM heartbeat_runs WHERE company_id = $1 AND status = 'running'",
      [companyId],
    );
    if (row?.count === WORKERS) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What each of the workers costs, beside the same workers before there were agents. */
function costFigures(fleet: string, { none, cost }: { none: IdleCost; cost: IdleCost }): Figure[] {
  const name = `each of ${WORKERS} workers, ${fleet}`;
  const commands = cost.redisCommandsPerSec / WORKERS;
  const commandsOfNone = none.redisCommandsPerSec / WORKERS;
  const beside = (value: number) => ({ baseline: { name: "without agents", value } });
  return [
    {
      name: `Redis connections, ${name}`,
      value: cost.redisConnections,
      unit: "connections",
      goal: atMost(cost.redisConnections, 20, "20"),
    },
    {
      name: `CPU, ${name}`,
      value: cost.cpuPercent,
      unit: "% of a core",
      ...beside(none.cpuPercent),
      goal: atMost(cost.cpuPercent, 3, "3 %"),
    },
    {
      name: `memory, ${name}`,
      value: cost.memoryMb,
      unit: "MB",
      ...beside(none.memoryMb),
      goal: atMost(cost.memoryMb, 150, "150 MB"),
    },
    {
      name: `Redis commands a second, ${name}`,
      value: commands,
      unit: "/s",
      ...beside(commandsOfNone),
      goal: atMost(commands, 1.1 * commandsOfNone, "1.1 ×: no growth with agents or runs"),
    },
  ];
}
