/** AC-27: what is told of a hold that ends. */
import { listHoldMembers, type Sql, type TreeHoldRow } from "@wakefleet/store";
import type { HoldContext } from "./hold-transaction.js";

/** Notes each released hold at its own root. */
export async function noteHoldReleased(tx: Sql, context: HoldContext, released: readonly TreeHoldRow[]): Promise<void> {
  const members = await listHoldMembers(
    tx,
    released.map(({ id }) => id),
  );
  for (const { id, mode, releaseReason, rootIssueId } of released) {
    context.note({
      action: "issue.tree_hold_released",
      entityType: "issue",
      entityId: rootIssueId,
      details: {
        holdId: id,
        mode,
        reason: releaseReason,
        memberCount: members.filter(({ holdId }) => holdId === id).length,
      },
    });
  }
}
