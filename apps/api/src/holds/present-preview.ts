/** What a hold would do, as it is answered (TH-9). */
import type { JsonObject, TreeHoldMode } from "@wakefleet/contracts";
import type { HoldMember, HoldPlan, TreeIssue, TreeRun } from "@wakefleet/domain";

export interface PreviewToPresent {
  readonly plan: HoldPlan;
  readonly root: { readonly id: string; readonly companyId: string };
  readonly releasePolicy: JsonObject;
  readonly now: Date;
}

export function presentPreview({ plan, root, releasePolicy, now }: PreviewToPresent): object {
  const { mode, members, totals, countsByStatus, affectedAgents, warnings } = plan;
  const issues = members.map((member) => presentMember(mode, member));
  return {
    companyId: root.companyId,
    rootIssueId: root.id,
    mode,
    generatedAt: now,
    releasePolicy,
    totals,
    countsByStatus,
    issues,
    skippedIssues: issues.filter(({ skipped }) => skipped),
    activeRuns: members.flatMap(({ issue }) => issue.runs.map((run) => presentRun(run, issue))),
    affectedAgents,
    warnings,
  };
}

function presentMember(mode: TreeHoldMode, { issue, activeHoldIds, skipReason }: HoldMember) {
  const { runs, pauseHoldIds: _, cancelled: __, ...columns } = issue;
  const [run] = runs;
  return {
    ...columns,
    activeRun: run === undefined ? null : presentRun(run, issue),
    activeHoldIds,
    action: mode,
    skipped: skipReason !== null,
    skipReason,
  };
}

function presentRun(run: TreeRun, issue: TreeIssue): object {
  return { ...run, issueId: issue.id };
}
