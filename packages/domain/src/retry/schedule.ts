/** Bounded retries of transient failures (RT-1 to RT-5, AD-32, AD-33). Pure: clock and chance are arguments. */
import type { JsonObject, TerminalRunStatus } from "@wakefleet/contracts";

export interface RetryTable {
  /** Base delay of each attempt, milliseconds; its length is the number of attempts. */
  readonly delaysMs: readonly number[];
  /** Share by which a delay may be shorter or longer, 0..1. */
  readonly jitter: number;
}

/** RT-1: 2 min, 10 min, 30 min, 2 h, each ± 25 %. */
export const DEFAULT_RETRY_TABLE: RetryTable = { delaysMs: [120_000, 600_000, 1_800_000, 7_200_000], jitter: 0.25 };

const SHORTEST_DELAY_MS = 1_000;
const TRANSIENT_CODES = new Set(["claude_transient_upstream", "codex_transient_upstream"]);

/** FI-6: a failure that the bounded schedule retries. */
export function isTransientFailure(run: {
  readonly status: TerminalRunStatus;
  readonly errorCode: string | null;
  readonly resultJson: JsonObject | null;
}): boolean {
  if (run.status !== "failed") return false;
  return run.resultJson?.["errorFamily"] === "transient_upstream" || TRANSIENT_CODES.has(run.errorCode ?? "");
}

/** RT-2: when the upstream said to come back: text, number (seconds or milliseconds of the epoch) or date. Null: it did not. */
export function notBeforeOf(resultJson: JsonObject | null): Date | null {
  for (const key of ["retryNotBefore", "transientRetryNotBefore"]) {
    const value = resultJson?.[key];
    const at =
      typeof value === "number"
        ? new Date(value < 1e11 ? value * 1_000 : value)
        : typeof value === "string"
          ? new Date(value)
          : null;
    if (at !== null && Number.isFinite(at.getTime())) return at;
  }
  return null;
}

export interface RetrySchedule {
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly dueAt: Date;
}

/**
 * When the attempt is due: base × (1 + (2r − 1) × jitter), rounded, at least a second, and never before the upstream's
 * own word. Null for an attempt the table does not have.
 */
export function scheduleRetry(retry: {
  readonly attempt: number;
  readonly now: Date;
  /** Uniform in [0, 1]. */
  readonly random: number;
  readonly notBefore: Date | null;
  readonly table: RetryTable;
}): RetrySchedule | null {
  const { attempt, now, random, notBefore, table } = retry;
  const base = Number.isInteger(attempt) ? table.delaysMs[attempt - 1] : undefined;
  if (base === undefined) return null;
  const delayMs = Math.max(SHORTEST_DELAY_MS, Math.round(base * (1 + (2 * random - 1) * table.jitter)));
  const dueMs = Math.max(now.getTime() + delayMs, notBefore?.getTime() ?? 0);
  return { attempt, maxAttempts: table.delaysMs.length, dueAt: new Date(dueMs) };
}

const FALLBACK_MODES = ["same_session", "safer_invocation", "fresh_session", "fresh_session_safer_invocation"] as const;

/** RT-4, AD-33. */
export function codexFallbackMode(attempt: number): (typeof FALLBACK_MODES)[number] {
  return FALLBACK_MODES[Math.min(Math.max(attempt, 1), FALLBACK_MODES.length) - 1] ?? "same_session";
}

/** How RT-5's event begins; by it a run's retry-exhausted reason is found (RD-4). */
export const EXHAUSTED_TEXT_START = "Bounded retry exhausted";

/** RT-5. */
export function exhaustedText(maxAttempts: number): string {
  return `${EXHAUSTED_TEXT_START} after ${maxAttempts} scheduled attempts; no further automatic retry will be queued`;
}
