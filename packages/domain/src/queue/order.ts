/**
 * QU-3: the order of an agent's waiting runs as one BullMQ priority number (smaller first; equal: first come first
 * served). 0 is not used: BullMQ would put such jobs on another list, ahead of all others.
 */
import type { IssuePriority, IssueStatus } from "@wakefleet/contracts";

export interface WaitingIssueFacts {
  readonly status: IssueStatus;
  readonly priority: IssuePriority | null;
  readonly hasUnresolvedBlockers: boolean;
}

const PRIORITY_RANK: Record<IssuePriority, number> = { critical: 0, high: 1, medium: 2, low: 3 };
const NO_PRIORITY_RANK = 4;
const RANKS_PER_CLASS = 5;

/** 1..20. Class: in-progress and ready, other ready, no issue, blocked; then the issue's priority. */
export function queuePriority(issue: WaitingIssueFacts | null): number {
  if (issue === null) return 2 * RANKS_PER_CLASS + NO_PRIORITY_RANK + 1;
  const queueClass = issue.hasUnresolvedBlockers ? 3 : issue.status === "in_progress" ? 0 : 1;
  const rank = issue.priority === null ? NO_PRIORITY_RANK : PRIORITY_RANK[issue.priority];
  return queueClass * RANKS_PER_CLASS + rank + 1;
}
