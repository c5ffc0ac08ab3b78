/**
 * What has become of a run's issue while the run waited: the gates CL-8 to CL-12 and, for retries that come due, CL-30
 * and CL-31. The same function judges a waiting run at its claim and when a new wake meets it (WK-22).
 */
import { type IssuePriority, type IssueStatus, type JsonObject, readExecutionState } from "@wakefleet/contracts";
import { hasWakeComment } from "../policy/interaction-wake.js";

export interface WaitingRunFacts {
  readonly agentId: string;
  readonly isRetry: boolean;
  readonly context: JsonObject;
  /** Verified for this issue (TH-21). */
  readonly isInteraction: boolean;
}

export interface IssueGateFacts {
  readonly id: string;
  readonly status: IssueStatus;
  readonly priority: IssuePriority | null;
  readonly assigneeAgentId: string | null;
  /** As stored; a value of another shape counts as null (EP-1). */
  readonly executionState: JsonObject | null;
  readonly unresolvedBlockerIssueIds: readonly string[];
}

export type IssueGateCode =
  | "issue_dependencies_blocked"
  | "issue_not_found"
  | "issue_assignee_changed"
  | "issue_terminal_status"
  | "issue_review_participant_changed"
  | "issue_cancelled"
  | "issue_reassigned";

export interface IssueGateRefusal {
  readonly rule: "CL-8" | "CL-9" | "CL-10" | "CL-11" | "CL-12" | "CL-30" | "CL-31";
  readonly code: IssueGateCode;
  readonly text: string;
  /** CL-15: `skipped` for CL-8..12, `cancelled` for a retry that came due. */
  readonly requestStatus: "skipped" | "cancelled";
  /** Level warn, type lifecycle. */
  readonly event: { readonly message: string; readonly payload: JsonObject };
  readonly timeoutSource: "dependency_gate" | "stale_queued_run_gate" | null;
}

const BLOCKED_TEXT =
  "Cancelled because issue dependencies are still blocked; Wakefleet will wake the assignee when blockers resolve";
const NOT_FOUND_TEXT = "Cancelled because the target issue no longer exists";
const ASSIGNEE_TEXT =
  "Cancelled because issue assignee changed before the queued run could start; the new owner will be woken instead";
const PARTICIPANT_TEXT =
  "Cancelled because the in-review participant changed before the queued run could start; the current participant will be woken instead";

/** CL-30, CL-31: judged before CL-8 to CL-12 for a scheduled retry that is due. Null: it goes on. */
export function retryGate(
  run: WaitingRunFacts & { readonly retry: JsonObject },
  issue: IssueGateFacts | null,
): IssueGateRefusal | null {
  if (issue === null) return null;
  const payload = {
    issueId: issue.id,
    issueStatus: issue.status,
    ...run.retry,
    previousRetryAgentId: run.agentId,
    currentAssigneeAgentId: issue.assigneeAgentId,
  };
  if (issue.status === "cancelled") {
    return {
      rule: "CL-30",
      code: "issue_cancelled",
      text: "Cancelled because the issue was cancelled before the scheduled retry became due",
      requestStatus: "cancelled",
      event: { message: "Scheduled retry cancelled because issue was cancelled before it became due", payload },
      timeoutSource: null,
    };
  }
  if (issue.assigneeAgentId !== run.agentId && !run.isInteraction) {
    return {
      rule: "CL-31",
      code: "issue_reassigned",
      text: "Cancelled because the issue was reassigned before the scheduled retry became due",
      requestStatus: "cancelled",
      event: { message: "Scheduled retry cancelled because issue ownership changed before it became due", payload },
      timeoutSource: null,
    };
  }
  return null;
}

/** CL-8 to CL-12, first match. `issue` null: it no longer exists. Null: the run may start. */
export function issueGate(
  run: WaitingRunFacts,
  issueId: string,
  issue: IssueGateFacts | null,
): IssueGateRefusal | null {
  const stale = (
    rule: IssueGateRefusal["rule"],
    code: IssueGateCode,
    text: string,
    payload: JsonObject,
  ): IssueGateRefusal => ({
    rule,
    code,
    text,
    requestStatus: "skipped",
    event: { message: text, payload: { issueId, ...payload } },
    timeoutSource: rule === "CL-8" ? "dependency_gate" : "stale_queued_run_gate",
  });

  if (issue !== null && issue.unresolvedBlockerIssueIds.length > 0 && !run.isInteraction) {
    return stale("CL-8", "issue_dependencies_blocked", BLOCKED_TEXT, {
      unresolvedBlockerIssueIds: [...issue.unresolvedBlockerIssueIds],
    });
  }
  if (issue === null) return stale("CL-9", "issue_not_found", NOT_FOUND_TEXT, {});
  const moved = participantChange(run, issue);
  // A stage that went to somebody else moves the assignee with it: the run it woke is told of the stage (08 check 44).
  if (moved !== null && isStageRun(run))
    return stale("CL-12", "issue_review_participant_changed", PARTICIPANT_TEXT, moved);
  if (issue.assigneeAgentId !== run.agentId && !run.isInteraction) {
    return stale("CL-10", "issue_assignee_changed", ASSIGNEE_TEXT, {
      previousAssigneeAgentId: run.agentId,
      currentAssigneeAgentId: issue.assigneeAgentId,
    });
  }
  const resumes = run.context["resumeIntent"] === true || run.context["followUpRequested"] === true;
  const comments = hasWakeComment(run.context);
  if ((issue.status === "done" || issue.status === "cancelled") && !resumes && !comments) {
    const text = `Cancelled because issue reached terminal status (${issue.status}) before the queued run could start`;
    return stale("CL-11", "issue_terminal_status", text, { currentStatus: issue.status });
  }
  if (moved !== null) return stale("CL-12", "issue_review_participant_changed", PARTICIPANT_TEXT, moved);
  return null;
}

const STAGE_REASONS: ReadonlySet<unknown> = new Set(["execution_review_requested", "execution_approval_requested"]);

function isStageRun({ context }: WaitingRunFacts): boolean {
  return STAGE_REASONS.has(context["wakeReason"]);
}

/** CL-12: somebody else is to act on the issue in review, and no comment called this run; null: it is not so. */
function participantChange(run: WaitingRunFacts, issue: IssueGateFacts): JsonObject | null {
  if (issue.status !== "in_review" || hasWakeComment(run.context)) return null;
  const { currentParticipant: participant, currentStageType } = readExecutionState(issue.executionState) ?? NO_STAGE;
  if (participant === null || (participant.type === "agent" && participant.agentId === run.agentId)) return null;
  return { currentStageType, currentParticipant: participant };
}

/** EP-1, EP-3: nobody is to act where no stage is stored, or something else in its place. */
const NO_STAGE = { currentParticipant: null, currentStageType: null };
