/**
 * The connection that migrating goes through.
 *
 * What must stay true: there is one, so that session locks and the engine's own session belong together.
 */
import pg from "pg";

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
