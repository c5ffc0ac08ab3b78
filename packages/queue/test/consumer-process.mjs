/**
 * A consumer in a process of its own, for tests that kill it. Environment: REDIS_URL, PREFIX, CONSUMER_ID, CAPACITY,
 * LIMIT (most jobs of one agent at once), HOLD_MS (how long a job takes). It writes one JSON line for each event.
 * How many jobs of an agent are under way is counted in Redis, so that no two clocks are compared.
 */
import { setTimeout as delay } from "node:timers/promises";
import { AgentQueues, connectRedis, createFleetConsumer, silentLog, waitUntilReady } from "@wakefleet/queue";

const { REDIS_URL, PREFIX, CONSUMER_ID, CAPACITY, LIMIT, HOLD_MS } = process.env;
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const redis = connectRedis({ url: REDIS_URL, name: CONSUMER_ID, log: silentLog });
await waitUntilReady(redis, 10_000);
const queues = new AgentQueues({ redis, prefix: PREFIX, log: silentLog });
const consumer = createFleetConsumer({
  queues,
  consumerId: CONSUMER_ID,
  capacity: Number(CAPACITY),
  log: silentLog,
  async onJob({ agentId, runId }) {
    const underWay = await redis.incr(`${PREFIX}:under-way:${agentId}`);
    tell({ event: "start", runId, underWay, tooMany: underWay > Number(LIMIT) });
    await delay(Number(HOLD_MS));
    await redis.decr(`${PREFIX}:under-way:${agentId}`);
    tell({ event: "end", runId });
    return { kind: "finished", returnValue: null };
  },
});
await consumer.start();
tell({ event: "ready" });

process.once("SIGTERM", async () => {
  await consumer.drain();
  await consumer.stop();
  redis.disconnect();
});
