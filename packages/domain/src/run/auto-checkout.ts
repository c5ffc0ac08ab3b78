/** Whether a worker checks its run's issue out before the adapter (EX-2, CO-22, CO-24, CO-33). Pure. */
import { type IssueStatus, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { type IssueGateFacts, type IssueGateRefusal, issueGate } from "../claim/issue-gates.js";
import type { TreeHoldFact } from "../wakeup/decide-wakeup.js";

/** EX-2, CO-33: what the wake says; the rest is asked of the issue. */
export function wantsCheckout(context: JsonObject): boolean {
  const reason = nonEmptyString(context["wakeReason"]);
  if (reason === null || context["treeHoldInteraction"] === true) return false;
  return reason !== "issue_comment_mentioned" && !reason.startsWith("execution_");
}

const CHECKED_OUT_FROM: ReadonlySet<IssueStatus> = new Set(["todo", "backlog", "blocked", "in_progress"]);

export type CheckoutPlan =
  /** The issue is not this run's to take. */
  | { readonly kind: "none" }
  /** CO-22: held since the claim; the run ends as CL-7. */
  | { readonly kind: "held"; readonly hold: TreeHoldFact }
  /** CO-24: blocked since the claim; the run ends as CL-8. */
  | { readonly kind: "blocked"; readonly refusal: IssueGateRefusal }
  /** To be tried by compare-and-set (CO-25 to CO-28). */
  | { readonly kind: "try" };

/** The issue as it is now, its row locked; null: it is gone. */
export function planCheckout(from: {
  readonly agentId: string;
  readonly context: JsonObject;
  /** Verified for this issue (TH-21). */
  readonly isInteraction: boolean;
  readonly issue: (IssueGateFacts & { readonly hold: TreeHoldFact | null }) | null;
}): CheckoutPlan {
  const { agentId, context, isInteraction, issue } = from;
  if (issue === null || issue.assigneeAgentId !== agentId || !CHECKED_OUT_FROM.has(issue.status))
    return { kind: "none" };
  if (!wantsCheckout(context)) return { kind: "none" };
  if (issue.hold !== null && !isInteraction) return { kind: "held", hold: issue.hold };
  if (issue.unresolvedBlockerIssueIds.length === 0) return { kind: "try" };
  const refusal = issueGate({ agentId, isRetry: false, context, isInteraction }, issue.id, issue);
  return refusal?.rule === "CL-8" ? { kind: "blocked", refusal } : { kind: "none" };
}
