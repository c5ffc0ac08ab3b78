/**
 * The one door to all agent queues of the fleet over one command connection (RL-24). Each queue is a sibling
 * `RedisQueueBackend` of BullMQ on that connection; siblings cost memory only, so the least recently used are let go.
 *
 * BullMQ's own `forQueue()` is not used: its siblings carry the options of the queue they were made from, and without
 * a lock duration among them BullMQ's fetch fails (see docs/decisions/0003-one-consumer-for-all-queues.md).
 */
import { createIORedisClient, type KeysMap, QueueKeys, RedisConnection, RedisQueueBackend } from "bullmq";
import { agentQueueName, agentQueuePrefix, type FleetKeys, fleetKeys } from "./keys.js";
import { createLimitedLog, errorText, type LimitedLog, type QueueLog } from "./log.js";
import { isCluster, type Redis } from "./redis.js";
import { FLEET_SCRIPTS, type FleetScript } from "./scripts.js";

/** How long a queue keeps finished jobs for the dashboard, each kind for itself (QU-6). */
export interface KeepFinished {
  /** Seconds. */
  readonly ageSec: number;
  readonly count: number;
}

export interface AgentQueuesOptions {
  /** A connection of {@link connectRedis}; stays the caller's to close. */
  readonly redis: Redis;
  /** `REDIS_PREFIX`. Must hold no braces: those are the hash tags' own. */
  readonly prefix: string;
  readonly log: QueueLog;
  readonly keepFinished?: KeepFinished;
  /** Greatest number of queue handles kept in memory. */
  readonly maxHandles?: number;
}

/** Something a script or a BullMQ command can be given to: the connection itself, or a pipeline on it. */
export interface CommandTarget {
  runCommand(name: string, args: unknown[]): unknown;
}

/** Commands of one batch, written together; `exec` answers each, in order, with its error or its reply. */
export interface CommandBatch extends CommandTarget {
  exec(): Promise<[Error | null, unknown][] | null>;
}

/** One agent's queue: BullMQ's backend, and the keys our own scripts need. */
export interface AgentQueue {
  readonly agentId: string;
  readonly backend: RedisQueueBackend;
  readonly keys: KeysMap;
  lockKey(runId: string): string;
}

const DEFAULT_KEEP: KeepFinished = { ageSec: 24 * 3600, count: 50 };
const DEFAULT_MAX_HANDLES = 1_000;
/** Commands up to which a batch is sent without a pipeline. */
const SMALL_BATCH = 16;

/**
 * How long BullMQ's lock on a running job lasts. Nobody checks for stalled jobs by it (a run is never started again
 * by BullMQ itself, RL-4); it only says who holds the job, so it outlives any run and is taken anew before a finish.
 */
export const JOB_LOCK_MS = 24 * 3600 * 1000;

/** Entries a queue's event stream keeps, about; ten thousand streams of BullMQ's default length fill a server. */
export const EVENT_STREAM_LENGTH = 10;

export class AgentQueues {
  readonly redis: Redis;
  readonly prefix: string;
  readonly keys: FleetKeys;
  readonly log: QueueLog;
  readonly limitedLog: LimitedLog;
  readonly keepFinished: KeepFinished;
  private readonly connection: RedisConnection;
  private readonly client: CommandTarget & { pipeline(): CommandBatch };
  private readonly handles = new Map<string, AgentQueue>();
  private readonly maxHandles: number;

  constructor(options: AgentQueuesOptions) {
    if (/[{}]/.test(options.prefix)) {
      throw new Error(`REDIS_PREFIX "${options.prefix}" must not contain braces; use letters, digits, "-" and ":".`);
    }
    this.redis = options.redis;
    this.prefix = options.prefix;
    this.keys = fleetKeys(options.prefix);
    this.log = options.log;
    this.limitedLog = createLimitedLog(options.log);
    this.keepFinished = options.keepFinished ?? DEFAULT_KEEP;
    this.maxHandles = options.maxHandles ?? DEFAULT_MAX_HANDLES;
    this.client = createIORedisClient(options.redis);
    for (const [name, { lua, numberOfKeys }] of Object.entries(FLEET_SCRIPTS)) {
      options.redis.defineCommand(name, { lua, numberOfKeys });
    }
    // Neither waits for Redis nor asks it anything: the process must come up, and accept, while Redis is away.
    this.connection = new RedisConnection(options.redis, {
      shared: true,
      blocking: false,
      skipVersionCheck: true,
      skipWaitingForReady: true,
    });
    this.connection.on("error", (error: unknown) => {
      this.limitedLog.warn("redis-command", { error: errorText(error) }, "Redis connection failed; trying again");
    });
  }

  /** The queue of an agent. Cheap; nothing is sent. */
  queue(agentId: string): AgentQueue {
    const known = this.handles.get(agentId);
    if (known !== undefined) {
      this.handles.delete(agentId);
      this.handles.set(agentId, known);
      return known;
    }
    const made = this.open(agentId);
    this.handles.set(agentId, made);
    if (this.handles.size > this.maxHandles) {
      const oldest = this.handles.keys().next();
      if (!oldest.done) this.handles.delete(oldest.value);
    }
    return made;
  }

  private open(agentId: string): AgentQueue {
    const name = agentQueueName(agentId);
    const prefix = agentQueuePrefix(this.prefix, agentId);
    const names = new QueueKeys(prefix);
    const keys = names.getKeys(name);
    const toKey = (type: string): string => names.toKey(name, type);
    const options = { connection: this.redis, prefix, lockDuration: JOB_LOCK_MS, skipMetasUpdate: true };
    const backend = new RedisQueueBackend(this.connection, name, keys, toKey, options, undefined, false);
    return { agentId, backend, keys, lockKey: (runId) => `${toKey(runId)}:lock` };
  }

  /** Runs one of our scripts. Rejects at once while Redis is away. */
  async run(script: FleetScript, args: readonly (string | number)[]): Promise<unknown> {
    return this.client.runCommand(script, [...args]);
  }

  /**
   * A batch of commands over any queues. A small one is sent command by command, which Redis gets in one go all the same:
   * making ioredis' pipeline ready costs more than a handful of commands. So is any for a Cluster, whose nodes get each what
   * is theirs; a pipeline goes to one node only.
   */
  batch(input: { commands: number }): CommandBatch {
    return input.commands <= SMALL_BATCH || isCluster(this.redis)
      ? new DirectBatch(this.client)
      : this.client.pipeline();
  }
}

/** Commands sent at once on the connection, their replies collected. */
class DirectBatch implements CommandBatch {
  private readonly replies: Promise<[Error | null, unknown]>[] = [];

  constructor(private readonly client: CommandTarget) {}

  /** Like a pipeline's, it answers the batch: a reply, also a refusal, is `exec`'s to tell. */
  runCommand(name: string, args: unknown[]): this {
    this.replies.push(
      Promise.resolve(this.client.runCommand(name, args)).then(
        (value) => [null, value],
        (error: unknown) => [error instanceof Error ? error : new Error(String(error)), null],
      ),
    );
    return this;
  }

  exec(): Promise<[Error | null, unknown][]> {
    return Promise.all(this.replies);
  }
}

/** A key of BullMQ's key map, which is typed as if any could be missing. */
export function queueKey(queue: AgentQueue, type: string): string {
  return queue.keys[type] ?? queue.backend.toKey(type);
}
