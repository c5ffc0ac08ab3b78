/** W19: the wakes of issues that another use case ends (the cancel of a tree, recovery), in that use case's transaction. */
import type { IssueStatus } from "@wakefleet/contracts";
import { type IssueWake, strongestOf } from "@wakefleet/domain";
import { findIssue } from "@wakefleet/store";
import type { ActivityActor } from "../activity/note-activities.js";
import type { NewId } from "../ids.js";
import type { Log } from "../ports.js";
import type { AfterCommit } from "../runs/after-commit.js";
import { acceptIssueWakes } from "./accept-issue-wakes.js";
import { type EndingIn, wakesOfEnd } from "./wakes-of-end.js";

export interface EndsIn extends EndingIn {
  readonly newId: NewId;
  readonly log: Log;
  readonly after: AfterCommit;
  readonly actor: ActivityActor;
}

/**
 * Plans and accepts the wakes of issues whose ends are written, and `others` that the same change causes. Whom they concern
 * must be held.
 */
export async function wakeAfterEnds(
  change: EndsIn,
  ended: readonly { readonly issueId: string; readonly was: IssueStatus }[],
  others: readonly IssueWake[] = [],
): Promise<void> {
  const wakes: IssueWake[] = [...others];
  for (const { issueId, was } of ended) {
    const issue = await findIssue(change.tx, { id: issueId });
    if (issue !== null) wakes.push(...(await wakesOfEnd(change, { issue, was })));
  }
  const asked = strongestOf(wakes);
  change.hold({ agentIds: asked.map((wake) => wake.agentId), issueIds: asked.map((wake) => wake.issueId) });
  await acceptIssueWakes(change.tx, change, { actor: change.actor, wakes: asked });
}

/** A `hold` for a transaction that cannot begin again: it fails, and whoever opened it tries another time. */
export function holdsOnly(scope: {
  readonly agentIds: readonly string[];
  readonly issueIds: readonly string[];
}): EndingIn["hold"] {
  const agents = new Set(scope.agentIds);
  const issues = new Set(scope.issueIds);
  return ({ agentIds, issueIds }) => {
    const missing = [...agentIds.filter((id) => !agents.has(id)), ...issueIds.filter((id) => !issues.has(id))];
    if (missing.length > 0) throw new Error(`the end reaches what was not locked before: ${missing.join(", ")}`);
  };
}
