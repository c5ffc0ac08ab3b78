/**
 * Where a database's migrations stand, by one small read: cheap enough for every /readyz (API-275).
 *
 * What must stay true: a table `_prisma_migrations` that is missing means "nothing applied", never an error; whatever the
 * history cannot explain is reported by the migration's name.
 */
import { openDatabase } from "../database.js";
import type { Sql } from "../sql.js";
import { DEFAULT_MIGRATIONS_DIR, type MigrationFile, readMigrationFiles } from "./migration-files.js";

/** A row of Prisma's `_prisma_migrations` that was not rolled back. */
export interface AppliedMigration {
  readonly name: string;
  readonly checksum: string;
  /** False while it is being applied, or after a process died or a script failed in the middle. */
  readonly finished: boolean;
}

/** The verdict on a database; `failed`, `changed` and `newer` are never mended by applying. */
export type MigrationStatus =
  | { readonly state: "current" }
  | { readonly state: "pending"; readonly pending: readonly string[] }
  /** The database has migrations that this version does not know (a newer version migrated it, or a file is missing). */
  | { readonly state: "newer"; readonly unknown: readonly string[] }
  /** Files that were edited after they were applied. */
  | { readonly state: "changed"; readonly changed: readonly string[] }
  /** Begun and not finished: applied right now by another process, or left by one that died. */
  | { readonly state: "unfinished"; readonly unfinished: readonly string[] };

/** Judges a history against the files. The gravest finding wins: changed, newer, unfinished, pending. */
export function judgeHistory(
  files: readonly Pick<MigrationFile, "name" | "checksum">[],
  applied: readonly AppliedMigration[],
): MigrationStatus {
  const checksums = new Map(files.map((file) => [file.name, file.checksum]));
  const changed = applied.filter(
    (row) => row.finished && checksums.has(row.name) && checksums.get(row.name) !== row.checksum,
  );
  if (changed.length > 0) return { state: "changed", changed: changed.map((row) => row.name) };
  const unknown = applied.filter((row) => !checksums.has(row.name));
  if (unknown.length > 0) return { state: "newer", unknown: unknown.map((row) => row.name) };
  const unfinished = applied.filter((row) => !row.finished);
  if (unfinished.length > 0) return { state: "unfinished", unfinished: unfinished.map((row) => row.name) };
  const done = new Set(applied.map((row) => row.name));
  const pending = files.filter((file) => !done.has(file.name));
  return pending.length > 0 ? { state: "pending", pending: pending.map((file) => file.name) } : { state: "current" };
}

/** Says a status in a sentence with the mend; null when there is nothing to mend. */
export function explainMigrationStatus(status: MigrationStatus): string | null {
  switch (status.state) {
    case "current":
      return null;
    case "pending":
      return `The database lacks ${list(status.pending)}. Apply with: node scripts/migrate.mjs`;
    case "newer":
      return `The database has ${list(status.unknown)}, which this version does not have. Start the version that made it, or restore the missing folder under prisma/migrations.`;
    case "changed":
      return `${capitalized(list(status.changed))} was edited after it was applied. Restore the file as it was and put the change into a new migration (node scripts/migration-new.mjs NAME).`;
    case "unfinished":
      return `${capitalized(list(status.unfinished))} was begun and not finished. If no other process is migrating, finish it with: node scripts/migrate.mjs`;
  }
}

function list(names: readonly string[]): string {
  return `migration${names.length === 1 ? "" : "s"} ${names.join(", ")}`;
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Reads what was applied, oldest first; empty when nothing ever was. */
export async function readAppliedMigrations(sql: Sql): Promise<AppliedMigration[]> {
  const [table] = await sql.query<{ present: boolean }>(
    "SELECT to_regclass('_prisma_migrations') IS NOT NULL AS present",
  );
  if (table?.present !== true) return [];
  return sql.query<AppliedMigration>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished
       FROM "_prisma_migrations" WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
}

const filesOfDir = new Map<string, Promise<MigrationFile[]>>();

/**
 * Where the database stands. Give an open handle (a serving process), or a URL (a command: opens and closes its own).
 * The files are read once a process. Rejects when the database does not answer.
 */
export async function migrationStatus(
  database: Sql | string,
  migrationsDir: string = DEFAULT_MIGRATIONS_DIR,
): Promise<MigrationStatus> {
  if (typeof database === "string") {
    const opened = openDatabase({ url: database, maxConnections: 1 });
    try {
      return await migrationStatus(opened.sql, migrationsDir);
    } finally {
      await opened.close();
    }
  }
  let files = filesOfDir.get(migrationsDir);
  if (files === undefined) {
    files = readMigrationFiles(migrationsDir);
    filesOfDir.set(migrationsDir, files);
    files.catch(() => filesOfDir.delete(migrationsDir));
  }
  return judgeHistory(await files, await readAppliedMigrations(database));
}
