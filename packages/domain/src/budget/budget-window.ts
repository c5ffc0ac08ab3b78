/** The windows a budget counts in (BU-2). Pure: "now" is given, and it is the database's clock. */
import type { BudgetWindowKind } from "@wakefleet/contracts";

export interface BudgetWindow {
  /** First instant inside. */
  readonly start: Date;
  /** First instant after it. */
  readonly end: Date;
}

/** How the window of `lifetime` is written. */
export const LIFETIME_WINDOW: BudgetWindow = {
  start: new Date("1970-01-01T00:00:00.000Z"),
  end: new Date("9999-01-01T00:00:00.000Z"),
};

/** The window that holds `now`. */
export function budgetWindow(kind: BudgetWindowKind, now: Date): BudgetWindow {
  if (kind === "lifetime") return LIFETIME_WINDOW;
  const year = now.getUTCFullYear();
  const month = now.getUTCMonth();
  return { start: new Date(Date.UTC(year, month, 1)), end: new Date(Date.UTC(year, month + 1, 1)) };
}
