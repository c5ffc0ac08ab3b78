/**
 * RC-72 to RC-79, FI-9: a run that failed has just released its issue and nothing else works on it. Pure: the issue's row
 * is locked, and the facts were read under that lock.
 */
import type { AgentStatus, IssueStatus } from "@wakefleet/contracts";
import { isInvokable } from "../agent.js";
import {
  type AutomaticRecovery,
  comesBackByItself,
  type EndedRunFact,
  hasRecoveryFailed,
  isUnsuccessful,
  RECOVERY_ORIGINS,
  recoveryOf,
  staysStopped,
} from "./automatic-recovery.js";

export interface ImmediateRecoveryFacts {
  readonly run: EndedRunFact & { readonly agentId: string };
  readonly issue: {
    readonly status: IssueStatus;
    readonly assigneeAgentId: string | null;
    readonly assigneeUserId: string | null;
    readonly originKind: string;
  };
  /** Null: gone. */
  readonly agent: { readonly status: AgentStatus; readonly wakesOnDemand: boolean } | null;
  readonly hasOtherActiveRun: boolean;
  readonly isHeld: boolean;
  readonly isBudgetBlocked: boolean;
  readonly hasUnresolvedBlockers: boolean;
}

export type ImmediateRecovery =
  /** Only released. */
  | { readonly kind: "none"; readonly rule: string }
  /** RC-76. */
  | { readonly kind: "block"; readonly recovery: AutomaticRecovery }
  /** RC-77. */
  | { readonly kind: "retry"; readonly recovery: AutomaticRecovery };

/** Decides what follows, where no deferred wake was promoted. */
export function planImmediateRecovery(facts: ImmediateRecoveryFacts): ImmediateRecovery {
  const { run, issue, agent } = facts;
  const recovery = recoveryOf(issue.status);
  const isTheirs = issue.assigneeUserId === null && issue.assigneeAgentId === run.agentId;
  if (recovery === null || !isTheirs || !isUnsuccessful(run.status)) return { kind: "none", rule: "RC-73" };
  if (facts.hasOtherActiveRun) return { kind: "none", rule: "RC-74" };
  if (facts.isHeld) return { kind: "none", rule: "RC-75" };
  const waits =
    facts.isBudgetBlocked ||
    facts.hasUnresolvedBlockers ||
    agent?.wakesOnDemand === false ||
    agent?.status === "paused" ||
    agent?.status === "terminated" ||
    comesBackByItself(run);
  if (waits) return { kind: "none", rule: "RC-75a" };
  if (staysStopped(run)) return { kind: "none", rule: "RC-78" };
  const mayNotRetry =
    issue.originKind === RECOVERY_ORIGINS.strandedIssue ||
    agent === null ||
    !isInvokable(agent.status) ||
    hasRecoveryFailed(run, recovery);
  return { kind: mayNotRetry ? "block" : "retry", recovery };
}
