/** Receipts and live reasons as they are answered (BY-1). */
import type { Decided, ExplainedReceipt, Reason, Receipt } from "@wakefleet/contracts";
import { explain, redactObject } from "@wakefleet/domain";

/** A decision with its words. */
export function reasonOf(decided: Pick<Decided, "rule" | "facts"> & { readonly outcome?: Decided["outcome"] }): Reason {
  const facts = redactObject(decided.facts);
  return { rule: decided.rule, ...explain({ ...decided, facts }), facts };
}

/** Receipts in words, oldest first; the instants as every answer has them (API-3). */
export function explainReceipts(receipts: readonly Receipt[], of: ExplainedReceipt["of"]): ExplainedReceipt[] {
  return receipts.map((receipt) => ({
    ...reasonOf(receipt),
    outcome: receipt.outcome,
    at: new Date(receipt.at).toISOString(),
    of,
  }));
}

/** The reason that a list of decisions ends with; null for an empty one. */
export function lastReason(decisions: readonly ExplainedReceipt[]): Reason | null {
  const last = decisions.at(-1);
  if (last === undefined) return null;
  const { rule, text, change, facts } = last;
  return { rule, text, change, facts };
}
