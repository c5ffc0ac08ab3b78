/**
 * Brings a database to the newest migration (OP-6, 01 check 1).
 *
 * What must stay true:
 * - Any number of processes may call this at once: an advisory lock lets one apply while the others wait inside
 *   PostgreSQL, and those then find nothing to do. The lock belongs to a session, so a killed process frees it.
 * - A changed or missing migration is refused before anything is applied.
 * - `_prisma_migrations` is written by Prisma's own engine: `prisma migrate deploy` works on the same database.
 */
import type { Sql } from "../sql.js";
import { sqlOf } from "../sql.js";
import { DEFAULT_MIGRATIONS_DIR, engineMigrationList, readMigrationFiles } from "./migration-files.js";
import { MigrationPool } from "./migration-pool.js";
import {
  explainMigrationStatus,
  judgeHistory,
  type MigrationStatus,
  readAppliedMigrations,
} from "./migration-status.js";
import { clearMarks, repairHistory } from "./repair-history.js";
import { NO_FILTERS, withSchemaEngine } from "./schema-engine.js";

/** Key of the advisory lock ("wkft"); not the one that Prisma's engine takes. */
const MIGRATION_LOCK = 0x776b6674;

/** How to migrate. */
export interface ApplyMigrationsOptions {
  /** URL of the database; the database itself must exist. */
  readonly databaseUrl: string;
  /** Folder of the migrations; the repository's own when not given. */
  readonly migrationsDir?: string;
  /** Longest wait for another process that is migrating, milliseconds; 10 minutes when not given. */
  readonly lockTimeoutMs?: number;
  /** Told what happens, in sentences. */
  readonly onProgress?: (line: string) => void;
}

/** The history forbids applying: a migration was changed, or is missing here. */
export class MigrationRefusedError extends Error {
  override readonly name = "MigrationRefusedError";
  constructor(
    readonly status: MigrationStatus,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Applies what is pending and returns the names of what this call applied (empty for those that waited).
 * Rejects with {@link MigrationRefusedError} when the history forbids it, and with a sentence that names the migration
 * when its script fails; then nothing of that script remains.
 */
export async function applyMigrations(options: ApplyMigrationsOptions): Promise<{ applied: string[] }> {
  const { databaseUrl, migrationsDir = DEFAULT_MIGRATIONS_DIR, onProgress = () => undefined } = options;
  const lockPool = new MigrationPool(databaseUrl);
  try {
    const sql = sqlOf(lockPool);
    await takeLock(sql, options.lockTimeoutMs ?? 600_000);
    const applied = await applyUnderLock({ sql, databaseUrl, migrationsDir, onProgress });
    return { applied };
  } finally {
    await lockPool.end();
  }
}

async function takeLock(sql: Sql, timeoutMs: number): Promise<void> {
  await sql.query("SELECT set_config('lock_timeout', $1, false)", [`${Math.ceil(timeoutMs)}ms`]);
  try {
    await sql.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== "55P03") throw cause;
    throw new Error(
      `Another process has been migrating this database for more than ${Math.round(timeoutMs / 1000)} s. Look at pg_stat_activity for application_name 'wakefleet-migrate', then try again.`,
      { cause },
    );
  }
}

async function applyUnderLock(context: {
  readonly sql: Sql;
  readonly databaseUrl: string;
  readonly migrationsDir: string;
  readonly onProgress: (line: string) => void;
}): Promise<string[]> {
  const { sql, databaseUrl, migrationsDir, onProgress } = context;
  const files = await readMigrationFiles(migrationsDir);
  let status = judgeHistory(files, await readAppliedMigrations(sql));
  if (status.state === "current") return [];
  if (status.state === "unfinished") {
    for (const line of await repairHistory(sql)) onProgress(line);
    status = judgeHistory(files, await readAppliedMigrations(sql));
  }
  let applied: string[] = [];
  if (status.state === "pending") {
    onProgress(`Applying ${status.pending.join(", ")}`);
    applied = await applyByEngine({ sql, databaseUrl, migrationsDir });
  } else if (status.state !== "current") {
    throw new MigrationRefusedError(status, explainMigrationStatus(status) ?? status.state);
  }
  const newest = files.at(-1);
  if (newest !== undefined) await noteSchemaVersion(sql, newest.name);
  return applied;
}

async function applyByEngine(context: {
  readonly sql: Sql;
  readonly databaseUrl: string;
  readonly migrationsDir: string;
}): Promise<string[]> {
  const { sql, databaseUrl, migrationsDir } = context;
  const pool = new MigrationPool(databaseUrl);
  try {
    const migrationsList = await engineMigrationList(migrationsDir);
    const { appliedMigrationNames } = await withSchemaEngine({ pool }, (engine) =>
      engine.applyMigrations({ migrationsList, filters: NO_FILTERS }),
    );
    await clearMarks(sql);
    return appliedMigrationNames;
  } catch (cause) {
    throw await explainFailure(sql, cause);
  } finally {
    await pool.end();
  }
}

/** `fleet_state.schema_version` is the newest migration (DM-84), whoever applied it. */
async function noteSchemaVersion(sql: Sql, name: string): Promise<void> {
  const [table] = await sql.query<{ present: boolean }>("SELECT to_regclass('fleet_state') IS NOT NULL AS present");
  if (table?.present !== true) return;
  await sql.query(
    `INSERT INTO fleet_state (queue_epoch, schema_version) VALUES (gen_random_uuid(), $1)
     ON CONFLICT (singleton_key) DO UPDATE SET schema_version = excluded.schema_version, updated_at = now()
      WHERE fleet_state.schema_version <> excluded.schema_version`,
    [name],
  );
}

/** Prisma's code for "there are tables here and no history of migrations". */
const NOT_EMPTY = "P3005";

async function explainFailure(sql: Sql, cause: unknown): Promise<Error> {
  if ((cause as { code?: unknown }).code === NOT_EMPTY) {
    const [database] = await sql.query<{ name: string }>("SELECT current_database() AS name");
    return new Error(
      `Database ${database?.name ?? ""} already has tables that Wakefleet did not make. Give it a database of its own: createdb wakefleet, and name that in DATABASE_URL.`,
      { cause },
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  const unfinished = (await readAppliedMigrations(sql)).find((row) => !row.finished);
  if (unfinished === undefined) return new Error(`Migrating failed: ${reason}`, { cause });
  return new Error(
    `Migration ${unfinished.name} failed and left nothing behind: ${reason}. Mend its script (it was not applied, so it may be edited) and run again: node scripts/migrate.mjs`,
    { cause },
  );
}
