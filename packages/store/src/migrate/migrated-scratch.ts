/**
 * A database that has exactly what the migrations say, to compare with: made beside the given one and always dropped.
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { applyMigrations } from "./apply-migrations.js";
import { MigrationPool } from "./migration-pool.js";
import { NO_FILTERS, schemaContainer, withSchemaEngine } from "./schema-engine.js";

/** A migrated scratch database while it lives. */
export interface MigratedScratch {
  readonly pool: MigrationPool;
}

/**
 * Makes a scratch database on the server of `databaseUrl`, applies all migrations of `migrationsDir` to it, gives it to
 * `work` and drops it, whatever happens. Rejects when the user may not create databases.
 */
export async function withMigratedScratch<T>(
  options: { readonly databaseUrl: string; readonly migrationsDir: string },
  work: (scratch: MigratedScratch) => Promise<T>,
): Promise<T> {
  const server = new MigrationPool(options.databaseUrl);
  const name = `wakefleet_scratch_${randomUUID().replaceAll("-", "")}`;
  try {
    await createDatabase(server, name);
    try {
      const url = new URL(options.databaseUrl);
      url.pathname = `/${name}`;
      const databaseUrl = url.toString();
      await applyMigrations({ databaseUrl, migrationsDir: options.migrationsDir });
      const pool = new MigrationPool(databaseUrl);
      try {
        return await work({ pool });
      } finally {
        await pool.end();
      }
    } finally {
      await server.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
    }
  } finally {
    await server.end();
  }
}

/** SQLSTATE: the user may not. */
const INSUFFICIENT_PRIVILEGE = "42501";

async function createDatabase(server: MigrationPool, name: string): Promise<void> {
  try {
    await server.query(`CREATE DATABASE "${name}"`);
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== INSUFFICIENT_PRIVILEGE) throw cause;
    throw new Error(
      "The database user may not create databases, and comparing needs a scratch one. Use a user with CREATEDB (ALTER ROLE name CREATEDB).",
      { cause },
    );
  }
}

/** SQL from the scratch database's schema to a Prisma schema, by Prisma's engine; null when they agree. */
export async function diffToSchema(scratch: MigratedScratch, schemaFile: string): Promise<string | null> {
  const content = await readFile(schemaFile, "utf8");
  const schema = { file: schemaFile, content };
  const { stdout, exitCode } = await withSchemaEngine({ pool: scratch.pool, schema }, (engine) =>
    engine.diff({
      from: { tag: "schemaDatasource", ...schemaContainer(schemaFile, content), configDir: "." },
      to: { tag: "schemaDatamodel", ...schemaContainer(schemaFile, content) },
      script: true,
      exitCode: true,
      filters: NO_FILTERS,
    }),
  );
  return exitCode === 0 ? null : stdout;
}
