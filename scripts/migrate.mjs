#!/usr/bin/env node
/**
 * Brings a database to the newest migration. `demo`, `up` and a starting API do it by themselves; this is for operators who
 * migrate as a step of their own, and for mending what an interrupted start left.
 */
import { parseArgs } from "node:util";

const HELP = `Usage: node scripts/migrate.mjs [--database-url URL] [--status]

Applies the migrations of prisma/migrations that the database lacks. Any number may run at once: one applies, the rest wait.

  --database-url URL   the database; DATABASE_URL when not given
  --status             only say where the database stands; exit code 1 unless it is current
  --help               this text

Example: DATABASE_URL=postgresql://wakefleet@127.0.0.1:5432/wakefleet node scripts/migrate.mjs
`;

async function main() {
  const { values } = parseArgs({
    options: { "database-url": { type: "string" }, status: { type: "boolean" }, help: { type: "boolean" } },
  });
  if (values.help) return process.stdout.write(HELP);
  const databaseUrl = values["database-url"] ?? process.env.DATABASE_URL;
  if (!databaseUrl) throw new Error("No database: set DATABASE_URL or give --database-url.");
  const { applyMigrations, explainMigrationStatus, migrationStatus } = await import("../packages/store/dist/index.js");
  if (values.status) {
    const sentence = explainMigrationStatus(await migrationStatus(databaseUrl));
    process.stdout.write(`${sentence ?? "The database is current."}\n`);
    process.exitCode = sentence === null ? 0 : 1;
    return;
  }
  const { applied } = await applyMigrations({ databaseUrl, onProgress: (line) => process.stdout.write(`${line}\n`) });
  process.stdout.write(applied.length === 0 ? "Nothing to apply.\n" : `Applied ${applied.join(", ")}.\n`);
}

await main().catch((error) => {
  const unbuilt = error.code === "ERR_MODULE_NOT_FOUND" && /packages.store.dist/.test(error.message);
  process.stderr.write(`${unbuilt ? "The packages are not built: npm run build" : error.message}\n`);
  process.exitCode = 1;
});
