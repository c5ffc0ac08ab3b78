/**
 * Publishes live events into Redis (API-262, API-263): stored for those who come back, announced to those who listen.
 *
 * What must stay true: publishing never throws and never holds its caller up for long, because the work it tells of is
 * already committed; what could not be published is counted, and readers are told to read state anew.
 */
import type { LiveEventDraft, LiveEventPublisher } from "@wakefleet/contracts";
import { createLimitedLog, errorText, type QueueLog } from "../log.js";
import type { Redis } from "../redis.js";
import { boundedEventJson } from "./bounded-event-json.js";
import { liveKeys } from "./live-keys.js";
import { PUBLISH } from "./live-scripts.js";

export interface LiveRetention {
  /** Events of a company kept at least, however old (API-262: 10,000). */
  readonly events?: number;
  /** Age up to which events are kept at least, milliseconds (API-262: 15 minutes). */
  readonly ageMs?: number;
  /** Events of a company kept at most, so that a storm cannot fill Redis (default 500,000). */
  readonly maxEvents?: number;
  /** Log chunks of a company kept, about (default 2,000). */
  readonly logChunks?: number;
}

export interface LiveEventPublisherOptions {
  /** A connection made by `connectRedis`: it refuses commands while Redis is away and never sends one twice. */
  readonly redis: Redis;
  readonly prefix: string;
  readonly log: QueueLog;
  /** Longest that `publish` waits for Redis, milliseconds (default 200). */
  readonly waitMs?: number;
  readonly retention?: LiveRetention;
  /** The clock of `createdAt`. */
  readonly now?: () => Date;
}

export interface RedisLiveEventPublisher extends LiveEventPublisher {
  /** Events that could not be published since the start, for metrics. */
  droppedEvents(): number;
}

const DEFAULT_WAIT_MS = 200;
const DEFAULT_RETENTION = { events: 10_000, ageMs: 15 * 60_000, maxEvents: 500_000, logChunks: 2_000 };
/** Events of one script call at most, so that no call holds Redis up. */
const MAX_BATCH_EVENTS = 200;
/** Characters under way to a Redis that does not answer, beyond which events are dropped. */
const MAX_UNDER_WAY = 8 * 1_048_576;
/** Companies whose last id or loss is remembered. */
const MAX_REMEMBERED = 10_000;

interface Batch {
  readonly companyId: string;
  /** kind, JSON, kind, JSON, ... */
  readonly args: string[];
  readonly events: number;
  readonly size: number;
}

/** Makes the publisher. Calls on one publisher keep their order; a company's events of one call are one script call. */
export function createLiveEventPublisher(options: LiveEventPublisherOptions): RedisLiveEventPublisher {
  return new Publisher(options);
}

class Publisher implements RedisLiveEventPublisher {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #log: ReturnType<typeof createLimitedLog>;
  readonly #waitMs: number;
  readonly #retention: readonly number[];
  readonly #now: () => Date;
  /** The last id of a company that this process knows: a floor for the case that Redis' clock went back. */
  readonly #lastIds = new Map<string, number>();
  /** Companies that miss events since their last batch. */
  readonly #lossy = new Set<string>();
  #underWay = 0;
  #dropped = 0;

  constructor(options: LiveEventPublisherOptions) {
    const retention = { ...DEFAULT_RETENTION, ...options.retention };
    this.#redis = options.redis;
    this.#prefix = options.prefix;
    this.#log = createLimitedLog(options.log);
    this.#waitMs = options.waitMs ?? DEFAULT_WAIT_MS;
    this.#retention = [retention.events, retention.ageMs * 1_000, retention.maxEvents, retention.logChunks];
    this.#now = options.now ?? (() => new Date());
  }

  droppedEvents(): number {
    return this.#dropped;
  }

  publish(events: readonly LiveEventDraft[]): Promise<void> {
    // What waits holds JSON and nothing else: the text of an event may be the end of a far longer one.
    return this.#sendAll(this.#batchesOf(events));
  }

  async #sendAll(batches: readonly Batch[]): Promise<void> {
    const sent = batches.map((batch) => this.#send(batch));
    if (sent.length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#waitMs);
    });
    await Promise.race([Promise.all(sent), waited]);
    clearTimeout(timer);
  }

  #batchesOf(events: readonly LiveEventDraft[]): Batch[] {
    const createdAt = this.#now().toISOString();
    const batches: Batch[] = [];
    const open = new Map<string, { companyId: string; args: string[]; events: number; size: number }>();
    for (const event of events) {
      let batch = open.get(event.companyId);
      if (batch === undefined || batch.events >= MAX_BATCH_EVENTS) {
        batch = { companyId: event.companyId, args: [], events: 0, size: 0 };
        open.set(event.companyId, batch);
        batches.push(batch);
      }
      const json = boundedEventJson(event, createdAt);
      batch.args.push(event.type === "heartbeat.run.log" ? "l" : "e", json);
      batch.events += 1;
      batch.size += json.length;
    }
    return batches;
  }

  /** Never rejects. */
  async #send(batch: Batch): Promise<void> {
    if (this.#redis.status !== "ready") return this.#drop(batch, `the connection is ${this.#redis.status}`);
    if (this.#underWay + batch.size > MAX_UNDER_WAY) return this.#drop(batch, "Redis does not keep up");
    const { companyId } = batch;
    const { state, events, logs, channel } = liveKeys(this.#prefix, companyId);
    const lost = this.#lossy.delete(companyId);
    const head = [this.#lastIds.get(companyId) ?? 0, lost ? 1 : 0, ...this.#retention, channel];
    this.#underWay += batch.size;
    try {
      const lastId = Number(await this.#redis.eval(PUBLISH, 3, state, events, logs, ...head, ...batch.args));
      this.#remember(companyId, lastId);
    } catch (error) {
      if (lost) this.#markLossy(companyId);
      this.#drop(batch, errorText(error));
    } finally {
      this.#underWay -= batch.size;
    }
  }

  #drop(batch: Batch, why: string): void {
    this.#dropped += batch.events;
    this.#markLossy(batch.companyId);
    this.#log.warn(
      "live-events",
      { companyId: batch.companyId, droppedEvents: this.#dropped, error: why },
      "Live events could not be published; readers will be told to read state anew",
    );
  }

  #markLossy(companyId: string): void {
    // Beyond the bound a company's readers miss the notice, not the state: that is read from PostgreSQL.
    if (this.#lossy.size < MAX_REMEMBERED) this.#lossy.add(companyId);
  }

  #remember(companyId: string, lastId: number): void {
    const known = this.#lastIds.get(companyId) ?? 0;
    this.#lastIds.delete(companyId);
    this.#lastIds.set(companyId, Math.max(known, lastId));
    if (this.#lastIds.size <= MAX_REMEMBERED) return;
    const oldest = this.#lastIds.keys().next();
    if (!oldest.done) this.#lastIds.delete(oldest.value);
  }
}
