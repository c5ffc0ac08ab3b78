/** How a receipt (BY-1) is added to a row by the statement that carries the decision out. */
import type { Decided } from "@wakefleet/contracts";
import { toDatabaseJson } from "./database-json.js";

/** `receipts` of row `alias` with the decision that `param` holds as JSON; unchanged where `param` is null. */
export function withReceipt(alias: string, param: string): string {
  return `${alias}.receipts || coalesce(${param} || jsonb_build_object('at', now()), '[]'::jsonb)`;
}

/** A decision as such a parameter. */
export function receiptParam(decided: Decided | undefined): string | null {
  return decided === undefined ? null : toDatabaseJson(decided);
}
