/**
 * W9a, W9b, W19: whom it wakes that an issue is over. Every way to `done` or `cancelled` calls this: the plain change, the
 * cancel of a tree, recovery.
 */
import type { IssueStatus } from "@wakefleet/contracts";
import { type IssueWake, planBlockersResolvedWakes, planChildrenCompletedWakes } from "@wakefleet/domain";
import { findIssue, type IssueRow, listChildFacts, listDependents, type Sql } from "@wakefleet/store";

const isOver = (status: IssueStatus): boolean => status === "done" || status === "cancelled";

/** What an end needs of the transaction it happens in; `readIssueSurroundings` names what to lock before. */
export interface EndingIn {
  readonly tx: Sql;
  /** Goes on only if these are locked. */
  hold(scope: { readonly agentIds: readonly string[]; readonly issueIds: readonly string[] }): void;
}

/**
 * Plans the wakes; call it when the status is written. The dependents and the parent are held, so that of two last blockers
 * (or children) that end at once the later one sees the other (DP-15).
 */
export async function wakesOfEnd(
  change: EndingIn,
  ended: { readonly issue: IssueRow; readonly was: IssueStatus },
): Promise<IssueWake[]> {
  const { issue, was } = ended;
  const wakes: IssueWake[] = [];
  if (issue.status === "done" && was !== "done") {
    const dependents = await listDependents(change.tx, { companyId: issue.companyId, issueId: issue.id });
    change.hold({ agentIds: [], issueIds: dependents.map((dependent) => dependent.id) });
    wakes.push(...planBlockersResolvedWakes(issue.id, dependents));
  }
  if (isOver(issue.status) && !isOver(was) && issue.parentId !== null) {
    wakes.push(...(await childrenCompleted(change, { ...issue, parentId: issue.parentId })));
  }
  return wakes;
}

async function childrenCompleted(
  change: EndingIn,
  child: Pick<IssueRow, "id" | "companyId"> & { readonly parentId: string },
): Promise<IssueWake[]> {
  change.hold({ agentIds: [], issueIds: [child.parentId] });
  // Read anew: the same change may have ended the parent too.
  const parent = await findIssue(change.tx, { id: child.parentId });
  if (parent === null || parent.assigneeAgentId === null || isOver(parent.status)) return [];
  return planChildrenCompletedWakes(child.id, { ...parent, children: await listChildFacts(change.tx, child) });
}
