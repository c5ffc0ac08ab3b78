/** What a subtree hold looks at (TH-6, TH-8): the issues of a tree, what runs on them, and the holds over them. */
import type { ActiveRunStatus, IssueStatus } from "@wakefleet/contracts";

export interface TreeRun {
  readonly id: string;
  readonly agentId: string;
  readonly status: ActiveRunStatus;
  readonly startedAt: Date | null;
  readonly createdAt: Date;
}

export interface TreeIssue {
  readonly id: string;
  readonly identifier: string | null;
  readonly title: string;
  readonly status: IssueStatus;
  readonly parentId: string | null;
  /** 0 for the root. */
  readonly depth: number;
  readonly assigneeAgentId: string | null;
  readonly assigneeUserId: string | null;
  /** Active runs about it, or that hold its lock; a running one first, then the oldest. */
  readonly runs: readonly TreeRun[];
  /** Active pause holds rooted at this very issue. */
  readonly pauseHoldIds: readonly string[];
  /** The newest snapshot that an active cancel hold of the root took of it (TH-34); null without one. */
  readonly cancelled: CancelSnapshot | null;
}

export interface CancelSnapshot {
  readonly holdId: string;
  /** Its status before the cancel. */
  readonly status: IssueStatus;
  /** The cancel left it as it was. */
  readonly skipped: boolean;
}

export interface Tree {
  /** The root first, then by depth. */
  readonly issues: readonly TreeIssue[];
  /** Active pause holds rooted above the root. */
  readonly holdsAbove: readonly string[];
}

/** An issue that is over: `done` or `cancelled`. */
export function isTerminalIssue(status: IssueStatus): boolean {
  return status === "done" || status === "cancelled";
}

/** For each issue the active pause holds that cover it (TH-10), nearest first; those above the root are in all. */
export function holdsOver(tree: Tree): ReadonlyMap<string, readonly string[]> {
  const covering = new Map<string, readonly string[]>();
  for (const issue of tree.issues) {
    const above = issue.depth === 0 ? tree.holdsAbove : (covering.get(issue.parentId ?? "") ?? tree.holdsAbove);
    covering.set(issue.id, [...issue.pauseHoldIds, ...above]);
  }
  return covering;
}
