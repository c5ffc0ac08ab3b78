/**
 * Makes the next migration from the difference between `schema.prisma` and the migrations there are.
 *
 * What must stay true: existing migrations are never written to; the new script is a draft that its author reads, adds
 * hand SQL to (DM-12) and commits together with the schema.
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { diffToSchema, withMigratedScratch } from "./migrated-scratch.js";
import { DEFAULT_MIGRATIONS_DIR, DEFAULT_SCHEMA_FILE } from "./migration-files.js";

/** What to make. */
export interface CreateMigrationOptions {
  /** Any database of a server where databases may be created: the migrations are replayed in a scratch one beside it. */
  readonly databaseUrl: string;
  /** Lower-case words joined by `_`; the time is put before it. */
  readonly name: string;
  /** When it is made: the first part of its name. */
  readonly now: Date;
  /** Folder of the migrations; the repository's own when not given. */
  readonly migrationsDir?: string;
  /** The schema; the repository's own when not given. */
  readonly schemaFile?: string;
  /** Make a migration even if the schema did not change, to hold SQL by hand. */
  readonly allowEmpty?: boolean;
}

/**
 * Writes `<migrationsDir>/<time>_<name>/migration.sql` and returns its name and path; null when the migrations already say
 * what the schema says. Rejects with the engine's sentence when the schema is wrong.
 */
export async function createMigration(options: CreateMigrationOptions): Promise<{ name: string; file: string } | null> {
  const { databaseUrl, migrationsDir = DEFAULT_MIGRATIONS_DIR, schemaFile = DEFAULT_SCHEMA_FILE } = options;
  if (!/^[a-z][a-z0-9_]*$/.test(options.name)) {
    throw new Error(
      `A migration's name is lower-case words joined by "_", not ${JSON.stringify(options.name)}. For example: add_run_labels`,
    );
  }
  const script = await withMigratedScratch({ databaseUrl, migrationsDir }, (scratch) =>
    diffToSchema(scratch, schemaFile),
  );
  if (script === null && options.allowEmpty !== true) return null;
  const time = options.now.toISOString().replaceAll(/\D/g, "").slice(0, 14);
  const name = `${time}_${options.name}`;
  const file = path.join(migrationsDir, name, "migration.sql");
  await mkdir(path.dirname(file));
  await writeFile(file, script ?? "-- SQL by hand.\n", { flag: "wx" });
  return { name, file };
}
