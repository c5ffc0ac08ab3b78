/**
 * Makes the next migration from the difference between `schema.prisma` and the migrations there are.
 *
 * What must stay true: existing migrations are never written to; the new script is a draft that its author reads, adds
 * hand SQL to (DM-12) and commits together with the schema.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { DEFAULT_MIGRATIONS_DIR, DEFAULT_SCHEMA_FILE, engineMigrationList } from "./migration-files.js";
import { NO_FILTERS, schemaContainer, withSchemaEngine } from "./schema-engine.js";
import { openMigrationPool } from "./whole-script-adapter.js";

/** What to make. */
export interface CreateMigrationOptions {
  /** Any database of a server where databases may be created: the existing migrations are replayed in a shadow beside it. */
  readonly databaseUrl: string;
  /** Lower-case words joined by `_`; the time is put before it. */
  readonly name: string;
  readonly migrationsDir?: string;
  readonly schemaFile?: string;
  /** Make a migration even if the schema did not change, to hold SQL by hand. */
  readonly allowEmpty?: boolean;
}

/**
 * Writes `<migrationsDir>/<time>_<name>/migration.sql` and returns its path and name; null when the migrations already say
 * what the schema says. Rejects with the engine's sentence when the schema is wrong.
 */
export async function createMigration(options: CreateMigrationOptions): Promise<{ name: string; file: string } | null> {
  const { databaseUrl, name, migrationsDir = DEFAULT_MIGRATIONS_DIR, schemaFile = DEFAULT_SCHEMA_FILE } = options;
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw new Error(
      `A migration's name is lower-case words joined by "_", not ${JSON.stringify(name)}. For example: add_run_labels`,
    );
  }
  const content = await readFile(schemaFile, "utf8");
  const migrationsList = await engineMigrationList(migrationsDir);
  const pool = openMigrationPool(databaseUrl);
  try {
    const made = await withSchemaEngine({ databaseUrl, pool, schema: { file: schemaFile, content } }, (engine) =>
      engine.createMigration({
        draft: options.allowEmpty ?? false,
        migrationName: name,
        migrationsList,
        schema: schemaContainer(schemaFile, content),
        filters: NO_FILTERS,
      }),
    );
    if (made.migrationScript === null) return null;
    const folder = path.join(migrationsDir, made.generatedMigrationName);
    const file = path.join(folder, "migration.sql");
    await mkdir(folder);
    await writeFile(file, made.migrationScript, { flag: "wx" });
    return { name: made.generatedMigrationName, file };
  } finally {
    await pool.end();
  }
}
