/**
 * The migrations on disk: `prisma/migrations/<14 digits>_<name>/migration.sql`, in the order of their names.
 *
 * What must stay true: the checksum is Prisma's (SHA-256 of the file, hex), because it is compared with the one that
 * Prisma's engine wrote to `_prisma_migrations` when it applied the file.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { MigrationList } from "./schema-engine.js";

/** The repository's own migrations; the same distance from `src/migrate` and from `dist/migrate`. */
export const DEFAULT_MIGRATIONS_DIR: string = fileURLToPath(new URL("../../../../prisma/migrations", import.meta.url));

/** The repository's schema. */
export const DEFAULT_SCHEMA_FILE: string = fileURLToPath(new URL("../../../../prisma/schema.prisma", import.meta.url));

/** One migration on disk. */
export interface MigrationFile {
  /** Folder name, e.g. `20261124000000_init`. */
  readonly name: string;
  /** SHA-256 of the script, hex. */
  readonly checksum: string;
  /** The script. */
  readonly sql: string;
}

/** Reads all migrations of a folder, oldest first. Rejects when a migration's folder has no `migration.sql`. */
export async function readMigrationFiles(migrationsDir: string): Promise<MigrationFile[]> {
  const entries = await readdir(migrationsDir, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(migrationsDir, name, "migration.sql");
      const sql = await readFile(file, "utf8").catch((cause: unknown) => {
        throw new Error(
          `Migration ${name} has no readable migration.sql (${file}). Restore the file, or remove the folder if the migration was never applied.`,
          { cause },
        );
      });
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/** The same migrations in the form that Prisma's engine takes. */
export async function engineMigrationList(migrationsDir: string): Promise<MigrationList> {
  const files = await readMigrationFiles(migrationsDir);
  const lockfile = await readFile(path.join(migrationsDir, "migration_lock.toml"), "utf8").catch(() => null);
  return {
    baseDir: migrationsDir,
    lockfile: { path: "migration_lock.toml", content: lockfile },
    shadowDbInitScript: "",
    migrationDirectories: files.map((file) => ({
      path: file.name,
      migrationFile: { path: "migration.sql", content: { tag: "ok", value: file.sql } },
    })),
  };
}
