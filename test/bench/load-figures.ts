/** The figures of a busy fleet: wakes accepted, runs drained, and how soon it is whole again after a loss. */
import { bareBullmqAddRate, bareBullmqDrain } from "./baselines.js";
import type { Figure } from "./figures.js";
import type { BenchStores } from "./fleet.js";
import { acceptRate, barePostRate, batchRate } from "./measure-accept.js";
import { drainRate } from "./measure-drain.js";
import { shortRunsBesideFlood } from "./measure-flood.js";
import { flushedRedisRecovery, killedWorkerRecovery } from "./measure-recovery.js";
import { median } from "./statistics.js";

/** What a group of figures is measured on. */
export interface Bench {
  readonly stores: BenchStores;
  /** Fewer samples. */
  readonly quick: boolean;
  /** Says what is measured now. */
  readonly tell: (line: string) => void;
}

/** All figures of a busy fleet. */
export async function loadFigures(bench: Bench): Promise<Figure[]> {
  return [
    ...(await acceptFigures(bench)),
    ...(await drainFigures(bench)),
    ...(await recoveryFigures(bench)),
    await floodFigure(bench),
  ];
}

/** Single posts of few and many clients about few and many agents, of issues, and the batch form. */
async function acceptFigures({ stores, quick, tell }: Bench): Promise<Figure[]> {
  const forMs = quick ? 2_000 : 6_000;
  const figures: Figure[] = [];
  async function accepted(what: { clients: number; agents: number; issues: number; goal?: number }): Promise<void> {
    const { clients, agents, issues, goal } = what;
    const about = issues > 0 ? `${issues.toLocaleString("en-US")} issues` : `${agents.toLocaleString("en-US")} agents`;
    tell(`wakes accepted over HTTP, ${clients} clients, ${about}; bare node:http first`);
    const bare = await barePostRate({ clients, forMs: forMs / 2 });
    const prefix = `accept-${clients}-${agents}-${issues}`;
    const value = await acceptRate(stores, { clients, agents, issues, forMs, prefix });
    figures.push({
      name: `wakes accepted, single posts, ${clients} ${clients === 1 ? "client" : "clients"}, ${about}`,
      value,
      unit: "/s",
      baseline: { name: "bare node:http posts", value: bare },
      ...(goal === undefined ? {} : { goal: { text: `≥ ${goal} ×`, met: value >= goal * bare } }),
    });
  }
  await accepted({ clients: 1, agents: 1_000, issues: 0 });
  await accepted({ clients: 16, agents: 1_000, issues: 0 });
  await accepted({ clients: 64, agents: 1, issues: 0 });
  await accepted({ clients: 64, agents: 1_000, issues: 0, goal: 0.4 });
  await accepted({ clients: 64, agents: 1_000, issues: 1_000, goal: 0.25 });

  const wakes = quick ? 5_000 : 30_000;
  tell(`${wakes.toLocaleString("en-US")} wakes in batches of 1,000; bare addBulk first`);
  const bareAdds = await bareBullmqAddRate(stores, { queues: 50, jobs: wakes });
  const value = await batchRate(stores, { agents: 50, wakes, prefix: "batch" });
  figures.push({
    name: "wakes accepted, batches of 1,000, to queued jobs",
    value,
    unit: "/s",
    baseline: { name: "bare BullMQ addBulk", value: bareAdds },
    goal: { text: "≥ 0.6 ×", met: value >= 0.6 * bareAdds },
  });
  return figures;
}

/** Waiting no-op runs executed by one, two and four workers. */
async function drainFigures({ stores, quick, tell }: Bench): Promise<Figure[]> {
  const runs = quick ? 2_000 : 6_000;
  tell("bare BullMQ: drain of 50 queues by two processes");
  const bare = await bareBullmqDrain(stores, { queues: 50, jobs: runs * 2, concurrency: 5 });
  const figures: Figure[] = [];
  for (const workers of [1, 2, 4]) {
    tell(`drain of ${runs.toLocaleString("en-US")} no-op runs, 50 agents, ${workers} workers`);
    const prefix = `drain-${workers}`;
    const value = await drainRate(stores, { workers, agents: 50, runs, maxConcurrentRuns: 5, prefix });
    figures.push({
      name: `drain, no-op adapter, 50 agents, ${workers} ${workers === 1 ? "worker" : "workers"}`,
      value,
      unit: "runs/s",
      baseline: { name: "BullMQ, two processes", value: bare },
      ...(workers === 2 ? { goal: { text: "≥ 0.3 ×", met: value >= 0.3 * bare } } : {}),
    });
  }
  return figures;
}

/** A Redis that lost everything, and a worker that was killed. */
async function recoveryFigures({ stores, quick, tell }: Bench): Promise<Figure[]> {
  const leaseMs = quick ? 10_000 : 30_000;
  tell(`SIGKILL of a worker with 50 running children, lease ${leaseMs / 1_000} s`);
  const taken = await killedWorkerRecovery(stores, { runs: 50, leaseMs, prefix: "killed" });
  const runs = quick ? 10_000 : 100_000;
  const waiting = runs.toLocaleString("en-US");
  tell(`flushed Redis with ${waiting} waiting runs; bare addBulk first`);
  const bareSeconds = runs / (await bareBullmqAddRate(stores, { queues: 50, jobs: runs }));
  const recovered = await flushedRedisRecovery(stores, { agents: 1_000, runs, prefix: "flushed" });
  return [
    {
      name: "SIGKILL of a worker with 50 running runs → all adopted or failed over",
      value: taken,
      unit: "s",
      baseline: { name: "the lease", value: leaseMs / 1_000 },
      goal: { text: "≤ 1.2 ×", met: taken <= 1.2 * (leaseMs / 1_000) },
    },
    {
      name: `flushed Redis → all ${waiting} waiting runs have their jobs again`,
      value: recovered,
      unit: "s",
      baseline: { name: "bare BullMQ addBulk of as many", value: bareSeconds },
      goal: { text: "≤ 2 ×", met: recovered <= 2 * bareSeconds },
    },
  ];
}

/** What a run that prints without end costs its neighbours (BY-9). */
async function floodFigure({ stores, quick, tell }: Bench): Promise<Figure> {
  const rounds = quick ? 2 : 5;
  tell(`short runs beside a child that prints as fast as it can, and without it, ${rounds} rounds`);
  const flood = await shortRunsBesideFlood(stores, { rounds, samples: quick ? 20 : 40, prefix: "flood" });
  const [alone, beside] = [median(flood.alone), median(flood.besideFlood)];
  return {
    name: "wake → end of a short run beside a child that prints as fast as it can, p50",
    value: beside,
    unit: "ms",
    baseline: { name: "the same run without it, p50", value: alone },
    goal: { text: "≤ 2 × without it", met: beside <= 2 * alone },
  };
}
