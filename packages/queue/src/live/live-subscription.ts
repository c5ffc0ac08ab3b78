/**
 * One subscriber's events: what it missed, then what happens (API-262), and no more of it in memory than 1 MiB (API-263).
 *
 * What must stay true: with an id to resume from, all its companies catch up together in the order of ids, so that the
 * id of the last event given is always one to resume from.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { LiveEvent } from "@wakefleet/contracts";
import { errorText, type LimitedLog } from "../log.js";
import { LiveCursor } from "./live-cursor.js";
import type { LiveFeed } from "./live-feed.js";
import { type LiveEventFilter, passesFilter, wantsLogs } from "./live-filter.js";
import type { StampedEvent } from "./stamped-event.js";

/** Characters that may wait for a subscriber (API-263). */
const MAX_WAITING = 1_048_576;
const RETRY_MS = 250;

/** Why a subscription is over: the subscriber left, did not keep up (API-263), or the reader was closed. */
export type LiveSubscriptionEnd = "left" | "slow" | "closed";

export interface LiveSubscription extends AsyncIterable<LiveEvent> {
  /** Settles when nothing that is published from now on will be missed; also when the subscription ended before. */
  readonly ready: Promise<void>;
  /** Null while it lives. */
  readonly endedBecause: LiveSubscriptionEnd | null;
  /** Ends it; the iteration finishes. */
  close(): void;
}

export interface LiveSubscriptionOptions {
  readonly feeds: readonly LiveFeed[];
  readonly filter: LiveEventFilter;
  readonly lastEventId: number | undefined;
  readonly log: LimitedLog;
  /** Called once, when it is over. */
  readonly onEnd: () => void;
}

export class Subscription implements LiveSubscription {
  readonly ready: Promise<void>;
  readonly #options: LiveSubscriptionOptions;
  readonly #cursors: readonly LiveCursor[];
  #waiting: StampedEvent[] = [];
  #waitingSize = 0;
  #catchingUp: boolean;
  #ended: LiveSubscriptionEnd | null = null;
  #wake: () => void = () => undefined;
  #end: () => void = () => undefined;
  readonly #over = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  constructor(options: LiveSubscriptionOptions) {
    this.#options = options;
    this.#catchingUp = options.lastEventId !== undefined;
    // The fleet's own events join those of a company; their ids are not the ones a client resumes from.
    const alone = options.feeds.length === 1;
    this.#cursors = options.feeds.map(
      (feed) =>
        new LiveCursor(
          feed,
          alone || feed.companyId !== "*",
          (events) => this.#push(events),
          () => this.#fallBehind(),
        ),
    );
    this.ready = Promise.race([this.#over, this.#start()]);
  }

  get endedBecause(): LiveSubscriptionEnd | null {
    return this.#ended;
  }

  close(): void {
    this.end("left");
  }

  end(reason: LiveSubscriptionEnd): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    this.#waiting = [];
    for (const cursor of this.#cursors) cursor.leave();
    this.#wake();
    this.#end();
    this.#options.onEnd();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LiveEvent, void> {
    try {
      await this.ready;
      while (this.#ended === null) {
        const next = this.#waiting;
        this.#waiting = [];
        for (const { event, size } of next) {
          yield event;
          if (this.#ended !== null) return;
          // Until here it counted as waiting, and what follows it still does.
          this.#waitingSize -= size;
        }
        if (this.#waiting.length > 0) continue;
        if (this.#catchingUp) await this.#catchUp();
        else await this.#pause();
      }
    } finally {
      this.end("left");
    }
  }

  async #start(): Promise<void> {
    await Promise.all(this.#options.feeds.map((feed) => feed.started));
    if (this.#ended !== null) return;
    const { lastEventId } = this.#options;
    for (const cursor of this.#cursors) {
      if (lastEventId === undefined) cursor.followFromNow();
      else cursor.position = lastEventId;
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#ended !== null || this.#waiting.length > 0) resolve();
    });
  }

  /** Live events. */
  #push(events: readonly StampedEvent[]): void {
    this.#queue(events);
    if (this.#waitingSize > MAX_WAITING) this.end("slow");
    else if (this.#waiting.length > 0) this.#wake();
  }

  #fallBehind(): void {
    for (const cursor of this.#cursors) cursor.leave();
    this.#catchingUp = true;
    this.#wake();
  }

  /** One page of each company, merged; the last page is followed by what came in meanwhile. */
  async #catchUp(): Promise<void> {
    const logs = wantsLogs(this.#options.filter);
    try {
      const pages = await Promise.all(this.#cursors.map((cursor) => cursor.read(logs)));
      if (this.#ended !== null) return;
      const complete = pages.every((page) => page.complete) && this.#cursors.every((cursor) => cursor.collectedAll);
      // Events behind the shortest page wait for the next round, so that ids grow over all companies.
      const upTo = Math.min(...pages.filter((page) => !page.complete).map((page) => page.upTo));
      const accepted = pages.flatMap((page, index) => {
        const events = page.events.filter(({ event }) => event.id <= upTo);
        const cursor = this.#cursors[index];
        const found = cursor?.accept({ page, events }) ?? [];
        cursor?.advance(Math.min(upTo, page.upTo));
        return found;
      });
      // A page does not count against the subscriber's buffer: it was read because the buffer was empty.
      this.#queue(accepted.sort((a, b) => a.event.id - b.event.id).map(({ event }) => ({ event, size: 0 })));
      this.#catchingUp = !complete;
      for (const cursor of this.#cursors) {
        if (complete) this.#queue(cursor.goLive());
        else cursor.leave();
      }
    } catch (error) {
      for (const cursor of this.#cursors) cursor.leave();
      this.#options.log.warn("live-replay", { error: errorText(error) }, "Kept live events could not be read");
      await Promise.race([this.#over, delay(RETRY_MS, undefined, { ref: false })]);
    }
  }

  #queue(events: readonly StampedEvent[]): void {
    for (const stamped of events) {
      if (!passesFilter(this.#options.filter, stamped.event)) continue;
      this.#waiting.push(stamped);
      this.#waitingSize += stamped.size;
    }
  }
}
