import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { waitFor } from "@wakefleet/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  COMPANY,
  growStrictly,
  idsOf,
  logEvent,
  numbered,
  openLiveCorner,
  statusEvent,
  textOf,
  workerEvent,
} from "../../test/live-support.js";
import { atEnd } from "../../test/support.js";
import { liveEventJson } from "./stamped-event.js";

const numbersFrom = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => String(from + i));

describe("live events", () => {
  it("API-262 reach every subscriber of their company in order, with ids that grow strictly", async () => {
    const corner = await openLiveCorner();
    const [one, two, other] = [
      await corner.follow(),
      await corner.follow(),
      await corner.follow({ companies: ["c2"] }),
    ];
    await corner.publisher.publish([...numbered(0, 3), statusEvent("elsewhere", "c2"), logEvent("chunk")]);
    for (let i = 3; i < 50; i += 1) await corner.publisher.publish(numbered(i, 1));
    await Promise.all([one.until("49"), two.until("49"), other.until("elsewhere")]);
    expect(one.seen.map(textOf)).toEqual(["0", "1", "2", "chunk", ...numbersFrom(3, 47)]);
    expect(two.seen).toEqual(one.seen);
    expect(growStrictly(idsOf(one.seen))).toBe(true);
    expect(other.seen.map(textOf)).toEqual(["elsewhere"]);
    const [first] = one.seen;
    if (first === undefined) throw new Error("nothing seen");
    expect(Object.keys(first)).toEqual(["id", "companyId", "type", "createdAt", "payload"]);
    expect(liveEventJson(first)).toBe(JSON.stringify(first));
    expect(corner.publisher.droppedEvents()).toBe(0);
  });

  it("API-262 a client that was cut and came back saw what the other saw, once each and in order (02-44)", async () => {
    const corner = await openLiveCorner();
    const steady = await corner.follow();
    const first = await corner.follow();
    await corner.publisher.publish(numbered(0, 20));
    await first.until("19");
    await first.leave();
    let next = 20;
    let publishing = true;
    const storm = (async () => {
      while (publishing) {
        await corner.publisher.publish([...numbered(next, 7), logEvent(`chunk ${next}`)]);
        next += 7;
      }
    })();
    await waitFor(() => next > 600, { what: "events while the client is away" });
    const back = await corner.follow({ lastEventId: first.seen.at(-1)?.id ?? -1 });
    await waitFor(() => back.seen.length > 1_000, { what: "the client to have caught up" });
    publishing = false;
    await storm;
    await corner.publisher.publish([statusEvent("end")]);
    await Promise.all([steady.until("end"), back.until("end")]);
    expect([...idsOf(first.seen), ...idsOf(back.seen)]).toEqual(idsOf(steady.seen));
    expect(growStrictly(idsOf(steady.seen))).toBe(true);
  });

  it("API-262 an id older than what is kept gets stream.reset first, then what is kept (02-45)", async () => {
    const corner = await openLiveCorner();
    for (let i = 0; i < 20_000; i += 200) await corner.publisher.publish(numbered(i, 200));
    const client = await corner.follow({ lastEventId: 1 });
    await client.until("19999");
    const [reset, ...events] = client.seen;
    expect(reset).toMatchObject({
      type: "stream.reset",
      companyId: COMPANY,
      payload: { oldestId: events[0]?.id, latestId: events.at(-1)?.id },
    });
    expect(events.map(textOf)).toEqual(numbersFrom(0, 20_000));
    expect(growStrictly(idsOf(events))).toBe(true);
  });

  it("API-262 replays 10,000 events from an id that is kept, without a reset", async () => {
    const corner = await openLiveCorner();
    const watcher = await corner.follow({ filter: { types: ["none"] } });
    await corner.publisher.publish(numbered(0, 1));
    const probe = await corner.follow({ lastEventId: 1 });
    await probe.until("0");
    await probe.leave();
    for (let i = 1; i <= 10_000; i += 200) await corner.publisher.publish(numbered(i, 200));
    const client = await corner.follow({ lastEventId: probe.seen.at(-1)?.id ?? -1 });
    await client.until("10000");
    expect(client.seen.map(textOf)).toEqual(numbersFrom(1, 10_000));
    expect(watcher.seen).toEqual([]);
  });

  it("API-262 two processes that publish at once give one strictly growing order, each in its own", async () => {
    const corner = await openLiveCorner();
    const client = await corner.follow();
    const names = ["left", "right"];
    const processes = names.map((name) => {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL("../../test/live-publisher-process.mjs", import.meta.url))],
        {
          env: {
            ...process.env,
            REDIS_URL: corner.url,
            PREFIX: corner.prefix,
            COMPANY_ID: COMPANY,
            NAME: name,
            BATCHES: "400",
          },
          stdio: ["pipe", "pipe", "inherit"],
        },
      );
      atEnd(async () => {
        child.kill("SIGKILL");
      });
      return child;
    });
    await Promise.all(processes.map((child) => once(child.stdout, "data")));
    for (const child of processes) child.stdin.write("go\n");
    const counts = await Promise.all(
      processes.map(async (child) => Number(String((await once(child.stdout, "data"))[0]))),
    );
    const total = counts.reduce((a, b) => a + b, 0);
    await waitFor(() => client.seen.length === total, { what: `${total} events` });
    expect(growStrictly(idsOf(client.seen))).toBe(true);
    for (const [index, name] of names.entries()) {
      const own = client.seen.filter((event) => event.type === "agent.status" && event.payload.agentId === name);
      expect(own.map(textOf)).toEqual(numbersFrom(0, counts[index] ?? 0));
    }
  });

  it("API-262 whatever was published and wherever a client resumes, it gets the rest once and in order", async () => {
    const corner = await openLiveCorner();
    const steady = await corner.follow();
    let published = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 350 }), fc.boolean()), { minLength: 1, maxLength: 6 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (batches, share) => {
          const begin = published;
          for (const [size, logs] of batches) {
            const texts = numbersFrom(published, size);
            published += size;
            await corner.publisher.publish(texts.map((text) => (logs ? logEvent(text) : statusEvent(text))));
          }
          await steady.until(String(published - 1));
          const from = steady.seen[Math.floor(begin + share * (published - begin - 1))];
          const client = await corner.follow({ lastEventId: from?.id ?? -1 });
          const rest = published - 1 - Number(textOf(from ?? steady.seen[0]!));
          await waitFor(() => client.seen.length >= rest, { what: `${rest} events` });
          expect(client.seen.map(textOf)).toEqual(numbersFrom(published - rest, rest));
          await client.leave();
        },
      ),
      { numRuns: 15 },
    );
    expect(steady.seen.map(textOf)).toEqual(numbersFrom(0, published));
  });
});

describe("what is kept", () => {
  it("API-262 neither the last events nor young ones are trimmed", async () => {
    const young = await openLiveCorner({ retention: { events: 100, ageMs: 3_600_000 } });
    for (let i = 0; i < 1_000; i += 50) await young.publisher.publish(numbered(i, 50));
    const client = await young.follow({ lastEventId: 1 });
    await client.until("999");
    expect(client.seen.slice(1).map(textOf)).toEqual(numbersFrom(0, 1_000));
  });

  it("API-262 old events beyond the number kept are trimmed; whoever misses some is told", async () => {
    const corner = await openLiveCorner({ retention: { events: 100, ageMs: 0 } });
    const steady = await corner.follow();
    for (let i = 0; i < 1_000; i += 50) await corner.publisher.publish(numbered(i, 50));
    await steady.until("999");
    const client = await corner.follow({ lastEventId: steady.seen[10]?.id ?? -1 });
    await client.until("999");
    const [reset, ...kept] = client.seen;
    expect(reset?.type).toBe("stream.reset");
    expect(kept.length).toBeGreaterThanOrEqual(100);
    expect(kept.length).toBeLessThan(300);
    expect(kept.map(textOf)).toEqual(numbersFrom(1_000 - kept.length, kept.length));
    const near = await corner.follow({ lastEventId: steady.seen[950]?.id ?? -1 });
    await near.until("999");
    expect(near.seen.map(textOf)).toEqual(numbersFrom(951, 49));
  });

  it("API-262 log chunks are kept shorter, and their end is no reset", async () => {
    const corner = await openLiveCorner({ retention: { logChunks: 100 } });
    await corner.publisher.publish([statusEvent("before")]);
    const probe = await corner.follow({ lastEventId: 1 });
    await probe.until("before");
    await probe.leave();
    for (let i = 0; i < 20; i += 1) {
      await corner.publisher.publish([
        ...Array.from({ length: 50 }, (_, n) => logEvent(`chunk ${i}.${n}`)),
        ...numbered(i, 1),
      ]);
    }
    const client = await corner.follow({ lastEventId: probe.seen.at(-1)?.id ?? -1 });
    await client.until("19");
    const chunks = client.seen.filter((event) => event.type === "heartbeat.run.log");
    expect(client.seen.filter((event) => event.type === "agent.status").map(textOf)).toEqual(numbersFrom(0, 20));
    expect(chunks.length).toBeGreaterThanOrEqual(100);
    expect(chunks.length).toBeLessThan(400);
    expect(client.seen.some((event) => event.type === "stream.reset")).toBe(false);
  });

  it("API-263 a storm cannot fill Redis", async () => {
    const corner = await openLiveCorner({ retention: { maxEvents: 1_000, events: 100 } });
    for (let i = 0; i < 5_000; i += 200) await corner.publisher.publish(numbered(i, 200));
    expect(await corner.redis.xlen(`${corner.prefix}:live:{${COMPANY}}`)).toBeLessThanOrEqual(1_200);
  });

  it("API-263 free-form content that is too long is left to HTTP", async () => {
    const corner = await openLiveCorner();
    const client = await corner.follow();
    await corner.publisher.publish([
      {
        companyId: COMPANY,
        type: "heartbeat.run.event",
        payload: {
          runId: "r",
          agentId: "a",
          seq: 1,
          eventType: "x",
          stream: null,
          level: null,
          color: null,
          message: "kept",
          payload: { text: "y".repeat(200_000) },
        },
      },
      statusEvent("after"),
    ]);
    await client.until("after");
    expect(client.seen[0]?.payload).toMatchObject({ message: "kept", payload: { _truncated: true } });
  });
});

describe("subscribers", () => {
  it("API-261 see what they asked for", async () => {
    const corner = await openLiveCorner();
    const client = await corner.follow({ filter: { types: ["heartbeat.run.*"], runId: "r" } });
    await corner.publisher.publish([...numbered(0, 5), logEvent("mine"), statusEvent("after")]);
    await client.until("mine");
    expect(client.seen.map(textOf)).toEqual(["mine"]);
  });

  it("API-263 a slow client is cut at 1 MiB; others are not", async () => {
    const corner = await openLiveCorner();
    const slow = corner.reader.subscribe({ companies: [COMPANY] });
    const steady = await corner.follow();
    await slow.ready;
    const iterator = slow[Symbol.asyncIterator]();
    const firstOne = iterator.next();
    const chunk = "x".repeat(8_000);
    for (let i = 0; i < 200; i += 1) await corner.publisher.publish([logEvent(`${i} ${chunk}`)]);
    expect((await firstOne).done).toBe(false);
    await waitFor(() => slow.endedBecause, { what: "the slow client to be cut" });
    expect(slow.endedBecause).toBe("slow");
    expect((await iterator.next()).done).toBe(true);
    await steady.until(`199 ${chunk}`);
    expect(steady.seen).toHaveLength(200);
    expect(corner.reader.subscribers()).toBe(1);
  });

  it("API-263 a client that catches up slowly is not cut: it reads at its own pace", async () => {
    const corner = await openLiveCorner();
    const chunk = "x".repeat(8_000);
    for (let i = 0; i < 300; i += 50) {
      await corner.publisher.publish(Array.from({ length: 50 }, (_, n) => logEvent(`${i + n} ${chunk}`)));
    }
    const client = corner.reader.subscribe({ companies: [COMPANY], lastEventId: 1 });
    const texts: string[] = [];
    for await (const event of client) {
      texts.push(textOf(event));
      if (texts.length === 1) await corner.publisher.publish([logEvent("last")]);
      if (textOf(event) === "last") break;
    }
    expect(texts.slice(1).map((text) => text.split(" ")[0])).toEqual([...numbersFrom(0, 300), "last"]);
    expect(client.endedBecause).toBe("left");
  });

  it("worker.status of company * joins a company's stream, live and after a pause", async () => {
    const corner = await openLiveCorner();
    const companies = ["*", COMPANY];
    const first = await corner.follow({ companies });
    await corner.publisher.publish([statusEvent("one")]);
    await first.until("one");
    await first.leave();
    for (const event of [workerEvent("w1"), statusEvent("two"), workerEvent("w2"), statusEvent("three")]) {
      await corner.publisher.publish([event]);
    }
    const back = await corner.follow({ companies, lastEventId: first.seen.at(-1)?.id ?? -1 });
    await back.until("three");
    await corner.publisher.publish([workerEvent("w3")]);
    await back.until("w3");
    expect(back.seen.map(textOf)).toEqual(["w1", "two", "w2", "three", "w3"]);
    expect(growStrictly(idsOf(back.seen))).toBe(true);
  });

  it("end with the reader; leaving twice does no harm", async () => {
    const corner = await openLiveCorner();
    const [staying, leaving] = [await corner.follow(), await corner.follow()];
    await leaving.leave();
    await leaving.leave();
    await corner.reader.close();
    await waitFor(() => staying.subscription.endedBecause, { what: "the subscription to end" });
    expect([leaving.subscription.endedBecause, staying.subscription.endedBecause]).toEqual(["left", "closed"]);
  });
});
