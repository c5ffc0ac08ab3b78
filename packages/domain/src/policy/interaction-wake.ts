/**
 * Interaction wakes: a comment or a mention that may reach an agent although its issue is held, blocked or another's
 * (TH-20 to TH-24, RC-71, API-174). One test, everywhere: reason, source, comment and requester must fit together.
 */
import { type ActorType, type JsonObject, nonEmptyString } from "@wakefleet/contracts";

/** TH-20, TH-21: the reasons, and the only `source` each may have. */
export const INTERACTION_SOURCES: Readonly<Record<string, string>> = {
  issue_commented: "issue.comment",
  issue_reopened_via_comment: "issue.comment.reopen",
  issue_comment_mentioned: "comment.mention",
};

/** TH-21 (3): the last of `wakeCommentIds`, else `wakeCommentId`, else `commentId`. */
export function wakeCommentIdOf(context: JsonObject): string | null {
  const ids = context["wakeCommentIds"];
  const last = Array.isArray(ids) ? ids.filter((id) => nonEmptyString(id) !== null).at(-1) : undefined;
  return nonEmptyString(last) ?? nonEmptyString(context["wakeCommentId"]) ?? nonEmptyString(context["commentId"]);
}

/** CL-11, CL-12: the wake carries a comment. */
export function hasWakeComment(context: JsonObject): boolean {
  return wakeCommentIdOf(context) !== null;
}

/** Retries keep what first woke the run (CL-10): gates read these before `wakeReason` and `source`. */
function firstReason(context: JsonObject): string | null {
  return (
    nonEmptyString(context["originalWakeReason"]) ??
    nonEmptyString(context["wakeReason"]) ??
    nonEmptyString(context["reason"])
  );
}

function firstSource(context: JsonObject): string | null {
  return nonEmptyString(context["originalWakeSource"]) ?? nonEmptyString(context["source"]);
}

export interface CommentFact {
  readonly id: string;
  readonly issueId: string;
  readonly authorAgentId: string | null;
  readonly authorUserId: string | null;
}

export interface Requester {
  readonly type: ActorType | null;
  readonly id: string | null;
}

/** TH-22. */
export function requesterMatchesComment(requester: Requester, comment: CommentFact): boolean {
  if (requester.type === "system") return true;
  if (requester.id === null) return false;
  if (requester.type === "agent") return requester.id === comment.authorAgentId;
  return requester.type === "user" && requester.id === comment.authorUserId;
}

/** TH-21: verified for this issue. `comment` is the wake's comment if it exists in the company, else null. */
export function isVerifiedInteraction(wake: {
  readonly context: JsonObject;
  readonly issueId: string;
  readonly comment: CommentFact | null;
  readonly requesters: readonly Requester[];
}): boolean {
  const { context, comment } = wake;
  const reason = firstReason(context);
  if (reason === null) return false;
  const source = INTERACTION_SOURCES[reason];
  if (source === undefined || firstSource(context) !== source) return false;
  if (comment === null || comment.id !== wakeCommentIdOf(context) || comment.issueId !== wake.issueId) return false;
  return wake.requesters.some((requester) => requesterMatchesComment(requester, comment));
}
