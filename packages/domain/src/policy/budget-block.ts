/**
 * What blocks an invocation (BU-14 to BU-18). Pure; asked at accepting, at claiming and before every automatic
 * continuation. The block rests on observed amounts, so it holds even where nothing was paused yet.
 */
import type { AgentStatus, CompanyStatus } from "@wakefleet/contracts";

export type BudgetScope = "company" | "agent" | "project";

/** An active hard-stop policy with an amount above 0, and what its window has observed. */
export interface HardStopPolicy {
  readonly scopeType: BudgetScope;
  readonly scopeId: string;
  readonly amount: number;
  readonly observed: number;
}

export interface BudgetFacts {
  readonly company: { readonly id: string; readonly status: CompanyStatus; readonly pauseReason: string | null };
  readonly agent: { readonly id: string; readonly status: AgentStatus; readonly pauseReason: string | null };
  /** The context's and the project, where they are of this company (BU-16). */
  readonly projects: readonly {
    readonly id: string;
    readonly isPaused: boolean;
    readonly pauseReason: string | null;
  }[];
  /** Every policy of the company, the agent and these projects (BU-17). */
  readonly policies: readonly HardStopPolicy[];
}

export interface BudgetBlock {
  readonly rule: string;
  readonly scopeType: BudgetScope;
  readonly scopeId: string;
  readonly reason: string;
}

/** The first row of BU-15 that applies; null: not blocked. */
export function budgetBlock(facts: BudgetFacts): BudgetBlock | null {
  const { company, agent } = facts;
  const exceeded = (scopeType: BudgetScope, scopeId: string): boolean =>
    facts.policies.some((one) => one.scopeType === scopeType && one.scopeId === scopeId && one.observed >= one.amount);
  const block = (rule: string, scopeType: BudgetScope, scopeId: string, reason: string): BudgetBlock => ({
    rule,
    scopeType,
    scopeId,
    reason,
  });

  if (company.status === "paused" && company.pauseReason === "budget") {
    return block("BU-15.1", "company", company.id, "Company is paused because its budget hard-stop was reached.");
  }
  if (company.status === "paused") {
    return block("BU-15.2", "company", company.id, "Company is paused and cannot start new work.");
  }
  if (company.status === "archived") {
    return block("BU-15.3", "company", company.id, "Company is archived and cannot start new work.");
  }
  if (exceeded("company", company.id)) {
    const reason = "Company cannot start new work because its budget hard-stop is exceeded.";
    return block("BU-15.4", "company", company.id, reason);
  }
  if (agent.status === "paused" && agent.pauseReason === "budget") {
    return block("BU-15.5", "agent", agent.id, "Agent is paused because its budget hard-stop was reached.");
  }
  if (exceeded("agent", agent.id)) {
    return block("BU-15.6", "agent", agent.id, "Agent cannot start because its budget hard-stop is still exceeded.");
  }
  for (const project of facts.projects) {
    if (exceeded("project", project.id)) {
      const reason = "Project cannot start work because its budget hard-stop is still exceeded.";
      return block("BU-15.7", "project", project.id, reason);
    }
    if (project.isPaused && project.pauseReason === "budget") {
      return block("BU-15.8", "project", project.id, "Project is paused because its budget hard-stop was reached.");
    }
  }
  return null;
}
