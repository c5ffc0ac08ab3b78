/** What subtree holds say, exactly (TH-30, TH-31, TH-34, TH-41). */
import type { TreeHoldMode } from "@wakefleet/contracts";

/** Error text of runs that a pause hold interrupts: that of the claim's gate (TH-30, CL-7). */
export const HELD_TEXT = "Cancelled because issue is held by an active subtree pause hold";
/** Error text of requests that a pause hold ends. */
export const PAUSED_REQUEST_TEXT = "Cancelled because an active subtree pause hold was created";
/** Error text of runs and requests that a subtree cancel ends. */
export const TREE_CANCEL_TEXT = "Cancelled because a subtree cancel operation was applied";

export const RESUME_APPLIED = "Subtree resume applied.";
export const RESTORED_BY_RESTORE = "Restored by subtree restore operation";
export const RESTORE_APPLIED = "Restore operation applied";

/** Reasons of wakes that follow a hold (TH-34, TH-42). */
export const TREE_RESTORED_REASON = "issue_tree_restored";
export const TREE_RESUMED_REASON = "issue_tree_resumed";

/** AC-24: why runs were interrupted. */
export const INTERRUPT_REASONS = {
  pause: "active_subtree_pause_hold",
  cancel: "subtree_cancel_operation",
} as const satisfies Partial<Record<TreeHoldMode, string>>;
