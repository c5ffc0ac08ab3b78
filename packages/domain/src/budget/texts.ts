/** The words of budgets that are stored and shown (BU-6, BU-21, BU-32). */

/** Error text of runs and requests that a budget stop cancels (BU-21). */
export const BUDGET_PAUSE_TEXT = "Cancelled due to budget pause";
/** Note on approvals of incidents that a new setting resolves (BU-6). */
export const RESOLVED_BY_UPDATE_NOTE = "Resolved via budget update";
/** What an approval asks of its reader (BU-32). */
export const BUDGET_GUIDANCE = "Raise the budget and resume the scope, or keep the scope paused.";
