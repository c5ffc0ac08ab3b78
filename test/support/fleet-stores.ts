/**
 * The stores of one fleet under test: a database and a key prefix in the run's shared servers, or servers of its own for
 * tests that stop, crash or flush them.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type LocalPostgres,
  type LocalRedis,
  removePostgresData,
  removeRedisData,
  startPostgres,
  startRedis,
} from "@wakefleet/local-stores";
import { applyMigrations } from "@wakefleet/store";
import {
  createTestDatabase,
  startTestCluster,
  type TestCluster,
  testRedisPrefix,
  testRedisUrl,
} from "@wakefleet/testkit";

/** Servers that belong to one fleet alone. Each restart keeps the port and the data. */
export interface PrivateStores {
  stopRedis(mode?: "save" | "crash"): Promise<void>;
  /** `empty` throws its data away first. */
  startRedis(options?: { empty?: boolean }): Promise<void>;
  stopPostgres(mode?: "fast" | "immediate"): Promise<void>;
  startPostgres(): Promise<void>;
}

export interface FleetStores {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  /** Null where the servers are shared: nothing may be done to them. */
  readonly own: PrivateStores | null;
  /** Its own Redis Cluster; null where there is none. */
  readonly cluster: TestCluster | null;
  remove(): Promise<void>;
}

/** Nothing here outlives the machine, so the disk need not be waited for; a crash of the server loses nothing by it. */
const POSTGRES_SETTINGS = { fsync: "off", full_page_writes: "off", max_connections: "200", autovacuum: "off" };

/** A database and a prefix of its own in the test run's servers. */
export async function openSharedStores(): Promise<FleetStores> {
  const database = await createTestDatabase();
  return {
    databaseUrl: database.url,
    redisUrl: testRedisUrl(),
    redisPrefix: testRedisPrefix(),
    own: null,
    cluster: null,
    remove: () => database.drop(),
  };
}

/** A database in the test run's server, and a Redis Cluster of its own. */
export async function openClusterStores(): Promise<FleetStores> {
  const dir = mkdtempSync(join(tmpdir(), "wakefleet-e2e-cluster-"));
  const [database, cluster] = await Promise.all([createTestDatabase(), startTestCluster({ dir })]);
  return {
    databaseUrl: database.url,
    redisUrl: cluster.url,
    redisPrefix: testRedisPrefix(),
    own: null,
    cluster,
    async remove() {
      await Promise.all([database.drop(), cluster.stop()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Servers of its own. */
export async function openPrivateStores(): Promise<FleetStores> {
  const folder = mkdtempSync(join(tmpdir(), "wakefleet-e2e-stores-"));
  // The unprivileged user that root steps down to for PostgreSQL has to get through.
  chmodSync(folder, 0o711);
  const dataDir = join(folder, "postgres");
  const dir = join(folder, "redis");
  let redis: LocalRedis = await startRedis({ dir });
  let postgres: LocalPostgres = await startPostgres({ dataDir, database: "wakefleet", settings: POSTGRES_SETTINGS });
  await applyMigrations({ databaseUrl: postgres.url });
  return {
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    redisPrefix: testRedisPrefix(),
    cluster: null,
    own: {
      stopRedis: (mode) => redis.stop(mode),
      async startRedis({ empty = false } = {}) {
        if (empty) removeRedisData(dir);
        redis = await startRedis({ dir, port: redis.port });
      },
      stopPostgres: (mode) => postgres.stop(mode),
      async startPostgres() {
        const { port } = postgres;
        postgres = await startPostgres({ dataDir, database: "wakefleet", settings: POSTGRES_SETTINGS, port });
      },
    },
    async remove() {
      await Promise.all([redis.stop("crash"), postgres.stop("immediate")]);
      removePostgresData(dataDir);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
