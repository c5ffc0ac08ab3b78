/**
 * The sweep `budget-counters` (BU-18): what budgets have observed is made again from the cost events, company by company. In
 * a healthy fleet it changes nothing; what it has to mend is a fault, and is told as one.
 */
import { type Database, isRetryable, listCompanies, rebuildBudgetCounters } from "@wakefleet/store";
import type { Log } from "../ports.js";

export interface CounterCheck {
  readonly companies: number;
  /** Sums that did not say what the events say. */
  readonly mended: number;
}

/** One round over all companies; one that cannot be looked at now has its turn in the next round. */
export async function checkBudgetCounters(
  deps: { readonly db: Database; readonly log: Log },
  signal: AbortSignal,
): Promise<CounterCheck> {
  let companies = 0;
  let mended = 0;
  for (const { id: companyId } of await listCompanies(deps.db.sql, null)) {
    if (signal.aborted) break;
    try {
      const wrong = await deps.db.transaction((tx) => rebuildBudgetCounters(tx, companyId));
      companies += 1;
      mended += wrong.length;
      for (const counter of wrong) {
        deps.log.error(
          { event: "budget.counter_mended", ...counter },
          "a budget's sum did not say what its events say",
        );
      }
    } catch (error) {
      if (!isRetryable(error)) throw error;
      deps.log.warn({ event: "budget.counter_skipped", companyId, err: error }, "looked at again in the next round");
    }
  }
  return { companies, mended };
}
