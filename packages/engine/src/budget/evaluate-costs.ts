/**
 * What a cost event sets off (BU-33, BU-43), in the transaction that wrote it: the month's sums of its agent and company,
 * then the policies of company, agent and project, in this order.
 */
import { evaluateAfterCost } from "@wakefleet/domain";
import { type PolicyState, readPoliciesOf, refreshSpentMonthly, type Sql } from "@wakefleet/store";
import { applyPolicy } from "./apply-policy.js";
import type { BudgetContext } from "./budget-context.js";

/** Whom an event belongs to. */
export interface CostScope {
  readonly companyId: string;
  readonly agentId: string;
  readonly projectId: string | null;
}

export interface CostEvaluation {
  /** A scope of the event was stopped: its work is to wait. */
  readonly stopped: boolean;
  /** The event's agent is paused by this. */
  readonly agentPaused: boolean;
}

/** Call it after the event was written, with the agent's row locked. */
export async function evaluateCosts(tx: Sql, context: BudgetContext, scope: CostScope): Promise<CostEvaluation> {
  const { companyId, agentId, projectId } = scope;
  await refreshSpentMonthly(tx, { companyId, agentIds: [agentId] });
  const policies = await readPoliciesOf(tx, {
    companyId,
    agentIds: [agentId],
    projectIds: projectId === null ? [] : [projectId],
  });
  const { stops } = await evaluatePolicies(tx, context, policies);
  return {
    stopped: stops.length > 0,
    agentPaused: stops.some(({ policy, paused }) => paused && policy.scopeType === "agent"),
  };
}

/** A policy that stopped its scope. */
export interface PolicyStop<Policy extends PolicyState = PolicyState> {
  readonly policy: Policy;
  /** It was this that paused the scope (BU-20). */
  readonly paused: boolean;
  /** Running runs that were asked to stop. */
  readonly askedRunIds: readonly string[];
}

/** Judges policies one by one (BU-33). Hold the counters of their scopes, and the agents of those that are an agent's. */
export async function evaluatePolicies<Policy extends PolicyState>(
  tx: Sql,
  context: BudgetContext,
  policies: readonly Policy[],
): Promise<{ readonly stops: readonly PolicyStop<Policy>[] }> {
  const stops: PolicyStop<Policy>[] = [];
  const pausedScopes = new Set<string>();
  for (const policy of policies) {
    const scopeKey = `${policy.scopeType}:${policy.scopeId}`;
    const scopeIsPaused = policy.scopeIsPaused || pausedScopes.has(scopeKey);
    const effects = evaluateAfterCost({ ...policy, scopeIsPaused });
    const askedBefore = context.effects.asked.length;
    const paused = await applyPolicy(tx, context, { policy, effects, userId: null });
    if (!effects.stops) continue;
    pausedScopes.add(scopeKey);
    const askedRunIds = context.effects.asked.slice(askedBefore).map(({ runId }) => runId);
    stops.push({ policy, paused, askedRunIds });
  }
  return { stops };
}
