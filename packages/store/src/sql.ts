/**
 * The handle that every store function takes first (STY-35): a pool or an open transaction, never a global.
 *
 * Hot paths are plain parameterised SQL over node-postgres, on the very pool that Prisma's driver adapter uses
 * (docs/decisions/0002). Rows come back with the column names the statement gave them.
 */
import type pg from "pg";

export interface Sql {
  /**
   * Runs one statement. A `name` makes it a prepared statement on its connection: give one to constant, hot texts.
   * Rejects with the driver's error; `store_unavailable` is judged by {@link isStoreUnavailable}.
   */
  query<Row>(text: string, values?: readonly unknown[], name?: string): Promise<Row[]>;
}

/** 64-bit counters are JSON numbers at the edge (DM-6): parse int8 as a number; instants stay `Date`. */
const INT8_OID = 20;

/**
 * How often prepared statements of this process were found outdated. It is part of their names, so that every connection
 * prepares them anew, by a table as it is now.
 */
let outdatings = 0;

/**
 * Wraps a pool or a client of node-postgres as {@link Sql}.
 *
 * A newer version's migration may add a column while this process runs (RL-8); a prepared `SELECT *` of the table is then
 * refused, on that connection for ever. The statement did nothing. `repeats` runs it again; in a transaction, which has
 * failed as a whole, the error is one of {@link isPlanOutdated}.
 */
export function sqlOf(queryable: pg.Pool | pg.PoolClient, options: { readonly repeats?: boolean } = {}): Sql {
  const run = async (text: string, values: readonly unknown[], name: string | undefined): Promise<unknown[]> => {
    const result = await queryable.query({
      text,
      values: values as unknown[],
      ...(name === undefined ? {} : { name: outdatings === 0 ? name : `${name}@${outdatings}` }),
      types: typeParsers,
    } as pg.QueryConfig);
    return result.rows;
  };
  return {
    async query<Row>(text: string, values: readonly unknown[] = [], name?: string): Promise<Row[]> {
      const before = outdatings;
      try {
        return (await run(text, values, name)) as Row[];
      } catch (error) {
        if (!isPlanOutdated(error)) throw error;
        // Of many that find out at once, one counts.
        if (outdatings === before) outdatings += 1;
        if (options.repeats !== true) throw error;
        return (await run(text, values, name)) as Row[];
      }
    },
  };
}

/** True when a prepared statement was refused because its table has other columns now. Nothing happened by it. */
export function isPlanOutdated(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error as { code?: unknown }).code === "0A000" &&
    error.message.includes("cached plan must not change result type")
  );
}

let builtinTypes: { getTypeParser(oid: number, format?: string): (value: string) => unknown } | null = null;

/** Set once by database.ts, which owns the driver import. */
export function useTypeParsers(types: {
  getTypeParser(oid: number, format?: never): (value: string) => unknown;
}): void {
  builtinTypes = types as unknown as typeof builtinTypes;
}

const typeParsers = {
  getTypeParser(oid: number, format?: string): (value: string) => unknown {
    if (oid === INT8_OID) return Number;
    if (builtinTypes === null) throw new Error("type parsers are not set: open a database first");
    return builtinTypes.getTypeParser(oid, format);
  },
};

/**
 * SQL that reads a text column as a uuid, or null when it is none. `issue_id` columns hold what the caller sent (a
 * non-empty string); joining through this keeps the primary key's index in use. `column` is our own text, never input.
 */
export function uuidOf(column: string): string {
  return `(CASE WHEN (${column}) ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' THEN (${column})::uuid END)`;
}

/**
 * A condition that PostgreSQL checks on each row found, and never looks up in an index. For what is said beside a key: a
 * plan made while the table was empty takes an index by status to be as good as the key, and reads all that waits once
 * much does. `condition` is our own text, never input.
 */
export function checkedOnly(condition: string): string {
  return `((${condition}) IS TRUE)`;
}
