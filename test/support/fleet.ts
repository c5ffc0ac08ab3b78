/**
 * A whole fleet for a test: real API and worker processes over real stores, an admin key, an HTTP client and a witness.
 *
 * What must stay true: nothing of it is left when the test ends, however it ends: `stop` kills every process at once and
 * removes the database; processes end by themselves when the test's process is gone (fleet-process.ts). With
 * `E2E_KEEP_LOGS=1` the processes' logs are kept and named.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePort } from "@wakefleet/local-stores";
import { connectRedis, type Redis, waitUntilReady } from "@wakefleet/queue";
import { type Database, ensureAdminKey, openDatabase } from "@wakefleet/store";
import { type TestCluster, waitFor } from "@wakefleet/testkit";
import { FleetHttp } from "./fleet-http.js";
import { FleetProcess } from "./fleet-process.js";
import { openClusterStores, openPrivateStores, openSharedStores, type PrivateStores } from "./fleet-stores.js";
import { endLeftovers } from "./leftovers.js";
import { Witness } from "./witness.js";

const API_MAIN = fileURLToPath(new URL("../../apps/api/dist/main.js", import.meta.url));
const WORKER_MAIN = fileURLToPath(new URL("../../apps/worker/dist/main.js", import.meta.url));

export interface FleetOptions {
  /** API processes; 1 when absent. */
  readonly apis?: number;
  /** Worker processes; 1 when absent. */
  readonly workers?: number;
  /** Over the defaults of every process. */
  readonly env?: Readonly<Record<string, string>>;
  /** `private` for tests that stop or flush a store, `cluster` for a Redis Cluster of its own; `shared` when absent. */
  readonly stores?: keyof typeof OPEN_STORES;
}

const OPEN_STORES = { shared: openSharedStores, private: openPrivateStores, cluster: openClusterStores };

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** Short times, so that tests of leases are quick; rates unlimited. */
const DEFAULT_ENV = {
  NODE_ENV: "test",
  LOG_LEVEL: "info",
  AUTH_SECRET: "an-auth-secret-for-tests-of-forty-letters",
  HOST: "127.0.0.1",
  LEASE_MS: "2000",
  PROCESS_ADOPT_GRACE_MS: "4000",
  DRAIN_TIMEOUT_MS: "10000",
  WORKER_CONCURRENCY: "10",
  RATE_LIMIT_READS: "0",
  RATE_LIMIT_WRITES: "0",
  RATE_LIMIT_WAKEUPS: "0",
};

const ignore = (): void => undefined;
/** For what the test itself opens: failures are the test's to see. */
export const QUIET_LOG = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export class Fleet {
  readonly apis: FleetProcess[] = [];
  readonly workers: FleetProcess[] = [];
  private readonly ports: number[] = [];
  private stopping: Promise<void> | null = null;

  constructor(
    private readonly parts: {
      readonly folder: string;
      readonly env: Readonly<Record<string, string>>;
      readonly own: PrivateStores | null;
      readonly cluster: TestCluster | null;
      readonly removeStores: () => Promise<void>;
      readonly adminKey: string;
      readonly db: Database;
      readonly redis: Redis;
      readonly redisPrefix: string;
      readonly databaseUrl: string;
      readonly redisUrl: string;
    },
  ) {}

  /** The test's own connections: to look, and to bring about states that no route makes. */
  get db(): Database {
    return this.parts.db;
  }
  get redis(): Redis {
    return this.parts.redis;
  }
  get redisPrefix(): string {
    return this.parts.redisPrefix;
  }
  /** What every process of the fleet is started with. */
  get processEnv(): Readonly<Record<string, string>> {
    return this.parts.env;
  }
  get adminKey(): string {
    return this.parts.adminKey;
  }
  /** Where its processes leave their logs. */
  get folder(): string {
    return this.parts.folder;
  }
  /** Where the stores are, past whatever stands between them and the processes. */
  get databaseUrl(): string {
    return this.parts.databaseUrl;
  }
  get redisUrl(): string {
    return this.parts.redisUrl;
  }
  /** Where its agents print to (BY-9). */
  get spoolDir(): string {
    return join(this.parts.folder, "spool");
  }
  /** A folder of this fleet alone, outside what it works in. */
  readonly scratch = mkdtempSync(join(tmpdir(), "wakefleet-e2e-witness-"));
  readonly witness = new Witness(this.scratch);

  /** The fleet's own servers. Throws when the stores are shared. */
  get stores(): PrivateStores {
    if (this.parts.own === null) throw new Error('This fleet shares its stores; start it with stores: "private".');
    return this.parts.own;
  }

  /** The fleet's own Redis Cluster. Throws when it has none. */
  get cluster(): TestCluster {
    if (this.parts.cluster === null)
      throw new Error('This fleet has no Redis Cluster; start it with stores: "cluster".');
    return this.parts.cluster;
  }

  /** Address of the first API. */
  get apiUrl(): string {
    return this.apiUrlOf(0);
  }
  get http(): FleetHttp {
    return this.httpOf(0);
  }

  apiUrlOf(index: number): string {
    return `http://127.0.0.1:${this.ports[index]}`;
  }

  httpOf(index: number): FleetHttp {
    return new FleetHttp(this.apiUrlOf(index), this.parts.adminKey);
  }

  /** Starts one more API and settles when it serves; answers its index. */
  async startApi(options: StartOptions = {}): Promise<number> {
    const port = await findFreePort();
    const index = this.apis.length;
    const api = this.start({ name: `api ${index}`, script: API_MAIN, options, env: { PORT: String(port) } });
    this.apis.push(api);
    this.ports.push(port);
    await api.untilReady();
    return index;
  }

  /** Starts one more worker and settles when it serves. */
  async startWorker(options: StartOptions = {}): Promise<FleetProcess> {
    const worker = this.start({ name: `worker ${this.workers.length}`, script: WORKER_MAIN, options, env: {} });
    this.workers.push(worker);
    await worker.untilReady();
    return worker;
  }

  /** Sends `signal` to a worker and settles when it has ended. */
  async killWorker(index: number, signal: "SIGKILL" | "SIGTERM" | "SIGINT" = "SIGKILL"): Promise<void> {
    const worker = this.workers[index];
    if (worker === undefined) throw new Error(`there is no worker ${index}`);
    worker.signal(signal);
    await worker.ended;
  }

  /** The worker process that holds a run by the database's word. */
  async holderOf(runId: string): Promise<FleetProcess> {
    const [row] = await this.db.sql.query<{ pid: number }>(
      "SELECT w.pid FROM heartbeat_runs r JOIN workers w ON w.id = r.worker_id WHERE r.id = $1",
      [runId],
    );
    const worker = this.workers.find((one) => one.pid === row?.pid);
    if (worker === undefined) throw new Error(`no worker of this fleet holds run ${runId} (pid ${row?.pid})`);
    return worker;
  }

  /** Ends and removes everything at once. Repeating it is harmless. */
  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  private async stopAll(): Promise<void> {
    await Promise.all([...this.apis, ...this.workers].map((one) => one.kill()));
    endLeftovers(this.parts.folder);
    this.parts.redis.disconnect();
    await this.parts.db.close();
    await this.parts.removeStores();
    if (process.env["E2E_KEEP_LOGS"]) {
      console.log(`kept: ${this.parts.folder}/*.log, ${this.scratch}`);
      return;
    }
    for (const folder of [this.parts.folder, this.scratch]) {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  private start(process_: {
    name: string;
    script: string;
    options: StartOptions;
    env: Record<string, string>;
  }): FleetProcess {
    const { name, script, options, env } = process_;
    return FleetProcess.start({
      name,
      script,
      args: options.args ?? [],
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: process.env["HOME"] ?? "",
        ...this.parts.env,
        ...env,
        ...options.env,
      },
      logFile: join(this.parts.folder, `${name.replace(" ", "-")}.log`),
    });
  }
}

/** How long the harness waits for Redis: a machine that is starved or a server that just came back is no finding. */
const PATIENCE_MS = 60_000;

/** Starts a fleet. Rejects with the last words of a process that did not come up, with nothing left behind. */
export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), "wakefleet-e2e-"));
  const stores = await OPEN_STORES[options.stores ?? "shared"]();
  const db = openDatabase({
    url: stores.databaseUrl,
    maxConnections: 5,
    applicationName: "wakefleet-e2e-test",
    onIdleError: ignore,
  });
  const redis = connectRedis({
    url: stores.redisUrl,
    name: "wakefleet:e2e-test",
    log: QUIET_LOG,
    commandTimeoutMs: PATIENCE_MS,
  });
  await waitUntilReady(redis, 10_000);
  const key = await db.transaction((tx) => ensureAdminKey(tx, "end to end"));
  if (key === null) throw new Error("the new database already has an admin key");
  const fleet = new Fleet({
    folder,
    own: stores.own,
    cluster: stores.cluster,
    removeStores: () => stores.remove(),
    adminKey: key.token,
    db,
    redis,
    redisPrefix: stores.redisPrefix,
    databaseUrl: stores.databaseUrl,
    redisUrl: stores.redisUrl,
    env: {
      ...DEFAULT_ENV,
      DATABASE_URL: stores.databaseUrl,
      REDIS_URL: stores.redisUrl,
      REDIS_PREFIX: stores.redisPrefix,
      WAKEFLEET_HOME: join(folder, "home"),
      RUN_LOG_DIR: join(folder, "run-logs"),
      RUN_SPOOL_DIR: join(folder, "spool"),
      ...options.env,
    },
  });
  try {
    for (let index = 0; index < (options.apis ?? 1); index += 1) await fleet.startApi();
    await Promise.all(Array.from({ length: options.workers ?? 1 }, () => fleet.startWorker()));
    return fleet;
  } catch (error) {
    await fleet.stop();
    throw error;
  }
}

/** Waits for something with the deadline of an end-to-end test: generous, since only a failure uses it up. */
export function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  deadlineMs = 45_000,
): Promise<NonNullable<T>> {
  return waitFor(condition, { what, deadlineMs, everyMs: 50 });
}
