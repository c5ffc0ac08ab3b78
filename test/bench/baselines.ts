/** What bare BullMQ and bare PostgreSQL need on this machine, measured in the same run as everything else. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import type { BenchStores } from "./fleet.js";
import { postJson } from "./measure-latency.js";
import { withoutWarmUp } from "./statistics.js";

const HTTP_SERVER = fileURLToPath(new URL("./bare-http-server.ts", import.meta.url));
const DRAIN_WORKER = fileURLToPath(new URL("./bare-bullmq-worker.ts", import.meta.url));
const connectionOf = (stores: BenchStores): Redis => new Redis(stores.redis.url, { maxRetriesPerRequest: null });

/** Milliseconds from `add` to the processor's start, one `Worker`, one queue, one job at a time. */
export async function bareBullmqLatencies(stores: BenchStores, samples: number): Promise<number[]> {
  const redis = connectionOf(stores);
  const queue = new Queue("bare-latency", { connection: redis, prefix: "bare" });
  const starts = new Map<string, (at: number) => void>();
  const worker = new Worker(
    "bare-latency",
    async (job) => {
      starts.get(job.id ?? "")?.(performance.now());
    },
    { connection: redis, prefix: "bare" },
  );
  await worker.waitUntilReady();
  const latencies: number[] = [];
  for (let index = 0; index < samples; index += 1) {
    const id = `job-${index}`;
    const started = new Promise<number>((resolve) => starts.set(id, resolve));
    const addedAt = performance.now();
    await queue.add("run", { index }, { jobId: id });
    latencies.push((await started) - addedAt);
  }
  await worker.close();
  await queue.close();
  redis.disconnect();
  return withoutWarmUp(latencies);
}

/**
 * Milliseconds of the least transaction that decides something: lock a row, read what hangs on it, write one row. One at a
 * time, with statements prepared once.
 */
export async function barePostgresTransactions(stores: BenchStores, samples: number): Promise<number[]> {
  const { db } = stores;
  await db.sql.query("CREATE TABLE IF NOT EXISTS bench_owners (id bigint PRIMARY KEY)");
  await db.sql.query("CREATE TABLE IF NOT EXISTS bench_rows (id bigserial PRIMARY KEY, owner_id bigint, doc jsonb)");
  await db.sql.query("CREATE INDEX IF NOT EXISTS bench_rows_owner ON bench_rows (owner_id, id)");
  await db.sql.query("INSERT INTO bench_owners SELECT generate_series(0, 99) ON CONFLICT DO NOTHING");
  const durations: number[] = [];
  for (let index = 0; index < samples; index += 1) {
    const owner = index % 100;
    const startedAt = performance.now();
    await db.transaction(async (tx) => {
      await tx.query("SELECT id FROM bench_owners WHERE id = $1 FOR UPDATE", [owner], "bench_lock");
      await tx.query("SELECT doc FROM bench_rows WHERE owner_id = $1 ORDER BY id DESC LIMIT 5", [owner], "bench_read");
      await tx.query(
        "INSERT INTO bench_rows (owner_id, doc) VALUES ($1, $2)",
        [owner, JSON.stringify({ index })],
        "bench_write",
      );
    });
    durations.push(performance.now() - startedAt);
  }
  return withoutWarmUp(durations);
}

/** A bare `node:http` server in a process of its own. */
export async function startBareHttpServer(): Promise<{ url: string; stop(): void }> {
  const server = fork(HTTP_SERVER, [], { execArgv: ["--import", "tsx"] });
  const { port } = await new Promise<{ port: number }>((resolve, reject) => {
    server.once("message", (address) => resolve(address as { port: number }));
    server.once("exit", (code) => reject(new Error(`the bare HTTP server ended with ${code}`)));
  });
  return {
    url: `http://127.0.0.1:${port}/`,
    stop() {
      server.removeAllListeners("exit");
      server.disconnect();
    },
  };
}

/** Milliseconds from a JSON POST to its answer, of a bare `node:http` server. */
export async function bareHttpPosts(samples: number): Promise<number[]> {
  const server = await startBareHttpServer();
  const durations: number[] = [];
  for (let index = 0; index < samples; index += 1) {
    const startedAt = performance.now();
    await postJson(server.url, { key: "none", body: { payload: { taskKey: `bare-${index}` } } });
    durations.push(performance.now() - startedAt);
  }
  server.stop();
  return withoutWarmUp(durations);
}

/** Jobs a second that bare BullMQ adds, 1,000 in one `addBulk`, to `queues` queues. */
export async function bareBullmqAddRate(
  stores: BenchStores,
  options: { queues: number; jobs: number },
): Promise<number> {
  const redis = connectionOf(stores);
  const queues = Array.from(
    { length: options.queues },
    (_, index) => new Queue(`bare-add-${index}`, { connection: redis, prefix: "bare-add" }),
  );
  const startedAt = performance.now();
  for (let from = 0; from < options.jobs; from += 1_000) {
    const queue = queues[(from / 1_000) % queues.length];
    await queue?.addBulk(
      Array.from({ length: Math.min(1_000, options.jobs - from) }, (_, n) => ({ name: "run", data: { n: from + n } })),
    );
  }
  const rate = options.jobs / ((performance.now() - startedAt) / 1000);
  await Promise.all(queues.map((queue) => queue.close()));
  redis.disconnect();
  return rate;
}

/** No-op jobs a second of two processes that serve `queues` queues of global concurrency `concurrency`. */
export async function bareBullmqDrain(
  stores: BenchStores,
  options: { queues: number; jobs: number; concurrency: number },
): Promise<number> {
  const redis = connectionOf(stores);
  const names = Array.from({ length: options.queues }, (_, index) => `bare-drain-${index}`);
  const queues = names.map((name) => new Queue(name, { connection: redis, prefix: "bare" }));
  for (const [index, queue] of queues.entries()) {
    await queue.setGlobalConcurrency(options.concurrency);
    const count = Math.ceil((options.jobs - index) / options.queues);
    await queue.addBulk(
      Array.from({ length: count }, (_, n) => ({ name: "run", data: { n }, opts: { removeOnComplete: true } })),
    );
  }
  const workers = [0, 1].map(() =>
    fork(DRAIN_WORKER, [], {
      execArgv: ["--import", "tsx"],
      env: {
        ...process.env,
        BARE_REDIS_URL: stores.redis.url,
        BARE_QUEUES: names.join(","),
        BARE_CONCURRENCY: String(options.concurrency),
      },
    }),
  );
  let done = 0;
  const allDone = new Promise<void>((resolve) => {
    for (const worker of workers) {
      worker.on("message", (message: { done?: number; ready?: boolean }) => {
        done += message.done ?? 0;
        if (done >= options.jobs) resolve();
      });
    }
  });
  await Promise.all(
    workers.map(
      (worker) =>
        new Promise((resolve) => worker.on("message", (m: { ready?: boolean }) => m.ready === true && resolve(null))),
    ),
  );
  const startedAt = performance.now();
  for (const worker of workers) worker.send({ go: true });
  await allDone;
  const seconds = (performance.now() - startedAt) / 1000;
  for (const worker of workers) worker.kill("SIGKILL");
  await Promise.all(queues.map((queue) => queue.close()));
  redis.disconnect();
  return options.jobs / seconds;
}
