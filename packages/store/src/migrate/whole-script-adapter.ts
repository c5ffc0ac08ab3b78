/**
 * The driver adapter that Prisma's schema engine migrates through.
 *
 * What must stay true:
 * - A migration's script reaches PostgreSQL as one message, which PostgreSQL runs as one transaction: it is applied whole
 *   or not at all. (The stock adapter splits a script at every semicolon, which breaks functions and leaves halves.)
 * - In the same transaction the script leaves {@link SCRIPT_COMMITTED} on its row of `_prisma_migrations`, so that a
 *   process killed before the engine finished the row leaves no doubt whether the script counts (`repair-history.ts`).
 */
import { PrismaPg } from "@prisma/adapter-pg";
import {
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from "@prisma/driver-adapter-utils";
import type { MigrationPool } from "./migration-pool.js";

/** What `_prisma_migrations.logs` says between the commit of a script and the engine's own note that it is done. */
export const SCRIPT_COMMITTED = "script committed";

/**
 * Key of the advisory lock that a script's transaction holds. A script goes on in PostgreSQL when the process that sent it
 * is killed: whoever repairs the history waits for this lock, and so for the script's end.
 */
export const SCRIPT_LOCK = 0x776b6673;

const LOCK_SCRIPT = `SELECT pg_advisory_xact_lock(${SCRIPT_LOCK});
`;

const MARK_COMMITTED = `
;DO $mark$ BEGIN
  IF to_regclass('_prisma_migrations') IS NOT NULL THEN
    UPDATE "_prisma_migrations" SET logs = '${SCRIPT_COMMITTED}'
     WHERE id = (SELECT id FROM "_prisma_migrations" WHERE finished_at IS NULL AND rolled_back_at IS NULL
                  ORDER BY started_at DESC LIMIT 1);
  END IF;
END $mark$`;

/** Adapter factory over `pool`, which stays the caller's to end. */
export function wholeScriptAdapter(pool: MigrationPool): SqlMigrationAwareDriverAdapterFactory {
  return {
    provider: "postgres",
    adapterName: "wakefleet-migrate",
    connect: async () => withWholeScripts(await new PrismaPg(pool).connect(), pool),
    // The engine asks for this only in commands that are not used here: scratch databases are made by migrated-scratch.ts.
    connectToShadowDb: () => Promise.reject(new Error("the migrator makes its own scratch databases")),
  };
}

function withWholeScripts(adapter: SqlDriverAdapter, pool: MigrationPool): SqlDriverAdapter {
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query);
    const columnTypes = result.columnTypes.map((type, index) =>
      pool.charColumns.has(result.columnNames[index] ?? "") ? ColumnTypeEnum.Character : type,
    );
    return { ...result, columnTypes };
  };
  adapter.executeScript = async (script) => {
    await pool.query(LOCK_SCRIPT + script + MARK_COMMITTED);
  };
  return adapter;
}
