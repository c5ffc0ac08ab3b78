/** Whether an approval may be decided as it was asked (AL-15, API-185, API-186, BU-35). Pure. */
import type { ApprovalStatus, ApprovalType } from "@wakefleet/contracts";

export type ApprovalDecision = "approve" | "reject" | "request_revision" | "resubmit";

export type ApprovalVerdict =
  | { readonly kind: "change"; readonly to: ApprovalStatus }
  /** It was decided so before: nothing happens, and nobody is woken again. */
  | { readonly kind: "same" }
  | { readonly kind: "refuse"; readonly code: "conflict" | "unprocessable"; readonly text: string };

const RULES: Readonly<
  Record<
    ApprovalDecision,
    { readonly to: ApprovalStatus; readonly from: readonly ApprovalStatus[]; readonly text: string }
  >
> = {
  approve: {
    to: "approved",
    from: ["pending", "revision_requested"],
    text: "Only pending or revision requested approvals can be approved",
  },
  reject: {
    to: "rejected",
    from: ["pending", "revision_requested"],
    text: "Only pending or revision requested approvals can be rejected",
  },
  request_revision: {
    to: "revision_requested",
    from: ["pending"],
    text: "Only pending approvals can request revision",
  },
  resubmit: {
    to: "pending",
    from: ["revision_requested"],
    text: "Only revision requested approvals can be resubmitted",
  },
};

/** What a budget's approval says to those who try to decide it. */
export const BUDGET_APPROVAL_TEXT = "Budget approvals are decided by resolving their budget incident";

/** Judges a decision on an approval as it stands. */
export function judgeApproval(
  approval: { readonly type: ApprovalType; readonly status: ApprovalStatus },
  decision: ApprovalDecision,
): ApprovalVerdict {
  if (approval.type === "budget_override_required") {
    return { kind: "refuse", code: "conflict", text: BUDGET_APPROVAL_TEXT };
  }
  const { to, from, text } = RULES[decision];
  if (from.includes(approval.status)) return { kind: "change", to };
  // A resubmission is no decision: a pending approval was either never sent back or is in again already.
  if (approval.status === to && decision !== "resubmit") return { kind: "same" };
  return { kind: "refuse", code: "unprocessable", text };
}
