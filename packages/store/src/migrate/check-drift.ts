/**
 * Compares the three places that say what the schema is: `schema.prisma`, the migrations, and a database (DM-12, 01 check 2).
 *
 * What must stay true: the database under test is only read. The migrations are applied to a fresh database beside it, and
 * both are read through PostgreSQL's catalogs, so that CHECKs, partial indexes and triggers count as much as columns.
 */
import { sqlOf } from "../sql.js";
import { compareSchemaFacts, readSchemaFacts, type SchemaDifference } from "./catalog.js";
import { diffToSchema, withMigratedScratch } from "./migrated-scratch.js";
import { DEFAULT_MIGRATIONS_DIR, DEFAULT_SCHEMA_FILE, readMigrationFiles } from "./migration-files.js";
import { MigrationPool } from "./migration-pool.js";
import {
  explainMigrationStatus,
  judgeHistory,
  type MigrationStatus,
  readAppliedMigrations,
} from "./migration-status.js";

/** What to compare. */
export interface CheckDriftOptions {
  /** The database to check; its user must be allowed to create databases on the server. */
  readonly databaseUrl: string;
  readonly migrationsDir?: string;
  readonly schemaFile?: string;
}

/** What was found. */
export interface DriftReport {
  /** True when schema, migrations and database say the same. */
  readonly clean: boolean;
  /** Where the database's history stands. */
  readonly history: MigrationStatus;
  /** SQL that would bring the migrations to `schema.prisma`; null when they agree. */
  readonly schemaAgainstMigrations: string | null;
  /** What differs between the migrations and the database, by name. */
  readonly databaseAgainstMigrations: readonly SchemaDifference[];
}

/** Compares all three. Rejects when the server does not answer or does not let a database be created. */
export async function checkDrift(options: CheckDriftOptions): Promise<DriftReport> {
  const { databaseUrl, migrationsDir = DEFAULT_MIGRATIONS_DIR, schemaFile = DEFAULT_SCHEMA_FILE } = options;
  const pool = new MigrationPool(databaseUrl);
  try {
    const sql = sqlOf(pool);
    const history = judgeHistory(await readMigrationFiles(migrationsDir), await readAppliedMigrations(sql));
    const actual = await readSchemaFacts(sql);
    return await withMigratedScratch({ databaseUrl, migrationsDir }, async (scratch) => {
      const differences = compareSchemaFacts(await readSchemaFacts(sqlOf(scratch.pool)), actual);
      const script = await diffToSchema(scratch, schemaFile);
      return {
        clean: history.state === "current" && script === null && differences.length === 0,
        history,
        schemaAgainstMigrations: script,
        databaseAgainstMigrations: differences,
      };
    });
  } finally {
    await pool.end();
  }
}

/** Says a report in lines for people; empty when it is clean. */
export function explainDrift(report: DriftReport): string[] {
  const lines: string[] = [];
  const history = explainMigrationStatus(report.history);
  if (history !== null) lines.push(history);
  if (report.schemaAgainstMigrations !== null) {
    lines.push(
      "schema.prisma and the migrations differ. Make a migration (node scripts/migration-new.mjs NAME), which would say:",
      ...report.schemaAgainstMigrations
        .trim()
        .split("\n")
        .map((line) => `    ${line}`),
    );
  }
  for (const difference of report.databaseAgainstMigrations) {
    const { kind, name, problem, expected, actual } = difference;
    if (problem === "missing")
      lines.push(`${kind} ${name} is missing from the database. The migrations say: ${oneLine(expected)}`);
    if (problem === "extra") lines.push(`${kind} ${name} is in the database and in no migration: ${oneLine(actual)}`);
    if (problem === "different")
      lines.push(
        `${kind} ${name} differs. The migrations say: ${oneLine(expected)}. The database has: ${oneLine(actual)}`,
      );
  }
  return lines;
}

function oneLine(text: string | null): string {
  return (text ?? "").replaceAll(/\s+/g, " ").trim();
}
