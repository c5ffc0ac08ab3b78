#!/usr/bin/env node
/**
 * Compares schema.prisma, the migrations and a database, and names every difference (01 check 2). CI runs it on a freshly
 * migrated database; operators run it on theirs when they suspect that somebody changed it by hand.
 */
import { parseArgs } from "node:util";

const HELP = `Usage: node scripts/drift.mjs [--database-url URL]

Compares prisma/schema.prisma, prisma/migrations and the database: tables, columns, constraints, indexes, triggers, functions.
The database is only read; a scratch database is made beside it and dropped. Exit code 1 when anything differs.

  --database-url URL   the database to check; DATABASE_URL when not given
  --help               this text
`;

async function main() {
  const { values } = parseArgs({ options: { "database-url": { type: "string" }, help: { type: "boolean" } } });
  if (values.help) return process.stdout.write(HELP);
  const databaseUrl = values["database-url"] ?? process.env.DATABASE_URL;
  if (!databaseUrl) throw new Error("No database: set DATABASE_URL or give --database-url.");
  const { checkDrift, explainDrift } = await import("../packages/store/dist/index.js");
  const report = await checkDrift({ databaseUrl });
  if (report.clean) return process.stdout.write("No drift: schema.prisma, migrations and database agree.\n");
  for (const line of explainDrift(report)) process.stdout.write(`${line}\n`);
  process.exitCode = 1;
}

await main().catch((error) => {
  const unbuilt = error.code === "ERR_MODULE_NOT_FOUND" && /packages.store.dist/.test(error.message);
  process.stderr.write(`${unbuilt ? "The packages are not built: npm run build" : error.message}\n`);
  process.exitCode = 1;
});
