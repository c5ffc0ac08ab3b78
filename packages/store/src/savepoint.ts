/**
 * A step of a transaction that may fail by itself: what it wrote is undone, the transaction goes on. Only what says that
 * the whole transaction is lost (the connection went, the server stops) is passed on.
 */
import { isStoreUnavailable } from "./database.js";
import type { Sql } from "./sql.js";

export type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

/** A statement that took too long, or waited too long for a lock, ends its step and nothing more. */
const STEP_ONLY: ReadonlySet<unknown> = new Set(["57014", "55P03"]);

/** Runs `work` between `SAVEPOINT` and `RELEASE`; `name` is our own text, never input. */
export async function savepoint<T>(tx: Sql, name: string, work: () => Promise<T>): Promise<Attempt<T>> {
  await tx.query(`SAVEPOINT ${name}`);
  try {
    const value = await work();
    await tx.query(`RELEASE SAVEPOINT ${name}`);
    return { ok: true, value };
  } catch (error) {
    const { code } = (error ?? {}) as { code?: unknown };
    if (isStoreUnavailable(error) && !STEP_ONLY.has(code)) throw error;
    await tx.query(`ROLLBACK TO SAVEPOINT ${name}`);
    return { ok: false, error };
  }
}

/**
 * Longest wait for a lock until the transaction (or the savepoint it stands in) ends, ms; null: as long as it takes. For
 * steps that lock what their transaction's order of locks did not foresee: they give up instead of waiting in a circle.
 */
export async function limitLockWaits(tx: Sql, maxMs: number | null): Promise<void> {
  const value = maxMs === null ? 0 : Math.max(1, Math.floor(maxMs));
  await tx.query("SELECT set_config('lock_timeout', $1, true)", [`${value}`], "limit_lock_waits");
}
