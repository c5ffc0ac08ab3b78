/** `wakefleet migrate`: brings a database to this version's schema (OP-6). */
import { ConfigError, loadEnvironment } from "@wakefleet/config";
import { applyMigrations, explainMigrationStatus, migrationStatus } from "@wakefleet/store";
import { say, sayProgress } from "../terminal.js";

/**
 * Applies what is missing; with `status` only says what is. Answers 0 when the database is current.
 * @throws ConfigError without a database; MigrationRefusedError for a changed or missing migration.
 */
export async function migrate(options: {
  readonly databaseUrl: string | null;
  readonly status: boolean;
}): Promise<number> {
  const databaseUrl = options.databaseUrl ?? loadEnvironment()["DATABASE_URL"]?.trim();
  if (!databaseUrl) throw new ConfigError(["DATABASE_URL is not set. Set it, or give --database-url URL"]);
  if (options.status) {
    const problem = explainMigrationStatus(await migrationStatus(databaseUrl));
    say(problem ?? "The database is current.");
    return problem === null ? 0 : 1;
  }
  const { applied } = await applyMigrations({ databaseUrl, onProgress: sayProgress });
  say(applied.length === 0 ? "The database is current." : `Applied ${applied.join(", ")}.`);
  return 0;
}
