/** What a hold would do, without doing it (TH-9, API-190). */
import { type TreeHoldMode, WakefleetError } from "@wakefleet/contracts";
import { type HoldPlan, planHold } from "@wakefleet/domain";
import { readTree } from "@wakefleet/store";
import { noteActivities } from "../activity/note-activities.js";
import type { IssueDeps } from "../issues/issue-change.js";
import { carryOut, nothingAfterCommit } from "../runs/after-commit.js";
import type { HoldScope } from "./hold-transaction.js";

/** Judges the tree as it is now and notes that somebody looked (AC-25). Throws `not_found` for a root that is not there. */
export async function previewTreeHold(
  deps: Pick<IssueDeps, "db" | "events" | "dispatcher">,
  command: HoldScope & { readonly mode: TreeHoldMode },
): Promise<HoldPlan> {
  const { companyId, rootIssueId, actor, mode } = command;
  const tree = await readTree(deps.db.sql, command);
  if (tree.issues.length === 0) throw new WakefleetError("not_found", "Root issue not found");
  const plan = planHold(mode, tree);
  const after = nothingAfterCommit();
  const note = {
    companyId,
    action: "issue.tree_control_previewed",
    entityType: "issue",
    entityId: rootIssueId,
    details: { mode, totals: plan.totals, warningCodes: plan.warnings.map(({ code }) => code) },
  };
  await deps.db.transaction((tx) => noteActivities(tx, after, { actor, notes: [note] }));
  carryOut(deps, after);
  return plan;
}
