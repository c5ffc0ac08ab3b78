/** What the tests of the live events share: a corner of Redis with a publisher and a reader, and subscribers that note. */
import type { LiveEvent, LiveEventDraft } from "@wakefleet/contracts";
import { testRedisPrefix, testRedisUrl, waitFor } from "@wakefleet/testkit";
import {
  createLiveEventPublisher,
  type LiveRetention,
  type RedisLiveEventPublisher,
} from "../src/live/live-event-publisher.js";
import { createLiveEventReader, type LiveEventReader, type SubscribeOptions } from "../src/live/live-event-reader.js";
import type { LiveSubscription } from "../src/live/live-subscription.js";
import { silentLog } from "../src/log.js";
import { closeRedis, connectRedis, type Redis, waitUntilReady } from "../src/redis.js";
import { atEnd } from "./support.js";

export const COMPANY = "company-1";

export interface LiveCorner {
  readonly url: string;
  readonly prefix: string;
  readonly redis: Redis;
  readonly publisher: RedisLiveEventPublisher;
  readonly reader: LiveEventReader;
  /** A subscriber of COMPANY that notes every event, ready when this settles. */
  follow(options?: Partial<SubscribeOptions>): Promise<Follower>;
}

export interface Follower {
  readonly seen: readonly LiveEvent[];
  readonly subscription: LiveSubscription;
  /** Settles when an event with this outcome or chunk was seen. */
  until(text: string): Promise<void>;
  /** Leaves and settles when the iteration is over. */
  leave(): Promise<void>;
}

export async function openLiveCorner(
  options: { url?: string; retention?: LiveRetention; auditMs?: number; prefix?: string } = {},
): Promise<LiveCorner> {
  const url = options.url ?? testRedisUrl();
  const prefix = options.prefix ?? testRedisPrefix();
  const connect = (name: string): Redis => connectRedis({ url, name, log: silentLog, commandTimeoutMs: 1_000 });
  const redis = connect("live-publisher");
  atEnd(() => closeRedis(redis));
  await waitUntilReady(redis, 10_000);
  const publisher = createLiveEventPublisher({
    redis,
    prefix,
    log: silentLog,
    waitMs: 10_000,
    ...(options.retention === undefined ? {} : { retention: options.retention }),
  });
  const reader = createLiveEventReader({
    redisFactory: connect,
    prefix,
    log: silentLog,
    // Nothing but announcements and what the reader notices by itself, unless the test is about the audit.
    auditMs: options.auditMs ?? 3_600_000,
  });
  atEnd(() => reader.close());
  return {
    url,
    prefix,
    redis,
    publisher,
    reader,
    async follow(subscribe = {}) {
      const follower = note(reader.subscribe({ companies: [COMPANY], ...subscribe }));
      await follower.subscription.ready;
      return follower;
    },
  };
}

function note(subscription: LiveSubscription): Follower {
  const seen: LiveEvent[] = [];
  const over = (async (): Promise<void> => {
    for await (const event of subscription) seen.push(event);
  })();
  return {
    seen,
    subscription,
    async until(text) {
      await waitFor(() => seen.some((event) => textOf(event) === text), { what: `the event ${text}` });
    },
    async leave() {
      subscription.close();
      await over;
    },
  };
}

/** An event that carries a text of the test's choice. */
export function statusEvent(outcome: string, companyId = COMPANY): LiveEventDraft {
  return { companyId, type: "agent.status", payload: { agentId: "a", status: "idle", outcome } };
}

export function logEvent(chunk: string): LiveEventDraft {
  const ts = "2026-01-01T00:00:00.000Z";
  return {
    companyId: COMPANY,
    type: "heartbeat.run.log",
    payload: { runId: "r", agentId: "a", ts, stream: "stdout", chunk, truncated: false },
  };
}

export function workerEvent(workerId: string): LiveEventDraft {
  return { companyId: "*", type: "worker.status", payload: { workerId, hostname: "h", state: "started" } };
}

/** `from`, `from + 1`, ... as status events. */
export function numbered(from: number, count: number): LiveEventDraft[] {
  return Array.from({ length: count }, (_, i) => statusEvent(String(from + i)));
}

/** The text that an event of these helpers carries, else its type. */
export function textOf(event: LiveEvent): string {
  if (event.type === "agent.status") return event.payload.outcome;
  if (event.type === "heartbeat.run.log") return event.payload.chunk;
  if (event.type === "worker.status") return event.payload.workerId;
  return event.type;
}

export function idsOf(events: readonly LiveEvent[]): number[] {
  return events.map((event) => event.id);
}

/** True when each is a positive integer greater than the one before. */
export function growStrictly(ids: readonly number[]): boolean {
  return ids.every((id, index) => Number.isSafeInteger(id) && id > (ids[index - 1] ?? 0));
}
