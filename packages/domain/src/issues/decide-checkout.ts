/** Who may take an issue into `in_progress` (CO-22 to CO-29). Pure; the caller holds the issue and the runs of its locks. */
import type { IssueStatus } from "@wakefleet/contracts";

export interface CheckoutFacts {
  readonly issue: {
    readonly status: IssueStatus;
    readonly assigneeAgentId: string | null;
    readonly assigneeUserId: string | null;
    readonly checkoutRunId: string | null;
    readonly executionRunId: string | null;
  };
  readonly agentId: string;
  /** The run it is asked in; null for an operator. */
  readonly runId: string | null;
  readonly expectedStatuses: readonly IssueStatus[];
  /** An operator may take an issue from a person (CO-25). */
  readonly isOperator: boolean;
  /** Runs among those named here that are active; all others are over or gone. */
  readonly activeRunIds: ReadonlySet<string>;
  /** An active pause hold covers the issue (TH-10). */
  readonly isHeld: boolean;
  /** The run was woken by a verified interaction with this very issue (TH-23). */
  readonly isInteraction: boolean;
  readonly unresolvedBlockerIssueIds: readonly string[];
}

export type CheckoutDecision =
  | { readonly kind: "held"; readonly rule: "CO-22" }
  | { readonly kind: "blocked"; readonly rule: "CO-24" }
  /** `staleCheckoutRunId`: the checkout is taken over from a run that is over (AC-39). */
  | { readonly kind: "take"; readonly rule: "CO-25" | "CO-26" | "CO-27"; readonly staleCheckoutRunId: string | null }
  | { readonly kind: "unchanged"; readonly rule: "CO-28" }
  | { readonly kind: "conflict"; readonly rule: "CO-29" };

/** The first rule that applies decides. */
export function decideCheckout(facts: CheckoutFacts): CheckoutDecision {
  const { issue, agentId, runId } = facts;
  if (facts.isHeld && !facts.isInteraction) return { kind: "held", rule: "CO-22" };
  if (facts.unresolvedBlockerIssueIds.length > 0) return { kind: "blocked", rule: "CO-24" };
  // Only a run that lives may hold a lock: one that ended a moment ago would hold it for nobody.
  if (runId !== null && !facts.activeRunIds.has(runId)) return { kind: "conflict", rule: "CO-29" };
  const isAnothers = (lock: string | null): boolean => lock !== null && lock !== runId && facts.activeRunIds.has(lock);
  const executionFree = !isAnothers(issue.executionRunId);
  const isOwn = issue.assigneeAgentId === agentId;
  const checkoutFree = issue.checkoutRunId === null || issue.checkoutRunId === runId;

  const assigneeFits = issue.assigneeAgentId === null || (isOwn && checkoutFree);
  const takesFromPerson = issue.assigneeUserId !== null && !facts.isOperator;
  const isOwnCheckout = isOwn && issue.status === "in_progress" && runId !== null && issue.checkoutRunId === runId;
  if (isOwnCheckout && issue.executionRunId === runId) return { kind: "unchanged", rule: "CO-28" };
  if (facts.expectedStatuses.includes(issue.status) && assigneeFits && executionFree && !takesFromPerson) {
    return { kind: "take", rule: "CO-25", staleCheckoutRunId: null };
  }
  if (isOwn && issue.status === "in_progress" && runId !== null && executionFree) {
    if (issue.checkoutRunId === null) return { kind: "take", rule: "CO-26", staleCheckoutRunId: null };
    if (issue.checkoutRunId !== runId && !isAnothers(issue.checkoutRunId)) {
      return { kind: "take", rule: "CO-27", staleCheckoutRunId: issue.checkoutRunId };
    }
  }
  if (isOwnCheckout) return { kind: "unchanged", rule: "CO-28" };
  return { kind: "conflict", rule: "CO-29" };
}
