#!/usr/bin/env node
/**
 * Drafts the next migration after a change of prisma/schema.prisma. For developers; see docs/data-model.md.
 */
import { parseArgs } from "node:util";

const HELP = `Usage: node scripts/migration-new.mjs NAME [--database-url URL] [--empty]

Writes prisma/migrations/<time>_NAME/migration.sql with what changed in prisma/schema.prisma since the last migration.
Read it, add the SQL that Prisma's language cannot say (CHECKs, partial indexes), commit it together with the schema.

  NAME                 lower-case words joined by "_", e.g. add_run_labels
  --database-url URL   any database of a server where databases may be created; DATABASE_URL when not given. It is not changed.
  --empty              make a migration even if the schema did not change, for SQL by hand
  --help               this text
`;

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { "database-url": { type: "string" }, empty: { type: "boolean" }, help: { type: "boolean" } },
  });
  if (values.help) return process.stdout.write(HELP);
  const [name, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new Error(`Give one name.\n\n${HELP}`);
  const databaseUrl = values["database-url"] ?? process.env.DATABASE_URL;
  if (!databaseUrl) throw new Error("No database: set DATABASE_URL or give --database-url.");
  const { createMigration } = await import("../packages/store/dist/index.js");
  const made = await createMigration({ databaseUrl, name, now: new Date(), allowEmpty: values.empty ?? false });
  process.stdout.write(
    made === null
      ? "The migrations already say what the schema says. For SQL by hand: --empty\n"
      : `Wrote ${made.file}. Read it before you commit it.\n`,
  );
}

await main().catch((error) => {
  const unbuilt = error.code === "ERR_MODULE_NOT_FOUND" && /packages.store.dist/.test(error.message);
  process.stderr.write(`${unbuilt ? "The packages are not built: npm run build" : error.message}\n`);
  process.exitCode = 1;
});
