/**
 * FI-8: what happens to an issue when the run that worked on it ends. Pure: the caller holds the issue row's lock, read
 * the facts under it and writes what is decided here.
 */
import type { ActorType, AgentStatus, IssueStatus, JsonObject } from "@wakefleet/contracts";
import { isInvokable } from "../agent.js";
import { deferredContextOf } from "../wakeup/context.js";
import { type ActiveRunFact, chooseLockHolder } from "../wakeup/decide-wakeup.js";

export const PROMOTION_FAILED_TEXT = "Deferred wake could not be promoted: agent is not invokable";
export const PROMOTION_SUPPRESSED_TEXT = "Deferred wake suppressed by active subtree pause hold";

export interface DeferredRequestFact {
  readonly id: string;
  readonly reason: string | null;
  readonly payload: JsonObject | null;
  readonly requestedByActorType: ActorType | null;
  /** Null when the agent is gone or of another company. */
  readonly agent: { readonly id: string; readonly status: AgentStatus } | null;
  /** An active pause hold covers the issue, and the wake is no verified interaction (TH-12). */
  readonly isHeld: boolean;
}

export interface ReleaseFacts {
  readonly runId: string;
  readonly issue: {
    readonly id: string;
    readonly status: IssueStatus;
    readonly assigneeAgentId: string | null;
    readonly lockRunId: string | null;
  };
  /** Active runs that name the issue, without the run that ended. */
  readonly otherActiveRuns: readonly ActiveRunFact[];
  /** Oldest first. */
  readonly deferred: readonly DeferredRequestFact[];
}

export type ReleasePlan =
  /** Another run holds the lock: nothing happens. */
  | { readonly kind: "not_holder" }
  /** Another active run names the issue and becomes the holder; nothing is promoted before its end. */
  | { readonly kind: "hand_over"; readonly toRunId: string; readonly toAgentId: string }
  | {
      readonly kind: "release";
      /** Requests that cannot be promoted end `failed` with {@link PROMOTION_FAILED_TEXT}. */
      readonly failedRequestIds: readonly string[];
      /** Requests that a pause hold stops end `cancelled` with {@link PROMOTION_SUPPRESSED_TEXT}. */
      readonly suppressedRequestIds: readonly string[];
      readonly promote: PromotePlan | null;
    };

export interface PromotePlan {
  readonly requestId: string;
  readonly agentId: string;
  /** The deferred context, not yet enriched again. */
  readonly context: JsonObject;
  /** The request's stored reason: it becomes the wake's reason where the context has none. */
  readonly reason: string | null;
  /** The lock moves to the new run only if its agent is the assignee. */
  readonly takesLock: boolean;
  /** A user's comment wake on a finished issue reopens it to `todo`; the status it was reopened from, else null. */
  readonly reopenFrom: IssueStatus | null;
}

/** Decides release and promotion. */
export function planRelease(facts: ReleaseFacts): ReleasePlan {
  const { issue } = facts;
  if (issue.lockRunId !== null && issue.lockRunId !== facts.runId) return { kind: "not_holder" };
  const holder = chooseLockHolder(facts.otherActiveRuns);
  if (holder !== null) return { kind: "hand_over", toRunId: holder.id, toAgentId: holder.agentId };

  const failedRequestIds: string[] = [];
  const suppressedRequestIds: string[] = [];
  for (const request of facts.deferred) {
    if (request.agent === null || !isInvokable(request.agent.status)) {
      failedRequestIds.push(request.id);
      continue;
    }
    if (request.isHeld) {
      suppressedRequestIds.push(request.id);
      continue;
    }
    const context = deferredContextOf(request.payload);
    return {
      kind: "release",
      failedRequestIds,
      suppressedRequestIds,
      promote: {
        requestId: request.id,
        agentId: request.agent.id,
        context,
        reason: request.reason,
        takesLock: issue.assigneeAgentId === request.agent.id,
        reopenFrom: reopensIssue(issue.status, context, request.requestedByActorType) ? issue.status : null,
      },
    };
  }
  return { kind: "release", failedRequestIds, suppressedRequestIds, promote: null };
}

function reopensIssue(status: IssueStatus, context: JsonObject, requester: ActorType | null): boolean {
  const closed = status === "done" || status === "cancelled";
  const isCommentWake = typeof context["wakeCommentId"] === "string";
  return closed && isCommentWake && (requester === "user" || context["wakeReason"] === "issue_reopened_via_comment");
}
