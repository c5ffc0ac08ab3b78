/**
 * Connections to Redis. What must stay true: a command given while Redis is away fails at once instead of waiting in
 * a queue (the API goes on accepting, WK-43), nothing is ever sent twice by the driver on its own, and the driver
 * itself tries for ever to come back, at most a second apart (RL-5). A connection that is dead though nobody closed it
 * (a firewall forgot about it) is given up as soon as an answer is overdue.
 *
 * A Cluster (OP-12) is one connection to each of its nodes and another for subscriptions. Whoever uses it may touch several
 * keys at once only where they share a hash tag (`keys.ts`), and sends batches command by command.
 */
import { Cluster, type ClusterOptions, type RedisOptions, Redis as Server } from "ioredis";
import type { QueueLog } from "./log.js";
import { createLimitedLog, errorText } from "./log.js";
import { type Credentials, redisAddressOf } from "./redis-address.js";

/** One server, directly or through Sentinels, or a Cluster of them. */
export type Redis = Server | Cluster;

const RECONNECT_FIRST_MS = 50;
const RECONNECT_MAX_MS = 1_000;
const DEFAULT_COMMAND_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** How much longer than a command may take a silent connection is kept. */
const SILENCE_GRACE_MS = 500;
const SLOTS_REFRESH_MS = 10_000;
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

/** What a Cluster's client adds. It asks again only where nothing can have happened. */
const clusterOptions = (input: { name: string; commandTimeoutMs: number }, credentials: Partial<Credentials> = {}) => {
  const shared = options(input);
  return {
    enableOfflineQueue: shared.enableOfflineQueue,
    clusterRetryStrategy: shared.retryStrategy,
    // A command whose connection ended may have been carried out.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    slotsRefreshTimeout: input.commandTimeoutMs,
    // A node that took another's slots over is found also by who has nothing to ask.
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    redisOptions: { ...shared, ...serverCredentials(credentials) },
  } satisfies ClusterOptions;
};

function serverCredentials({ username, password, tls }: Partial<Credentials>) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === true ? { tls: {} } : {}),
  };
}

/** True for a Cluster. */
export function isCluster(redis: Redis): redis is Cluster {
  return redis.isCluster;
}

/** The servers that hold keys: all masters of a Cluster that are known at the moment, or the one. */
export function serversOf(redis: Redis): readonly Server[] {
  return isCluster(redis) ? redis.nodes("master") : [redis];
}

/** Calls `listener` whenever a server's connection is there (again). Answers what ends it. */
export function onServerReady(redis: Redis, listener: () => void): () => void {
  const onNode = (node: Server): void => void node.once("ready", listener);
  redis.on("ready", listener);
  if (isCluster(redis)) {
    for (const node of redis.nodes()) onNode(node);
    redis.on("+node", onNode);
  }
  return () => {
    redis.off("ready", listener);
    if (isCluster(redis)) redis.off("+node", onNode);
  };
}

function watched<Connection extends Redis>(redis: Connection, name: string, log: QueueLog): Connection {
  const limited = createLimitedLog(log);
  const onError = (error: unknown): void => {
    limited.warn(
      "redis-connection",
      { connection: name, error: errorText(error) },
      "Redis connection failed; trying again",
    );
  };
  const connection: Redis = redis;
  connection.on("error", onError);
  if (isCluster(connection)) connection.on("node error", onError);
  const heartbeat = setInterval(() => {
    // The driver tries again by itself, unless a second end comes while it deals with the first.
    if (isCluster(connection) && connection.status === "close") connection.connect().catch(ignoreTold);
    for (const server of isCluster(connection) ? connection.nodes() : [connection]) {
      if (server.status !== "ready") continue;
      server.ping().catch((error: unknown) => {
        limited.warn("redis-heartbeat", { connection: name, error: errorText(error) }, "A Redis connection is silent");
      });
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();
  connection.once("end", () => clearInterval(heartbeat));
  return redis;
}

/** Opens a connection for ordinary commands and pipelines. Returns at once; see {@link waitUntilReady}. */
export function connectRedis(input: RedisConnectionOptions): Redis {
  const { name, log } = input;
  const common = { name, commandTimeoutMs: input.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS };
  const address = redisAddressOf(input.url);
  switch (address.kind) {
    case "server":
      return watched(new Server(address.url, options(common)), name, log);
    case "sentinel": {
      const { sentinels, name: master, db } = address;
      const credentials = serverCredentials(address);
      return watched(
        new Server({ ...options(common), ...credentials, sentinels: [...sentinels], name: master, db }),
        name,
        log,
      );
    }
    case "cluster": {
      const cluster = new Cluster([...address.nodes], clusterOptions(common, address));
      connectNodesEarly(cluster);
      return watched(cluster, name, log);
    }
  }
}

/**
 * A command is refused while its node is being connected to: so that is not left until the first one comes. Not before the
 * Cluster is ready, since its own first question is refused, too.
 */
function connectNodesEarly(cluster: Cluster): void {
  const connect = (node: Server): void => {
    if (cluster.status === "ready" && node.status === "wait") node.connect().catch(ignoreTold);
  };
  cluster.on("ready", () => {
    for (const node of cluster.nodes()) connect(node);
  });
  // Behind the command that led to the node, which waits for its connection.
  cluster.on("+node", (node: Server) => queueMicrotask(() => connect(node)));
}

/** It is told as the connection's error. */
const ignoreTold = (): undefined => undefined;

/**
 * Opens another connection to the same Redis as `redis` for a use that needs one of its own (a blocking read, a
 * subscription). `commandTimeoutMs` must be longer than the longest block.
 */
export function connectBeside(redis: Redis, input: Omit<RedisConnectionOptions, "url">): Redis {
  const { name, log } = input;
  const common = { name, commandTimeoutMs: input.commandTimeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS };
  return isCluster(redis)
    ? watched(redis.duplicate([], clusterOptions(common)), name, log)
    : watched(redis.duplicate(options(common)), name, log);
}

/**
 * Opens another connection as BullMQ's own `Worker` wants it: patient, since it sends everything again by itself. Its
 * errors are the caller's to hear.
 */
export function connectForWorker(redis: Redis, settings: Omit<RedisOptions, "replyMapping">): Redis {
  if (!isCluster(redis)) return redis.duplicate(settings);
  return redis.duplicate([], { enableOfflineQueue: true, retryDelayOnFailover: 100, redisOptions: settings });
}

/**
 * Resolves once commands can be sent.
 * @throws Error when Redis did not answer within `timeoutMs`; the connection goes on trying.
 */
export async function waitUntilReady(redis: Redis, timeoutMs: number): Promise<void> {
  if (areAllReady(redis)) return;
  await new Promise<void>((resolve, reject) => {
    const onReady = (): void => {
      if (!areAllReady(redis)) return;
      clearTimeout(timer);
      stopListening();
      resolve();
    };
    const timer = setTimeout(() => {
      stopListening();
      reject(new Error(`Redis did not answer within ${timeoutMs} ms. Check REDIS_URL and that the server runs.`));
    }, timeoutMs);
    const stopListening = onServerReady(redis, onReady);
  });
}

/** Of a Cluster, all nodes that are connected to at all. */
function areAllReady(redis: Redis): boolean {
  if (redis.status !== "ready") return false;
  return !isCluster(redis) || redis.nodes().every((node) => node.status === "ready" || node.status === "wait");
}

/**
 * Refuses a Redis that may evict keys: an evicted job or lock breaks promises without a trace.
 * Where the server does not let us look (`CONFIG` is forbidden on some hosted ones), `INFO memory` is read.
 * @throws Error naming the policy found and the command that mends it.
 */
export async function assertRedisPolicy(redis: Redis): Promise<void> {
  const infos = await Promise.all(serversOf(redis).map((server) => server.info("memory")));
  const policies = infos.map((info) => /^maxmemory_policy:(\S+)/m.exec(info)?.[1]);
  const policy = policies.find((one) => one !== "noeviction");
  if (policy !== undefined) {
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
