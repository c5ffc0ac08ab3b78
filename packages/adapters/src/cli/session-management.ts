/** When the host starts a fresh session instead of resuming one (AD-6, AD-7). */
import type { SessionManagement } from "../contract.js";

/** For CLIs that let their context grow: the host rotates the session at these thresholds. */
export const THRESHOLD_SESSIONS: SessionManagement = {
  nativeContextManagement: "unknown",
  defaultCompaction: { enabled: true, maxSessionRuns: 200, maxRawInputTokens: 2_000_000, maxSessionAgeHours: 72 },
};

/** For CLIs that compact their context themselves: the session goes on for ever. */
export const ADAPTER_MANAGED_SESSIONS: SessionManagement = {
  nativeContextManagement: "confirmed",
  defaultCompaction: { enabled: true, maxSessionRuns: 0, maxRawInputTokens: 0, maxSessionAgeHours: 0 },
};
