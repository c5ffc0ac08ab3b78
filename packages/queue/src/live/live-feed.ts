/**
 * One company's events as they come in, for all of this process's subscribers (API-263).
 *
 * What must stay true: `position` only moves past events that were handed on. Announcements are followed as long as each
 * names the id before it; at any break (a missed message, a lost Redis) the streams are read from `position` instead.
 */
import { setTimeout as delay } from "node:timers/promises";
import { errorText, type LimitedLog } from "../log.js";
import type { Redis } from "../redis.js";
import type { Announcement } from "./announcement.js";
import { type LiveKeys, liveKeys } from "./live-keys.js";
import { type LivePage, readLivePage } from "./live-page.js";
import type { StampedEvent } from "./stamped-event.js";

/** Entries of a stream in one read. */
export const PAGE_EVENTS = 200;
/** More than this at once, in characters, is left to each follower's own pace. */
const MAX_HANDED_ON = 262_144;
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 1_000;

/** What a feed hands on: events in order, and where they were read from a stream, the page they came with. */
export interface FeedBatch {
  readonly page: LivePage | null;
  readonly events: readonly StampedEvent[];
}

/** Something that follows a feed. Called in the order of ids, from within the feed's own turn. */
export interface FeedFollower {
  take(batch: FeedBatch): void;
  /** Too much was missed at once: the follower reads it by itself, at its own pace. */
  fallBehind(): void;
}

export class LiveFeed {
  readonly keys: LiveKeys;
  readonly followers = new Set<FeedFollower>();
  /** Settles once the feed knows where it is: from then on nothing is missed. */
  readonly started: Promise<void>;
  #start: () => void = () => undefined;
  /** The last id handed on; null until the feed knows where it is. */
  #position: number | null = null;
  /** The greatest id announced since the last read began. */
  #heard = 0;
  #filling = false;
  /** Asked to read again while a read was under way. */
  #again = false;
  #closed = false;

  readonly companyId: string;
  readonly #redis: Redis;
  readonly #log: LimitedLog;

  constructor(options: { companyId: string; redis: Redis; log: LimitedLog; prefix: string }) {
    this.companyId = options.companyId;
    this.#redis = options.redis;
    this.#log = options.log;
    this.keys = liveKeys(options.prefix, options.companyId);
    this.started = new Promise((resolve) => {
      this.#start = resolve;
    });
  }

  get position(): number | null {
    return this.#position;
  }

  /** An announcement came in. */
  hear(announcement: Announcement): void {
    this.#heard = Math.max(this.#heard, announcement.last);
    if (this.#position === null || this.#filling || announcement.last <= this.#position) return;
    if (announcement.previous !== this.#position || announcement.lost) {
      void this.fill();
      return;
    }
    this.#position = announcement.last;
    this.#handOn({ page: null, events: announcement.events });
  }

  /** Reads the streams up to now. Called when the channel is listened to (again), and when something was missed. */
  async fill(): Promise<void> {
    if (this.#filling) {
      this.#again = true;
      return;
    }
    this.#filling = true;
    let retryMs = RETRY_FIRST_MS;
    while (!this.#closed) {
      try {
        if (await this.#fillOnce()) break;
        retryMs = RETRY_FIRST_MS;
      } catch (error) {
        this.#log.warn(
          "live-feed",
          { companyId: this.companyId, error: errorText(error) },
          "Live events could not be read",
        );
        await delay(retryMs, undefined, { ref: false });
        retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
      }
    }
    this.#filling = false;
  }

  /** A page of the company's events after `after`, for a subscriber that catches up by itself. */
  readPage(after: number, logs: boolean): Promise<LivePage> {
    return readLivePage({ redis: this.#redis, keys: this.keys, after, limit: PAGE_EVENTS, logs });
  }

  /** True when Redis holds other events than this feed knows of. */
  async isBehind(): Promise<boolean> {
    if (this.#position === null || this.#filling) return false;
    const seq = await this.#redis.hget(this.keys.state, "seq");
    return Number(seq ?? 0) !== this.#position;
  }

  close(): void {
    this.#closed = true;
    this.followers.clear();
  }

  /** True when nothing is left to read. */
  async #fillOnce(): Promise<boolean> {
    // What was announced before this read began is in it.
    this.#heard = 0;
    this.#again = false;
    if (this.#position === null) {
      const { seq } = await this.readPage(Number.MAX_SAFE_INTEGER, false);
      this.#position = seq ?? 0;
      this.#start();
    } else {
      const page = await this.readPage(this.#position, true);
      // A Redis that lost its data, or came back with an older copy, has a lower last id: go on from there.
      this.#position = page.seq ?? 0;
      const size = page.events.reduce((sum, event) => sum + event.size, 0);
      if (page.complete && size <= MAX_HANDED_ON) this.#handOn({ page, events: page.events });
      else for (const follower of [...this.followers]) follower.fallBehind();
    }
    return !this.#again && this.#heard <= this.#position;
  }

  #handOn(batch: FeedBatch): void {
    for (const follower of this.followers) follower.take(batch);
  }
}
