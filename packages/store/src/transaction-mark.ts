/**
 * What is to happen in every transaction that some work opens, whoever opens it: a request that may be repeated marks its
 * record in the transaction of its change, so that the mark and the change commit together or not at all (API-308).
 *
 * What must stay true: the mark belongs to the work that set it. What shares transactions with others leaves it behind.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Sql } from "./sql.js";

/** Runs first in each transaction; when it throws, nothing of the transaction happens. */
export type TransactionMark = (tx: Sql) => Promise<void>;

const marks = new AsyncLocalStorage<TransactionMark>();

/** Runs `work`; every transaction that it opens begins with `mark`. */
export function withTransactionMark<T>(mark: TransactionMark, work: () => Promise<T>): Promise<T> {
  return marks.run(mark, work);
}

/** Runs `work` without the mark of whoever calls: its transactions are not the caller's alone. */
export function withoutTransactionMark<T>(work: () => T): T {
  return marks.exit(work);
}

/** The mark of the work that is under way; undefined without one. */
export function transactionMark(): TransactionMark | undefined {
  return marks.getStore();
}
