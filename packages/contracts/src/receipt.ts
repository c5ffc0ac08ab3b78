/**
 * Receipts (BY-1): what decided about a wakeup request or a run, and the facts it rested on, written in the statement that
 * carried the decision out. A receipt is never changed and never made up afterwards.
 */
import type { JsonObject } from "./json.js";

export const RECEIPT_OUTCOMES = [
  "queued",
  "scheduled",
  "coalesced",
  "deferred",
  "skipped",
  "refused",
  "promoted",
  "hastened",
  "claimed",
  "cancelled",
  "ended",
] as const;
export type ReceiptOutcome = (typeof RECEIPT_OUTCOMES)[number];

/** One decision: the number of the rule that decided, what came of it, and on which facts. */
export interface Decided {
  readonly rule: string;
  readonly outcome: ReceiptOutcome;
  readonly facts: JsonObject;
}

/** A decision as it is kept; `at` is the instant of its transaction, ISO 8601. */
export interface Receipt extends Decided {
  readonly at: string;
}
