/**
 * One consumer process of the measurement: ours over all queues, or a bare BullMQ `Worker` over one queue. It reports
 * the start of each job to its parent, and what it costs when asked.
 * Arguments: kind ("fleet" | "bullmq"), prefix. Environment: REDIS_URL.
 */
import { AgentQueues, connectRedis, createFleetConsumer, silentLog, waitUntilReady } from "@wakefleet/queue";
import { Worker } from "bullmq";
import { Redis } from "ioredis";

const [kind, prefix] = process.argv.slice(2);
const url = process.env.REDIS_URL;
const CAPACITY = 20;

const nowMs = () => performance.timeOrigin + performance.now();
const started = (runId) => process.send({ event: "start", runId, at: nowMs() });

async function fleet() {
  const redis = connectRedis({ url, name: `bench:${prefix}`, log: silentLog });
  await waitUntilReady(redis, 10_000);
  const queues = new AgentQueues({ redis, prefix, log: silentLog });
  const consumer = createFleetConsumer({
    queues,
    consumerId: `bench:${prefix}`,
    capacity: CAPACITY,
    log: silentLog,
    async onJob({ runId }) {
      started(runId);
      return { kind: "finished", returnValue: null };
    },
  });
  await consumer.start();
}

async function bullmq() {
  const connection = new Redis(url, { maxRetriesPerRequest: null, connectionName: `bench:${prefix}` });
  const options = { connection, prefix, concurrency: CAPACITY, removeOnComplete: { count: 50 } };
  const worker = new Worker("bare", async (job) => started(job.id), options);
  await worker.waitUntilReady();
}

process.on("message", (message) => {
  if (message === "cost") {
    const { user, system } = process.cpuUsage();
    process.send({ event: "cost", cpuMs: (user + system) / 1000, rssMb: process.memoryUsage().rss / 2 ** 20 });
  }
  if (message === "end") process.exit(0);
});
process.on("disconnect", () => process.exit(0));

await (kind === "fleet" ? fleet() : bullmq());
process.send({ event: "ready" });
