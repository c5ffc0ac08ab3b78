/**
 * The one automatic retry that stranded work gets (RC-3, RC-15, RC-19, RC-77): its reasons, its wake, and how it is known
 * to have failed. Pure.
 */
import type { CancelKind, IssueStatus, JsonObject, RunStatus } from "@wakefleet/contracts";

export const ASSIGNMENT_RECOVERY = {
  reason: "issue_assignment_recovery",
  retryReason: "assignment_recovery",
  source: "issue.assignment_recovery",
} as const;
export const CONTINUATION_RECOVERY = {
  reason: "issue_continuation_needed",
  retryReason: "issue_continuation_needed",
  source: "issue.continuation_recovery",
} as const;
export type AutomaticRecovery = typeof ASSIGNMENT_RECOVERY | typeof CONTINUATION_RECOVERY;

/** Origins of the issues that the service makes to have work repaired (RC-35 to RC-38). */
export const RECOVERY_ORIGINS = {
  strandedIssue: "stranded_issue_recovery",
  silentRun: "stale_active_run_evaluation",
  graphIncident: "harness_liveness_escalation",
} as const;

/** Which recovery an issue in this status gets; null: in other statuses nobody is expected to work. */
export function recoveryOf(status: IssueStatus): AutomaticRecovery | null {
  if (status === "todo") return ASSIGNMENT_RECOVERY;
  return status === "in_progress" ? CONTINUATION_RECOVERY : null;
}

/** Why a run of the service's own making was made, told by its context's `retryReason`: links of a chain (RC-3). */
export const CHAINED_RETRY_REASONS: readonly string[] = ["process_lost", "missing_issue_comment", "transient_failure"];

/** An ended run as recovery looks at it. */
export interface EndedRunFact {
  readonly status: RunStatus;
  readonly cancelKind: CancelKind | null;
  readonly cancelRecover: boolean | null;
  /** `retryReason` of its context, then of the runs it goes back to through chained retries (RC-3). */
  readonly retryReasons: readonly string[];
}

/** LV-2. */
export function isUnsuccessful(status: RunStatus): boolean {
  return status === "failed" || status === "cancelled" || status === "timed_out";
}

/** RC-3: the automatic retry of this kind was made, and it failed. */
export function hasRecoveryFailed(run: EndedRunFact, recovery: AutomaticRecovery): boolean {
  return isUnsuccessful(run.status) && run.retryReasons.includes(recovery.retryReason);
}

/** RC-78, RC-12a: a person stopped it and did not ask for more. */
export function staysStopped(run: Omit<EndedRunFact, "retryReasons">): boolean {
  return run.status === "cancelled" && run.cancelKind === "person" && run.cancelRecover !== true;
}

/** Runs stopped for these come back when what stopped them ends (RC-75a); an interrupt brings its own wake. */
const COMES_BACK: ReadonlySet<CancelKind | null> = new Set<CancelKind | null>(["pause", "hold", "budget", "issue"]);

/** RC-75a: it was cancelled by what is no failure. */
export function comesBackByItself(run: Pick<EndedRunFact, "status" | "cancelKind">): boolean {
  return run.status === "cancelled" && COMES_BACK.has(run.cancelKind);
}

/** Whether an end may call for recovery at all (RC-73, RC-75a, RC-78); what else is in the way is asked then. */
export function mayNeedRecovery(run: Omit<EndedRunFact, "retryReasons">): boolean {
  return isUnsuccessful(run.status) && !comesBackByItself(run) && !staysStopped(run);
}

/** RC-15, RC-19, RC-77: payload and context of the recovery's wake. */
export function recoveryWake(
  recovery: AutomaticRecovery,
  target: { readonly issueId: string; readonly retryOfRunId: string | null },
): { payload: JsonObject; context: JsonObject } {
  const { issueId, retryOfRunId } = target;
  const retry = retryOfRunId === null ? {} : { retryOfRunId };
  return {
    payload: { issueId, ...retry },
    context: {
      issueId,
      taskId: issueId,
      wakeReason: recovery.reason,
      retryReason: recovery.retryReason,
      source: recovery.source,
      ...retry,
    },
  };
}

/** RC-11. */
export const INITIAL_DISPATCH = {
  reason: "issue_assigned",
  mutation: "assigned_todo_liveness_dispatch",
  source: "issue.assigned_todo_liveness_dispatch",
} as const;

/** RC-11: payload and context of the first wake of an assigned issue that never had a run. */
export function initialDispatchWake(issueId: string): { payload: JsonObject; context: JsonObject } {
  const { reason, mutation, source } = INITIAL_DISPATCH;
  return {
    payload: { issueId, mutation },
    context: { issueId, taskId: issueId, wakeReason: reason, source },
  };
}

/** RC-85: what makes each of these wakes happen once. */
export function recoveryKey(key: {
  readonly issueId: string;
  readonly recovery: AutomaticRecovery | null;
  readonly retryOfRunId: string | null;
}): string {
  return `recovery:${key.issueId}:${key.recovery?.retryReason ?? "initial"}:${key.retryOfRunId ?? "none"}`;
}
