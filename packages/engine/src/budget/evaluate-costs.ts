/**
 * What a cost event sets off (BU-33, BU-43), in the transaction that wrote it: the month's sums of its agent and company,
 * then the policies of company, agent and project, in this order.
 */
import { evaluateAfterCost } from "@wakefleet/domain";
import { readPoliciesOf, refreshSpentMonthly, type Sql } from "@wakefleet/store";
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
  let stopped = false;
  let agentPaused = false;
  const pausedScopes = new Set<string>();
  for (const policy of policies) {
    const scopeKey = `${policy.scopeType}:${policy.scopeId}`;
    const scopeIsPaused = policy.scopeIsPaused || pausedScopes.has(scopeKey);
    const effects = evaluateAfterCost({ ...policy, scopeIsPaused });
    const paused = await applyPolicy(tx, context, { policy, effects, userId: null });
    if (effects.stops) {
      stopped = true;
      pausedScopes.add(scopeKey);
      agentPaused ||= paused && policy.scopeType === "agent";
    }
  }
  return { stopped, agentPaused };
}
