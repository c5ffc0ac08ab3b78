/** Releasing one hold (TH-40, TH-42, API-195). */
import { type JsonObject, WakefleetError } from "@wakefleet/contracts";
import { findTreeHold, releaseTreeHolds, type Sql, type TreeHoldRow, type TreeHoldWithMembers } from "@wakefleet/store";
import type { IssueDeps } from "../issues/issue-change.js";
import { readHold } from "./create-tree-hold.js";
import { noteHoldReleased } from "./hold-activity.js";
import { type HoldScope, inHoldTransaction } from "./hold-transaction.js";
import { wakeAfterRelease } from "./hold-wakes.js";

export interface ReleaseTreeHoldCommand extends HoldScope {
  readonly holdId: string;
  readonly reason: string | null;
  readonly releasePolicy?: JsonObject | undefined;
  readonly metadata: JsonObject | null;
}

/** Releases it and wakes whom it stopped. Throws `not_found`, `unprocessable` for another root's, `conflict` the second time. */
export async function releaseTreeHold(deps: IssueDeps, command: ReleaseTreeHoldCommand): Promise<TreeHoldWithMembers> {
  await assertReleasable(deps.db.sql, command);
  await inHoldTransaction(deps, command, async (tx, context) => {
    await assertReleasable(tx, { ...command, lock: true });
    const { holdId, actor, reason, metadata, releasePolicy } = command;
    const released = await releaseTreeHolds(tx, { holdIds: [holdId], actor, reason, metadata, releasePolicy });
    await noteHoldReleased(tx, context, released);
    await wakeAfterRelease(
      tx,
      context,
      released.filter(({ mode }) => mode === "pause"),
    );
  });
  return readHold(deps.db, { id: command.holdId, companyId: command.companyId });
}

async function assertReleasable(
  sql: Sql,
  asked: { companyId: string; rootIssueId: string; holdId: string; lock?: boolean },
): Promise<TreeHoldRow> {
  const { companyId, holdId: id, lock = false } = asked;
  const hold = await findTreeHold(sql, { id, companyId, lock });
  if (hold === null) throw new WakefleetError("not_found", "Issue tree hold not found");
  if (hold.rootIssueId !== asked.rootIssueId) {
    throw new WakefleetError("unprocessable", "Issue tree hold does not belong to the requested root issue");
  }
  if (hold.status === "released") throw new WakefleetError("conflict", "Issue tree hold is already released");
  return hold;
}
