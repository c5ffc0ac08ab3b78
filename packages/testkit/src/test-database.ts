/**
 * A database of its own for each test file, cloned from one migrated template: isolation for the price of a file copy.
 *
 * What must stay true: the template is made once, whoever comes first (an advisory lock on the server), and is named
 * after the migrations' content, so that two checkouts can share a server.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { applyMigrations } from "@wakefleet/store";
import pg from "pg";
import { testDatabaseServerUrl } from "./environment.js";

const MIGRATIONS = fileURLToPath(new URL("../../../prisma/migrations", import.meta.url));
/** Any number that nothing else locks; one for all templates, since making one takes a second. */
const TEMPLATE_LOCK = 727_001;

export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Drops the database, ending whatever is still connected. */
  drop(): Promise<void>;
}

/** A new migrated database. Drop it when the test file ends. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const template = await ensureTemplate();
  return create(`TEMPLATE ${pg.escapeIdentifier(template)}`);
}

/** A new empty database, for tests of the migrations themselves. */
export function createEmptyTestDatabase(): Promise<TestDatabase> {
  return create("TEMPLATE template0");
}

/** A new migrated database that checks no text it is given. */
export async function createUncheckedTestDatabase(): Promise<TestDatabase> {
  const database = await create(
    "TEMPLATE template0 LOCALE_PROVIDER libc ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'",
  );
  await applyMigrations({ databaseUrl: database.url });
  return database;
}

/** Makes the migrated template if this server has none for these migrations; settles with its name. */
export function ensureTemplate(): Promise<string> {
  const name = `wf_template_${migrationsHash()}`;
  return withServer(async (server) => {
    await server.query("SELECT pg_advisory_lock($1)", [TEMPLATE_LOCK]);
    // Renamed only when whole, so that one half made by a killed run is never cloned.
    const { rowCount } = await server.query("SELECT FROM pg_database WHERE datname = $1", [name]);
    if (rowCount === 1) return name;
    const draft = pg.escapeIdentifier(`${name}_draft`);
    await server.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
    await server.query(`CREATE DATABASE ${draft} TEMPLATE template0`);
    await applyMigrations({ databaseUrl: urlOf(`${name}_draft`) });
    await server.query(`ALTER DATABASE ${draft} RENAME TO ${pg.escapeIdentifier(name)}`);
    return name;
  });
}

async function create(how: string): Promise<TestDatabase> {
  const name = `wf_test_${randomBytes(8).toString("hex")}`;
  const identifier = pg.escapeIdentifier(name);
  await withServer((server) => server.query(`CREATE DATABASE ${identifier} ${how}`));
  return {
    url: urlOf(name),
    name,
    async drop(): Promise<void> {
      await withServer((server) => server.query(`DROP DATABASE IF EXISTS ${identifier} WITH (FORCE)`));
    },
  };
}

function urlOf(database: string): string {
  const url = new URL(testDatabaseServerUrl());
  url.pathname = `/${database}`;
  return url.href;
}

/** One connection to the server; its end also lets go of advisory locks. */
async function withServer<T>(work: (server: pg.Client) => Promise<T>): Promise<T> {
  const server = new pg.Client({ connectionString: testDatabaseServerUrl() });
  await server.connect();
  try {
    return await work(server);
  } finally {
    await server.end();
  }
}

function migrationsHash(): string {
  const hash = createHash("sha256");
  for (const entry of readdirSync(MIGRATIONS, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    hash.update(file.slice(MIGRATIONS.length)).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex").slice(0, 12);
}
