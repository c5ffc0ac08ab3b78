/**
 * What every figure is measured on: private stores, real API and worker processes, a company with agents.
 * Workers are the product's, with one more adapter from a package, `bench_noop`, that does nothing but say when it was
 * started.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePort, type LocalPostgres, type LocalRedis, startPostgres, startRedis } from "@wakefleet/local-stores";
import { applyMigrations, type Database, ensureAdminKey, openDatabase } from "@wakefleet/store";

const API_MAIN = fileURLToPath(new URL("../../apps/api/dist/main.js", import.meta.url));
const WORKER_MAIN = fileURLToPath(new URL("../../apps/worker/dist/main.js", import.meta.url));
const NOOP_ADAPTER = fileURLToPath(new URL("./noop-adapter.mjs", import.meta.url));

export interface BenchStores {
  readonly dir: string;
  readonly postgres: LocalPostgres;
  readonly redis: LocalRedis;
  readonly db: Database;
  stop(): Promise<void>;
}

/** PostgreSQL with its defaults for durability (fsync on) and statement counting; Redis with its append-only file. */
export async function startBenchStores(): Promise<BenchStores> {
  const dir = mkdtempSync(join(tmpdir(), "wakefleet-bench-"));
  const postgres = await startPostgres({
    dataDir: join(dir, "postgres"),
    database: "bench",
    settings: {
      shared_preload_libraries: "pg_stat_statements",
      "pg_stat_statements.track": "top",
      "pg_stat_statements.track_planning": "on",
      max_connections: "200",
    },
  });
  const redis = await startRedis({ dir: join(dir, "redis") });
  await applyMigrations({ databaseUrl: postgres.url });
  const db = openDatabase({ url: postgres.url, applicationName: "wakefleet-bench" });
  await db.sql.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
  return {
    dir,
    postgres,
    redis,
    db,
    async stop() {
      await db.close();
      await redis.stop();
      await postgres.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export interface AdapterStart {
  readonly runId: string;
  /** Milliseconds of the epoch, with fractions. */
  readonly atMs: number;
}

export interface BenchProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface BenchFleet {
  readonly apiUrl: string;
  readonly adminKey: string;
  readonly workers: readonly BenchProcess[];
  /** Called for every start of a `bench_noop` adapter. */
  onStart(listener: (start: AdapterStart) => void): () => void;
  stop(): Promise<void>;
}

/** Starts one API and some workers on the stores; rates are unlimited. */
export async function startBenchFleet(
  stores: BenchStores,
  options: { workers: number; concurrency?: number; leaseMs?: number; prefix: string },
): Promise<BenchFleet> {
  const port = await findFreePort();
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "",
    DATABASE_URL: stores.postgres.url,
    REDIS_URL: stores.redis.url,
    REDIS_PREFIX: options.prefix,
    AUTH_SECRET: "bench".repeat(10),
    HOST: "127.0.0.1",
    PORT: String(port),
    WAKEFLEET_HOME: join(stores.dir, "home"),
    RUN_LOG_DIR: join(stores.dir, "logs"),
    LOG_LEVEL: "error",
    RATE_LIMIT_READS: "0",
    RATE_LIMIT_WRITES: "0",
    ADAPTER_PACKAGES: NOOP_ADAPTER,
    // What a worker can do is measured, not what it holds back after a start (BY-13).
    STARTS_PER_SECOND: "0",
    // A fleet is stopped when it was measured: what its agents still do is of no interest.
    DRAIN_TIMEOUT_MS: "0",
    WORKER_CONCURRENCY: String(options.concurrency ?? 50),
    ...(options.leaseMs === undefined ? {} : { LEASE_MS: String(options.leaseMs) }),
  };
  const made = await stores.db.transaction((tx) => ensureAdminKey(tx, `bench ${options.prefix}`));
  adminKey ??= made?.token;
  if (adminKey === undefined) throw new Error("the bench database already had an admin key of somebody else");
  const listeners = new Set<(start: AdapterStart) => void>();
  const api = await startProcess(process.execPath, [API_MAIN], env);
  const workers: BenchProcess[] = [];
  for (let index = 0; index < options.workers; index += 1) {
    const worker = await startProcess(process.execPath, [WORKER_MAIN, "--terminate"], env);
    worker.child.on("message", (message: { type?: string; starts?: AdapterStart[] }) => {
      if (message.type === "starts")
        for (const start of message.starts ?? []) for (const tell of listeners) tell(start);
    });
    workers.push(worker);
  }
  return {
    apiUrl: `http://127.0.0.1:${port}`,
    adminKey,
    workers,
    onStart(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await api.stop();
    },
  };
}

let adminKey: string | undefined;

const living = new Set<ChildProcess>();

/** Kills whatever a measurement that failed has left running. */
export async function killBenchProcesses(): Promise<void> {
  const ended = [...living].map((child) => new Promise((resolve) => child.once("exit", resolve)));
  for (const child of living) child.kill("SIGKILL");
  await Promise.all(ended);
}

async function startProcess(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<BenchProcess> {
  const child = spawn(command, args, { env, stdio: ["ignore", process.stderr, "inherit", "ipc"] });
  living.add(child);
  child.once("exit", () => living.delete(child));
  await new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`${args.at(-1)} ended with ${code} before it was ready`)));
    child.on("message", (message: { type?: string }) => {
      if (message.type === "ready") resolve();
    });
  });
  return {
    child,
    pid: child.pid ?? 0,
    async stop() {
      // Also one that was killed meanwhile: it tells its end only once.
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

export interface BenchAgents {
  readonly companyId: string;
  readonly agentIds: string[];
}

/** Inserts a company with agents whose adapter is `adapterType`, in bulk. */
export async function createAgents(
  db: Database,
  options: { count: number; adapterType: string; maxConcurrentRuns: number; adapterConfig?: object },
): Promise<BenchAgents> {
  const [company] = await db.sql.query<{ id: string }>(
    "INSERT INTO companies (name, issue_prefix) VALUES ('Bench', 'B' || upper(substr(md5(random()::text), 1, 8))) RETURNING id",
  );
  const companyId = company?.id ?? "";
  const rows = await db.sql.query<{ id: string }>(
    `INSERT INTO agents (company_id, name, adapter_type, adapter_config, runtime_config, max_concurrent_runs)
     SELECT $1, 'Agent ' || n, $3, $4::jsonb, jsonb_build_object('heartbeat', jsonb_build_object('maxConcurrentRuns', $5::int)), $5
       FROM generate_series(1, $2) n RETURNING id`,
    [
      companyId,
      options.count,
      options.adapterType,
      JSON.stringify(options.adapterConfig ?? {}),
      options.maxConcurrentRuns,
    ],
  );
  return { companyId, agentIds: rows.map((row) => row.id) };
}

/** Ends what still waits: a fleet that is started later, with an empty Redis, would execute it while it is measured. */
export async function cancelWaitingRuns(db: Database, companyId: string): Promise<void> {
  await db.sql.query(
    `UPDATE heartbeat_runs SET status = 'cancelled', finished_at = now(), finalized_at = now()
      WHERE company_id = $1 AND status IN ('queued', 'scheduled_retry')`,
    [companyId],
  );
}
