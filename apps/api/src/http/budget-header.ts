/**
 * How a running agent is told that a budget's soft limit is passed (BY-6): by a header of every answer to its run token, while
 * the budget's soft incident is open. A list as of RFC 9651, all money in cents:
 * `X-Wakefleet-Budget: soft-limit; scope=agent; spent-cents=83; limit-cents=100`.
 */
import type { ServerResponse } from "node:http";
import type { SoftLimit } from "@wakefleet/store";
import type { Principal } from "../principal.js";

/** The header's name. */
export const BUDGET_HEADER = "X-Wakefleet-Budget";

/** Sets it where the caller has something to be told; answers of every status bear it from here on. */
export function setBudgetHeader(res: ServerResponse, caller: Principal | null): void {
  if (caller?.kind !== "agent" || caller.softLimits.length === 0) return;
  res.setHeader(BUDGET_HEADER, caller.softLimits.map(softLimitText).join(", "));
}

function softLimitText({ scopeType, spentCents, limitCents }: SoftLimit): string {
  return `soft-limit; scope=${scopeType}; spent-cents=${spentCents}; limit-cents=${limitCents}`;
}
