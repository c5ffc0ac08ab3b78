/** Whether the assignee goes on when an interaction is resolved, and with what it is woken (W15). Pure. */
import type { InteractionContinuation, InteractionKind, InteractionStatus, IssueStatus } from "@wakefleet/contracts";
import type { IssueWake } from "../issues/plan-issue-wakes.js";

export interface ResolvedInteraction {
  readonly id: string;
  readonly kind: InteractionKind;
  readonly status: InteractionStatus;
  readonly continuationPolicy: InteractionContinuation;
  readonly sourceCommentId: string | null;
  readonly sourceRunId: string | null;
}

const SOURCES: Partial<Record<InteractionStatus, string>> = {
  accepted: "issue.interaction.accept",
  rejected: "issue.interaction.reject",
  answered: "issue.interaction.respond",
};

/** W15: nobody for one that expired, for a closed issue, and where no agent is assigned. */
export function planInteractionWakes(
  interaction: ResolvedInteraction,
  issue: { readonly id: string; readonly status: IssueStatus; readonly assigneeAgentId: string | null },
): IssueWake[] {
  const { continuationPolicy: policy, status } = interaction;
  const source = SOURCES[status];
  const goesOn = policy === "wake_assignee" || (policy === "wake_assignee_on_accept" && status === "accepted");
  if (source === undefined || !goesOn || issue.assigneeAgentId === null) return [];
  if (issue.status === "done" || issue.status === "cancelled") return [];
  const about = {
    issueId: issue.id,
    interactionId: interaction.id,
    interactionKind: interaction.kind,
    interactionStatus: status,
    sourceCommentId: interaction.sourceCommentId,
    sourceRunId: interaction.sourceRunId,
  };
  return [
    {
      rule: "W15",
      agentId: issue.assigneeAgentId,
      issueId: issue.id,
      source: "automation",
      reason: "issue_commented",
      payload: { ...about, mutation: "interaction" },
      context: { ...about, taskId: issue.id, wakeReason: "issue_commented", source },
    },
  ];
}
