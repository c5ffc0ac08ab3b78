/**
 * What a policy does when its observed amount or its limit has changed (BU-6 to BU-8, BU-33). Pure: facts in, what is to
 * be written and done out. A scope is stopped at most once, and an incident is opened only where none is open (BU-31).
 */
import { effectiveAmount, type PolicyUse, warningAmount } from "./policy-status.js";

export interface PolicyFacts extends PolicyUse {
  readonly hardStopEnabled: boolean;
  readonly notifyEnabled: boolean;
  /** Incidents of this policy and of the current window that are open now. */
  readonly softIsOpen: boolean;
  readonly hardIsOpen: boolean;
  /** The scope is paused, for whatever reason: agent or company by status, project by `paused_at`. */
  readonly scopeIsPaused: boolean;
}

export interface PolicyEffects {
  /** The rule that decided. */
  readonly rule: "BU-6" | "BU-7" | "BU-8" | "BU-33";
  /** BU-24. */
  readonly resumes: boolean;
  /** `all`: the open incidents of the policy, with their approvals. `soft`: the soft ones, before a hard one is opened. */
  readonly resolves: "none" | "soft" | "all";
  readonly opensSoft: boolean;
  readonly opensHard: boolean;
  /** BU-20, BU-21: the scope is paused and its work cancelled. */
  readonly stops: boolean;
}

const NOTHING = { resumes: false, resolves: "none", opensSoft: false, opensHard: false, stops: false } as const;

/**
 * BU-33: after a cost event. A soft incident is opened on the way up; once a hard one is open, or where it was never
 * asked for, later events open nothing.
 */
export function evaluateAfterCost(facts: PolicyFacts): PolicyEffects {
  const rule = "BU-33";
  const limit = effectiveAmount(facts);
  if (limit === 0 || facts.observed < warningAmount(facts)) return { rule, ...NOTHING };
  return { rule, ...thresholdsMet(facts, limit) };
}

/** BU-6: the policy was set. It resumes its scope when the limit is gone or not reached; else it acts as on a cost event. */
export function evaluateAfterSetting(facts: PolicyFacts): PolicyEffects {
  const limit = effectiveAmount(facts);
  if (limit === 0) {
    return { rule: facts.isActive ? "BU-6" : "BU-7", ...NOTHING, resumes: true, resolves: "all" };
  }
  if (facts.observed >= limit) return { rule: "BU-6", ...thresholdsMet(facts, limit) };
  const warns = facts.notifyEnabled && facts.observed >= warningAmount(facts);
  return { rule: warns ? "BU-8" : "BU-6", ...NOTHING, resumes: true, resolves: "all", opensSoft: warns };
}

function thresholdsMet(facts: PolicyFacts, limit: number): Omit<PolicyEffects, "rule"> {
  const isHard = facts.hardStopEnabled && facts.observed >= limit;
  const opensSoft = facts.notifyEnabled && !facts.softIsOpen && !(isHard && facts.hardIsOpen);
  if (!isHard) return { ...NOTHING, opensSoft };
  const opensHard = !facts.hardIsOpen;
  return {
    resumes: false,
    resolves: facts.softIsOpen || opensSoft ? "soft" : "none",
    opensSoft,
    opensHard,
    stops: opensHard || !facts.scopeIsPaused,
  };
}
