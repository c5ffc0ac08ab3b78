/** How an operator's answer to an incident is judged (BU-34, BU-35). Pure. */
import type { BudgetIncidentStatus } from "@wakefleet/contracts";

export type IncidentAction =
  | { readonly action: "keep_paused" }
  | { readonly action: "raise_budget_and_resume"; readonly amount: number | undefined };

export type IncidentVerdict =
  | { readonly kind: "dismiss"; readonly rule: "BU-34" }
  | { readonly kind: "raise"; readonly rule: "BU-34"; readonly amount: number }
  | {
      readonly kind: "refuse";
      readonly rule: "BU-34" | "BU-35";
      readonly code: "bad_request" | "conflict" | "unprocessable";
      readonly text: string;
    };

/** What is asked of an incident that stands at `observed` cents, its policy's window as it is now. */
export function judgeIncidentAction(
  asked: IncidentAction,
  incident: { readonly status: BudgetIncidentStatus; readonly observed: number },
): IncidentVerdict {
  const refuse = (
    rule: "BU-34" | "BU-35",
    code: "bad_request" | "conflict" | "unprocessable",
    text: string,
  ): IncidentVerdict => ({ kind: "refuse", rule, code, text });
  if (asked.action === "raise_budget_and_resume" && asked.amount === undefined) {
    return refuse("BU-34", "bad_request", "amount is required when raising a budget");
  }
  if (incident.status !== "open") {
    return refuse(
      "BU-35",
      "conflict",
      `Budget incident is already ${incident.status}; only an open one can be resolved`,
    );
  }
  if (asked.action === "keep_paused") return { kind: "dismiss", rule: "BU-34" };
  const amount = Math.floor(asked.amount ?? 0);
  return amount > incident.observed
    ? { kind: "raise", rule: "BU-34", amount }
    : refuse("BU-34", "unprocessable", "New budget must exceed current observed spend");
}
