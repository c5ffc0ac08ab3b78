/**
 * The money brake (BY-6): what running runs have told and nobody booked yet counts against the budgets they spend on. Pure.
 *
 * What must stay true: no more is decided here than `evaluateAfterCost` would decide on the same amount once it is booked, so
 * that a stop now and the bookings that follow agree.
 */
import { asJsonObject, type JsonObject, type Receipt } from "@wakefleet/contracts";
import { evaluateAfterCost, type PolicyFacts } from "./evaluate-policy.js";
import { effectiveAmount, warningAmount } from "./policy-status.js";

/** The rule its receipts name. */
export const BRAKE_RULE = "BY-6";

/** A budget that was set while a run went on is looked for this often, milliseconds. */
const UNBUDGETED_LOOK_MS = 60_000;

/** What one run has told, and what was last looked at. */
export interface SpendingLook {
  /** Cents it has told so far. */
  readonly cents: number;
  /** Cents at the last look; null: none yet. */
  readonly lookedCents: number | null;
  /** Since the last look, milliseconds. */
  readonly sinceLookMs: number;
  /** Some budget counts what it spends, as far as is known. */
  readonly isBudgeted: boolean;
}

/** Whether the budgets of a run are to be looked at: never without new money, and rarely without a budget. */
export function isLookDue({ cents, lookedCents, sinceLookMs, isBudgeted }: SpendingLook): boolean {
  if (cents === (lookedCents ?? 0)) return false;
  return isBudgeted || sinceLookMs >= UNBUDGETED_LOOK_MS;
}

/** The policy as it will stand when what runs have told is booked. */
export function withInFlight<Policy extends PolicyFacts & { readonly inFlight: number }>(policy: Policy): Policy {
  return { ...policy, observed: policy.observed + policy.inFlight };
}

/** A threshold is met, or a scope over its limit runs on: something is to be written. */
export function isBrakeDue(policy: PolicyFacts & { readonly inFlight: number }): boolean {
  const { opensSoft, opensHard, stops } = evaluateAfterCost(withInFlight(policy));
  return opensSoft || opensHard || stops;
}

/**
 * Whether the runs of a policy are to be told that its soft limit is passed: it warns, and has not reached what stops them.
 * Holds as well while its soft incident is open already, for runs that spend later.
 */
export function isSoftLimitPassed(policy: PolicyFacts & { readonly inFlight: number }): boolean {
  const { observed, ...facts } = withInFlight(policy);
  const limit = effectiveAmount(facts);
  if (limit === 0 || !facts.notifyEnabled || observed < warningAmount(facts)) return false;
  return !facts.hardStopEnabled || observed < limit;
}

/** What a run that the brake stopped says of it in its result; all in cents. */
export interface BudgetStop {
  readonly scopeType: string;
  readonly scopeId: string;
  readonly limitCents: number;
  /** Booked and in flight together, when the limit was found to be met. */
  readonly observedCents: number;
  /** What this run had told then. */
  readonly runCents: number;
}

/** The stop that a run's receipts tell of; null when no brake stopped it. */
export function budgetStopOf(receipts: readonly Receipt[]): BudgetStop | null {
  const receipt = receipts.findLast(({ rule }) => rule === BRAKE_RULE);
  if (receipt === undefined) return null;
  const { scopeType, scopeId, limitCents, observedCents, runCents } = asJsonObject(receipt.facts);
  return {
    scopeType: String(scopeType),
    scopeId: String(scopeId),
    limitCents: Number(limitCents),
    observedCents: Number(observedCents),
    runCents: Number(runCents),
  };
}

/**
 * How far the scope went over its limit, as this run knows it: what was over when it was found, and what the run spent from
 * then to its end. Each run of the scope tells its own.
 */
export function overshootCents(stop: BudgetStop, runCentsAtEnd: number): number {
  const spentSince = Math.max(0, runCentsAtEnd - stop.runCents);
  return Math.max(0, stop.observedCents + spentSince - stop.limitCents);
}

/** What is kept in the run's result. */
export function budgetStopFacts(stop: BudgetStop, runCentsAtEnd: number): JsonObject {
  return { budgetStop: { ...stop, runCents: runCentsAtEnd, overshootCents: overshootCents(stop, runCentsAtEnd) } };
}
