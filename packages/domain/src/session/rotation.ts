/** Whether a session is rotated, and what the fresh one is told (SE-43 to SE-48). Pure. */
import { asJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { shortResultText } from "../run/short-result.js";
import type { CompactionPolicy } from "./compaction-policy.js";

/** The ended runs of one session of one agent. */
export interface SessionHistory {
  /** How many there are, counted no further than `runsLookedAt`. */
  readonly runs: number;
  readonly newest: {
    readonly createdAt: Date;
    readonly usageJson: JsonObject | null;
    readonly resultJson: JsonObject | null;
    readonly error: string | null;
  };
  /** Over all of them. */
  readonly oldestCreatedAt: Date;
}

const HOUR_MS = 3_600_000;
const HANDOFF_SUMMARY_CHARS = 1_500;

/** Raw input tokens of a run; none, which is less than any threshold, where it counted none (SE-45b). */
function rawInputTokens(usageJson: JsonObject | null): number {
  const usage = asJsonObject(usageJson);
  const count = (raw: string, own: string): number => {
    const value = usage[raw] ?? usage[own];
    return typeof value === "number" && Number.isFinite(value) ? Math.max(0, Math.floor(value)) : 0;
  };
  return count("rawInputTokens", "inputTokens");
}

/** SE-45, SE-46: why the session is left; null: it goes on. The first threshold that is met decides. */
export function rotationReason(policy: CompactionPolicy, history: SessionHistory): string | null {
  const { maxSessionRuns, maxRawInputTokens, maxSessionAgeHours } = policy;
  if (maxSessionRuns > 0 && history.runs > maxSessionRuns) return `session exceeded ${maxSessionRuns} runs`;
  const tokens = rawInputTokens(history.newest.usageJson);
  if (maxRawInputTokens > 0 && tokens >= maxRawInputTokens) {
    const [reached, threshold] = [tokens, maxRawInputTokens].map((count) => count.toLocaleString("en-US"));
    return `session raw input reached ${reached} tokens (threshold ${threshold})`;
  }
  const ageHours = (history.newest.createdAt.getTime() - history.oldestCreatedAt.getTime()) / HOUR_MS;
  if (maxSessionAgeHours > 0 && ageHours >= maxSessionAgeHours) {
    return `session age reached ${Math.floor(ageHours)} hours`;
  }
  return null;
}

/** SE-47. */
export function rotationWarning(reason: string): string {
  return `Starting a fresh session because ${reason}.`;
}

/** SE-48: the text that takes the old session's place. */
export function sessionHandoff(from: {
  readonly sessionId: string;
  readonly issueId: string | null;
  readonly reason: string;
  readonly newest: Pick<SessionHistory["newest"], "resultJson" | "error">;
  /** The issue's continuation summary (LV-98). */
  readonly continuationSummary: string | null;
}): string {
  const { newest, continuationSummary } = from;
  const last = shortResultText(newest.resultJson) ?? nonEmptyString(newest.error);
  const summary = nonEmptyString(continuationSummary)?.slice(0, HANDOFF_SUMMARY_CHARS).toWellFormed() ?? null;
  return [
    "Wakefleet session handoff:",
    `- Previous session: ${from.sessionId}`,
    from.issueId === null ? null : `- Issue: ${from.issueId}`,
    `- Rotation reason: ${from.reason}`,
    last === null ? null : `- Last run summary: ${last}`,
    summary === null ? null : `- Issue continuation summary: ${summary}`,
    "Continue from the current task state. Rebuild only the minimum context you need.",
  ]
    .filter((line) => line !== null)
    .join("\n");
}
