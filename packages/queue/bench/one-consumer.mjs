/**
 * Measures the consumer of all queues beside a bare BullMQ `Worker` in the same run:
 * add -> start of single wakes at 10, 1,000 and 10,000 queues, drain rate, idle CPU, connections, memory.
 *
 *   REDIS_URL=redis://127.0.0.1:6379 node packages/queue/bench/one-consumer.mjs [--fleets 10,1000,10000] [--wakes 500]
 *
 * Build first (`npm run build`). Rounds of both are alternated, because cores that are shared make absolute figures
 * worth little: read the ratios. Everything written to Redis is removed at the end.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  AgentQueues,
  connectRedis,
  dispatch,
  QueueControl,
  ReadySet,
  silentLog,
  waitUntilReady,
} from "@wakefleet/queue";
import { Queue } from "bullmq";

const { values } = parseArgs({
  options: {
    fleets: { type: "string", default: "10,1000,10000" },
    wakes: { type: "string", default: "500" },
    drain: { type: "string", default: "5000" },
    "idle-seconds": { type: "string", default: "10" },
  },
});
const url = process.env.REDIS_URL ?? "redis://127.0.0.1:6379";
const wakes = Number(values.wakes);
const drainJobs = Number(values.drain);
const idleSeconds = Number(values["idle-seconds"]);
const ROUNDS = 5;
const GAP_MS = 4;

const nowMs = () => performance.timeOrigin + performance.now();
const child = fileURLToPath(new URL("./consumer-child.mjs", import.meta.url));

/** A consumer process, the starts it reported, and a way to ask what it costs. */
async function startChild(kind, prefix) {
  const handle = fork(child, [kind, prefix], { env: { ...process.env, REDIS_URL: url } });
  const starts = new Map();
  let cost = () => undefined;
  const ready = new Promise((resolve) => {
    handle.on("message", (message) => {
      if (message.event === "start") starts.set(message.runId, message.at);
      if (message.event === "ready") resolve();
      if (message.event === "cost") cost(message);
    });
  });
  await ready;
  return {
    starts,
    cost: () =>
      new Promise((resolve) => {
        cost = resolve;
        handle.send("cost");
      }),
    async end() {
      const exited = once(handle, "exit");
      handle.send("end");
      await exited;
    },
  };
}

async function untilStarted(starts, runIds) {
  const deadline = Date.now() + 120_000;
  while (runIds.some((runId) => !starts.has(runId))) {
    if (Date.now() > deadline) throw new Error("Jobs did not start within two minutes.");
    await delay(5);
  }
}

function percentiles(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(2);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Adds single jobs, a few milliseconds apart, and answers how long each took to start. */
async function latencies({ add, starts, label, count }) {
  const addedAt = new Map();
  for (let i = 0; i < count; i++) {
    const runId = `${label}-${i}`;
    addedAt.set(runId, nowMs());
    await add(runId);
    await delay(GAP_MS);
  }
  await untilStarted(starts, [...addedAt.keys()]);
  return [...addedAt].map(([runId, at]) => starts.get(runId) - at);
}

/** Jobs a second from the first add of a batch to the last start. */
async function drainRate({ addBatch, starts, label }) {
  const runIds = Array.from({ length: drainJobs }, (_, i) => `${label}-${i}`);
  const from = nowMs();
  await addBatch(runIds);
  await untilStarted(starts, runIds);
  const last = Math.max(...runIds.map((runId) => starts.get(runId)));
  return (drainJobs / (last - from)) * 1000;
}

const redis = connectRedis({ url, name: "bench", log: silentLog });
await waitUntilReady(redis, 10_000);

const connectionsOf = async (prefix) => {
  const list = String(await redis.client("LIST"));
  return list.split("\n").filter((line) => line.includes(`bench:${prefix}`)).length;
};

async function removePrefix(prefix) {
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", `${prefix}:*`, "COUNT", 1000);
    cursor = next;
    if (keys.length > 0) await redis.unlink(...keys);
  } while (cursor !== "0");
}

async function measure(agents) {
  const stamp = `wfbench-${process.pid}-${agents}`;
  const queues = new AgentQueues({ redis, prefix: `${stamp}-fleet`, log: silentLog });
  const ready = new ReadySet(queues);
  const control = new QueueControl(queues, ready);
  const bare = new Queue("bare", { connection: redis, prefix: `${stamp}-bare` });
  const job = (agentId, runId) => ({
    data: {
      runId,
      companyId: "bench",
      agentId,
      agentName: agentId,
      issueIdentifier: null,
      wakeReason: null,
      source: "on_demand",
      attempt: 0,
    },
    concurrency: 5,
  });
  const anyAgent = () => `agent-${Math.floor(Math.random() * agents)}`;
  const addFleet = (runIds) => dispatch({ queues, ready, jobs: runIds.map((runId) => job(anyAgent(), runId)) });
  try {
    const ours = await startChild("fleet", `${stamp}-fleet`);
    const theirs = await startChild("bullmq", `${stamp}-bare`);
    // Every queue exists and has worked before anything is measured.
    const first = Array.from({ length: agents }, (_, i) => `first-${i}`);
    await dispatch({ queues, ready, jobs: first.map((runId, i) => job(`agent-${i}`, runId)) });
    await untilStarted(ours.starts, first);

    const fleetMs = [];
    const bareMs = [];
    for (let round = 0; round < ROUNDS; round++) {
      const count = Math.ceil(wakes / ROUNDS);
      const label = `wake-${round}`;
      fleetMs.push(...(await latencies({ add: (id) => addFleet([id]), starts: ours.starts, label, count })));
      const add = (id) => bare.add("run", { id }, { jobId: id });
      bareMs.push(...(await latencies({ add, starts: theirs.starts, label, count })));
    }
    const fleetRate = await drainRate({ addBatch: addFleet, starts: ours.starts, label: "drain" });
    const addBulk = (ids) => bare.addBulk(ids.map((id) => ({ name: "run", data: { id }, opts: { jobId: id } })));
    const bareRate = await drainRate({ addBatch: addBulk, starts: theirs.starts, label: "drain" });

    // Idle: hints of queues that had work are used up first (half a minute).
    const deadline = Date.now() + 60_000;
    while ((await control.activeAgents(1)).length > 0 && Date.now() < deadline) await delay(500);
    const before = await ours.cost();
    await delay(idleSeconds * 1000);
    const after = await ours.cost();
    const result = {
      agents,
      fleet: percentiles(fleetMs),
      bare: percentiles(bareMs),
      medianRatio: (percentiles(fleetMs).p50 / percentiles(bareMs).p50).toFixed(2),
      drainPerSecond: {
        fleet: Math.round(fleetRate),
        bare: Math.round(bareRate),
        ratio: (fleetRate / bareRate).toFixed(2),
      },
      idleCpuPercent: ((after.cpuMs - before.cpuMs) / (idleSeconds * 10)).toFixed(2),
      connections: await connectionsOf(`${stamp}-fleet`),
      consumerMemoryMb: Math.round(after.rssMb),
    };
    await Promise.all([ours.end(), theirs.end()]);
    return result;
  } finally {
    await removePrefix(`${stamp}-fleet`);
    await removePrefix(`${stamp}-bare`);
  }
}

for (const agents of values.fleets.split(",").map(Number)) {
  console.log(JSON.stringify(await measure(agents), null, 2));
}
redis.disconnect();
process.exit(0);
