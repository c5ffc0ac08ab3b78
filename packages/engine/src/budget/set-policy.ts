/** Setting a budget policy (BU-5 to BU-10): stored, judged and acted on in one transaction. */
import { type BudgetMetric, type BudgetScopeType, type BudgetWindowKind, WakefleetError } from "@wakefleet/contracts";
import { defaultWindowKind, evaluateAfterSetting, type SentSetting, settlePolicy } from "@wakefleet/domain";
import {
  type AgentRow,
  type BudgetScopeKey,
  findAgent,
  findBudgetScope,
  findPolicy,
  findPolicyByKey,
  lockBudgetCounters,
  lockBudgetScope,
  type PolicyKey,
  type PolicyState,
  recordAgentRevision,
  type Sql,
  storePolicy,
} from "@wakefleet/store";
import { applyPolicy } from "./apply-policy.js";
import { type BudgetActor, type BudgetContext, noteActivity } from "./budget-context.js";
import { type BudgetDeps, inBudgetTransaction } from "./budget-transaction.js";

export interface SetBudgetPolicyCommand extends BudgetScopeKey {
  readonly metric?: BudgetMetric | undefined;
  readonly windowKind?: BudgetWindowKind | undefined;
  readonly setting: SentSetting;
  readonly actor: BudgetActor;
}

const NOT_FOUND: Record<BudgetScopeType, string> = {
  company: "Company not found",
  agent: "Agent not found",
  project: "Project not found",
};

/** BU-5, then BU-6 at once. Throws `not_found` and `unprocessable` for a scope that is not there or not this company's. */
export async function setBudgetPolicy(deps: BudgetDeps, command: SetBudgetPolicyCommand): Promise<PolicyState> {
  await assertScope(deps, command);
  return inBudgetTransaction(deps, (tx, context) => setPolicyIn(tx, context, command));
}

/** API-246: the month's budget of a company or agent, with the activity of that route beside the policy's. */
export async function setMonthlyBudget(
  deps: BudgetDeps,
  command: BudgetScopeKey & { readonly amount: number; readonly actor: BudgetActor },
): Promise<PolicyState> {
  const { amount, actor, companyId, scopeType, scopeId } = command;
  await assertScope(deps, command);
  return inBudgetTransaction(deps, async (tx, context) => {
    const setting = { amount };
    const policy = await setPolicyIn(tx, context, { ...command, setting, windowKind: "calendar_month_utc" });
    await noteActivity(tx, context, actor, {
      companyId,
      action: `${scopeType}.budget_updated`,
      entityType: scopeType,
      entityId: scopeId,
      details: { budgetMonthlyCents: amount },
    });
    return policy;
  });
}

/**
 * BU-6 for a month policy that was already stored with a change of its company or agent (BU-10). Call it after that was
 * committed; without a policy there is nothing to judge.
 */
export async function applyMonthlyBudget(
  deps: BudgetDeps,
  command: BudgetScopeKey & { readonly actor: BudgetActor },
): Promise<void> {
  await inBudgetTransaction(deps, async (tx, context) => {
    await holdScope(tx, command);
    const policy = await findPolicyByKey(tx, {
      ...command,
      metric: "billed_cents",
      windowKind: "calendar_month_utc",
    });
    if (policy === null) return;
    await noteUpsert(tx, context, command.actor, policy);
    await judge(tx, context, policy, command.actor.userId);
  });
}

async function assertScope(deps: BudgetDeps, scope: BudgetScopeKey): Promise<void> {
  const owner = await findBudgetScope(deps.db.sql, scope);
  if (owner === null) throw new WakefleetError("not_found", NOT_FOUND[scope.scopeType]);
  if (owner.companyId !== scope.companyId) {
    throw new WakefleetError("unprocessable", "Budget scope does not belong to company");
  }
}

/** The scope's row, then its sums: from here on its policies are this transaction's alone. */
async function holdScope(tx: Sql, scope: BudgetScopeKey): Promise<void> {
  await lockBudgetScope(tx, scope);
  await lockBudgetCounters(tx, scope);
}

async function setPolicyIn(tx: Sql, context: BudgetContext, command: SetBudgetPolicyCommand): Promise<PolicyState> {
  const { companyId, scopeType, scopeId, actor } = command;
  await holdScope(tx, command);
  const key: PolicyKey = {
    companyId,
    scopeType,
    scopeId,
    metric: command.metric ?? "billed_cents",
    windowKind: command.windowKind ?? defaultWindowKind(scopeType),
  };
  const stored = await findPolicyByKey(tx, key);
  const before = await agentOf(tx, key);
  const id = await storePolicy(tx, { ...key, ...settlePolicy(command.setting, stored), userId: actor.userId });
  const after = before === null ? null : await findAgent(tx, before.id);
  if (before !== null && after !== null) {
    await recordAgentRevision(tx, { before, after, by: actor, source: "patch", rolledBackFromRevisionId: null });
  }
  const policy = await mustFind(tx, id);
  await noteUpsert(tx, context, actor, policy);
  await judge(tx, context, policy, actor.userId);
  return mustFind(tx, id);
}

/** AL-17: the agent whose month's budget the policy is; null for every other policy. */
async function agentOf(tx: Sql, { scopeType, scopeId, windowKind }: PolicyKey): Promise<AgentRow | null> {
  if (scopeType !== "agent" || windowKind !== "calendar_month_utc") return null;
  return await findAgent(tx, scopeId);
}

async function judge(tx: Sql, context: BudgetContext, policy: PolicyState, userId: string | null): Promise<void> {
  await applyPolicy(tx, context, { policy, effects: evaluateAfterSetting(policy), userId });
}

/** AC-30. */
async function noteUpsert(tx: Sql, context: BudgetContext, actor: BudgetActor, policy: PolicyState): Promise<void> {
  const { companyId, id, scopeType, scopeId, amount, windowKind } = policy;
  await noteActivity(tx, context, actor, {
    companyId,
    action: "budget.policy_upserted",
    entityType: "budget_policy",
    entityId: id,
    details: { scopeType, scopeId, amount, windowKind },
  });
}

export async function mustFind(tx: Sql, policyId: string): Promise<PolicyState> {
  const policy = await findPolicy(tx, policyId);
  if (policy === null) throw new Error(`budget policy ${policyId} vanished inside its own transaction`);
  return policy;
}
