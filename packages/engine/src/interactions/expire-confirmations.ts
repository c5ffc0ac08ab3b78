/**
 * Confirmations that nobody needs to answer any more expire, and wake nobody (W15): a person's comment took the place of an
 * answer, or what they are about was changed. A pending one counts as somebody's turn (RC-52), so none may stay for nothing.
 */
import { type InteractionContent, type JsonObject, readInteractionContent } from "@wakefleet/contracts";
import { isSupersededByComment, staleTargetResult } from "@wakefleet/domain";
import { listPendingInteractions, resolveInteraction } from "@wakefleet/store";
import type { IssuePart } from "../issues/change-issue-part.js";
import type { IssueChange } from "../issues/issue-change.js";
import { isTargetStale } from "./confirmation-target.js";
import { noteResolution } from "./note-resolution.js";

/** The transaction of whatever makes them expire; the issue is locked. */
type Expiring = Pick<IssueChange, "tx" | "actor" | "note"> & Pick<IssuePart, "issue">;

/** In the transaction of a comment: those that say so expire with it. An agent's comment expires none. */
export async function supersedeConfirmations(change: Expiring, commentId: string): Promise<void> {
  if (change.actor.userId === null) return;
  await expire(change, async (content) =>
    isSupersededByComment(content) ? { version: 1, outcome: "superseded_by_comment", commentId } : null,
  );
}

/** In the transaction of a change of the issue's documents: those about a revision that is not the latest any more. */
export async function expireStaleConfirmations(change: Expiring): Promise<void> {
  await expire(change, async (content) => {
    const target = content?.kind === "request_confirmation" ? (content.payload.target ?? null) : null;
    return (await isTargetStale(change.tx, { issue: change.issue, target })) ? staleTargetResult(target) : null;
  });
}

async function expire(
  { tx, actor, note, issue }: Expiring,
  /** What becomes of one; null: it stays. */
  resultOf: (content: InteractionContent | null) => Promise<JsonObject | null>,
): Promise<void> {
  const { agentId, userId } = actor;
  for (const pending of await listPendingInteractions(tx, { companyId: issue.companyId, issueId: issue.id })) {
    const result = await resultOf(readInteractionContent(pending));
    if (result === null) continue;
    const expired = await resolveInteraction(tx, { id: pending.id, status: "expired", result, agentId, userId });
    noteResolution({ note }, { issue, interaction: expired });
  }
}
