/**
 * A publisher of live events in a process of its own. Environment: REDIS_URL, PREFIX, COMPANY_ID, NAME, BATCHES. It
 * waits for a line on its input, publishes so many batches of one to three events, named `NAME` and numbered from 0, and
 * writes how many events that were.
 */
import { once } from "node:events";
import { connectRedis, createLiveEventPublisher, silentLog, waitUntilReady } from "@wakefleet/queue";

const { REDIS_URL, PREFIX, COMPANY_ID, NAME, BATCHES } = process.env;
const redis = connectRedis({ url: REDIS_URL, name: NAME, log: silentLog });
await waitUntilReady(redis, 10_000);
const publisher = createLiveEventPublisher({ redis, prefix: PREFIX, log: silentLog, waitMs: 10_000 });
process.stdout.write("ready\n");
await once(process.stdin, "data");

let number = 0;
for (let batch = 0; batch < Number(BATCHES); batch += 1) {
  const events = Array.from({ length: 1 + (batch % 3) }, () => ({
    companyId: COMPANY_ID,
    type: "agent.status",
    payload: { agentId: NAME, status: "idle", outcome: String(number++) },
  }));
  await publisher.publish(events);
}
process.stdout.write(`${number}\n`);
redis.disconnect();
process.stdin.destroy();
