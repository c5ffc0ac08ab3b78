/** What a change of an issue means for its locks and for the order of its waiting runs (CO-5, QU-3). Pure. */
import type { IssuePriority, IssueStatus } from "@wakefleet/contracts";

interface LockSide {
  readonly status: IssueStatus;
  readonly assigneeAgentId: string | null;
  readonly assigneeUserId: string | null;
}

/** CO-5: any other status but `in_progress`, and any other assignee, clears checkout and execution lock. */
export function losesLocks(before: LockSide, after: LockSide): boolean {
  const leaves = after.status !== before.status && after.status !== "in_progress";
  return leaves || after.assigneeAgentId !== before.assigneeAgentId || after.assigneeUserId !== before.assigneeUserId;
}

/** QU-3: waiting runs of the issue stand elsewhere now. Its blockers are asked about apart. */
export function movesWaitingRuns(
  before: { readonly status: IssueStatus; readonly priority: IssuePriority },
  after: { readonly status: IssueStatus; readonly priority: IssuePriority },
): boolean {
  return before.status !== after.status || before.priority !== after.priority;
}
