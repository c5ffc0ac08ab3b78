/** What an upsert of a policy stores (BU-1, BU-5, BU-9). Pure. */
import type { BudgetScopeType, BudgetWindowKind } from "@wakefleet/contracts";

export const DEFAULT_WARN_PERCENT = 80;

/** The fields of a policy that a setting decides. */
export interface PolicySetting {
  /** Whole cents, never negative. */
  readonly amount: number;
  /** 1..99. */
  readonly warnPercent: number;
  readonly hardStopEnabled: boolean;
  readonly notifyEnabled: boolean;
  readonly isActive: boolean;
}

/** What a caller sent: only the amount must be there. */
export type SentSetting = { readonly amount: number } & {
  readonly [Field in Exclude<keyof PolicySetting, "amount">]?: PolicySetting[Field] | undefined;
};

/** BU-9: the window of a policy whose upsert names none. */
export function defaultWindowKind(scopeType: BudgetScopeType): BudgetWindowKind {
  return scopeType === "project" ? "lifetime" : "calendar_month_utc";
}

/**
 * A field left out keeps what is stored (BU-9), else its default (BU-1). `isActive` alone does not: without a limit
 * nothing is active, and a limit that is set counts unless it is said not to (BU-5).
 */
export function settlePolicy(sent: SentSetting, stored: PolicySetting | null): PolicySetting {
  const amount = Math.max(0, Math.floor(sent.amount));
  return {
    amount,
    warnPercent: sent.warnPercent ?? stored?.warnPercent ?? DEFAULT_WARN_PERCENT,
    hardStopEnabled: sent.hardStopEnabled ?? stored?.hardStopEnabled ?? true,
    notifyEnabled: sent.notifyEnabled ?? stored?.notifyEnabled ?? true,
    isActive: amount > 0 && (sent.isActive ?? true),
  };
}
