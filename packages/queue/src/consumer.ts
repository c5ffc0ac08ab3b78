/**
 * The consumer that serves every agent of the fleet (QU-7, QU-8): one loop, one command connection, one connection for
 * the bell. It takes agents from the ready set while it has free slots, fetches one job from each by hand, and runs
 * `onJob` for up to `capacity` jobs at once. BullMQ's own script keeps an agent's limit (QU-1).
 *
 * Modes, changed by `setMode` only:
 * - `created`: nothing is taken yet.
 * - `running`: taking.
 * - `paused`: takes nothing; jobs under way go on. Back to `running` by `resume`.
 * - `stopped`: takes nothing any more; what was fetched at the last moment goes back to its queue.
 *
 * What must stay true: a job that was fetched is either under way here, or on its way out of `active` (repeated until
 * Redis answers), or found by the orphan search. A slot is taken before a fetch, so `inUse` never exceeds `capacity`.
 * After a start, an outage or a resume jobs are fetched at a pace (BY-13) until nothing waits.
 */
import { setMaxListeners } from "node:events";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { startsAllowed, untilNextStartMs } from "@wakefleet/domain";
import type { JobJson } from "bullmq";
import { z } from "zod";
import type { AgentQueues } from "./agent-queues.js";
import { Bell } from "./bell.js";
import { errorText, type QueueLog } from "./log.js";
import { type Orphan, type OrphanSearch, type OrphanVerdict, settleOrphans } from "./orphans.js";
import { nextLook, peekQueue } from "./peek.js";
import { Presence } from "./presence.js";
import { ReadySet, type Taken } from "./ready-set.js";
import { applyVerdict, type HeldJob, type Verdict } from "./verdict.js";

/**
 * A job as the engine gets it: whose it is stands in its queue's name, which run in its id. What it carries is for people;
 * another version may write other fields (RL-8), and a job that lost them is no less to be tried.
 */
export interface FleetJob {
  readonly agentId: string;
  readonly runId: string;
  /** When the job was added, milliseconds of the epoch by the producer's clock. */
  readonly addedAtMs: number;
  /** How often it was fetched so far, this time included. */
  readonly fetches: number;
}

export interface FleetConsumerOptions {
  readonly queues: AgentQueues;
  /** The worker's id; shown as the job's "processed by". Must differ between processes. */
  readonly consumerId: string;
  /** Jobs at once, over all agents (`WORKER_CONCURRENCY`). */
  readonly capacity: number;
  /**
   * Does the work of one job: claim, execute, finish. A rejection counts as "could not be tried" (the database is
   * away): the job is put back and comes again.
   */
  readonly onJob: (job: FleetJob) => Promise<Verdict>;
  /** Judges jobs whose holder is gone, by the database (RL-4). Without it they stay. */
  readonly onOrphan?: (orphan: Orphan) => Promise<OrphanVerdict>;
  readonly log: QueueLog;
  /** Jobs fetched in the first second after a start, an outage or a resume, twice as many in the next; 0 or absent: all. */
  readonly startsPerSecond?: number;
  /** Milliseconds after which the hint of a taker that died comes back. */
  readonly visibilityMs?: number;
  /** Milliseconds between looks at a queue that has active jobs. */
  readonly attentionMs?: number;
}

export type ConsumerMode = "created" | "running" | "paused" | "stopped";

export interface ConsumerState {
  readonly mode: ConsumerMode;
  readonly capacity: number;
  /** Slots taken by jobs and by fetches under way. */
  readonly inUse: number;
  readonly runIds: readonly string[];
  /** Finishes that wait for Redis. */
  readonly finishing: number;
  /** Jobs are fetched at a pace, since much may wait (BY-13). */
  readonly isPaced: boolean;
}

export interface FleetConsumer {
  /** Starts taking jobs. Works while Redis is away, too: it begins when Redis is there. */
  start(): Promise<void>;
  /** Takes no more jobs until `resume`; called before `start`, it starts so. */
  pause(): void;
  resume(): void;
  /** Much may wait at once from now on: fetches at a pace until nothing waits (BY-13). */
  beginPace(): void;
  /** Takes no more jobs; resolves when none is under way and finishes reached Redis, or had 3 s to do so. */
  drain(): Promise<void>;
  /**
   * Takes no more jobs, gives finishes `finishTimeoutMs` to reach Redis, and closes. Does not wait for jobs under way:
   * call `drain` first, or their queues learn of them by the orphan search.
   */
  stop(input?: { finishTimeoutMs?: number }): Promise<void>;
  state(): ConsumerState;
}

const DEFAULT_VISIBILITY_MS = 5_000;
const DEFAULT_ATTENTION_MS = 30_000;
const IDLE_WAIT_MS = 1_000;
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 1_000;
const DEFAULT_FINISH_TIMEOUT_MS = 3_000;
const ORPHAN_MEMORY = 1_000;
/** A pace that is younger is not begun anew, so that failures one after the other are tried at its slowest. */
const PACE_LASTS_MS = 1_000;
/** Redis answered, and said no, so often: trying on would keep a drain from ending. */
const MAX_REFUSED_FINISHES = 20;

const fetchReply = z.tuple([z.custom<JobJson | null>(), z.union([z.string(), z.number()])]).rest(z.unknown());

/** Creates the consumer of a worker process. See the module's header. */
export function createFleetConsumer(options: FleetConsumerOptions): FleetConsumer {
  return new Consumer(options);
}

class Consumer implements FleetConsumer {
  private mode: ConsumerMode = "created";
  private startsPaused = false;
  private reserved = 0;
  private readonly running = new Map<string, HeldJob>();
  private readonly finishing = new Map<string, HeldJob>();
  private readonly searchedAt = new Map<string, number>();
  private readonly waiters = new Set<() => void>();
  private readonly abort = new AbortController();
  private readonly ready: ReadySet;
  private readonly presence: Presence;
  private readonly bell: Bell;
  private readonly search: OrphanSearch;
  private readonly visibilityMs: number;
  private readonly attentionMs: number;
  private loop: Promise<void> = Promise.resolve();
  private fetchCount = 0;
  /** Null: nothing is held back. */
  private pace: { readonly sinceMs: number; started: number } | null = null;
  /** Looks at queues that were fetched from and are not settled yet: more may wait there. */
  private looking = 0;
  /** The last job that was tried could not be: the database is away. */
  private couldNotTry = false;

  constructor(private readonly options: FleetConsumerOptions) {
    const { queues, consumerId } = options;
    // While Redis is away every finish waits and listens: as many as `capacity`, which is no leak.
    setMaxListeners(0, this.abort.signal);
    this.ready = new ReadySet(queues);
    this.presence = new Presence(queues, consumerId);
    this.bell = new Bell(queues, IDLE_WAIT_MS, `wakefleet:bell:${consumerId}`);
    this.visibilityMs = options.visibilityMs ?? DEFAULT_VISIBILITY_MS;
    this.attentionMs = options.attentionMs ?? DEFAULT_ATTENTION_MS;
    this.search = {
      queues,
      ready: this.ready,
      presence: this.presence,
      consumerId,
      holds: (runId) => this.running.has(runId) || this.finishing.has(runId),
      judge: (orphan) => this.judge(orphan),
    };
  }

  async start(): Promise<void> {
    if (this.mode !== "created") throw new Error(`The consumer was started before; it is ${this.mode}.`);
    await this.presence.start();
    this.beginPace();
    this.setMode(this.startsPaused ? "paused" : "running");
    this.loop = this.work();
  }

  pause(): void {
    this.startsPaused = true;
    if (this.mode === "running") this.setMode("paused");
  }

  resume(): void {
    this.startsPaused = false;
    if (this.mode !== "paused") return;
    this.beginPace();
    this.setMode("running");
  }

  beginPace(): void {
    if ((this.options.startsPerSecond ?? 0) <= 0) return;
    const now = performance.now();
    if (this.pace !== null && now - this.pace.sinceMs < PACE_LASTS_MS) return;
    this.pace = { sinceMs: now, started: 0 };
  }

  async drain(): Promise<void> {
    this.pause();
    await this.until(() => this.reserved === 0 && this.running.size === 0);
    await this.finished(DEFAULT_FINISH_TIMEOUT_MS);
  }

  async stop(input?: { finishTimeoutMs?: number }): Promise<void> {
    if (this.mode === "stopped") return this.loop;
    this.setMode("stopped");
    await this.finished(input?.finishTimeoutMs ?? DEFAULT_FINISH_TIMEOUT_MS);
    this.abort.abort();
    await this.bell.close();
    await this.loop;
    await this.presence.stop();
  }

  state(): ConsumerState {
    return {
      mode: this.mode,
      capacity: this.options.capacity,
      inUse: this.inUse(),
      runIds: [...this.running.keys()],
      finishing: this.finishing.size,
      isPaced: this.pace !== null,
    };
  }

  private setMode(mode: ConsumerMode): void {
    this.mode = mode;
    this.changed();
  }

  private inUse(): number {
    return this.reserved + this.running.size;
  }

  private free(): number {
    if (this.mode !== "running") return 0;
    const slots = this.options.capacity - this.inUse();
    return this.pace === null ? slots : Math.min(slots, startsAllowed(this.paceNow(this.pace)) - this.reserved);
  }

  private paceNow({ sinceMs, started }: NonNullable<Consumer["pace"]>) {
    const perSecond = this.options.startsPerSecond ?? 0;
    return { perSecond, elapsedMs: performance.now() - sinceMs, started };
  }

  /** Settles when another job may be fetched, or none ever will be. */
  private async untilFree(): Promise<void> {
    while (this.free() <= 0 && this.mode !== "stopped") {
      const { pace } = this;
      // At least once more, always: the next start may have come due since it was asked whether one is.
      const timer =
        pace === null ? undefined : setTimeout(() => this.changed(), Math.max(1, untilNextStartMs(this.paceNow(pace))));
      await this.nextChange();
      clearTimeout(timer);
    }
  }

  /** Wakes everybody who waits for the state to change. */
  private changed(): void {
    for (const waiter of this.waiters) waiter();
  }

  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.nextChange();
  }

  private nextChange(): Promise<void> {
    return new Promise((resolve) => {
      const waiter = (): void => {
        this.waiters.delete(waiter);
        resolve();
      };
      this.waiters.add(waiter);
    });
  }

  /** Fetches were answered and finishes reached Redis, or `timeoutMs` have passed: it may be away for long. */
  private async finished(timeoutMs: number): Promise<void> {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      this.changed();
    }, timeoutMs);
    await this.until(() => over || (this.reserved === 0 && this.finishing.size === 0));
    clearTimeout(timer);
  }

  private async work(): Promise<void> {
    let failures = 0;
    while (this.mode !== "stopped") {
      if (this.free() <= 0) {
        await this.untilFree();
        continue;
      }
      try {
        await this.turn();
        if (failures > 0) this.beginPace();
        failures = 0;
      } catch (error) {
        if (this.abort.signal.aborted) return;
        failures += 1;
        this.options.queues.limitedLog.warn(
          "consumer",
          { error: errorText(error) },
          "Taking work failed; trying again",
        );
        await this.rest(failures);
      }
    }
  }

  /** One turn: take, fetch, settle; or wait for the bell where there is nothing to take. */
  private async turn(): Promise<void> {
    const { taken, nextInMs } = await this.ready.take({ count: this.free(), visibilityMs: this.visibilityMs });
    if (taken.length > 0) {
      await Promise.all(taken.map((agent) => this.serve(agent)));
      return;
    }
    if (nextInMs !== null && nextInMs <= 0) return;
    if (this.reserved === 0 && this.looking === 0 && !this.couldNotTry) this.pace = null;
    const rang = await this.bell.wait(Math.min(IDLE_WAIT_MS, nextInMs ?? IDLE_WAIT_MS));
    if (rang && this.free() <= 0) await this.bell.ring();
  }

  /** Fetches one job of an agent whose hint this consumer took, starts it, and says when to look again. */
  private async serve({ agentId, token }: Taken): Promise<void> {
    this.reserved += 1;
    let fetched = false;
    try {
      fetched = await this.fetch(agentId);
    } catch (error) {
      // Whether Redis handed out a job is unknown. The hint comes back when its visibility ends; the look that follows
      // searches the queue for a job in this consumer's name.
      this.searchedAt.delete(agentId);
      if (!isRefusal(error)) throw error;
      // One agent's broken queue must not keep the others waiting.
      this.options.queues.limitedLog.warn("fetch", { agentId, error: errorText(error) }, "An agent's queue is broken");
      return;
    } finally {
      this.reserved -= 1;
      this.changed();
    }
    // Not awaited: the next turn need not wait for what only concerns the hint, and a failure here loses nothing.
    void this.lookBack({ agentId, token }, fetched);
  }

  private async lookBack({ agentId, token }: Taken, fetched: boolean): Promise<void> {
    const { queues } = this.options;
    this.looking += 1;
    try {
      const state = await peekQueue(queues, queues.queue(agentId));
      await this.ready.settle({
        agentId,
        token,
        lookAgain: nextLook({ state, fetched, attentionMs: this.attentionMs }),
      });
      if (state.active > 0) await this.searchOrphans(agentId);
    } catch (error) {
      if (this.abort.signal.aborted) return;
      queues.limitedLog.warn(
        "look",
        { agentId, error: errorText(error) },
        "A queue's hint was left to come back by itself",
      );
    } finally {
      this.looking -= 1;
    }
  }

  private async fetch(agentId: string): Promise<boolean> {
    const { queues, consumerId } = this.options;
    this.fetchCount += 1;
    const lockToken = `${consumerId}:${this.fetchCount}`;
    const [json, id] = fetchReply.parse(await queues.queue(agentId).backend.moveToActive(lockToken, consumerId));
    if (json === null) return false;
    const job: HeldJob = { agentId, runId: String(id), token: lockToken, fetches: json.attemptsStarted };
    this.running.set(job.runId, job);
    if (this.pace !== null) this.pace.started += 1;
    void this.run(job, json);
    return true;
  }

  private async run(job: HeldJob, json: JobJson): Promise<void> {
    const verdict = await this.verdictOf(job, json);
    this.finishing.set(job.runId, job);
    this.running.delete(job.runId);
    this.changed();
    await this.finish(job, verdict);
  }

  private async verdictOf(job: HeldJob, json: JobJson): Promise<Verdict> {
    if (this.mode === "stopped") return { kind: "putBack" };
    const { agentId, runId, fetches } = job;
    try {
      const verdict = await this.options.onJob({ agentId, runId, addedAtMs: json.timestamp, fetches });
      if (this.couldNotTry) this.beginPace();
      this.couldNotTry = false;
      return verdict;
    } catch (error) {
      this.couldNotTry = true;
      this.beginPace();
      const fields = { runId, agentId, error: errorText(error) };
      this.options.queues.limitedLog.warn("job", fields, "A job could not be tried; it goes back to its queue");
      return { kind: "putBack" };
    }
  }

  /** Tells the queue, again and again while Redis is away. */
  private async finish(job: HeldJob, verdict: Verdict): Promise<void> {
    const { queues } = this.options;
    const { runId, agentId } = job;
    let failures = 0;
    while (!this.abort.signal.aborted) {
      try {
        await applyVerdict({ queues, ready: this.ready, job, verdict });
        break;
      } catch (error) {
        failures += 1;
        const fields = { runId, agentId, error: errorText(error) };
        queues.limitedLog.warn("finish", fields, "A finish waits for Redis");
        if (isRefusal(error) && failures >= MAX_REFUSED_FINISHES) {
          this.options.log.error(fields, "Redis refuses a finish; the orphan search will try again");
          break;
        }
        await this.rest(failures);
      }
    }
    this.finishing.delete(runId);
    this.changed();
  }

  private async searchOrphans(agentId: string): Promise<void> {
    const now = Date.now();
    const last = this.searchedAt.get(agentId);
    if (last !== undefined && now - last < this.attentionMs / 2) return;
    this.searchedAt.delete(agentId);
    this.searchedAt.set(agentId, now);
    if (this.searchedAt.size > ORPHAN_MEMORY) {
      const oldest = this.searchedAt.keys().next();
      if (!oldest.done) this.searchedAt.delete(oldest.value);
    }
    await settleOrphans(this.search, agentId);
  }

  private async judge(orphan: Orphan): Promise<OrphanVerdict> {
    if (orphan.consumerId === this.options.consumerId) return { kind: "putBack", delayMs: 1 };
    if (this.options.onOrphan === undefined) return { kind: "keep" };
    return this.options.onOrphan(orphan);
  }

  private async rest(failures: number): Promise<void> {
    const ms = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 10));
    await delay(ms, undefined, { signal: this.abort.signal }).catch((error: unknown) => {
      if (!this.abort.signal.aborted) throw error;
    });
  }
}

/** Redis answered with an error: it is there, but this command will not do. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError";
}
