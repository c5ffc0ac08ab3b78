/**
 * How much a decision about budgets holds while it is made. Nearly all of them concern one scope and hold its row and its
 * counters. Only a stop of a company or project reaches the work of other agents: it needs all of them, and they must be
 * locked first (agents, then issues, then counters). So a transaction that finds out too late that it is such a one is
 * undone and done again with the company locked.
 */
import { isRetryable, lockCompanyAndAgents, type Sql } from "@wakefleet/store";

/** Thrown inside a transaction: nothing of it may be kept. Never leaves this folder's callers. */
class CompanyLockNeeded extends Error {
  override readonly name = "CompanyLockNeeded";
  constructor(readonly companyId: string) {
    super(`the agents of company ${companyId} must be locked before this can be decided`);
  }
}

/** The company that a transaction holds with all its agents; null: it holds only what it is about. */
export type HeldCompany = string | null;

/** Gives up the transaction unless it holds the company. */
export function requireCompanyLock(held: HeldCompany, companyId: string): void {
  if (held !== companyId) throw new CompanyLockNeeded(companyId);
}

/**
 * Runs `step`, which opens one transaction and begins it with `holdCompany`; once more with the company locked when it
 * asks for that. Rejects with whatever else it throws.
 */
export async function withBudgetLocks<T>(step: (held: HeldCompany) => Promise<T>): Promise<T> {
  try {
    return await step(null);
  } catch (error) {
    if (!(error instanceof CompanyLockNeeded)) throw error;
    return step(error.companyId);
  }
}

/** The first statement of such a transaction. */
export async function holdCompany(tx: Sql, held: HeldCompany): Promise<void> {
  if (held !== null) await lockCompanyAndAgents(tx, held);
}

const MAX_ATTEMPTS = 4;

/** The same, and again when PostgreSQL broke a circle of locks: nothing had happened. */
export async function retryingWithBudgetLocks<T>(step: (held: HeldCompany) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await withBudgetLocks(step);
    } catch (error) {
      if (!isRetryable(error) || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}
