/** Redis goes away under a running consumer: with its data, without it, and for commands in the meantime (RL-5). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "@wakefleet/local-stores";
import { TcpProxy, testRedisPrefix, testRedisUrl, waitFor } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";
import { atEnd, type Corner, gate, openCorner, runJob } from "../test/support.js";
import { watchEpoch } from "./epoch.js";
import { silentLog } from "./log.js";
import { assertRedisPolicy, closeRedis, connectRedis, waitUntilReady } from "./redis.js";

interface PrivateRedis {
  readonly url: string;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Stops it and removes what it stored. */
  lose(): Promise<void>;
}

async function privateRedis(settings: string[] = []): Promise<PrivateRedis> {
  const dir = mkdtempSync(join(tmpdir(), "wakefleet-queue-"));
  let server = await startRedis({ dir, settings });
  atEnd(async () => {
    await server.stop("crash");
    rmSync(dir, { recursive: true, force: true });
  });
  const { port, url } = server;
  return {
    url,
    stop: () => server.stop("save"),
    async start() {
      server = await startRedis({ dir, port, settings });
    },
    async lose() {
      await server.stop("crash");
      rmSync(join(dir, "appendonlydir"), { recursive: true, force: true });
      rmSync(join(dir, "dump.rdb"), { force: true });
    },
  };
}

/** The rows of PostgreSQL, as far as these tests need them: what waits, and what must come back after a loss. */
class Rows {
  readonly waiting = new Set<string>();
  readonly starts: string[] = [];

  constructor(private readonly corner: Corner) {}

  async insert(runIds: readonly string[]): Promise<void> {
    for (const runId of runIds) this.waiting.add(runId);
    await this.corner.tryAdd(runIds.map((runId) => runJob("a", runId, { concurrency: 3 })));
  }

  readonly rebuild = async (): Promise<void> => {
    await this.corner.add([...this.waiting].map((runId) => runJob("a", runId, { concurrency: 3 })));
  };

  /** The claim: only a waiting row is started (CL-1). */
  claim(runId: string): boolean {
    if (!this.waiting.delete(runId)) return false;
    this.starts.push(runId);
    return true;
  }
}

function watch(
  corner: Corner,
  rebuild: () => Promise<void>,
): { rebuilds: () => number; check: () => Promise<boolean> } {
  let rebuilds = 0;
  const watcher = watchEpoch({
    queues: corner.queues,
    expected: async () => "epoch-1",
    withLock: async (work) => {
      await work();
      return true;
    },
    rebuild: async () => {
      await rebuild();
      rebuilds += 1;
    },
    intervalMs: 200,
  });
  atEnd(() => watcher.stop());
  return {
    rebuilds: () => rebuilds,
    /** A look of its own: one that is under way answers for what it found before. */
    async check() {
      await watcher.check();
      return watcher.check();
    },
  };
}

const runIds = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `r${from + index}`);

describe("a Redis that goes away", () => {
  it("RL-5 RL-21 comes back empty: every waiting run runs once, and those under way end", async () => {
    const server = await privateRedis();
    const corner = await openCorner({ url: server.url });
    const rows = new Rows(corner);
    const { rebuilds } = watch(corner, rows.rebuild);
    await waitFor(() => rebuilds() === 1, { what: "the first epoch" });
    const { open, opened } = gate();
    const consumer = await corner.consume({
      onJob: async ({ runId }) => {
        if (!rows.claim(runId)) return { kind: "gone" };
        await opened;
        return { kind: "finished", returnValue: null };
      },
    });
    await rows.insert(runIds(0, 100));
    await waitFor(() => consumer.state().inUse === 3, { what: "three jobs under way" });
    await server.lose();
    await rows.insert(runIds(100, 5));
    open();
    await server.start();
    await waitFor(() => rows.waiting.size === 0, { what: "all runs to start" });
    expect(new Set(rows.starts).size).toBe(rows.starts.length);
    expect(rows.starts).toHaveLength(105);
    await consumer.drain();
    expect((await corner.control.counts(["a"]))[0]).toMatchObject({ waiting: 0, active: 0, concurrency: 3 });
  });

  it("BY-14 a dozen finishes that wait for Redis are no warning of a leak", async () => {
    const server = await privateRedis();
    const corner = await openCorner({ url: server.url });
    const { open, opened } = gate();
    const consumer = await corner.consume({
      capacity: 20,
      onJob: () => opened.then(() => ({ kind: "finished", returnValue: null })),
    });
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on("warning", note);
    try {
      await corner.add(runIds(0, 12).map((runId) => runJob(`agent-${runId}`, runId)));
      await waitFor(() => consumer.state().inUse === 12, { what: "a dozen jobs under way" });
      await server.stop();
      open();
      await waitFor(() => consumer.state().finishing === 12, { what: "a dozen finishes to wait" });
      await server.start();
      await waitFor(() => consumer.state().finishing === 0, { what: "the finishes to reach Redis" });
    } finally {
      process.off("warning", note);
    }
    expect(warnings).toEqual([]);
  });

  it("RL-5 comes back with its data: the consumer goes on by itself", async () => {
    const server = await privateRedis();
    const corner = await openCorner({ url: server.url });
    const rows = new Rows(corner);
    const { rebuilds } = watch(corner, rows.rebuild);
    await waitFor(() => rebuilds() === 1, { what: "the first epoch" });
    const { open, opened } = gate();
    const consumer = await corner.consume({
      onJob: async ({ runId }) => {
        if (!rows.claim(runId)) return { kind: "gone" };
        await opened;
        return { kind: "finished", returnValue: null };
      },
    });
    await rows.insert(runIds(0, 20));
    await waitFor(() => consumer.state().inUse === 3, { what: "three jobs under way" });
    await server.stop();
    open();
    await waitFor(() => consumer.state().finishing === 3, { what: "three finishes to wait for Redis" });
    await server.start();
    await waitFor(() => rows.waiting.size === 0, { what: "all runs to start" });
    expect(rows.starts).toHaveLength(20);
    // A restart may have cost the last second of writes, so it counts as a loss.
    await waitFor(() => rebuilds() === 2, { what: "the rebuild after the restart" });
    await consumer.drain();
    expect((await corner.control.counts(["a"]))[0]).toMatchObject({ waiting: 0, active: 0 });
  });

  it("RL-7 is away while a worker drains and stops: neither waits for it", async () => {
    const server = await privateRedis();
    const corner = await openCorner({ url: server.url });
    const { open, opened } = gate();
    const consumer = await corner.consume({
      onJob: async () => {
        await opened;
        return { kind: "finished", returnValue: null };
      },
    });
    await corner.add([runJob("a", "r1")]);
    await waitFor(() => consumer.state().inUse === 1, { what: "a job under way" });
    await server.stop();
    open();
    await consumer.drain();
    await consumer.stop({ finishTimeoutMs: 10 });
    expect(consumer.state()).toMatchObject({ mode: "stopped", inUse: 0 });
  });

  it("RL-21 is emptied without a disconnection: the epoch is missed and written again", async () => {
    const server = await privateRedis();
    const corner = await openCorner({ url: server.url });
    const { rebuilds, check } = watch(corner, async () => undefined);
    await waitFor(() => rebuilds() === 1, { what: "the first epoch" });
    expect(await check()).toBe(false);
    await corner.queues.redis.flushall();
    await waitFor(() => rebuilds() === 2, { what: "the second rebuild" });
    expect(await check()).toBe(false);
  });

  it("RL-21 loses its data again during the rebuild: it is done once more", async () => {
    const server = await privateRedis();
    const corner = await openCorner({ url: server.url });
    let first = true;
    const { rebuilds, check } = watch(corner, async () => {
      if (first) await corner.queues.redis.flushall();
      first = false;
    });
    await waitFor(() => rebuilds() === 2, { what: "the second rebuild" });
    await check();
    expect(rebuilds()).toBe(2);
  });

  it("WK-43 answers at once that a job was not added while it is away", async () => {
    const server = await privateRedis();
    const corner = await openCorner({ url: server.url });
    await server.stop();
    const [result] = await corner.tryAdd([runJob("a", "r1")]);
    expect(result).toMatchObject({ runId: "r1", ok: false });
    await server.start();
    await waitUntilReady(corner.queues.redis, 10_000);
    expect((await corner.tryAdd([runJob("a", "r1")]))[0]).toMatchObject({ ok: true });
  });

  it("OP-10 is refused at start when it may evict keys, with the mend in the message", async () => {
    const server = await privateRedis(["maxmemory-policy allkeys-lru"]);
    const redis = connectRedis({ url: server.url, name: "policy", log: silentLog });
    atEnd(async () => redis.disconnect());
    await waitUntilReady(redis, 10_000);
    await expect(assertRedisPolicy(redis)).rejects.toThrow(/allkeys-lru.*CONFIG SET maxmemory-policy noeviction/s);
  });
});

describe("connections that are dead though nobody closed them", () => {
  it("RL-5 are given up, that of commands and that of a subscriber, which sends nothing by itself", async () => {
    const proxy = await TcpProxy.open(Number(new URL(testRedisUrl()).port || 6379));
    const url = new URL(testRedisUrl());
    url.port = String(proxy.port);
    const commands = connectRedis({ url: url.href, name: "test:commands", log: silentLog, commandTimeoutMs: 200 });
    const subscriber = connectRedis({ url: url.href, name: "test:subscriber", log: silentLog, commandTimeoutMs: 200 });
    atEnd(async () => {
      await Promise.all([closeRedis(commands), closeRedis(subscriber)]);
      await proxy.close();
    });
    await Promise.all([waitUntilReady(commands, 5_000), waitUntilReady(subscriber, 5_000)]);
    const channel = testRedisPrefix();
    await subscriber.subscribe(channel);
    const heard: string[] = [];
    subscriber.on("message", (_channel: string, text: string) => heard.push(text));

    proxy.blackhole();
    await expect(commands.ping()).rejects.toThrow();
    proxy.restore();
    await waitFor(async () => (await commands.ping()) === "PONG", { what: "commands to be answered" });
    await waitFor(
      async () => {
        await commands.publish(channel, "still there?");
        return heard.length > 0;
      },
      { what: "the subscriber to hear again", everyMs: 100 },
    );
  });
});
