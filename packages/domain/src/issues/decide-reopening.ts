/**
 * What a comment does to its issue: the implicit and the explicit move to `todo`, and when an explicit follow-up is refused
 * (API-152, API-154, CO-42 to CO-44). Pure.
 */
import type { IssueStatus } from "@wakefleet/contracts";

export interface ReopeningFacts {
  /** Before the change. */
  readonly status: IssueStatus;
  /** After the change, but for the comment. */
  readonly hasAgentAssignee: boolean;
  /** The same change sets a status: then a comment moves nothing. */
  readonly setsStatus: boolean;
  readonly reopen: boolean;
  readonly resume: boolean;
  readonly hasUnresolvedBlockers: boolean;
  /** Under an active pause hold (TH-10). */
  readonly isHeld: boolean;
  readonly author:
    | { readonly kind: "person" }
    /** `assignee` as the issue was: whose it is, and whether the agent may act on another's (CO-10). */
    | { readonly kind: "agent"; readonly assignee: "none" | "own" | "others" | "others_allowed" };
}

export type ReopeningDecision =
  | { readonly kind: "reopen"; readonly rule: "CO-42" | "CO-43" }
  | { readonly kind: "stay" }
  | { readonly kind: "refuse"; readonly code: "conflict" | "forbidden"; readonly message: string };

const REOPENABLE: ReadonlySet<IssueStatus> = new Set(["done", "cancelled", "blocked"]);
const RESUMABLE: ReadonlySet<IssueStatus> = new Set(["done", "blocked", "todo", "in_progress"]);

/** Decides about an issue that a comment was written on. */
export function decideReopening(facts: ReopeningFacts): ReopeningDecision {
  const isPerson = facts.author.kind === "person";
  if (facts.resume || (facts.reopen && !isPerson)) {
    const refusal = refuseFollowUp(facts);
    if (refusal !== null) return refusal;
  }
  if (facts.setsStatus || !REOPENABLE.has(facts.status)) return { kind: "stay" };
  if (facts.reopen || facts.resume) return { kind: "reopen", rule: "CO-43" };
  if (!isPerson || !facts.hasAgentAssignee) return { kind: "stay" };
  if (facts.status === "blocked" && facts.hasUnresolvedBlockers) return { kind: "stay" };
  return { kind: "reopen", rule: "CO-42" };
}

/** CO-44, in its order. */
function refuseFollowUp(facts: ReopeningFacts): Extract<ReopeningDecision, { kind: "refuse" }> | null {
  const { status, author } = facts;
  if (status === "cancelled") {
    return conflict("Cancelled issues must be restored through the dedicated restore flow");
  }
  if (!RESUMABLE.has(status)) return conflict("Issue is not resumable through comment follow-up intent");
  if (facts.isHeld) return conflict("Issue follow-up blocked by active subtree pause hold");
  if (status === "blocked" && facts.hasUnresolvedBlockers) {
    return conflict("Issue follow-up blocked by unresolved blockers");
  }
  if (author.kind === "person") return null;
  if (author.assignee === "none") return conflict("Issue follow-up requires an assigned agent");
  if (author.assignee === "others") {
    const message = "Agent cannot request follow-up for another agent's issue";
    return { kind: "refuse", code: "forbidden", message };
  }
  return null;
}

function conflict(message: string): Extract<ReopeningDecision, { kind: "refuse" }> {
  return { kind: "refuse", code: "conflict", message };
}
