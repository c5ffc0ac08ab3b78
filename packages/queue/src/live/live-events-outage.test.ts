/** Redis fails under live events: it loses its data, goes away and comes back, or cuts the listening connection. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LocalRedis, startRedis } from "@wakefleet/local-stores";
import { waitFor } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";
import {
  COMPANY,
  growStrictly,
  idsOf,
  type LiveCorner,
  numbered,
  openLiveCorner,
  statusEvent,
  textOf,
} from "../../test/live-support.js";
import { atEnd } from "../../test/support.js";
import { silentLog } from "../log.js";
import { closeRedis, connectRedis, waitUntilReady } from "../redis.js";
import { createLiveEventPublisher } from "./live-event-publisher.js";
import { createLiveEventReader } from "./live-event-reader.js";

async function ownRedis(): Promise<{
  server: () => LocalRedis;
  restart: (between?: () => Promise<void>) => Promise<void>;
}> {
  const dir = mkdtempSync(join(tmpdir(), "live-events-"));
  let server = await startRedis({ dir });
  atEnd(async () => {
    await server.stop("crash");
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    server: () => server,
    async restart(between) {
      await server.stop("save");
      await between?.();
      server = await startRedis({ dir, port: server.port });
    },
  };
}

async function publishUntilTaken(corner: LiveCorner, text: string): Promise<void> {
  await waitFor(
    async () => {
      const before = corner.publisher.droppedEvents();
      await corner.publisher.publish([statusEvent(text)]);
      return corner.publisher.droppedEvents() === before;
    },
    { what: "Redis to take events again" },
  );
}

describe("Redis fails", () => {
  it("API-262 after FLUSHALL ids are greater than all before, and old clients are told to read state anew (02-45)", async () => {
    const redis = await ownRedis();
    const corner = await openLiveCorner({ url: redis.server().url });
    const steady = await corner.follow();
    await corner.publisher.publish(numbered(0, 300));
    await steady.until("299");
    const lastBefore = steady.seen.at(-1)?.id ?? -1;

    await corner.redis.flushall();
    const onEmpty = await corner.follow({ lastEventId: lastBefore });
    await onEmpty.until("stream.reset");
    expect(onEmpty.seen[0]?.payload).toEqual({ oldestId: null, latestId: null });

    await corner.publisher.publish(numbered(300, 5));
    const late = await corner.follow({ lastEventId: lastBefore });
    await Promise.all([steady, onEmpty, late].map((client) => client.until("304")));
    for (const client of [onEmpty, late]) {
      expect(client.seen[0]?.type).toBe("stream.reset");
      const after = client.seen.filter((event) => event.type !== "stream.reset");
      expect(after.map(textOf)).toEqual(["300", "301", "302", "303", "304"]);
      expect(growStrictly([lastBefore, ...idsOf(after)])).toBe(true);
    }
    const events = steady.seen.filter((event) => event.type !== "stream.reset");
    expect(events.map(textOf)).toEqual(Array.from({ length: 305 }, (_, i) => String(i)));
    expect(growStrictly(idsOf(events))).toBe(true);
    expect(steady.seen.filter((event) => event.type === "stream.reset")).toHaveLength(1);
  });

  it("API-263 FLUSHALL without an event behind it is noticed by the audit", async () => {
    const redis = await ownRedis();
    const corner = await openLiveCorner({ url: redis.server().url, auditMs: 50 });
    const client = await corner.follow();
    await corner.publisher.publish(numbered(0, 3));
    await client.until("2");
    await corner.redis.flushall();
    await client.until("stream.reset");
  });

  it("API-262 events published while the listening connection was cut are filled in", async () => {
    const redis = await ownRedis();
    const corner = await openLiveCorner({ url: redis.server().url });
    const [steady, filtered] = [await corner.follow(), await corner.follow({ filter: { agentId: "nobody" } })];
    let next = 0;
    for (const batch of [1, 30, 700]) {
      await corner.publisher.publish(numbered(next, 1));
      await corner.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
      await corner.publisher.publish(numbered(next + 1, batch));
      next += batch + 1;
      await steady.until(String(next - 1));
    }
    expect(steady.seen.map(textOf)).toEqual(Array.from({ length: next }, (_, i) => String(i)));
    expect(growStrictly(idsOf(steady.seen))).toBe(true);
    expect(filtered.seen).toEqual([]);
  });

  it("RL-5 while Redis is away publishing neither throws nor waits; readers learn that events are missing", async () => {
    const redis = await ownRedis();
    const corner = await openLiveCorner({ url: redis.server().url });
    const client = await corner.follow();
    await corner.publisher.publish(numbered(0, 3));
    await client.until("2");
    const seenBefore = client.seen.at(-1)?.id ?? -1;
    await redis.restart(async () => {
      await waitFor(() => corner.redis.status !== "ready", { what: "the connection to break" });
      await corner.publisher.publish(numbered(3, 4));
      expect(corner.publisher.droppedEvents()).toBe(4);
    });
    await publishUntilTaken(corner, "back");
    await client.until("back");
    expect(client.seen.map(textOf)).toEqual(["0", "1", "2", "stream.reset", "back"]);
    expect(client.seen.at(-1)?.id).toBeGreaterThan(seenBefore);
    const resumed = await corner.follow({ lastEventId: seenBefore });
    await resumed.until("back");
    expect(resumed.seen.map(textOf)).toEqual(["stream.reset", "back"]);
    await corner.publisher.publish([statusEvent("more")]);
    await resumed.until("more");
    expect(resumed.seen.map(textOf)).toEqual(["stream.reset", "back", "more"]);
  });

  it("RL-5 a Redis that does not answer holds a publisher up for a moment only", async () => {
    const redis = await ownRedis();
    const connection = connectRedis({
      url: redis.server().url,
      name: "frozen",
      log: silentLog,
      commandTimeoutMs: 60_000,
    });
    atEnd(() => closeRedis(connection));
    await waitUntilReady(connection, 10_000);
    const publisher = createLiveEventPublisher({ redis: connection, prefix: "frozen", log: silentLog });
    process.kill(redis.server().pid, "SIGSTOP");
    atEnd(async () => {
      process.kill(redis.server().pid, "SIGCONT");
    });
    // Settles although the command itself would wait for a minute.
    await publisher.publish(numbered(0, 1));
    const filler = "x".repeat(100_000);
    for (let i = 0; i < 3; i += 1) await publisher.publish(Array.from({ length: 50 }, () => statusEvent(filler)));
    expect(publisher.droppedEvents()).toBeGreaterThan(0);
    process.kill(redis.server().pid, "SIGCONT");
  });

  it("API-262 who subscribes while Redis is away is ready when it is back", async () => {
    const redis = await ownRedis();
    const corner = await openLiveCorner({ url: redis.server().url });
    await corner.publisher.publish(numbered(0, 2));
    const probe = await corner.follow({ lastEventId: 1 });
    await probe.until("1");
    await probe.leave();
    const seen: string[] = [];
    let following: Promise<void> = Promise.resolve();
    await redis.restart(async () => {
      const reader = createLiveEventReader({
        redisFactory: (name) => connectRedis({ url: corner.url, name, log: silentLog }),
        prefix: corner.prefix,
        log: silentLog,
      });
      atEnd(() => reader.close());
      const subscription = reader.subscribe({ companies: [COMPANY], lastEventId: probe.seen.at(-2)?.id ?? -1 });
      following = (async () => {
        for await (const event of subscription) {
          seen.push(textOf(event));
          if (seen.at(-1) === "later") break;
        }
      })();
    });
    await waitUntilReady(corner.redis, 15_000);
    await corner.publisher.publish([statusEvent("later")]);
    await following;
    expect(seen).toEqual(["1", "later"]);
  });
});
