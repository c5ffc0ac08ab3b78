/**
 * Whom a change of an issue wakes (02 "Who is woken by what" W1 to W14, W18; CO-50 to CO-62; DP-10 to DP-14; EP-20, EP-21).
 * Pure: facts of the change in, wakes out, at most one for each agent and issue, the strongest of them (CO-62). The keys
 * of payload and context are exact; accepting fills in the rest (WK-3).
 */
import type { ExecutionState, InvocationSource, IssueStatus, JsonObject } from "@wakefleet/contracts";
import { type ChildFact, childIssueSummaries } from "./child-summaries.js";
import { stageWake } from "./execution-stage.js";

export type IssueWakeReason =
  | "execution_review_requested"
  | "execution_approval_requested"
  | "execution_changes_requested"
  | "issue_reopened_via_comment"
  | "issue_assigned"
  | "issue_commented"
  | "issue_comment_mentioned"
  | "issue_status_changed"
  | "issue_checked_out"
  | "issue_children_completed"
  | "issue_blockers_resolved";

/** A wake that a change causes; trigger detail `system`, requester the actor of the change. */
export interface IssueWake {
  /** The row of the table it comes from. */
  readonly rule: string;
  readonly agentId: string;
  readonly issueId: string;
  readonly source: InvocationSource;
  readonly reason: IssueWakeReason;
  readonly payload: JsonObject;
  readonly context: JsonObject;
}

/** An issue on one side of a change. */
export interface IssueSide {
  readonly id: string;
  readonly status: IssueStatus;
  readonly assigneeAgentId: string | null;
  readonly assigneeUserId: string | null;
  readonly executionState: ExecutionState | null;
}

/** A comment that was written with the change. */
export interface CommentOfChange {
  readonly id: string;
  /** Null when no agent wrote it. */
  readonly authorAgentId: string | null;
  /** Agents of the company that it mentions, looked up. */
  readonly mentionedAgentIds: readonly string[];
}

/** "R" and "I" of the table. */
export interface FollowUpMarks {
  readonly resume: boolean;
  readonly interruptedRunId: string | null;
}

export interface UpdateFacts extends FollowUpMarks {
  readonly before: IssueSide;
  readonly after: IssueSide;
  /** The change sent a status. */
  readonly statusSent: boolean;
  /** The comment moved the issue to `todo` (CO-42, CO-43). */
  readonly reopened: boolean;
  readonly comment: CommentOfChange | null;
}

const CLOSED: ReadonlySet<IssueStatus> = new Set(["done", "cancelled"]);
/** An issue nobody is woken for because of its blockers or children (DP-10, DP-11). */
const RESTING: ReadonlySet<IssueStatus> = new Set(["backlog", "done", "cancelled"]);

/** CO-62; what it does not rank comes last, the parent's whole picture before a blocker's. */
const STRENGTH: readonly IssueWakeReason[] = [
  "execution_review_requested",
  "execution_approval_requested",
  "execution_changes_requested",
  "issue_reopened_via_comment",
  "issue_assigned",
  "issue_commented",
  "issue_comment_mentioned",
  "issue_status_changed",
  "issue_checked_out",
  "issue_children_completed",
  "issue_blockers_resolved",
];

/** How an issue came to be, as its first wake tells it (W1, W2, W14). */
const ORIGINS = {
  create: { rule: "W1", mutation: "create", source: "issue.create" },
  child: { rule: "W2", mutation: "create", source: "issue.child_create" },
  interaction: { rule: "W14", mutation: "interaction_accept", source: "issue.interaction.accept" },
} as const;
export type IssueOrigin = keyof typeof ORIGINS;

/** W1, W2, W14. */
export function planCreateWakes(
  issue: Pick<IssueSide, "id" | "status" | "assigneeAgentId">,
  origin: IssueOrigin,
): IssueWake[] {
  if (issue.assigneeAgentId === null || issue.status === "backlog") return [];
  const { rule, mutation, source } = ORIGINS[origin];
  return [
    {
      rule,
      agentId: issue.assigneeAgentId,
      issueId: issue.id,
      source: "assignment",
      reason: "issue_assigned",
      payload: { issueId: issue.id, mutation },
      context: { issueId: issue.id, source },
    },
  ];
}

/** W3 to W8. */
export function planUpdateWakes(facts: UpdateFacts): IssueWake[] {
  const handOver = stageWakes(facts);
  const wakes = [...(handOver.length > 0 ? handOver : assignmentWakes(facts)), ...statusWakes(facts)];
  return strongestOf([...wakes, ...commentWakes(facts, "W7"), ...mentionWakes(facts, "W8")]);
}

/** W11 to W13: a comment of its own. */
export function planCommentWakes(facts: UpdateFacts & { readonly comment: CommentOfChange }): IssueWake[] {
  return strongestOf([...commentWakes(facts, facts.reopened ? "W11" : "W12"), ...mentionWakes(facts, "W13")]);
}

/** W10: unless an agent checks out for itself in a run. */
export function planCheckoutWakes(checkout: { readonly issueId: string; readonly agentId: string }): IssueWake[] {
  const { issueId, agentId } = checkout;
  return [
    {
      rule: "W10",
      agentId,
      issueId,
      source: "assignment",
      reason: "issue_checked_out",
      payload: { issueId, mutation: "checkout" },
      context: { issueId, source: "issue.checkout" },
    },
  ];
}

function marks({ resume, interruptedRunId }: FollowUpMarks): JsonObject {
  return {
    ...(resume ? { resumeIntent: true, followUpRequested: true } : {}),
    ...(interruptedRunId === null ? {} : { interruptedRunId }),
  };
}

/** W3, W4. */
function stageWakes(facts: UpdateFacts): IssueWake[] {
  const { before, after, interruptedRunId } = facts;
  const stage = stageWake(before, after);
  if (stage === null) return [];
  const interrupted = interruptedRunId === null ? {} : { interruptedRunId };
  const { executionStage } = stage;
  return [
    {
      rule: stage.reason === "execution_changes_requested" ? "W4" : "W3",
      agentId: stage.agentId,
      issueId: after.id,
      source: "assignment",
      reason: stage.reason,
      payload: { issueId: after.id, mutation: "update", executionStage, ...interrupted },
      context: {
        issueId: after.id,
        taskId: after.id,
        wakeReason: stage.reason,
        source: "issue.execution_stage",
        executionStage,
        ...interrupted,
      },
    },
  ];
}

/** W5. */
function assignmentWakes(facts: UpdateFacts): IssueWake[] {
  const { before, after, comment } = facts;
  const agentId = after.assigneeAgentId;
  if (agentId === null || agentId === before.assigneeAgentId || after.status === "backlog") return [];
  const payloadComment = comment === null ? {} : { commentId: comment.id };
  const contextComment = comment === null ? {} : { taskId: after.id, commentId: comment.id, wakeCommentId: comment.id };
  return [
    {
      rule: "W5",
      agentId,
      issueId: after.id,
      source: "assignment",
      reason: "issue_assigned",
      payload: { issueId: after.id, ...payloadComment, mutation: "update", ...marks(facts) },
      context: { issueId: after.id, ...contextComment, source: "issue.update", ...marks(facts) },
    },
  ];
}

/** The agent assignee that a change leaves in place. */
function keptAssignee({ before, after }: UpdateFacts): string | null {
  return before.assigneeAgentId === after.assigneeAgentId ? after.assigneeAgentId : null;
}

/** W6. */
function statusWakes(facts: UpdateFacts): IssueWake[] {
  const { before, after, statusSent, reopened } = facts;
  const agentId = keptAssignee(facts);
  const left = (from: IssueStatus): boolean => before.status === from && after.status !== from;
  const toTodo = after.status === "todo";
  const moved =
    (statusSent && (left("backlog") || (toTodo && (left("done") || left("cancelled"))))) ||
    (toTodo && left("blocked") && (statusSent || reopened));
  if (agentId === null || !moved) return [];
  return [
    {
      rule: "W6",
      agentId,
      issueId: after.id,
      source: "automation",
      reason: "issue_status_changed",
      payload: { issueId: after.id, mutation: "update", ...marks(facts) },
      context: { issueId: after.id, source: "issue.status_change", ...marks(facts) },
    },
  ];
}

/** W7, W11, W12. */
function commentWakes(facts: UpdateFacts, rule: string): IssueWake[] {
  const { before, after, comment, reopened } = facts;
  const agentId = keptAssignee(facts);
  if (comment === null || agentId === null) return [];
  if (!reopened && (CLOSED.has(before.status) || comment.authorAgentId === agentId)) return [];
  const reason = reopened ? "issue_reopened_via_comment" : "issue_commented";
  const from = reopened ? { reopenedFrom: before.status } : {};
  return [
    {
      rule,
      agentId,
      issueId: after.id,
      source: "automation",
      reason,
      payload: { issueId: after.id, commentId: comment.id, mutation: "comment", ...from, ...marks(facts) },
      context: {
        issueId: after.id,
        taskId: after.id,
        commentId: comment.id,
        wakeCommentId: comment.id,
        source: reopened ? "issue.comment.reopen" : "issue.comment",
        wakeReason: reason,
        ...from,
        ...marks(facts),
      },
    },
  ];
}

/** W8, W13. */
function mentionWakes({ after, comment }: UpdateFacts, rule: string): IssueWake[] {
  if (comment === null) return [];
  return comment.mentionedAgentIds
    .filter((agentId) => agentId !== comment.authorAgentId)
    .map((agentId) => ({
      rule,
      agentId,
      issueId: after.id,
      source: "automation",
      reason: "issue_comment_mentioned",
      payload: { issueId: after.id, commentId: comment.id },
      context: {
        issueId: after.id,
        taskId: after.id,
        commentId: comment.id,
        wakeCommentId: comment.id,
        wakeReason: "issue_comment_mentioned",
        source: "comment.mention",
      },
    }));
}

/** An issue that another one blocks, as it is after the change. */
export interface DependentFact {
  readonly id: string;
  readonly status: IssueStatus;
  readonly assigneeAgentId: string | null;
  readonly blockers: readonly { readonly id: string; readonly status: IssueStatus }[];
}

/** W9a, DP-10: for each dependent all of whose blockers are done now. `issueId` is the one that became `done`. */
export function planBlockersResolvedWakes(issueId: string, dependents: readonly DependentFact[]): IssueWake[] {
  return dependents.filter(isReady).map((dependent) =>
    blockersResolved(dependent, {
      rule: "W9a",
      source: "issue.blockers_resolved",
      keys: { resolvedBlockerIssueId: issueId, blockerIssueIds: dependent.blockers.map((blocker) => blocker.id) },
    }),
  );
}

/** W18, DP-14: for each dependent that has just lost its last unresolved blocker with an edge or a deleted issue. */
export function planBlockersRestoredWakes(dependents: readonly DependentFact[]): IssueWake[] {
  return dependents.filter(isReady).map((dependent) =>
    blockersResolved(dependent, {
      rule: "W18",
      source: "issue.blockers_restored",
      keys: {
        resolvedBlockerIssueId: null,
        blockerIssueIds: dependent.blockers.map((blocker) => blocker.id),
        mutation: "blocked_dependency_restored",
      },
    }),
  );
}

function isReady(dependent: DependentFact): dependent is DependentFact & { assigneeAgentId: string } {
  if (dependent.assigneeAgentId === null || RESTING.has(dependent.status)) return false;
  return dependent.blockers.every((blocker) => blocker.status === "done");
}

function blockersResolved(
  dependent: DependentFact & { assigneeAgentId: string },
  wake: { rule: string; source: string; keys: JsonObject },
): IssueWake {
  const payload = { issueId: dependent.id, ...wake.keys };
  return {
    rule: wake.rule,
    agentId: dependent.assigneeAgentId,
    issueId: dependent.id,
    source: "automation",
    reason: "issue_blockers_resolved",
    payload,
    context: { ...payload, taskId: dependent.id, wakeReason: "issue_blockers_resolved", source: wake.source },
  };
}

/** A parent as it is after a child's change. */
export interface ParentFact {
  readonly id: string;
  readonly status: IssueStatus;
  readonly assigneeAgentId: string | null;
  /** All direct children by number; a comment is needed only of those that are summarized. */
  readonly children: readonly ChildFact[];
}

/** W9b, DP-11: the last child that was open is over. */
export function planChildrenCompletedWakes(childId: string, parent: ParentFact | null): IssueWake[] {
  if (parent === null || parent.assigneeAgentId === null || RESTING.has(parent.status)) return [];
  if (!parent.children.every((child) => CLOSED.has(child.status))) return [];
  const { childIssueSummaries: summaries, childIssueSummaryTruncated } = childIssueSummaries(parent.children);
  const payload: JsonObject = {
    issueId: parent.id,
    completedChildIssueId: childId,
    childIssueIds: parent.children.map((child) => child.id),
    childIssueSummaries: summaries.map((summary) => ({ ...summary })),
    childIssueSummaryTruncated,
  };
  return [
    {
      rule: "W9b",
      agentId: parent.assigneeAgentId,
      issueId: parent.id,
      source: "automation",
      reason: "issue_children_completed",
      payload,
      context: {
        ...payload,
        taskId: parent.id,
        wakeReason: "issue_children_completed",
        source: "issue.children_completed",
      },
    },
  ];
}

/**
 * CO-61, CO-62: of several wakes for one agent and issue the strongest stays, in the place of the first; a comment id that
 * a weaker one had is carried.
 */
export function strongestOf(wakes: readonly IssueWake[]): IssueWake[] {
  const kept = new Map<string, IssueWake>();
  for (const wake of wakes) {
    const key = `${wake.agentId} ${wake.issueId}`;
    const other = kept.get(key);
    if (other === undefined) kept.set(key, wake);
    else kept.set(key, rank(wake) < rank(other) ? withComment(wake, other) : withComment(other, wake));
  }
  return [...kept.values()];
}

function rank(wake: IssueWake): number {
  return STRENGTH.indexOf(wake.reason);
}

function withComment(strong: IssueWake, weak: IssueWake): IssueWake {
  const commentId = weak.payload["commentId"];
  if (typeof commentId !== "string" || strong.payload["commentId"] !== undefined) return strong;
  return {
    ...strong,
    payload: { ...strong.payload, commentId },
    context: { ...strong.context, taskId: strong.issueId, commentId, wakeCommentId: commentId },
  };
}
