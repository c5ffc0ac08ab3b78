/** Usage and cost of a run (US-1 to US-3, AD-24, AD-65, AD-66). Pure. */
import type { JsonObject } from "@wakefleet/contracts";

export interface TokenCounts {
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
}

export interface ReportedUsage {
  /** Null when the adapter reported no tokens. */
  readonly usage: {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly cachedInputTokens?: number;
  } | null;
  readonly usageBasis: "per_run" | "session_cumulative" | null;
  readonly costUsd: number | null;
  readonly billingType: string | null;
  readonly provider: string | null;
  readonly biller: string | null;
  readonly model: string | null;
  /** Raw totals of the latest earlier run of this agent that ended with the same session; null without one. */
  readonly previousTotals: TokenCounts | null;
  /** How the session was used; merged into usage_json as it is (DM-63). */
  readonly session: JsonObject;
}

export interface JudgedUsage {
  /** DM-63; null when the adapter reported neither usage nor cost. */
  readonly usageJson: JsonObject | null;
  readonly tokens: TokenCounts;
  readonly costCents: number;
  readonly billingType: string;
  readonly provider: string;
  readonly biller: string;
  readonly model: string;
  /** US-3: a cost event is written with any tokens or cents. */
  readonly isBillable: boolean;
}

/** A map, because an adapter may name anything: `toString` is no billing type. */
const LEDGER_BILLING: ReadonlyMap<string, string> = new Map([
  ["api", "metered_api"],
  ["metered_api", "metered_api"],
  ["subscription", "subscription_included"],
  ["subscription_included", "subscription_included"],
  ["subscription_overage", "subscription_overage"],
  ["credits", "credits"],
  ["fixed", "fixed"],
]);

const ledgerBilling = (billingType: string | null): string => LEDGER_BILLING.get(billingType ?? "") ?? "unknown";

/** The ledger's columns are PostgreSQL integers (`cost_events`). What one run reports is never more, whatever it says. */
const LEDGER_MAX = 2 ** 31 - 1;

const count = (value: number | undefined): number =>
  typeof value === "number" && Number.isFinite(value) ? Math.max(0, Math.floor(value)) : 0;

/** Of a running total the run's own part; a total that shrank counts whole. */
const delta = (current: number, previous: number): number => (current >= previous ? current - previous : current);

const ownPart = (current: number, previous: number | undefined): number =>
  Math.min(LEDGER_MAX, previous === undefined ? current : delta(current, previous));

/** US-2: cents of a cost in USD; 0 when included in a subscription or when there is no finite cost; never negative. */
export function costInCents(costUsd: number | null, billingType: string): number {
  if (billingType === "subscription_included" || costUsd === null || !Number.isFinite(costUsd)) return 0;
  return Math.min(LEDGER_MAX, Math.max(0, Math.round(costUsd * 100)));
}

/** The same of a cost under the billing type an adapter names, whole cents; null is not known yet (BY-6). */
export function costSoFarCents(told: { readonly costUsd: number | null; readonly billingType: string | null }): number {
  return costInCents(told.costUsd, ledgerBilling(told.billingType));
}

/** Judges what a run used: totals of a session become this run's part, money becomes whole cents. */
export function judgeUsage(reported: ReportedUsage): JudgedUsage {
  const raw: TokenCounts = {
    inputTokens: count(reported.usage?.inputTokens),
    cachedInputTokens: count(reported.usage?.cachedInputTokens),
    outputTokens: count(reported.usage?.outputTokens),
  };
  const previous = reported.usageBasis === "session_cumulative" ? reported.previousTotals : null;
  const tokens: TokenCounts = {
    inputTokens: ownPart(raw.inputTokens, previous?.inputTokens),
    cachedInputTokens: ownPart(raw.cachedInputTokens, previous?.cachedInputTokens),
    outputTokens: ownPart(raw.outputTokens, previous?.outputTokens),
  };
  const billingType = ledgerBilling(reported.billingType);
  const provider = reported.provider ?? "unknown";
  const biller = reported.biller ?? provider;
  const model = reported.model ?? "unknown";
  const costCents = costInCents(reported.costUsd, billingType);
  const reportedAnything = reported.usage !== null || reported.costUsd !== null;
  return {
    usageJson: reportedAnything
      ? {
          ...tokens,
          rawInputTokens: raw.inputTokens,
          rawCachedInputTokens: raw.cachedInputTokens,
          rawOutputTokens: raw.outputTokens,
          ...(previous === null ? {} : { usageSource: "session_delta" }),
          ...reported.session,
          provider,
          biller,
          model,
          costUsd: reported.costUsd,
          billingType,
        }
      : null,
    tokens,
    costCents,
    billingType,
    provider,
    biller,
    model,
    isBillable: tokens.inputTokens + tokens.cachedInputTokens + tokens.outputTokens + costCents > 0,
  };
}
