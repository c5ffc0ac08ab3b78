/** FI-7: a run that was woken to work on an issue leaves a comment there, or is asked for one, once. Pure. */
import type { JsonObject } from "@wakefleet/contracts";

export const MISSING_COMMENT_REASON = "missing_issue_comment";

const REASONS_THAT_ASK: ReadonlySet<unknown> = new Set([
  "issue_assigned",
  "execution_review_requested",
  "execution_approval_requested",
  "execution_changes_requested",
]);

export const COMMENT_POLICY_TEXTS = {
  exhausted: "Run ended without an issue comment after one retry; no further comment wake will be queued",
  deferred: "Run ended without an issue comment; a deferred comment wake already exists for this issue",
  queued: "Run ended without an issue comment; queued one follow-up wake to require a comment",
} as const;

export interface CommentPolicyFacts {
  readonly context: JsonObject;
  /** The run's own comment on its issue, also the one made from its summary (FI-5). */
  readonly commentId: string | null;
  /** A deferred comment wake of this agent waits on the issue. */
  readonly hasDeferredCommentWake: boolean;
  /** The run still holds the lock, and the agent may be woken. */
  readonly canRetry: boolean;
}

export type CommentPolicyOutcome =
  | { readonly status: "not_applicable"; readonly event: null | { level: "info"; message: string } }
  | { readonly status: "satisfied"; readonly commentId: string }
  | { readonly status: "retry_exhausted"; readonly event: { level: "warn"; message: string } | null }
  | { readonly status: "retry_queued"; readonly event: { level: "warn"; message: string } };

/** The first clause of FI-7 that applies. */
export function decideCommentPolicy(facts: CommentPolicyFacts): CommentPolicyOutcome {
  const { context, commentId } = facts;
  if (commentId !== null) return { status: "satisfied", commentId };
  if (context["retryReason"] === MISSING_COMMENT_REASON) {
    return { status: "retry_exhausted", event: { level: "warn", message: COMMENT_POLICY_TEXTS.exhausted } };
  }
  if (!REASONS_THAT_ASK.has(context["wakeReason"])) return { status: "not_applicable", event: null };
  if (facts.hasDeferredCommentWake) {
    return { status: "not_applicable", event: { level: "info", message: COMMENT_POLICY_TEXTS.deferred } };
  }
  if (!facts.canRetry) return { status: "retry_exhausted", event: null };
  return { status: "retry_queued", event: { level: "warn", message: COMMENT_POLICY_TEXTS.queued } };
}
