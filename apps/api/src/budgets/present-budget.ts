/** Policies and overviews as they are answered (BU-11). */
import type { BudgetPolicySummary, PauseReason } from "@wakefleet/contracts";
import { budgetStatus, effectiveAmount, utilizationPercent } from "@wakefleet/domain";
import type { PolicyState } from "@wakefleet/store";

/** A `PolicySummary`; an inactive policy shows an amount of 0. */
export function presentPolicy(policy: PolicyState): BudgetPolicySummary {
  const amount = effectiveAmount(policy);
  return {
    policyId: policy.id,
    companyId: policy.companyId,
    scopeType: policy.scopeType,
    scopeId: policy.scopeId,
    scopeName: policy.scopeName,
    metric: policy.metric,
    windowKind: policy.windowKind,
    amount,
    observedAmount: policy.observed,
    remainingAmount: Math.max(0, amount - policy.observed),
    utilizationPercent: utilizationPercent(policy.observed, amount),
    warnPercent: policy.warnPercent,
    hardStopEnabled: policy.hardStopEnabled,
    notifyEnabled: policy.notifyEnabled,
    isActive: policy.isActive,
    status: budgetStatus(policy),
    paused: policy.isPaused,
    // The column's check holds it to this set.
    pauseReason: policy.pauseReason as PauseReason | null,
    windowStart: policy.window.start.toISOString(),
    windowEnd: policy.window.end.toISOString(),
  };
}
