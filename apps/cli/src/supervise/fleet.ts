/**
 * A whole fleet on one machine: stores, one API, some workers. What `up` and `demo` run.
 *
 * What must stay true: whatever fails or is interrupted while starting, everything already started is stopped before the
 * error is told; stopping goes workers, API, stores, because running agents still talk to the API and both need the stores.
 */
import { join } from "node:path";
import { type DraftConfig, readConfig } from "@wakefleet/config";
import { findFreePort, isPortFree, writeFileAtomically } from "@wakefleet/local-stores";
import { applyMigrations, openDatabase } from "@wakefleet/store";
import { ensureAdminKey } from "./admin-key.js";
import type { DataFolder } from "./data-folder.js";
import type { ProcessSpec } from "./managed-process.js";
import { API_MAIN, type ProcessMains, WORKER_MAIN } from "./process-mains.js";
import { fleetSecrets } from "./secrets.js";
import { type Stores, startStores } from "./stores.js";
import { Supervisor } from "./supervisor.js";

const API = "api";
/** Beyond their own deadlines: a process that does not stop by itself is killed. */
const STOP_MARGIN_MS = 15_000;

export interface FleetOptions {
  readonly folder: DataFolder;
  /** The environment with `.env`, as the processes are to have it. */
  readonly env: NodeJS.ProcessEnv;
  readonly config: DraftConfig;
  readonly workers: number;
  /** Port that was asked for; null takes the usual one if it is free, else any. */
  readonly port: number | null;
  readonly restart: boolean;
  /** Written when everything serves and whenever a process id changes; null for none. */
  readonly readyFile: string | null;
  readonly say: (line: string) => void;
  /** Files that run the processes. */
  readonly mains?: ProcessMains;
}

/** What the ready file holds (OP-7). `pids.api` is null while the API is down. */
export interface FleetState {
  readonly apiUrl: string;
  readonly adminKey: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly pids: { readonly api: number | null; readonly workers: readonly number[] };
}

export interface Fleet {
  state(): FleetState;
  /** Stops everything in order; settles when nothing is left. */
  stop(): Promise<void>;
  /** Ends everything at once. */
  kill(): Promise<void>;
}

/**
 * Starts a fleet and settles when all of it serves.
 * Rejects, with nothing left running, when a part does not start or `signal` aborts.
 */
export async function startFleet(options: FleetOptions, signal: AbortSignal): Promise<Fleet> {
  const { folder, config, say } = options;
  const mains = options.mains ?? { api: API_MAIN, worker: WORKER_MAIN };
  let state: (() => FleetState) | null = null;
  const writeReadyFile = (): void => {
    if (options.readyFile !== null && state !== null)
      writeFileAtomically(options.readyFile, `${JSON.stringify(state(), null, 2)}\n`, 0o600);
  };
  const supervisor = new Supervisor({ restart: options.restart, say, onChange: writeReadyFile });
  let stores: Stores | null = null;
  const stop = async (): Promise<void> => {
    await supervisor.stop((name) => name !== API, config.drainTimeoutMs + STOP_MARGIN_MS);
    await supervisor.stop((name) => name === API, config.shutdownTimeoutMs + STOP_MARGIN_MS);
    await stores?.stop();
  };
  try {
    signal.throwIfAborted();
    stores = await startStores({
      folder,
      databaseUrl: config.databaseUrl,
      redisUrl: config.redisUrl,
      restart: options.restart,
      say,
    });
    signal.throwIfAborted();
    const { databaseUrl, redisUrl } = stores;
    await applyMigrations({ databaseUrl, onProgress: say });
    const adminKey = await withDatabase(databaseUrl, (sql) => ensureAdminKey(folder, sql));
    const port = await choosePort(options.port, config.port);
    const env: NodeJS.ProcessEnv = {
      ...options.env,
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      PORT: String(port),
      WAKEFLEET_HOME: options.env["WAKEFLEET_HOME"]?.trim() || folder.home,
      ...secretVariables(folder, config),
    };
    // The same reading the processes do: what they would refuse is refused here, once and in words.
    readConfig(env);
    const apiUrl = `http://${urlHost(config.host)}:${port}`;
    const names = Array.from({ length: options.workers }, (_, index) => `worker ${index + 1}`);
    const specOf = (name: string): ProcessSpec => ({
      name,
      script: name === API ? mains.api : mains.worker,
      // A worker of `up` goes for good when `up` is stopped: it leaves no agent running (PL-5).
      args: name === API ? [] : ["--terminate"],
      env,
      logFile: join(folder.logs, `${name.replace(" ", "-")}.log`),
    });
    await supervisor.start(specOf(API), signal);
    await Promise.all(names.map((name) => supervisor.start(specOf(name), signal)));
    await assertReady(apiUrl);
    const pidsOfWorkers = (): number[] => names.map((name) => supervisor.pidOf(name)).filter((pid) => pid !== null);
    state = () => ({
      apiUrl,
      adminKey,
      databaseUrl,
      redisUrl,
      redisPrefix: config.redisPrefix,
      pids: { api: supervisor.pidOf(API), workers: pidsOfWorkers() },
    });
    writeReadyFile();
    return {
      state,
      stop,
      async kill(): Promise<void> {
        await supervisor.kill();
        await stores?.stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function withDatabase<T>(
  url: string,
  work: (sql: ReturnType<typeof openDatabase>["sql"]) => Promise<T>,
): Promise<T> {
  const database = openDatabase({ url, maxConnections: 1 });
  try {
    return await work(database.sql);
  } finally {
    await database.close();
  }
}

function secretVariables(folder: DataFolder, config: DraftConfig): NodeJS.ProcessEnv {
  const { authSecret, secretsKey } = fleetSecrets(folder, config);
  return { AUTH_SECRET: authSecret, SECRETS_KEY: secretsKey };
}

async function choosePort(asked: number | null, usual: number): Promise<number> {
  if (asked === null) return (await isPortFree(usual)) ? usual : findFreePort();
  if (asked === 0) return findFreePort();
  if (await isPortFree(asked)) return asked;
  throw new Error(
    `Port ${asked} is taken by another program. Use another one (--port N), or --port 0 for any free one.`,
  );
}

/** A host to reach the API by: an address that means "all" is none. */
function urlHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

async function assertReady(apiUrl: string): Promise<void> {
  const response = await fetch(`${apiUrl}/readyz`, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`The API listens but is not ready: ${await response.text()}`);
}
