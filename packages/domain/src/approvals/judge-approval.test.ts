import { APPROVAL_STATUSES, APPROVAL_TYPES } from "@wakefleet/contracts";
import { describe, expect, it } from "vitest";
import { type ApprovalDecision, judgeApproval } from "./judge-approval.js";

const open = ["pending", "revision_requested"];
const decisions: [ApprovalDecision, string, string[], string][] = [
  ["approve", "approved", open, "Only pending or revision requested approvals can be approved"],
  ["reject", "rejected", open, "Only pending or revision requested approvals can be rejected"],
  ["request_revision", "revision_requested", ["pending"], "Only pending approvals can request revision"],
  ["resubmit", "pending", ["revision_requested"], "Only revision requested approvals can be resubmitted"],
];

describe("deciding an approval", () => {
  it.each(
    decisions.flatMap(([decision, to, from, text]) =>
      APPROVAL_STATUSES.map((status) => ({ decision, to, from, text, status })),
    ),
  )("AL-15, API-185 $decision of one that is $status", ({ decision, to, from, text, status }) => {
    const expected = from.includes(status)
      ? { kind: "change", to }
      : status === to && decision !== "resubmit"
        ? { kind: "same" }
        : { kind: "refuse", code: "unprocessable", text };
    expect(judgeApproval({ type: "request_board_approval", status }, decision)).toEqual(expected);
  });

  it.each(decisions)("BU-35 %s of a budget's approval points to its incident", (decision) => {
    for (const status of APPROVAL_STATUSES) {
      expect(judgeApproval({ type: "budget_override_required", status }, decision)).toEqual({
        kind: "refuse",
        code: "conflict",
        text: "Budget approvals are decided by resolving their budget incident",
      });
    }
  });

  it("AL-15 every other type is decided alike", () => {
    for (const type of APPROVAL_TYPES.filter((one) => one !== "budget_override_required")) {
      expect(judgeApproval({ type, status: "pending" }, "approve")).toEqual({ kind: "change", to: "approved" });
    }
  });
});
