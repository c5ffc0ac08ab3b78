/**
 * A subscriber's place in one company's events: what it was given, and what arrives while it reads older ones.
 *
 * What must stay true: each event once and in order (API-262). While the subscriber catches up by pages, live events are
 * only collected during the read of a page; if that page turns out to be the last one, they follow it.
 */
import type { FeedBatch, FeedFollower, LiveFeed } from "./live-feed.js";
import { type LivePage, resetFor } from "./live-page.js";
import type { StampedEvent } from "./stamped-event.js";

/** Characters collected during the read of one page; beyond it the page is not taken for the last one. */
const MAX_COLLECTED = 1_048_576;

export class LiveCursor implements FeedFollower {
  position = 0;
  #toldFloor = 0;
  #collected: FeedBatch[] | null = null;
  #collectedSize = 0;

  constructor(
    readonly feed: LiveFeed,
    /** Resets are only told about the stream that the subscriber's ids come from. */
    private readonly tellsResets: boolean,
    private readonly deliver: (events: readonly StampedEvent[]) => void,
    private readonly onFallBehind: () => void,
  ) {}

  /** Goes on live from the feed's place. */
  followFromNow(): void {
    this.position = this.feed.position ?? 0;
    this.feed.followers.add(this);
  }

  take(batch: FeedBatch): void {
    if (this.#collected === null) {
      this.deliver(this.accept(batch));
      return;
    }
    this.#collectedSize += batch.events.reduce((sum, event) => sum + event.size, 0);
    if (this.#collectedSize <= MAX_COLLECTED) this.#collected.push(batch);
  }

  fallBehind(): void {
    if (this.#collected === null) this.onFallBehind();
    else this.#collectedSize = Number.POSITIVE_INFINITY;
  }

  /** The events of a batch that the subscriber has not had, with a reset in front where it needs one. */
  accept({ page, events }: FeedBatch): StampedEvent[] {
    const accepted: StampedEvent[] = [];
    if (page !== null) {
      const place = { companyId: this.feed.companyId, position: this.position, toldFloor: this.#toldFloor };
      const reset = resetFor(page, place);
      this.#toldFloor = page.floor;
      this.position = reset?.position ?? this.position;
      if (reset !== null && this.tellsResets) accepted.push(reset.event);
    }
    for (const stamped of events) {
      if (stamped.event.id <= this.position) continue;
      this.position = stamped.event.id;
      accepted.push(stamped);
    }
    return accepted;
  }

  /** Everything up to `id` was read, also where nothing of it was for the subscriber. */
  advance(id: number): void {
    this.position = Math.max(this.position, id);
  }

  /** Begins to collect, then reads the next page. Rejects when Redis is away. */
  async read(logs: boolean): Promise<LivePage> {
    this.#collected = [];
    this.#collectedSize = 0;
    this.feed.followers.add(this);
    try {
      return await this.feed.readPage(this.position, logs);
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  /** True when nothing of what came during the read had to be left out. */
  get collectedAll(): boolean {
    return this.#collectedSize <= MAX_COLLECTED;
  }

  /** The page was the last one: what was collected follows, then everything live. */
  goLive(): StampedEvent[] {
    const collected = this.#collected ?? [];
    this.#collected = null;
    return collected.flatMap((batch) => this.accept(batch));
  }

  leave(): void {
    this.#collected = null;
    this.feed.followers.delete(this);
  }
}
