/**
 * Carries out what the domain decided about a policy: incidents, approvals, activity, stop and resume (BU-6, BU-30 to
 * BU-33). The caller holds the counters of the policy's scope.
 */
import type { BudgetThresholdType, JsonObject } from "@wakefleet/contracts";
import { BUDGET_GUIDANCE, type PolicyEffects, RESOLVED_BY_UPDATE_NOTE } from "@wakefleet/domain";
import { openIncident, type PolicyState, resolveOpenIncidents, type Sql } from "@wakefleet/store";
import { BUDGET_SERVICE, type BudgetContext, noteActivity } from "./budget-context.js";
import { requireCompanyLock } from "./budget-locks.js";
import { resumeScope, stopScope } from "./stop-scope.js";

export interface PolicyToApply {
  readonly policy: PolicyState;
  readonly effects: PolicyEffects;
  /** Who set the policy; null when a cost event moved it. */
  readonly userId: string | null;
}

/** Answers whether this paused the policy's scope. */
export async function applyPolicy(tx: Sql, context: BudgetContext, apply: PolicyToApply): Promise<boolean> {
  const { policy, effects, userId } = apply;
  if (effects.stops && policy.scopeType !== "agent") requireCompanyLock(context.held, policy.companyId);
  if (effects.resumes) await resumeScope(tx, context, policy);
  const resolve = (only: "soft" | "all", note: string | null) =>
    resolveOpenIncidents(tx, { policyId: policy.id, only, decision: { userId, note } });
  if (effects.resolves === "all") await resolve("all", RESOLVED_BY_UPDATE_NOTE);
  if (effects.opensSoft) await openThreshold(tx, context, policy, "soft");
  if (effects.resolves === "soft") await resolve("soft", null);
  if (effects.opensHard) await openThreshold(tx, context, policy, "hard");
  return effects.stops ? stopScope(tx, context, policy) : false;
}

async function openThreshold(
  tx: Sql,
  context: BudgetContext,
  policy: PolicyState,
  thresholdType: BudgetThresholdType,
): Promise<void> {
  const incident = await openIncident(tx, {
    companyId: policy.companyId,
    policyId: policy.id,
    scopeType: policy.scopeType,
    scopeId: policy.scopeId,
    metric: policy.metric,
    windowKind: policy.windowKind,
    windowStart: policy.window.start,
    windowEnd: policy.window.end,
    thresholdType,
    amountLimit: policy.amount,
    amountObserved: policy.observed,
    approvalPayload: thresholdType === "hard" ? approvalPayload(policy) : null,
  });
  const { scopeType, scopeId, amountObserved, amountLimit, approvalId } = incident;
  await noteActivity(tx, context, BUDGET_SERVICE, {
    companyId: policy.companyId,
    action: `budget.${thresholdType}_threshold_crossed`,
    entityType: "budget_incident",
    entityId: incident.id,
    details: {
      scopeType,
      scopeId,
      amountObserved,
      amountLimit,
      ...(thresholdType === "hard" ? { approvalId } : {}),
    },
  });
}

/** BU-32. */
function approvalPayload(policy: PolicyState): JsonObject {
  const { scopeType, scopeId, scopeName, metric, windowKind, amount, observed, warnPercent, window, id } = policy;
  return {
    scopeType,
    scopeId,
    scopeName,
    metric,
    windowKind,
    thresholdType: "hard",
    budgetAmount: amount,
    observedAmount: observed,
    warnPercent,
    windowStart: window.start.toISOString(),
    windowEnd: window.end.toISOString(),
    policyId: id,
    guidance: BUDGET_GUIDANCE,
  };
}
