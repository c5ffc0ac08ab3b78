/**
 * The driver adapter that Prisma's schema engine migrates through.
 *
 * What must stay true:
 * - A migration's script reaches PostgreSQL as one message, which PostgreSQL runs as one transaction: it is applied whole
 *   or not at all. (The stock adapter splits a script at every semicolon, which breaks functions and leaves halves.)
 * - In the same transaction the script leaves {@link SCRIPT_COMMITTED} on its row of `_prisma_migrations`, so that a
 *   process killed before the engine finished the row leaves no doubt whether the script counts (`repair-history.ts`).
 * - A shadow database is dropped when the engine lets go of it, even if the engine failed.
 */
import { randomUUID } from "node:crypto";
import { PrismaPg } from "@prisma/adapter-pg";
import {
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
} from "@prisma/driver-adapter-utils";
import pg from "pg";

/** What `_prisma_migrations.logs` says between the commit of a script and the engine's own note that it is done. */
export const SCRIPT_COMMITTED = "script committed";

const MARK_COMMITTED = `
;DO $mark$ BEGIN
  IF to_regclass('_prisma_migrations') IS NOT NULL THEN
    UPDATE "_prisma_migrations" SET logs = '${SCRIPT_COMMITTED}'
     WHERE id = (SELECT id FROM "_prisma_migrations" WHERE finished_at IS NULL AND rolled_back_at IS NULL
                  ORDER BY started_at DESC LIMIT 1);
  END IF;
END $mark$`;

/** How a connection of the migrator identifies itself and how long it waits to connect (milliseconds). */
const CONNECTION = {
  application_name: "wakefleet-migrate",
  connectionTimeoutMillis: 10_000,
  idleTimeoutMillis: 0,
} as const;

/** PostgreSQL's one-byte type `"char"`, which catalogs use for kinds, and `text`, as which the stock adapter lets it pass. */
const CHAR_OID = 18;
const TEXT_OID = 25;

/**
 * One connection for migrating. No statement timeout, since a migration may rewrite a large table.
 *
 * It presents `"char"` columns as text and remembers their names: the stock adapter refuses them, although the engine's own
 * catalog queries select them as soon as a table has a constraint.
 */
export class MigrationPool extends pg.Pool {
  /** Names of the `"char"` columns of the statement that ran last. */
  readonly charColumns: ReadonlySet<string>;

  constructor(databaseUrl: string) {
    const charColumns = new Set<string>();
    super({
      ...CONNECTION,
      connectionString: databaseUrl,
      max: 1,
      Client: class extends pg.Client {
        constructor(config?: string | pg.ClientConfig) {
          super(config);
          this.connection.on("rowDescription", (message: { fields: { name: string; dataTypeID: number }[] }) => {
            charColumns.clear();
            for (const field of message.fields) {
              if (field.dataTypeID !== CHAR_OID) continue;
              field.dataTypeID = TEXT_OID;
              charColumns.add(field.name);
            }
          });
        }
      },
    });
    this.charColumns = charColumns;
    // A connection lost while idle shows itself at the next query; without a listener it would end the process.
    this.on("error", () => undefined);
  }
}

/** Opens the connection; `database` replaces the one that the URL names. */
export function openMigrationPool(databaseUrl: string, database?: string): MigrationPool {
  const url = new URL(databaseUrl);
  if (database !== undefined) url.pathname = `/${database}`;
  return new MigrationPool(url.toString());
}

/** Adapter factory over `pool`, which stays the caller's to end; shadow databases are made on the same server. */
export function wholeScriptAdapter(options: {
  readonly databaseUrl: string;
  readonly pool: MigrationPool;
}): SqlMigrationAwareDriverAdapterFactory {
  const { databaseUrl, pool } = options;
  return {
    provider: "postgres",
    adapterName: "wakefleet-migrate",
    connect: async () => withWholeScripts(await new PrismaPg(pool).connect(), pool),
    connectToShadowDb: async () => {
      const name = `wakefleet_shadow_${randomUUID().replaceAll("-", "")}`;
      await pool.query(`CREATE DATABASE "${name}"`);
      const shadowPool = openMigrationPool(databaseUrl, name);
      const adapter = withWholeScripts(await new PrismaPg(shadowPool).connect(), shadowPool);
      adapter.dispose = async () => {
        await shadowPool.end();
        await pool.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
      };
      return adapter;
    },
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
    await pool.query(script + MARK_COMMITTED);
  };
  return adapter;
}
