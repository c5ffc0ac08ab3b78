/**
 * vitest's global set-up: one PostgreSQL and one Redis for the whole run, unless the environment names some.
 *
 * Durability is off in the PostgreSQL (nothing here outlives the run). Tests of crashes start stores of their own with
 * `@wakefleet/local-stores`.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removePostgresData, startPostgres, startRedis } from "@wakefleet/local-stores";
import { DATABASE_URL_VARIABLE, REDIS_CLUSTER_VARIABLE, REDIS_URL_VARIABLE } from "./environment.js";
import { startTestCluster } from "./redis-cluster.js";
import { ensureTemplate } from "./test-database.js";

const TEST_SETTINGS = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "300",
  autovacuum: "off",
  shared_preload_libraries: "pg_stat_statements",
};

/** Starts what is missing and settles with the function that ends it. */
export default async function setUpStores(): Promise<() => Promise<void>> {
  const ends: (() => Promise<void>)[] = [];
  const folder = mkdtempSync(join(tmpdir(), "wakefleet-test-"));
  // The unprivileged user that root steps down to for PostgreSQL has to get through.
  chmodSync(folder, 0o711);
  ends.push(async () => rmSync(folder, { recursive: true, force: true }));
  const end = async (): Promise<void> => {
    for (const step of ends.reverse()) await step();
  };
  try {
    if (!process.env[DATABASE_URL_VARIABLE]) {
      const dataDir = join(folder, "postgres");
      const postgres = await startPostgres({ dataDir, settings: TEST_SETTINGS, onProgress: say });
      ends.push(async () => {
        await postgres.stop("immediate");
        removePostgresData(dataDir);
      });
      ends.push(announce(DATABASE_URL_VARIABLE, postgres.url));
    }
    if (process.env[REDIS_CLUSTER_VARIABLE]) {
      const cluster = await startTestCluster({ dir: join(folder, "redis-cluster") });
      ends.push(() => cluster.stop());
      ends.push(announce(REDIS_URL_VARIABLE, cluster.url));
    } else if (!process.env[REDIS_URL_VARIABLE]) {
      const redis = await startRedis({ dir: join(folder, "redis"), settings: ["appendonly no"], onProgress: say });
      ends.push(() => redis.stop("crash"));
      ends.push(announce(REDIS_URL_VARIABLE, redis.url));
    }
    await ensureTemplate();
    return end;
  } catch (error) {
    await end();
    throw error;
  }
}

/**
 * Tells the tests where a store is, and settles with what takes the word back: who starts something else afterwards must
 * not send it to a store that has ended.
 */
function announce(variable: string, url: string): () => Promise<void> {
  const before = process.env[variable];
  process.env[variable] = url;
  return async () => {
    if (before === undefined) delete process.env[variable];
    else process.env[variable] = before;
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
