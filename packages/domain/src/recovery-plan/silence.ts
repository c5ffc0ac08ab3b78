/**
 * Silent active runs (06 section 6): how long a run has said nothing, what that means, and what a scan does about it. Pure;
 * `now` is the database's.
 */
import type { RunStatus } from "@wakefleet/contracts";

export interface SilenceThresholds {
  readonly suspicionMs: number;
  readonly criticalMs: number;
  /** How long `continue` keeps a scan quiet. */
  readonly continueMs: number;
}

/** RC-40. */
export const DEFAULT_SILENCE_THRESHOLDS: SilenceThresholds = {
  suspicionMs: 3_600_000,
  criticalMs: 14_400_000,
  continueMs: 1_800_000,
};

export type SilenceLevel = "not_applicable" | "snoozed" | "critical" | "suspicious" | "ok";

export interface SilentRunFact {
  readonly status: RunStatus;
  readonly lastOutputAt: Date | null;
  readonly processStartedAt: Date | null;
  readonly startedAt: Date | null;
  readonly createdAt: Date;
}

export interface Silence {
  /** RC-40. */
  readonly startedAt: Date;
  /** Null unless the run is running. */
  readonly ageMs: number | null;
  readonly level: SilenceLevel;
}

/** RC-40, RC-42. `snoozedUntil` is the end of a quiet decision that is in force, else null. */
export function judgeSilence(
  run: SilentRunFact,
  at: { readonly now: Date; readonly snoozedUntil: Date | null; readonly thresholds?: SilenceThresholds },
): Silence {
  const { suspicionMs, criticalMs } = at.thresholds ?? DEFAULT_SILENCE_THRESHOLDS;
  const startedAt = run.lastOutputAt ?? run.processStartedAt ?? run.startedAt ?? run.createdAt;
  if (run.status !== "running") return { startedAt, ageMs: null, level: "not_applicable" };
  const ageMs = Math.max(0, at.now.getTime() - startedAt.getTime());
  if (at.snoozedUntil !== null) return { startedAt, ageMs, level: "snoozed" };
  return { startedAt, ageMs, level: ageMs >= criticalMs ? "critical" : ageMs >= suspicionMs ? "suspicious" : "ok" };
}

export interface SilentScanFacts {
  readonly silence: Silence;
  readonly agentExists: boolean;
  /** The open evaluation issue of this run. */
  readonly evaluation: { readonly id: string; readonly priority: string } | null;
  /** RC-47c: the newest closed evaluation made in this silence. */
  readonly closedEvaluationAt: Date | null;
  /** RC-47c: the newest `dismissed_false_positive` recorded in this silence. */
  readonly dismissedAt: Date | null;
  /** The newest `continue` or `snooze` whose window is over, by the time it was recorded. */
  readonly endedWindowAt: Date | null;
}

export type SilentScanDecision =
  | { readonly kind: "snoozed" | "skip" | "none" }
  /** RC-47. */
  | { readonly kind: "create"; readonly level: "suspicious" | "critical" }
  /** RC-46: `raise` also makes the priority high and says so. */
  | { readonly kind: "existing" }
  | { readonly kind: "existing_critical"; readonly raise: boolean };

/** RC-45 to RC-47c, first that applies. */
export function decideSilentRun(facts: SilentScanFacts): SilentScanDecision {
  const { silence, evaluation } = facts;
  const { level } = silence;
  if (level === "snoozed") return { kind: "snoozed" };
  if (level !== "suspicious" && level !== "critical") return { kind: "none" };
  if (!facts.agentExists) return { kind: "skip" };
  if (evaluation !== null) {
    if (level === "suspicious") return { kind: "existing" };
    return { kind: "existing_critical", raise: evaluation.priority !== "high" };
  }
  return isSettled(facts) ? { kind: "none" } : { kind: "create", level };
}

/** RC-47c: this silence was judged, and no window that ended since has armed the watch again. */
function isSettled({ closedEvaluationAt, dismissedAt, endedWindowAt }: SilentScanFacts): boolean {
  const settledAt = Math.max(closedEvaluationAt?.getTime() ?? 0, dismissedAt?.getTime() ?? 0);
  return settledAt > 0 && (endedWindowAt === null || endedWindowAt.getTime() < settledAt);
}

export const WATCHDOG_DECISIONS = ["snooze", "continue", "dismissed_false_positive"] as const;
export type WatchdogDecision = (typeof WATCHDOG_DECISIONS)[number];

export function isWatchdogDecision(value: unknown): value is WatchdogDecision {
  return WATCHDOG_DECISIONS.some((decision) => decision === value);
}

/** RC-49h: until when a decision keeps the watch quiet. */
export function quietUntil(decision: {
  readonly decision: WatchdogDecision;
  readonly snoozedUntil: Date | null;
  readonly now: Date;
  readonly continueMs?: number;
}): Date | null {
  switch (decision.decision) {
    case "snooze":
      return decision.snoozedUntil;
    case "continue":
      return new Date(decision.now.getTime() + (decision.continueMs ?? DEFAULT_SILENCE_THRESHOLDS.continueMs));
    case "dismissed_false_positive":
      return null;
  }
}
