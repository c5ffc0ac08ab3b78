/** Who is given the repair (RC-27, RC-47b, RC-62): the first of the candidates that may be woken and has budget. Pure. */
import type { AgentStatus } from "@wakefleet/contracts";
import { isInvokable } from "../agent.js";
import { type BudgetFacts, budgetBlock } from "../policy/budget-block.js";

export interface OwnerCandidate {
  readonly agentId: string;
  readonly status: AgentStatus;
  /** What budgets say of the agent, for the project. */
  readonly budget: BudgetFacts;
}

/** Candidates come in the order of preference; an agent named twice is looked at once. */
export function chooseOwner(candidates: readonly OwnerCandidate[]): string | null {
  return candidates.find((one) => isInvokable(one.status) && budgetBlock(one.budget) === null)?.agentId ?? null;
}
