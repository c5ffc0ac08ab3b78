/**
 * The maintenance queue (RL-23): named sweeps at intervals, each by one worker at a time over the whole fleet. BullMQ's
 * own job schedulers and `Worker` do it; here a stalled job that runs again is welcome, since sweeps are safe to repeat.
 *
 * What must stay true: a lost Redis loses no sweep (schedulers are compared with the wanted ones at intervals and on
 * `ensure`), and a sweep never overlaps itself (a lock in Redis that is held while it runs; should Redis lose it, the
 * sweep's own safety remains).
 */
import { randomUUID } from "node:crypto";
import { Queue, Worker } from "bullmq";
import type { AgentQueues } from "./agent-queues.js";
import { errorText } from "./log.js";
import { closeRedis, connectForWorker, type Redis } from "./redis.js";

export const MAINTENANCE_QUEUE_NAME = "maintenance";

/** One background duty. */
export interface Sweep {
  /** Unique, without colons; the job's name on the dashboard. */
  readonly name: string;
  readonly everyMs: number;
  /**
   * One slice of work; safe to run twice. `signal` is aborted when the process stops. Answers an object of counters of what
   * it saw and did, if it has any (RC-83).
   */
  readonly run: (signal: AbortSignal) => Promise<unknown>;
  /** True: it is not run at intervals, only when somebody asks for it (RC-80). */
  readonly isOff?: boolean;
}

export type SweepCounters = Readonly<Record<string, unknown>>;

/** What became of one run of a sweep; shown on the dashboard and told to who asked for it. */
export interface SweepOutcome {
  readonly outcome: "done" | "under_way" | "switched_off" | "unknown_sweep";
  /** Null unless done, or when the sweep counts nothing. */
  readonly counters: SweepCounters | null;
}

/** The data of a job that is not a scheduler's. */
interface AskedFor {
  readonly asked?: boolean;
}

export interface MaintenanceOptions {
  readonly queues: AgentQueues;
  readonly sweeps: readonly Sweep[];
}

export interface Maintenance {
  /** Starts working and arms the schedulers as soon as Redis is there. */
  start(): void;
  /** Arms missing schedulers now (after a lost Redis). Rejects while Redis is away. */
  ensure(): Promise<void>;
  /** Asks for one run of a sweep now, by whichever worker is free. */
  runNow(name: string): Promise<void>;
  /** Stops taking sweeps, tells running ones to stop and waits for them. */
  stop(): Promise<void>;
}

/**
 * The patience BullMQ asks for on a worker's connections. Its version check stays on: it is how BullMQ learns that
 * blocking reads may be shorter than a second.
 */
const WORKER_CONNECTION = {
  connectionName: "wakefleet:maintenance",
  maxRetriesPerRequest: null,
  enableOfflineQueue: true,
  autoResendUnfulfilledCommands: true,
  commandTimeout: undefined,
  // Longer than BullMQ's longest blocking read (10 s): a connection that is silent for longer is dead.
  socketTimeout: 15_000,
};

const SWEEP_LOCK_MS = 30_000;
const ENSURE_EVERY_MS = 10_000;
const KEEP_FINISHED = { count: 20, age: 24 * 3600 };
const OVERDUE_SLACK_MS = 60_000;

/** BullMQ `prefix` option of the maintenance queue; its tag keeps its keys in one slot. */
export function maintenancePrefix(prefix: string): string {
  return `${prefix}:{maintenance}`;
}

/** A handle to the maintenance queue over the process's own connection. */
export function maintenanceQueue(queues: AgentQueues): Queue {
  return new Queue(MAINTENANCE_QUEUE_NAME, {
    connection: queues.redis,
    prefix: maintenancePrefix(queues.prefix),
    skipVersionCheck: true,
    skipWaitingForReady: true,
    skipMetasUpdate: true,
    defaultJobOptions: { attempts: 1, removeOnComplete: KEEP_FINISHED, removeOnFail: KEEP_FINISHED },
  });
}

/** Creates this process's part of the maintenance of the fleet. Connects on `start`. */
export function createMaintenance(options: MaintenanceOptions): Maintenance {
  return new MaintenanceWorker(options);
}

class MaintenanceWorker implements Maintenance {
  private readonly sweeps: ReadonlyMap<string, Sweep>;
  private readonly queue: Queue;
  private working: { readonly worker: Worker; readonly connection: Redis } | null = null;
  private readonly abort = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private readonly onError = (error: unknown): void => {
    const fields = { error: errorText(error) };
    this.options.queues.limitedLog.warn("maintenance", fields, "The maintenance queue has trouble");
  };
  private readonly onReady = (): void => void this.ensureQuietly();

  constructor(private readonly options: MaintenanceOptions) {
    const { queues, sweeps } = options;
    this.sweeps = new Map(sweeps.map((sweep) => [sweep.name, sweep]));
    this.queue = maintenanceQueue(queues);
    this.queue.on("error", this.onError);
  }

  start(): void {
    const { queues, sweeps } = this.options;
    if (this.working !== null) throw new Error("The maintenance was started before.");
    // BullMQ makes a second connection from this one, and leaves this one to whoever made it.
    const connection = connectForWorker(queues.redis, WORKER_CONNECTION);
    connection.on("error", this.onError);
    const worker = new Worker(MAINTENANCE_QUEUE_NAME, (job) => this.sweep(job.name, job.data), {
      connection,
      prefix: maintenancePrefix(queues.prefix),
      autorun: false,
      // One more than there are sweeps, so that an iteration that has to give way can do so at once.
      concurrency: sweeps.length + 1,
    });
    worker.on("error", this.onError);
    this.working = { worker, connection };
    queues.redis.on("ready", this.onReady);
    this.timer = setInterval(() => void this.ensureQuietly(), ENSURE_EVERY_MS);
    this.timer.unref();
    void this.ensureQuietly();
    worker.run().catch((error: unknown) => {
      queues.log.error({ err: error }, "The maintenance worker ended");
    });
  }

  async ensure(): Promise<void> {
    const armed = new Map((await this.queue.getJobSchedulers()).map((scheduler) => [scheduler.key, scheduler]));
    for (const { name, everyMs, isOff = false } of this.sweeps.values()) {
      if (isOff) continue;
      const scheduler = armed.get(name);
      const overdue = scheduler?.next !== undefined && scheduler.next < Date.now() - 3 * everyMs - OVERDUE_SLACK_MS;
      if (scheduler !== undefined && Number(scheduler.every) === everyMs && !overdue) continue;
      await this.queue.upsertJobScheduler(name, { every: everyMs }, { name, data: {} });
    }
  }

  async runNow(name: string): Promise<void> {
    if (!this.sweeps.has(name)) {
      throw new Error(`There is no sweep "${name}"; there are ${[...this.sweeps.keys()].join(", ")}.`);
    }
    await this.queue.add(name, {});
  }

  async stop(): Promise<void> {
    this.options.queues.redis.off("ready", this.onReady);
    clearInterval(this.timer);
    this.abort.abort();
    if (this.working !== null) {
      await this.working.worker.close();
      await closeRedis(this.working.connection);
    }
    await this.queue.close();
  }

  private async ensureQuietly(): Promise<void> {
    const { queues } = this.options;
    if (queues.redis.status !== "ready") return;
    try {
      await this.ensure();
    } catch (error) {
      queues.limitedLog.warn("maintenance", { error: errorText(error) }, "Sweeps could not be scheduled; trying again");
    }
  }

  /** Runs one sweep unless it is under way somewhere. What it answers is what the dashboard shows. */
  private async sweep(name: string, { asked = false }: AskedFor): Promise<SweepOutcome> {
    const { queues } = this.options;
    const sweep = this.sweeps.get(name);
    // Another version's sweep (RL-8): its workers have it; here it ends without effect.
    if (sweep === undefined) return { outcome: "unknown_sweep", counters: null };
    // Armed by a worker where it was on, or before it was switched off.
    if (sweep.isOff === true && !asked) return { outcome: "switched_off", counters: null };
    const lock = queues.keys.sweepLock(name);
    const token = randomUUID();
    if ((await queues.redis.set(lock, token, "PX", SWEEP_LOCK_MS, "NX")) === null)
      return { outcome: "under_way", counters: null };
    const renewal = setInterval(() => void this.renew(lock, token), SWEEP_LOCK_MS / 3);
    try {
      const counters = await sweep.run(this.abort.signal);
      return { outcome: "done", counters: isCounters(counters) ? counters : null };
    } catch (error) {
      queues.limitedLog.warn(
        `sweep:${name}`,
        { sweep: name, error: errorText(error) },
        "A sweep failed; it comes again",
      );
      throw error;
    } finally {
      clearInterval(renewal);
      await queues.run("jobUnlock", [lock, token]).catch((error: unknown) => {
        queues.limitedLog.warn(
          "sweep-lock",
          { sweep: name, error: errorText(error) },
          "A sweep's lock expires by itself",
        );
      });
    }
  }

  private async renew(lock: string, token: string): Promise<void> {
    try {
      await this.options.queues.run("jobRelock", [lock, token, SWEEP_LOCK_MS, 0]);
    } catch (error) {
      this.options.queues.limitedLog.warn("sweep-lock", { error: errorText(error) }, "A sweep's lock was not renewed");
    }
  }
}

function isCounters(value: unknown): value is SweepCounters {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
