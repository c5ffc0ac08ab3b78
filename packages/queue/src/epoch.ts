/**
 * Noticing that Redis lost data (RL-21). A small key holds the epoch id that PostgreSQL also knows, joined with the id
 * of the Redis process it was written to. If the key is missing or says something else, Redis is another one, was
 * emptied, or was restarted: a restart counts, because Redis may lose its last second of writes in one (its append-only
 * file is synced once a second) and a failover may lose more. Then one process, under a lock that the caller owns,
 * puts everything back and writes the key. Doing so without need is harmless: adding a job twice is (QU-2).
 *
 * Losing data again in the middle is noticed too: the key is marked before the work, and only that very mark is replaced
 * by the epoch after it.
 *
 * In a Cluster any one of the masters may lose its part. There are many epoch keys, spread over the slots, and each names
 * the processes of all masters: a master that was restarted, replaced or emptied shows in them.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { AgentQueues } from "./agent-queues.js";
import { errorText } from "./log.js";
import { isCluster, onServerReady, serversOf } from "./redis.js";

/** Of a Cluster's epoch keys, as many are read at each look. */
const KEYS_A_LOOK = 6;

export interface EpochWatchOptions {
  readonly queues: AgentQueues;
  /** The epoch id that PostgreSQL knows. Asked only when Redis' key is not the one seen last. */
  readonly expected: () => Promise<string>;
  /**
   * Runs `work` while holding a lock of the whole fleet (PostgreSQL's advisory lock will do), or answers false without
   * running it when somebody else holds the lock.
   */
  readonly withLock: (work: () => Promise<void>) => Promise<boolean>;
  /** Puts every waiting run back (DM-34), sets queues up, arms timers and schedulers. */
  readonly rebuild: () => Promise<void>;
  /** Milliseconds between looks; a look also follows every reconnection. */
  readonly intervalMs: number;
}

export interface EpochWatch {
  /** Looks now. Answers whether this process rebuilt. Rejects while a store is away. */
  check(): Promise<boolean>;
  stop(): Promise<void>;
}

/** What Redis' epoch key holds; null: nothing, or that keys which should say the same do not. */
export async function readEpoch(queues: AgentQueues): Promise<string | null> {
  const found = new Set(await Promise.all(epochKeys(queues).map((key) => queues.redis.get(key))));
  const [one = null] = found;
  return found.size === 1 ? one : null;
}

function epochKeys({ redis, keys }: AgentQueues): readonly string[] {
  return isCluster(redis) ? keys.epochOfCluster : [keys.epoch];
}

/**
 * The processes that hold the keys.
 * @throws Error while one of a Cluster's masters cannot be asked.
 */
async function redisRunId({ redis }: AgentQueues): Promise<string> {
  const infos = await Promise.all(serversOf(redis).map((server) => server.info("server")));
  if (isCluster(redis)) {
    const masters = new Set((await redis.cluster("SLOTS")).map(([, , master]) => String(master?.[2])));
    if (infos.length < masters.size) throw new Error(`${masters.size - infos.length} masters of the Cluster are away`);
  }
  const ids = infos.map((info) => /^run_id:(\S+)/m.exec(info)?.[1] ?? "unknown");
  return ids.sort().join("+");
}

/** Writes the epoch for the Redis process at hand, for a Redis that is known to hold everything. */
export async function writeEpoch(queues: AgentQueues, epochId: string): Promise<void> {
  await writeKeys(queues, `${epochId}@${await redisRunId(queues)}`);
}

async function writeKeys(queues: AgentQueues, value: string): Promise<void> {
  await Promise.all(epochKeys(queues).map((key) => queues.redis.set(key, value)));
}

/** True when each key still held `old`. */
async function replaceKeys(queues: AgentQueues, old: string, value: string): Promise<boolean> {
  const replaced = await Promise.all(epochKeys(queues).map((key) => queues.run("replaceIfSame", [key, old, value])));
  return replaced.every((one) => one === 1);
}

/** Watches the epoch until stopped. The first look is made at once; its result is that of `check`. */
export function watchEpoch(options: EpochWatchOptions): EpochWatch {
  return new Watch(options);
}

class Watch implements EpochWatch {
  /** The key's value that was right when last compared; worthless after a reconnection. */
  private good: string | null = null;
  /** Where the next look at a few of the keys begins. */
  private nextKey = 0;
  private checking: Promise<boolean> | null = null;
  private readonly abort = new AbortController();
  private readonly loop: Promise<void>;
  private readonly stopListening: () => void;

  constructor(private readonly options: EpochWatchOptions) {
    this.stopListening = onServerReady(options.queues.redis, () => {
      this.good = null;
      void this.checkQuietly();
    });
    this.loop = this.watch();
  }

  check(): Promise<boolean> {
    this.checking ??= this.compare().finally(() => {
      this.checking = null;
    });
    return this.checking;
  }

  async stop(): Promise<void> {
    this.stopListening();
    this.abort.abort();
    await this.loop;
  }

  private async watch(): Promise<void> {
    const { signal } = this.abort;
    while (!signal.aborted) {
      await this.checkQuietly();
      await delay(this.options.intervalMs, undefined, { signal, ref: false }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  /** Reads the next few keys only: all of them have their turn within seconds, and looking costs little for ever. */
  private async looksGood(good: string): Promise<boolean> {
    const { queues } = this.options;
    const keys = epochKeys(queues);
    const some = keys.slice(this.nextKey, this.nextKey + KEYS_A_LOOK);
    this.nextKey = this.nextKey + KEYS_A_LOOK < keys.length ? this.nextKey + KEYS_A_LOOK : 0;
    const found = await Promise.all(some.map((key) => queues.redis.get(key)));
    return found.every((value) => value === good);
  }

  private async checkQuietly(): Promise<void> {
    try {
      await this.check();
    } catch (error) {
      this.options.queues.limitedLog.warn("epoch", { error: errorText(error) }, "The epoch could not be compared");
    }
  }

  private async compare(): Promise<boolean> {
    const { queues, expected, withLock, rebuild } = this.options;
    const { good } = this;
    // Asked again afterwards: a reconnection in between makes what was known worthless.
    if (good !== null && (await this.looksGood(good)) && this.good === good) return false;
    const found = await readEpoch(queues);
    const wanted = `${await expected()}@${await redisRunId(queues)}`;
    if (found === wanted) {
      this.good = wanted;
      return false;
    }
    let rebuilt = false;
    await withLock(async () => {
      if ((await readEpoch(queues)) === wanted) return;
      if (found === null) queues.log.info({ wanted }, "Redis is new or was emptied; putting all waiting runs back");
      else queues.log.warn({ found, wanted }, "Redis was restarted or is another one; putting all waiting runs back");
      const mark = `rebuilding:${randomUUID()}`;
      await writeKeys(queues, mark);
      await rebuild();
      rebuilt = await replaceKeys(queues, mark, wanted);
      queues.log.info({ rebuilt }, rebuilt ? "All waiting runs are back" : "Redis lost data again; once more");
    });
    return rebuilt;
  }
}
