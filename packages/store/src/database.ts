/**
 * Opens PostgreSQL: two bounded pools a process. Transactions have one of their own, because their statements are few,
 * constant and wide: planned once for all (`force_generic_plan`) they cost a tenth of being planned for every wake, which
 * PostgreSQL would do by itself since it cannot know how short the arrays are that it is given. Reading, and Prisma with
 * it, keeps plans that fit its filters.
 *
 * Transactions send what need not be waited for one by one together (the driver's pipeline): `BEGIN` with the first
 * statements, and the last statement with `COMMIT`. A wake is decided in two round trips that way, not in five.
 *
 * What must stay true: every wait is bounded (connect, statement, idle in transaction), so that a database that went
 * away shows itself as an error within seconds and never as a hung request (API-57).
 */
import pg from "pg";
import { isPlanOutdated, type Sql, sqlOf, useTypeParsers } from "./sql.js";
import { transactionMark } from "./transaction-mark.js";

useTypeParsers(pg.types);

export interface DatabaseOptions {
  /** PostgreSQL URL. */
  readonly url: string;
  /** Greatest number of connections of this process, at least 2. */
  readonly maxConnections?: number;
  /** Longest a statement may run, milliseconds. */
  readonly statementTimeoutMs?: number;
  /** Longest wait for a connection, milliseconds. */
  readonly connectTimeoutMs?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string;
  /** Told about errors of idle connections; they are not fatal. */
  readonly onIdleError?: (error: Error) => void;
}

export interface Database {
  /** Connections for single statements and for Prisma. */
  readonly pool: pg.Pool;
  /** Connections for transactions. */
  readonly transactionPool: pg.Pool;
  /** Single statements, each its own transaction. */
  readonly sql: Sql;
  /**
   * BEGIN, `work`, COMMIT on one connection; ROLLBACK if `work` throws. Nothing inside may use another handle. Statements
   * run in the order in which they are sent; those sent without waiting for each other travel together.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** The handle of an open transaction. */
export interface Transaction extends Sql {
  /**
   * For the transaction's last statement: COMMIT is sent right behind it, one round trip for both. It resolves with the
   * statement's rows, which is before the commit is known; `transaction` waits for that. Nothing may be sent after it.
   */
  readonly last: Sql;
}

/** The share of the connections that transactions get. */
const TRANSACTION_SHARE = 0.6;
/**
 * One plan for each statement, for as long as the connection lives. It may have been made when the fleet was empty and
 * every table one page: then nothing but this keeps PostgreSQL from reading tables whole when they have grown. Before
 * PostgreSQL 18 a scan that is off counts as very dear, which a server with a compiler (`jit`) would answer by compiling
 * statements that take a fraction of a millisecond.
 */
const TRANSACTION_PLANS = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off";
const STATEMENT_TIMEOUT_MS = 15_000;
/** How much longer than the server's own limit a statement is waited for. */
const ANSWER_GRACE_MS = 3_000;

function isAnswerOverdue(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
}

export function openDatabase(options: DatabaseOptions): Database {
  const connections = Math.max(2, options.maxConnections ?? 10);
  const forTransactions = Math.min(connections - 1, Math.ceil(connections * TRANSACTION_SHARE));
  const pool = openPool(options, connections - forTransactions);
  const transactionPool = openPool(options, forTransactions, { pipeline: true });
  transactionPool.on("connect", (client) => {
    // Answered before whatever the connection was opened for: the driver sends one statement after the other.
    client.query(TRANSACTION_PLANS).catch((error: Error) => options.onIdleError?.(error));
  });
  const sql = sqlOf(pool, { repeats: true });
  return {
    pool,
    transactionPool,
    sql,
    async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
      const client = await transactionPool.connect();
      let broken: Error | undefined;
      // A connection that ends between two statements has no query to reject: without a listener it would end the
      // process. The next statement on it fails, and so the transaction.
      const onLost = (error: Error): void => {
        broken = error;
      };
      client.on("error", onLost);
      try {
        return await runTransaction(client, work);
      } catch (error) {
        try {
          // Behind a statement that nobody answers any more a rollback would only wait as long again.
          if (isAnswerOverdue(error)) throw error;
          await client.query("ROLLBACK");
        } catch (rollbackError) {
          // The connection is gone: the server rolls back by itself. Do not return it to the pool.
          broken = rollbackError as Error;
        }
        throw error;
      } finally {
        client.release(broken);
        // A lost client leaves the pool; what it still has to say is heard by nobody else.
        if (broken === undefined) client.off("error", onLost);
      }
    },
    async close(): Promise<void> {
      await Promise.all([pool.end(), transactionPool.end()]);
    },
  };
}

/** What a transaction sends, without giving its connection back. */
async function runTransaction<T>(client: pg.PoolClient, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const sql = sqlOf(client);
  // Sent with what follows it and judged before anything is committed. It cannot fail on a connection that goes on.
  const begun = client.query("BEGIN");
  begun.catch(ignoreUntilJudged);
  let committed: Promise<pg.QueryResult> | null = null;
  function assertOpen(): void {
    if (committed !== null) throw new Error("the transaction's last statement was sent: nothing can follow it");
  }
  const tx: Transaction = {
    async query<Row>(text: string, values?: readonly unknown[], name?: string): Promise<Row[]> {
      assertOpen();
      return await sql.query<Row>(text, values, name);
    },
    last: {
      async query<Row>(text: string, values?: readonly unknown[], name?: string): Promise<Row[]> {
        assertOpen();
        const rows = sql.query<Row>(text, values, name);
        // Where the statement fails, this COMMIT is answered as the rollback it then is.
        committed = client.query("COMMIT");
        committed.catch(ignoreUntilJudged);
        return await rows;
      },
    },
  };
  const mark = transactionMark();
  if (mark !== undefined) await mark(tx);
  const result = await work(tx);
  await begun;
  const { command } = await (committed ?? client.query("COMMIT"));
  // PostgreSQL answers so when a statement failed and its error was caught: what `work` says it did did not happen.
  if (command !== "COMMIT") throw new Error(`the transaction ended with ${command}: one of its statements had failed`);
  return result;
}

/** The promise is awaited later; until then its rejection is not an unhandled one. */
const ignoreUntilJudged = (): undefined => undefined;

function openPool(options: DatabaseOptions, max: number, settings: { pipeline?: boolean } = {}): pg.Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const pool = new pg.Pool({
    ...settings,
    connectionString: options.url,
    max,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: statementTimeoutMs,
    // The server ends a statement in time; no answer after that means that the connection is dead, though nobody closed it.
    query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
    idle_in_transaction_session_timeout: 30_000,
    application_name: options.applicationName ?? "wakefleet",
  });
  pool.on("error", (error) => options.onIdleError?.(withoutClient(error)));
  return pool;
}

/** The pool hangs the whole client on the error of an idle connection: its statements and keys belong in no log. */
function withoutClient(error: Error & { client?: unknown }): Error {
  delete error.client;
  return error;
}

/** SQLSTATE classes and node codes that mean "the database is away or refusing", not "the statement was wrong". */
const UNAVAILABLE = /^(08|57P0|53|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|EAI_AGAIN)/;

/** True when an error means that PostgreSQL is away, refusing or not answering in time (API-57). */
export function isStoreUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string" && (UNAVAILABLE.test(code) || code === "57014" || code === "25P03")) return true;
  if (
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout/.test(
      error.message,
    )
  ) {
    return true;
  }
  return error instanceof AggregateError && error.errors.some(isStoreUnavailable);
}

/**
 * True for a deadlock, a serialization failure or a statement that was prepared before a migration (RL-8): nothing
 * happened, the transaction may be run again.
 */
export function isRetryable(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return code === "40P01" || code === "40001" || isPlanOutdated(error);
}
