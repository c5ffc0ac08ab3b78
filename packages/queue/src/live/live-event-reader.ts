/**
 * Hands live events to this process's subscribers (API-260 to API-263): one connection that listens for all of them and
 * one that reads what was kept. Only the channels of companies somebody watches are listened to.
 *
 * What must stay true: after any interruption of Redis every subscriber gets what it missed, or is told that it cannot.
 */
import { createLimitedLog, errorText, type LimitedLog, type QueueLog } from "../log.js";
import { closeRedis, type Redis } from "../redis.js";
import { parseAnnouncement } from "./announcement.js";
import { LiveFeed } from "./live-feed.js";
import type { LiveEventFilter } from "./live-filter.js";
import { type LiveSubscription, Subscription } from "./live-subscription.js";

export interface LiveEventReaderOptions {
  /** Opens a connection of the given use with `connectRedis`; called twice. The reader closes them. */
  readonly redisFactory: (use: "live-subscriber" | "live-reader") => Redis;
  readonly prefix: string;
  readonly log: QueueLog;
  /** Pause between two looks whether an announcement was lost without a trace, milliseconds (default 5,000). */
  readonly auditMs?: number;
}

export interface SubscribeOptions {
  /** Companies to follow; `*` is the fleet's own (worker.status). One company, or one and `*`, can be resumed exactly. */
  readonly companies: readonly string[];
  readonly filter?: LiveEventFilter;
  /** Id of the last event that was seen: everything kept after it comes first (API-262). Absent: from now on. */
  readonly lastEventId?: number;
}

export interface LiveEventReader {
  /** Subscribes; iterate it once. Ends by `close()`, by leaving the loop, or as `endedBecause` says. Never throws. */
  subscribe(options: SubscribeOptions): LiveSubscription;
  /** Number of subscribers, for metrics. */
  subscribers(): number;
  /** Ends every subscription and both connections. */
  close(): Promise<void>;
}

const DEFAULT_AUDIT_MS = 5_000;

/** Makes the reader and opens its two connections. */
export function createLiveEventReader(options: LiveEventReaderOptions): LiveEventReader {
  return new Reader(options);
}

interface WatchedFeed {
  readonly feed: LiveFeed;
  watchers: number;
}

class Reader implements LiveEventReader {
  readonly #prefix: string;
  readonly #log: LimitedLog;
  readonly #listener: Redis;
  readonly #commands: Redis;
  readonly #byCompany = new Map<string, WatchedFeed>();
  readonly #byChannel = new Map<string, LiveFeed>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #auditTimer: NodeJS.Timeout;
  readonly #onReady = (): void => void this.#listenToAll();

  constructor(options: LiveEventReaderOptions) {
    this.#prefix = options.prefix;
    this.#log = createLimitedLog(options.log);
    this.#listener = options.redisFactory("live-subscriber");
    this.#commands = options.redisFactory("live-reader");
    this.#listener.on("message", (channel: string, message: string) => this.#hear(channel, message));
    this.#listener.on("ready", this.#onReady);
    this.#auditTimer = setInterval(() => void this.#audit(), options.auditMs ?? DEFAULT_AUDIT_MS);
    this.#auditTimer.unref();
  }

  subscribe(options: SubscribeOptions): LiveSubscription {
    const companies = [...new Set(options.companies)];
    const subscription = new Subscription({
      feeds: companies.map((companyId) => this.#watch(companyId)),
      filter: options.filter ?? {},
      lastEventId: options.lastEventId,
      log: this.#log,
      onEnd: () => {
        this.#subscriptions.delete(subscription);
        for (const companyId of companies) this.#unwatch(companyId);
      },
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  subscribers(): number {
    return this.#subscriptions.size;
  }

  async close(): Promise<void> {
    clearInterval(this.#auditTimer);
    this.#listener.off("ready", this.#onReady);
    for (const subscription of [...this.#subscriptions]) subscription.end("closed");
    await Promise.all([closeRedis(this.#listener), closeRedis(this.#commands)]);
  }

  #watch(companyId: string): LiveFeed {
    const watched = this.#byCompany.get(companyId);
    if (watched !== undefined) {
      watched.watchers += 1;
      return watched.feed;
    }
    const feed = new LiveFeed({ companyId, redis: this.#commands, log: this.#log, prefix: this.#prefix });
    this.#byCompany.set(companyId, { feed, watchers: 1 });
    this.#byChannel.set(feed.keys.channel, feed);
    void this.#listenTo([feed]);
    return feed;
  }

  #unwatch(companyId: string): void {
    const watched = this.#byCompany.get(companyId);
    if (watched === undefined) return;
    watched.watchers -= 1;
    if (watched.watchers > 0) return;
    watched.feed.close();
    this.#byCompany.delete(companyId);
    this.#byChannel.delete(watched.feed.keys.channel);
    this.#leave(watched.feed.keys.channel);
  }

  #listenToAll(): Promise<void> {
    return this.#listenTo([...this.#byChannel.values()]);
  }

  /** Listens, then reads what came before. Without a connection nothing happens: its return calls this again. */
  async #listenTo(feeds: readonly LiveFeed[]): Promise<void> {
    if (feeds.length === 0 || this.#listener.status !== "ready") return;
    try {
      await this.#listener.subscribe(...feeds.map((feed) => feed.keys.channel));
    } catch (error) {
      this.#log.warn(
        "live-channel",
        { error: errorText(error) },
        "Live channels could not be listened to; trying again",
      );
      return;
    }
    for (const feed of feeds) void feed.fill();
  }

  #hear(channel: string, message: string): void {
    const feed = this.#byChannel.get(channel);
    // The driver listens again to every channel it knew when the connection broke, also to those left since.
    if (feed === undefined) {
      this.#leave(channel);
      return;
    }
    const announcement = parseAnnouncement(message);
    if (announcement !== null) {
      feed.hear(announcement);
      return;
    }
    this.#log.warn("live-message", { channel }, "A message on a live channel is none of this version's; left out");
  }

  #leave(channel: string): void {
    if (this.#listener.status !== "ready") return;
    this.#listener.unsubscribe(channel).catch((error: unknown) => {
      this.#log.warn("live-channel", { channel, error: errorText(error) }, "A live channel could not be left");
    });
  }

  /** A half-open connection delivers nothing and says nothing: compare what is stored with what was heard. */
  async #audit(): Promise<void> {
    const unstarted = [...this.#byChannel.values()].filter((feed) => feed.position === null);
    await this.#listenTo(unstarted);
    if (this.#commands.status !== "ready") return;
    try {
      await Promise.all(
        [...this.#byChannel.values()].map(async (feed) => ((await feed.isBehind()) ? feed.fill() : undefined)),
      );
    } catch (error) {
      this.#log.warn("live-audit", { error: errorText(error) }, "Live events could not be compared with Redis");
    }
  }
}
