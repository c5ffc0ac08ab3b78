/** A person's comment takes the place of an answer to the confirmations that say so: they expire with it, and wake nobody (W15). */
import { readInteractionContent } from "@wakefleet/contracts";
import { isSupersededByComment } from "@wakefleet/domain";
import { type IssueRow, listPendingInteractions, resolveInteraction } from "@wakefleet/store";
import type { IssueChange } from "../issues/issue-change.js";
import { noteResolution } from "./note-resolution.js";

/** Expires them in the transaction of the comment; the issue is locked. An agent's comment expires none. */
export async function supersedeConfirmations(
  change: Pick<IssueChange, "tx" | "actor" | "note">,
  comment: { readonly issue: IssueRow; readonly commentId: string },
): Promise<void> {
  const { tx, actor } = change;
  const { issue, commentId } = comment;
  if (actor.userId === null) return;
  for (const pending of await listPendingInteractions(tx, { companyId: issue.companyId, issueId: issue.id })) {
    if (!isSupersededByComment(readInteractionContent(pending))) continue;
    const result = { version: 1, outcome: "superseded_by_comment", commentId };
    const { userId } = actor;
    const expired = await resolveInteraction(tx, { id: pending.id, status: "expired", result, agentId: null, userId });
    noteResolution(change, { issue, interaction: expired });
  }
}
