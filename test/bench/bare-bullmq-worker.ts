/** One process of the bare drain: an ordinary BullMQ `Worker` a queue, doing nothing. */
import { Worker } from "bullmq";
import { Redis } from "ioredis";

const redis = new Redis(process.env["BARE_REDIS_URL"] ?? "", { maxRetriesPerRequest: null });
const names = (process.env["BARE_QUEUES"] ?? "").split(",");
let done = 0;
const workers = names.map(
  (name) =>
    new Worker(name, async () => undefined, {
      connection: redis,
      prefix: "bare",
      autorun: false,
      concurrency: Number(process.env["BARE_CONCURRENCY"]),
      removeOnComplete: { count: 0 },
    }),
);
for (const worker of workers) {
  worker.on("completed", () => {
    done += 1;
  });
}
setInterval(() => {
  if (done > 0) process.send?.({ done });
  done = 0;
}, 20);
await Promise.all(workers.map((worker) => worker.waitUntilReady()));
process.on("message", () => {
  for (const worker of workers) void worker.run();
});
process.on("disconnect", () => process.exit(0));
process.send?.({ ready: true });
