/**
 * Connections to Redis. What must stay true: a command given while Redis is away fails at once instead of waiting in
 * a queue (the API goes on accepting, WK-43), nothing is ever sent twice by the driver on its own, and the driver
 * itself tries for ever to come back, at most a second apart (RL-5). A connection that is dead though nobody closed it
 * (a firewall forgot about it) is given up as soon as an answer is overdue.
 */
import { Redis, type RedisOptions } from "ioredis";
import type { QueueLog } from "./log.js";
import { createLimitedLog, errorText } from "./log.js";

export type { Redis } from "ioredis";

const RECONNECT_FIRST_MS = 50;
const RECONNECT_MAX_MS = 1_000;
const DEFAULT_COMMAND_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** How much longer than a command may take a silent connection is kept. */
const SILENCE_GRACE_MS = 500;
/** A subscriber sends nothing by itself, and would never learn that its connection is dead. */
const HEARTBEAT_MS = 5_000;

export interface RedisConnectionOptions {
  /** `redis://` or `rediss://`, with user, password and database where needed. */
  readonly url: string;
  /** Shown by `CLIENT LIST`; says which part of which process holds the connection. */
  readonly name: string;
  readonly log: QueueLog;
  /** Milliseconds after which a command without an answer fails (a half-open connection). */
  readonly commandTimeoutMs?: number;
}

/** What every connection shares. Inferred, because the driver's own option type does not fit its constructor exactly. */
const options = (input: { name: string; commandTimeoutMs: number }) =>
  ({
    connectionName: input.name,
    commandTimeout: input.commandTimeoutMs,
    socketTimeout: input.commandTimeoutMs + SILENCE_GRACE_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Commands fail while the connection is down, and one that was under way is not sent again behind our back:
    // every caller in this package knows what an unknown outcome means for it.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times: number) => Math.min(RECONNECT_MAX_MS, RECONNECT_FIRST_MS * 2 ** Math.min(times - 1, 10)),
  }) satisfies RedisOptions;

function watched(redis: Redis, name: string, log: QueueLog): Redis {
  const limited = createLimitedLog(log);
  redis.on("error", (error: unknown) => {
    limited.warn(
      "redis-connection",
      { connection: name, error: errorText(error) },
      "Redis connection failed; trying again",
    );
  });
  const heartbeat = setInterval(() => {
    if (redis.status !== "ready") return;
    redis.ping().catch((error: unknown) => {
      limited.warn("redis-heartbeat", { connection: name, error: errorText(error) }, "A Redis connection is silent");
    });
  }, HEARTBEAT_MS);
  heartbeat.unref();
  redis.once("end", () => clearInterval(heartbeat));
  return redis;
}

/** Opens a connection for ordinary commands and pipelines. Returns at once; see {@link waitUntilReady}. */
export function connectRedis(input: RedisConnectionOptions): Redis {
  const commandTimeoutMs = input.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
  return watched(new Redis(input.url, options({ name: input.name, commandTimeoutMs })), input.name, input.log);
}

/**
 * Opens another connection to the same Redis as `redis` for a use that needs one of its own (a blocking read, a
 * subscription). `commandTimeoutMs` must be longer than the longest block.
 */
export function connectBeside(redis: Redis, input: Omit<RedisConnectionOptions, "url">): Redis {
  const commandTimeoutMs = input.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS;
  return watched(redis.duplicate(options({ name: input.name, commandTimeoutMs })), input.name, input.log);
}

/**
 * Resolves once commands can be sent.
 * @throws Error when Redis did not answer within `timeoutMs`; the connection goes on trying.
 */
export async function waitUntilReady(redis: Redis, timeoutMs: number): Promise<void> {
  if (redis.status === "ready") return;
  await new Promise<void>((resolve, reject) => {
    const onReady = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      redis.off("ready", onReady);
      reject(new Error(`Redis did not answer within ${timeoutMs} ms. Check REDIS_URL and that the server runs.`));
    }, timeoutMs);
    redis.once("ready", onReady);
  });
}

/**
 * Refuses a Redis that may evict keys: an evicted job or lock breaks promises without a trace.
 * Where the server does not let us look (`CONFIG` is forbidden on some hosted ones), `INFO memory` is read.
 * @throws Error naming the policy found and the command that mends it.
 */
export async function assertRedisPolicy(redis: Redis): Promise<void> {
  const info = await redis.info("memory");
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (policy !== undefined && policy !== "noeviction") {
    throw new Error(
      `Redis has maxmemory-policy "${policy}", which lets it drop jobs. Set it to noeviction: ` +
        `redis-cli CONFIG SET maxmemory-policy noeviction (and in redis.conf: maxmemory-policy noeviction).`,
    );
  }
}

/** Closes a connection without waiting for a server that may be away. */
export async function closeRedis(redis: Redis): Promise<void> {
  if (redis.status === "end") return;
  if (redis.status === "reconnecting" || redis.status === "close") {
    // Between two attempts there is no socket whose end would be told: stopping the attempts is all there is to do.
    redis.disconnect();
    return;
  }
  const ended = new Promise<void>((resolve) => redis.once("end", () => resolve()));
  redis.disconnect();
  await ended;
}
