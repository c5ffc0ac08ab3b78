/** The caller as the engine's use cases about issues know it. */
import type { IssueCaller } from "@wakefleet/engine";
import { insufficientScope } from "../http/guards.js";
import type { Principal } from "../principal.js";

/** Throws for keys that have no business with issues (API-36). */
export function issueCaller(principal: Principal): IssueCaller {
  if (principal.kind === "enqueue") throw insufficientScope();
  return principal;
}
