/** One transaction of a change of budgets, with what follows its commit. */
import type { Database, Sql } from "@wakefleet/store";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { NewId } from "../ids.js";
import type { LiveEventPublisher } from "../ports.js";
import { carryOut, nothingAfterCommit } from "../runs/after-commit.js";
import type { BudgetContext } from "./budget-context.js";
import { type BudgetEffectDeps, carryOutBudgetEffects, noBudgetEffects } from "./budget-effects.js";
import { holdCompany, retryingWithBudgetLocks } from "./budget-locks.js";

export interface BudgetDeps extends BudgetEffectDeps {
  readonly db: Database;
  readonly newId: NewId;
  readonly events: LiveEventPublisher;
  readonly dispatcher: Pick<RunDispatcher, "hand">;
}

/**
 * Runs `work` in a transaction, wider and again where it must be (so it may do nothing outside of `tx`), and then tells
 * queues, workers and listeners. Rejects with what `work` threw; then nothing was written.
 */
export async function inBudgetTransaction<T>(
  deps: BudgetDeps,
  work: (tx: Sql, context: BudgetContext) => Promise<T>,
): Promise<T> {
  const { result, context } = await retryingWithBudgetLocks((held) =>
    deps.db.transaction(async (tx) => {
      const context = { newId: deps.newId, held, after: nothingAfterCommit(), effects: noBudgetEffects() };
      await holdCompany(tx, held);
      return { result: await work(tx, context), context };
    }),
  );
  carryOut(deps, context.after);
  await carryOutBudgetEffects(deps, context.effects);
  return result;
}
