/** How far a policy's budget is used (BU-4, BU-11). Pure arithmetic in whole cents. */
import type { BudgetStatus } from "@wakefleet/contracts";

/** What of a policy decides its status. `observed` is what its window has counted, cents. */
export interface PolicyUse {
  readonly isActive: boolean;
  readonly amount: number;
  readonly warnPercent: number;
  readonly observed: number;
}

/** The observed amount a warning starts at, cents (BU-4). */
export function warningAmount(policy: Pick<PolicyUse, "amount" | "warnPercent">): number {
  return Math.ceil((policy.amount * policy.warnPercent) / 100);
}

/** BU-7: a policy that is switched off counts as one without a limit. */
export function effectiveAmount(policy: Pick<PolicyUse, "isActive" | "amount">): number {
  return policy.isActive ? policy.amount : 0;
}

/** BU-4. */
export function budgetStatus(policy: PolicyUse): BudgetStatus {
  if (effectiveAmount(policy) === 0) return "ok";
  if (policy.observed >= policy.amount) return "hard_stop";
  return policy.observed >= warningAmount(policy) ? "warning" : "ok";
}

/** Percent of `amount` that `used` is, with two decimals; 0 without an amount (BU-11, BU-45). */
export function utilizationPercent(used: number, amount: number): number {
  return amount === 0 ? 0 : Math.round((used / amount) * 10_000) / 100;
}
