/**
 * Which of the assigned issues nobody works on are to be repaired, and how (06 section 5.1, RC-4 to RC-19a). Pure: the
 * first rule that applies ends it.
 */
import type { AgentStatus, IssueStatus } from "@wakefleet/contracts";
import { isInvokable } from "../agent.js";
import {
  ASSIGNMENT_RECOVERY,
  type AutomaticRecovery,
  CONTINUATION_RECOVERY,
  type EndedRunFact,
  hasRecoveryFailed,
  isUnsuccessful,
  RECOVERY_ORIGINS,
  recoveryOf,
  staysStopped,
} from "./automatic-recovery.js";

export interface StrandedFacts {
  readonly issue: {
    readonly status: IssueStatus;
    readonly assigneeAgentId: string | null;
    readonly assigneeUserId: string | null;
    readonly isHidden: boolean;
    readonly originKind: string;
    readonly checkoutRunId: string | null;
    readonly executionRunId: string | null;
  };
  /** The assignee; null: gone or of another company. */
  readonly agent: { readonly status: AgentStatus; readonly wakesOnDemand: boolean } | null;
  /** LV-3, and ends that are not done yet (RC-86). */
  readonly hasExecutionPath: boolean;
  readonly isHeld: boolean;
  /** RC-2; null: none yet. */
  readonly latestRun: (EndedRunFact & { readonly livenessState: string | null }) | null;
  /** RC-9. */
  readonly hasQueuedRequest: boolean;
  readonly isBudgetBlocked: boolean;
  readonly hasUnresolvedBlockers: boolean;
}

export type StrandedDecision =
  | { readonly kind: "skip"; readonly rule: string }
  | { readonly kind: "observe"; readonly rule: "RC-17"; readonly isProductive: boolean }
  /** RC-22: a recovery issue makes no recovery issue. */
  | { readonly kind: "block_in_place"; readonly rule: "RC-8" }
  | { readonly kind: "escalate"; readonly rule: string }
  | { readonly kind: "dispatch"; readonly rule: "RC-11" }
  | { readonly kind: "retry"; readonly rule: string; readonly recovery: AutomaticRecovery };

const PRODUCTIVE: ReadonlySet<string | null> = new Set(["advanced", "completed", "blocked", "needs_followup"]);

export function decideStrandedWork(facts: StrandedFacts): StrandedDecision {
  const { issue, agent, latestRun } = facts;
  const skip = (rule: string): StrandedDecision => ({ kind: "skip", rule });
  const recovery = recoveryOf(issue.status);
  if (recovery === null || issue.assigneeAgentId === null || issue.assigneeUserId !== null || issue.isHidden) {
    return skip("RC-1");
  }
  if (agent === null || !isInvokable(agent.status)) return skip("RC-5");
  if (facts.hasExecutionPath) return skip("RC-6");
  if (facts.isHeld) return skip("RC-7");
  const isRecoveryIssue = issue.originKind === RECOVERY_ORIGINS.strandedIssue;
  if (isRecoveryIssue && latestRun !== null && isUnsuccessful(latestRun.status)) {
    return { kind: "block_in_place", rule: "RC-8" };
  }
  return recovery === ASSIGNMENT_RECOVERY ? decideTodo(facts) : decideInProgress(facts);
}

/** RC-19a: acceptance would refuse or skip the wake; nothing is written for it. */
function wouldBeRefused(facts: StrandedFacts): boolean {
  return facts.hasUnresolvedBlockers || facts.agent?.wakesOnDemand === false;
}

function decideTodo(facts: StrandedFacts): StrandedDecision {
  const { latestRun } = facts;
  if (latestRun === null) {
    if (facts.hasQueuedRequest) return { kind: "skip", rule: "RC-9" };
    if (facts.isBudgetBlocked) return { kind: "skip", rule: "RC-10" };
    return wouldBeRefused(facts) ? { kind: "skip", rule: "RC-19a" } : { kind: "dispatch", rule: "RC-11" };
  }
  if (latestRun.status === "succeeded") return { kind: "skip", rule: "RC-12" };
  if (staysStopped(latestRun)) return { kind: "skip", rule: "RC-12a" };
  if (hasRecoveryFailed(latestRun, ASSIGNMENT_RECOVERY)) return escalate(facts, "RC-13");
  if (facts.isBudgetBlocked) return { kind: "skip", rule: "RC-14" };
  if (wouldBeRefused(facts)) return { kind: "skip", rule: "RC-19a" };
  return { kind: "retry", rule: "RC-15", recovery: ASSIGNMENT_RECOVERY };
}

function decideInProgress(facts: StrandedFacts): StrandedDecision {
  const { latestRun, issue } = facts;
  if (latestRun === null && issue.checkoutRunId === null && issue.executionRunId === null) {
    return { kind: "skip", rule: "RC-16" };
  }
  if (latestRun?.status === "succeeded") {
    return { kind: "observe", rule: "RC-17", isProductive: PRODUCTIVE.has(latestRun.livenessState) };
  }
  if (latestRun !== null && staysStopped(latestRun)) return { kind: "skip", rule: "RC-12a" };
  if (latestRun !== null && hasRecoveryFailed(latestRun, CONTINUATION_RECOVERY)) return escalate(facts, "RC-18");
  if (facts.isBudgetBlocked) return { kind: "skip", rule: "RC-18a" };
  if (wouldBeRefused(facts)) return { kind: "skip", rule: "RC-19a" };
  return { kind: "retry", rule: "RC-19", recovery: CONTINUATION_RECOVERY };
}

function escalate(facts: StrandedFacts, rule: string): StrandedDecision {
  return facts.hasUnresolvedBlockers ? { kind: "skip", rule: "RC-19a" } : { kind: "escalate", rule };
}
