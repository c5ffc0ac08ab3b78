/**
 * An API process, put together: stores, engine, live events, application, listener; and let go in order when it is told to
 * stop (API-18).
 *
 * What must stay true: it starts and accepts while Redis is away (WK-43); stopping cuts no answer in the middle.
 */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { loadAdapterRegistry } from "@wakefleet/adapters";
import { type Config, createFaultPoints, isLoopbackHost } from "@wakefleet/config";
import { checkSecretsKey, createEngine, createSecretsAccess, SecretsKeyError } from "@wakefleet/engine";
import {
  AgentQueues,
  assertRedisPolicy,
  closeRedis,
  connectRedis,
  createLiveEventPublisher,
  createLiveEventReader,
  waitUntilReady,
} from "@wakefleet/queue";
import { createLocalRunLogStore, osUserOf } from "@wakefleet/run-logs";
import { migrationStatus, openDatabase } from "@wakefleet/store";
import { createMetrics, type Logger } from "@wakefleet/telemetry";
import { createApp } from "./app.js";
import { createBoardRouter } from "./board/create-board-router.js";
import { CONSOLE_FOLDER, createConsoleRouter } from "./console/create-console-router.js";
import type { ApiDeps } from "./deps.js";
import { attachLiveSocket } from "./http/live-socket.js";
import { createTokenBuckets } from "./http/token-buckets.js";
import { createUserCensor } from "./instance/user-censor.js";
import { liveEventsOf } from "./live-events.js";
import { queueReadingOf, sharedBucketOf } from "./redis-parts.js";
import { createRunTexts } from "./runs/run-texts.js";
import { apiSettingsOf, silenceThresholdsOf } from "./settings.js";
import { VERSION } from "./version.js";

export interface ApiOptions {
  readonly config: Config;
  readonly log: Logger;
}

export interface RunningApi {
  readonly port: number;
  readonly url: string;
  /** API-18. Streams get a last event; answers under way are finished; then the stores are closed. */
  stop(): Promise<void>;
}

const REDIS_FIRST_WAIT_MS = 3_000;
/** Longest that a client may take to send its headers, and a whole request. */
const HEADERS_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 120_000;

/** Starts the API. Rejects when the port is taken, the configuration contradicts itself, or Redis may drop jobs. */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { config, log } = options;
  if (config.authMode === "local_trusted" && !isLoopbackHost(config.host)) {
    throw new Error(`AUTH_MODE=local_trusted needs a loopback HOST, but HOST is ${config.host}. Set HOST=127.0.0.1.`);
  }
  const adapters = await loadAdapterRegistry(config.adapterPackages);
  const db = openDatabase({
    url: config.databaseUrl,
    maxConnections: config.dbPoolMax,
    applicationName: "wakefleet-api",
    onIdleError: (error) => log.warn({ event: "postgres.idle_error", err: error }, "an idle connection ended"),
  });
  const secrets = createSecretsAccess({ db, settings: config });
  await refuseForeignKey();
  const redis = connectRedis({ url: config.redisUrl, name: "wakefleet:api", log });
  await refuseEvictingRedis({ redis, log });

  const queues = new AgentQueues({ redis, prefix: config.redisPrefix, log });
  const events = createLiveEventPublisher({ redis, prefix: config.redisPrefix, log });
  const reader = createLiveEventReader({
    redisFactory: (use) => connectRedis({ url: config.redisUrl, name: `wakefleet:api:${use}`, log }),
    prefix: config.redisPrefix,
    log,
  });
  const engine = createEngine({
    db,
    queues,
    events,
    faults: createFaultPoints(config.faults),
    log,
    silence: silenceThresholdsOf(config),
  });
  const closing = new AbortController();
  const lifecycle = { draining: false, closing: closing.signal };
  const deps: ApiDeps = {
    settings: apiSettingsOf(config),
    version: VERSION,
    db,
    engine,
    events,
    live: liveEventsOf(reader),
    logs: createLocalRunLogStore({ dir: config.runLogDir }),
    queues: queueReadingOf(queues),
    buckets: createTokenBuckets({ shared: sharedBucketOf(redis, config.redisPrefix) }),
    metrics: createMetrics({ perAgent: config.metricsPerAgent }),
    secrets,
    runTexts: createRunTexts({ db, log }),
    censor: createUserCensor({ db, user: osUserOf(process.env), log }),
    log,
    lifecycle,
    migrations: async () => {
      const { state } = await migrationStatus(db.sql);
      return state === "current" ? "ok" : state;
    },
    adapters,
    now: () => new Date(),
    extraRouters: ({ boardOnly }) => [
      createBoardRouter({ db, engine, queues, log, boardOnly }),
      createConsoleRouter({ folder: CONSOLE_FOLDER, boardOnly }),
    ],
  };
  const app = createApp(deps);
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS }, app.express);
  attachLiveSocket(server, { ...deps, authenticator: app.authenticator });
  const { port } = await listen(server, config);
  const url = `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`;
  log.info({ event: "api.started", url }, "API serves");

  /** SC-15. A database that is away, or has no schema yet, is asked again when a secret is kept. */
  async function refuseForeignKey(): Promise<void> {
    try {
      if (!(await checkSecretsKey({ access: secrets, db }))) {
        log.warn({ event: "secrets.no_key" }, "this process has no key for secrets (SECRETS_KEY); it cannot keep any");
      }
    } catch (error) {
      if (!(error instanceof SecretsKeyError)) {
        log.warn({ event: "secrets.unchecked", err: error }, "the key for secrets could not be checked yet");
        return;
      }
      await db.close();
      throw error;
    }
  }

  let stopping: Promise<void> | null = null;
  async function stop(): Promise<void> {
    lifecycle.draining = true;
    log.info({ event: "api.draining" }, "API stops");
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    closing.abort();
    server.closeIdleConnections();
    const forced = setTimeout(() => server.closeAllConnections(), config.shutdownTimeoutMs);
    // Kept-alive connections that were busy a moment ago become idle one by one.
    const idling = setInterval(() => server.closeIdleConnections(), 50);
    await closed;
    clearTimeout(forced);
    clearInterval(idling);
    await engine.idle();
    await reader.close();
    await closeRedis(redis);
    await db.close();
    log.info({ event: "api.stopped" }, "API stopped");
  }
  return {
    port,
    url,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** A Redis that is away at the start is served when it comes; a wrong one is refused. */
async function refuseEvictingRedis(parts: { redis: ReturnType<typeof connectRedis>; log: Logger }): Promise<void> {
  try {
    await waitUntilReady(parts.redis, REDIS_FIRST_WAIT_MS);
  } catch (error) {
    parts.log.warn(
      { event: "redis.away", err: error },
      "Redis is away; wakeups are accepted and dispatched when it comes",
    );
    return;
  }
  await assertRedisPolicy(parts.redis);
}

async function listen(server: Server, at: { host: string; port: number }): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(at.port, at.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens to no port");
  return address;
}
