/** Runs as they are answered (API-107, API-120, API-121): without internals, bounded in lists. */
import {
  INTERNAL_RUN_FIELDS,
  type JsonObject,
  type JsonValue,
  LISTED_CONTEXT_KEYS,
  LISTED_RESULT_NUMBERS,
  LISTED_RESULT_TEXT_MAX_CHARS,
  LISTED_RESULT_TEXTS,
  nonEmptyString,
  type OutputSilence,
} from "@wakefleet/contracts";
import { CAUSES_KEY, judgeSilence, redactObject, type SilenceThresholds } from "@wakefleet/domain";
import type { LiveRun, RunRow, SilenceNotes } from "@wakefleet/store";
import { boundedResult, STOP_METADATA_FIELDS } from "./bounded-result.js";

const INTERNAL = new Set<string>(INTERNAL_RUN_FIELDS);

/** A run without the fields that never leave (API-107). Columns a live list joined to it stay out too. */
export function presentRun(run: RunRow): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(run)
      .filter(([field]) => !INTERNAL.has(field) && field !== "agentName" && field !== "adapterType")
      .map(([field, value]) => [
        field,
        field === "usageJson" || field === "resultJson"
          ? redactedOrNull(value)
          : field === "contextSnapshot"
            ? presentContext(value as JsonObject | null)
            : value,
      ]),
  );
}

/** The causes repeat payloads of requests, which are redacted wherever they are answered (API-113). */
function presentContext(context: JsonObject | null): JsonObject | null {
  const causes = context?.[CAUSES_KEY];
  return context === null || causes === undefined ? context : { ...context, ...redactObject({ [CAUSES_KEY]: causes }) };
}

/** One run whole: its result bounded (RD-2). */
export function presentRunDetail(run: RunRow): Record<string, unknown> {
  return presentRun(run.resultJson === null ? run : { ...run, resultJson: boundedResult(run.resultJson) });
}

function redactedOrNull(value: unknown): JsonObject | null {
  return value === null || value === undefined ? null : redactObject(value as JsonObject);
}

function picked(source: JsonObject | null, keys: readonly string[]): JsonObject | null {
  if (source === null) return null;
  const entries = keys.filter((key) => Object.hasOwn(source, key)).map((key) => [key, source[key]] as const);
  return entries.length === 0 ? null : (Object.fromEntries(entries) as JsonObject);
}

function listedResult(result: JsonObject | null): JsonObject | null {
  if (result === null) return null;
  const entries: [string, string | number][] = [];
  for (const key of LISTED_RESULT_TEXTS) {
    const text = result[key];
    if (nonEmptyString(text) === null) continue;
    entries.push([key, String(text).slice(0, LISTED_RESULT_TEXT_MAX_CHARS).toWellFormed()]);
  }
  for (const key of LISTED_RESULT_NUMBERS) {
    const number = result[key];
    if (typeof number === "number") entries.push([key, number]);
  }
  return entries.length === 0 ? null : redactObject(Object.fromEntries(entries));
}

/** The list form (API-120). */
export function presentListedRun(run: RunRow): Record<string, unknown> {
  return {
    ...presentRun(run),
    stdoutExcerpt: null,
    stderrExcerpt: null,
    contextSnapshot: picked(run.contextSnapshot, LISTED_CONTEXT_KEYS),
    resultJson: listedResult(run.resultJson),
  };
}

/** What is noted of a run's silence, and from when on it is one (RC-40). */
export interface RunSilence extends SilenceNotes {
  readonly thresholds: SilenceThresholds;
}

/** How long a run has been silent, and who looks into it (RC-41). */
export function outputSilenceOf(run: RunRow, notes: RunSilence): OutputSilence {
  const { now, snoozedUntil, evaluationIssueId, evaluationIssueIdentifier, evaluationIssueAssigneeAgentId } = notes;
  const { thresholds } = notes;
  const silence = judgeSilence(run, { now, snoozedUntil, thresholds });
  const isRunning = run.status === "running";
  return {
    lastOutputAt: run.lastOutputAt?.toISOString() ?? null,
    lastOutputSeq: run.lastOutputSeq,
    lastOutputStream: run.lastOutputStream,
    silenceStartedAt: isRunning ? silence.startedAt.toISOString() : null,
    silenceAgeMs: silence.ageMs,
    level: silence.level,
    suspicionThresholdMs: thresholds.suspicionMs,
    criticalThresholdMs: thresholds.criticalMs,
    snoozedUntil: snoozedUntil?.toISOString() ?? null,
    evaluationIssueId,
    evaluationIssueIdentifier,
    evaluationIssueAssigneeAgentId,
  };
}

const LIVE_FIELDS = [
  "id",
  "status",
  "invocationSource",
  "triggerDetail",
  "startedAt",
  "finishedAt",
  "createdAt",
  "agentId",
  "agentName",
  "adapterType",
  "logBytes",
  "livenessState",
  "livenessReason",
  "continuationAttempt",
  "lastUsefulActionAt",
  "nextAction",
  "lastOutputAt",
  "lastOutputSeq",
  "lastOutputStream",
  "lastOutputBytes",
  "processStartedAt",
] as const satisfies readonly (keyof LiveRun)[];

/** API-132: what an issue shows of a live run. */
export function presentIssueLiveRun(run: LiveRun, notes: RunSilence): Record<string, unknown> {
  return {
    ...Object.fromEntries(LIVE_FIELDS.map((field) => [field, run[field]])),
    outputSilence: outputSilenceOf(run, notes),
  };
}

/** API-131. */
export function presentLiveRun(run: LiveRun, notes: RunSilence): Record<string, unknown> {
  return { companyId: run.companyId, issueId: run.issueId, ...presentIssueLiveRun(run, notes) };
}

const BILLING_FIELDS = ["billingType", "billing_type"] as const;

/** The first of some fields of an object that says something. */
function firstOf(source: JsonObject, fields: readonly string[]): JsonValue | undefined {
  return fields.map((field) => source[field]).find((value) => value !== undefined && value !== null && value !== "");
}

/** LV-116: what an issue's list tells of a result: how it was paid, what it cost, how it stopped. */
function issueRunResult(run: Pick<RunRow, "resultJson" | "usageJson">): JsonObject | null {
  const result = run.resultJson ?? {};
  const told: JsonObject = {};
  for (const group of [BILLING_FIELDS, LISTED_RESULT_NUMBERS]) {
    const value = firstOf(result, group) ?? firstOf(run.usageJson ?? {}, group);
    for (const field of group) if (value !== undefined) told[field] = result[field] ?? value;
  }
  for (const field of STOP_METADATA_FIELDS) {
    const value = result[field];
    if (value !== undefined && value !== null) told[field] = value;
  }
  return Object.keys(told).length === 0 ? null : redactObject(told);
}

/** API-134. Environments and leases come with their own part. */
export function presentIssueRun(run: LiveRun): Record<string, unknown> {
  const listed = presentListedRun(run);
  return {
    runId: run.id,
    status: run.status,
    agentId: run.agentId,
    adapterType: run.adapterType,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    createdAt: run.createdAt,
    invocationSource: run.invocationSource,
    usageJson: listed["usageJson"],
    resultJson: issueRunResult(run),
    logBytes: run.logBytes,
    retryOfRunId: run.retryOfRunId,
    scheduledRetryAt: run.scheduledRetryAt,
    scheduledRetryAttempt: run.scheduledRetryAttempt,
    scheduledRetryReason: run.scheduledRetryReason,
    livenessState: run.livenessState,
    livenessReason: run.livenessReason,
    continuationAttempt: run.continuationAttempt,
    lastUsefulActionAt: run.lastUsefulActionAt,
    nextAction: run.nextAction,
    contextSnapshot: listed["contextSnapshot"],
    environment: null,
    environmentLease: null,
  };
}
