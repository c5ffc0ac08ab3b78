/** The figures of a busy fleet: wakes accepted, runs drained, and what a child that prints without end costs others. */
import { bareBullmqAddRate, bareBullmqDrain } from "./baselines.js";
import type { Bench, Measurement } from "./bench.js";
import { atLeast, atMost } from "./figures.js";
import { acceptRate, barePostRate, batchRate } from "./measure-accept.js";
import { drainRate } from "./measure-drain.js";
import { shortRunsBesideFlood } from "./measure-flood.js";
import { median } from "./statistics.js";

/** All figures of a busy fleet. */
export const loadMeasurements: readonly Measurement[] = [
  (bench) => accepted(bench, { clients: 1, agents: 1_000, issues: 0 }),
  (bench) => accepted(bench, { clients: 16, agents: 1_000, issues: 0 }),
  (bench) => accepted(bench, { clients: 64, agents: 1, issues: 0 }),
  (bench) => accepted(bench, { clients: 64, agents: 1_000, issues: 0, goal: 0.4 }),
  (bench) => accepted(bench, { clients: 64, agents: 1_000, issues: 1_000, goal: 0.25 }),
  acceptedInBatches,
  drained,
  besideFlood,
];

/** Single posts of few and many clients about few and many agents, or of issues. */
async function accepted(
  { stores, quick, tell, note }: Bench,
  what: { clients: number; agents: number; issues: number; goal?: number },
): Promise<void> {
  const { clients, agents, issues, goal } = what;
  const forMs = quick ? 2_000 : 6_000;
  const about = issues > 0 ? `${issues.toLocaleString("en-US")} issues` : `${agents.toLocaleString("en-US")} agents`;
  tell(`wakes accepted over HTTP, ${clients} clients, ${about}; bare node:http first`);
  const bare = await barePostRate({ clients, forMs: forMs / 2 });
  const prefix = `accept-${clients}-${agents}-${issues}`;
  const value = await acceptRate(stores, { clients, agents, issues, forMs, prefix });
  note({
    name: `wakes accepted, single posts, ${clients} ${clients === 1 ? "client" : "clients"}, ${about}`,
    value,
    unit: "/s",
    baseline: { name: "bare node:http posts", value: bare },
    ...(goal === undefined ? {} : { goal: atLeast(value, goal * bare, `${goal} ×`) }),
  });
}

async function acceptedInBatches({ stores, quick, tell, note }: Bench): Promise<void> {
  const wakes = quick ? 5_000 : 30_000;
  tell(`${wakes.toLocaleString("en-US")} wakes in batches of 1,000; bare addBulk first`);
  const bare = await bareBullmqAddRate(stores, { queues: 50, jobs: wakes });
  const value = await batchRate(stores, { agents: 50, wakes, prefix: "batch" });
  note({
    name: "wakes accepted, batches of 1,000, to queued jobs",
    value,
    unit: "/s",
    baseline: { name: "bare BullMQ addBulk", value: bare },
    goal: atLeast(value, 0.6 * bare, "0.6 ×"),
  });
}

/** Waiting no-op runs executed by one, two and four workers. */
async function drained({ stores, quick, tell, note }: Bench): Promise<void> {
  const runs = quick ? 2_000 : 6_000;
  tell("bare BullMQ: drain of 50 queues by two processes");
  const bare = await bareBullmqDrain(stores, { queues: 50, jobs: runs * 2, concurrency: 5 });
  for (const workers of [1, 2, 4]) {
    tell(`drain of ${runs.toLocaleString("en-US")} no-op runs, 50 agents, ${workers} workers`);
    const prefix = `drain-${workers}`;
    const value = await drainRate(stores, { workers, agents: 50, runs, maxConcurrentRuns: 5, prefix });
    note({
      name: `drain, no-op adapter, 50 agents, ${workers} ${workers === 1 ? "worker" : "workers"}`,
      value,
      unit: "runs/s",
      baseline: { name: "BullMQ, two processes", value: bare },
      ...(workers === 2 ? { goal: atLeast(value, 0.3 * bare, "0.3 ×") } : {}),
    });
  }
}

/** What a run that prints without end costs its neighbours (BY-9). */
async function besideFlood({ stores, quick, tell, note }: Bench): Promise<void> {
  const rounds = quick ? 2 : 5;
  tell(`short runs beside a child that prints as fast as it can, and without it, ${rounds} rounds`);
  const flood = await shortRunsBesideFlood(stores, { rounds, samples: quick ? 20 : 40, prefix: "flood" });
  const [alone, beside] = [median(flood.alone), median(flood.besideFlood)];
  note({
    name: "wake → end of a short run beside a child that prints as fast as it can, p50",
    value: beside,
    unit: "ms",
    baseline: { name: "the same run without it, p50", value: alone },
    goal: atMost(beside, 2 * alone, "2 × without it"),
  });
}
