/**
 * What a subtree hold would do (TH-8, TH-9): which members it concerns, which it leaves alone and why, and what an
 * operator should know before. Pure: the preview and the creation are the same judgement on the same facts.
 */
import type { IssueStatus, TreeHoldMode } from "@wakefleet/contracts";
import { holdsOver, isTerminalIssue, type Tree, type TreeIssue } from "./tree.js";

export type HoldSkipReason =
  | "terminal_status"
  | "already_held"
  | "not_held"
  /** TH-41: a hold above the root keeps it held, which this one does not release. */
  | "held_by_ancestor"
  | "not_cancelled"
  | "not_cancelled_by_tree_control"
  | "changed_after_cancel";

export interface HoldMember {
  readonly issue: TreeIssue;
  /** Active holds over it: pause holds nearest first, then the cancel hold that took it. */
  readonly activeHoldIds: readonly string[];
  readonly skipReason: HoldSkipReason | null;
}

export type HoldWarningCode =
  | "no_affected_issues"
  | "running_runs_present"
  | "queued_runs_present"
  | "no_active_pause_holds"
  | "held_by_ancestor"
  | "restore_conflicts_present";

export interface HoldWarning {
  readonly code: HoldWarningCode;
  readonly message: string;
  readonly issueIds?: readonly string[];
  readonly holdIds?: readonly string[];
}

export interface AffectedAgent {
  readonly agentId: string;
  readonly issueCount: number;
  readonly activeRunCount: number;
}

export interface HoldPlan {
  readonly mode: TreeHoldMode;
  readonly members: readonly HoldMember[];
  readonly totals: {
    readonly totalIssues: number;
    readonly affectedIssues: number;
    readonly skippedIssues: number;
    /** Running ones. */
    readonly activeRuns: number;
    /** Waiting ones, scheduled retries among them. */
    readonly queuedRuns: number;
    readonly affectedAgents: number;
  };
  readonly countsByStatus: Readonly<Partial<Record<IssueStatus, number>>>;
  readonly affectedAgents: readonly AffectedAgent[];
  readonly warnings: readonly HoldWarning[];
}

/** Judges every issue of the tree for the mode. */
export function planHold(mode: TreeHoldMode, tree: Tree): HoldPlan {
  const covering = holdsOver(tree);
  const members = tree.issues.map((issue): HoldMember => {
    const pauseHolds = covering.get(issue.id) ?? [];
    const cancelHolds = issue.cancelled === null ? [] : [issue.cancelled.holdId];
    return {
      issue,
      activeHoldIds: [...pauseHolds, ...cancelHolds],
      skipReason: skipReasonOf(mode, { issue, pauseHolds, holdsAbove: tree.holdsAbove }),
    };
  });
  const affected = members.filter(({ skipReason }) => skipReason === null);
  const agents = affectedAgentsOf(members);
  const runs = tree.issues.flatMap((issue) => issue.runs);
  const running = runs.filter(({ status }) => status === "running");
  return {
    mode,
    members,
    totals: {
      totalIssues: members.length,
      affectedIssues: affected.length,
      skippedIssues: members.length - affected.length,
      activeRuns: running.length,
      queuedRuns: runs.length - running.length,
      affectedAgents: agents.length,
    },
    countsByStatus: countByStatus(tree.issues),
    affectedAgents: agents,
    warnings: warningsOf(mode, { tree, members, affectedCount: affected.length }),
  };
}

function skipReasonOf(
  mode: TreeHoldMode,
  facts: { issue: TreeIssue; pauseHolds: readonly string[]; holdsAbove: readonly string[] },
): HoldSkipReason | null {
  const { issue, pauseHolds, holdsAbove } = facts;
  if (mode === "restore") return restoreSkipReason(issue);
  if (isTerminalIssue(issue.status)) return "terminal_status";
  if (mode === "pause") return pauseHolds.length > 0 ? "already_held" : null;
  if (mode === "cancel") return null;
  if (pauseHolds.length === 0) return "not_held";
  return holdsAbove.length > 0 ? "held_by_ancestor" : null;
}

/** TH-8, in its order. */
function restoreSkipReason({ status, cancelled }: TreeIssue): HoldSkipReason | null {
  if (cancelled !== null && !cancelled.skipped && status !== "cancelled") return "changed_after_cancel";
  if (status !== "cancelled") return "not_cancelled";
  if (cancelled === null) return "not_cancelled_by_tree_control";
  return cancelled.skipped ? "terminal_status" : null;
}

function countByStatus(issues: readonly TreeIssue[]): Partial<Record<IssueStatus, number>> {
  const counts: Partial<Record<IssueStatus, number>> = {};
  for (const { status } of issues) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The assignees of what is affected, and whoever runs in the tree. */
function affectedAgentsOf(members: readonly HoldMember[]): AffectedAgent[] {
  const counts = new Map<string, { issueCount: number; activeRunCount: number }>();
  const of = (agentId: string): { issueCount: number; activeRunCount: number } => {
    const known = counts.get(agentId) ?? { issueCount: 0, activeRunCount: 0 };
    counts.set(agentId, known);
    return known;
  };
  for (const { issue, skipReason } of members) {
    if (skipReason === null && issue.assigneeAgentId !== null) of(issue.assigneeAgentId).issueCount += 1;
    for (const run of issue.runs) of(run.agentId).activeRunCount += 1;
  }
  return [...counts].map(([agentId, count]) => ({ agentId, ...count }));
}

function warningsOf(
  mode: TreeHoldMode,
  facts: { tree: Tree; members: readonly HoldMember[]; affectedCount: number },
): HoldWarning[] {
  const { tree, members, affectedCount } = facts;
  const warnings: HoldWarning[] = [];
  if (affectedCount === 0) {
    warnings.push({ code: "no_affected_issues", message: `No issue of this subtree is affected by a ${mode}.` });
  }
  if (mode === "pause" || mode === "cancel") {
    const withRuns = (isRunning: boolean): string[] =>
      tree.issues
        .filter(({ runs }) => runs.some(({ status }) => (status === "running") === isRunning))
        .map(({ id }) => id);
    const running = withRuns(true);
    const waiting = withRuns(false);
    if (running.length > 0) {
      const message = "Runs are running in this subtree; they will be stopped.";
      warnings.push({ code: "running_runs_present", message, issueIds: running });
    }
    if (waiting.length > 0) {
      const message = "Runs are waiting in this subtree; they will be cancelled.";
      warnings.push({ code: "queued_runs_present", message, issueIds: waiting });
    }
  }
  if (mode === "resume") {
    if (tree.issues.every(({ pauseHoldIds }) => pauseHoldIds.length === 0)) {
      const message = "No active pause hold is rooted in this subtree; nothing will be released.";
      warnings.push({ code: "no_active_pause_holds", message });
    }
    if (tree.holdsAbove.length > 0) {
      const message = "A pause hold above this issue keeps the subtree held; release it at its own root.";
      warnings.push({ code: "held_by_ancestor", message, holdIds: tree.holdsAbove });
    }
  }
  const conflicts = members.filter(({ skipReason }) => skipReason === "changed_after_cancel");
  if (conflicts.length > 0) {
    const message = "Issues were changed after they had been cancelled; they stay as they are.";
    const issueIds = conflicts.map(({ issue }) => issue.id);
    warnings.push({ code: "restore_conflicts_present", message, issueIds });
  }
  return warnings;
}
