/** Answers and bodies of the run routes (API-120 to API-134). */
import { z } from "zod";
import { INVOCATION_SOURCES, RUN_STATUSES, TRIGGER_DETAILS } from "../enums.js";
import { answeredInstant, guidField, jsonObjectField } from "./fields.js";

/** Columns of a run that never leave the service (API-107). */
export const INTERNAL_RUN_FIELDS = [
  "claimToken",
  "startToken",
  "runSlot",
  "eventSeq",
  "endState",
  "receipts",
  "resumableSessionId",
  "sessionResetAt",
] as const;

/** Context keys the list form keeps (API-120). */
export const LISTED_CONTEXT_KEYS = [
  "issueId",
  "taskId",
  "taskKey",
  "commentId",
  "wakeCommentId",
  "wakeReason",
  "wakeSource",
  "wakeTriggerDetail",
] as const;
export const LISTED_RESULT_TEXTS = ["summary", "result", "message", "error"] as const;
export const LISTED_RESULT_NUMBERS = ["total_cost_usd", "cost_usd", "costUsd"] as const;
export const LISTED_RESULT_TEXT_MAX_CHARS = 500;

export const CANCEL_REASON_MAX_CHARS = 500;

/** Body of `POST /api/heartbeat-runs/:runId/cancel` (API-125). */
export const runCancelSchema = z.object({
  reason: z.string().max(CANCEL_REASON_MAX_CHARS).nullable().optional(),
  recover: z.boolean().default(false),
});

/**
 * Body of `POST /api/heartbeat-runs/:runId/watchdog-decisions` (API-128). What the decision and its instant are is judged
 * after the run was found, in the order of RC-49.
 */
export const watchdogDecisionSchema = z.object({
  decision: z.unknown().optional().describe("`snooze`, `continue` or `dismissed_false_positive`"),
  snoozedUntil: z.unknown().optional().describe("For `snooze`: an ISO instant in the future"),
  evaluationIssueId: z.string().nullable().optional(),
  reason: z.string().nullable().optional(),
});
export type WatchdogDecisionBody = z.infer<typeof watchdogDecisionSchema>;

/** RC-48, as it is answered. */
export const watchdogDecisionRowSchema = z.object({
  id: guidField,
  companyId: guidField,
  runId: guidField,
  evaluationIssueId: guidField.nullable(),
  decision: z.enum(["snooze", "continue", "dismissed_false_positive"]),
  snoozedUntil: answeredInstant.nullable(),
  reason: z.string().nullable(),
  createdByAgentId: guidField.nullable(),
  createdByUserId: z.string().nullable(),
  createdByRunId: guidField.nullable(),
  createdAt: answeredInstant,
});

/** What all processes of a run use together (BY-10). */
const treeFiguresSchema = z.object({
  processes: z.int(),
  memoryBytes: z.number(),
  cpuMs: z.number(),
  openFiles: z.int(),
});

/** DM-30 without its internals. */
export const runSchema = z
  .object({
    id: guidField,
    companyId: guidField,
    agentId: guidField,
    invocationSource: z.enum(INVOCATION_SOURCES),
    triggerDetail: z.enum(TRIGGER_DETAILS).nullable(),
    status: z.enum(RUN_STATUSES),
    wakeupRequestId: guidField.nullable(),
    contextSnapshot: jsonObjectField.nullable(),
    startedAt: answeredInstant.nullable(),
    finishedAt: answeredInstant.nullable(),
    error: z.string().nullable(),
    errorCode: z.string().nullable(),
    exitCode: z.int().nullable(),
    signal: z.string().nullable(),
    usageJson: jsonObjectField.nullable(),
    resultJson: jsonObjectField.nullable(),
    logStore: z.string().nullable(),
    logRef: z.string().nullable(),
    logBytes: z.number().nullable(),
    stdoutExcerpt: z.string().nullable(),
    stderrExcerpt: z.string().nullable(),
    processTree: z.object({ live: treeFiguresSchema, peak: treeFiguresSchema }).nullable().optional(),
    costSoFarCents: z.int().nullable().optional(),
    retryOfRunId: guidField.nullable(),
    issueId: z.string().nullable(),
    taskKey: z.string().nullable(),
    cancelRequestedAt: answeredInstant.nullable(),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();

export const outputSilenceSchema = z.object({
  lastOutputAt: answeredInstant.nullable(),
  lastOutputSeq: z.int(),
  lastOutputStream: z.string().nullable(),
  silenceStartedAt: answeredInstant.nullable(),
  silenceAgeMs: z.number().nullable(),
  level: z.enum(["not_applicable", "ok", "suspicious", "critical", "snoozed"]),
  suspicionThresholdMs: z.number(),
  criticalThresholdMs: z.number(),
  snoozedUntil: answeredInstant.nullable(),
  evaluationIssueId: guidField.nullable(),
  evaluationIssueIdentifier: z.string().nullable(),
  evaluationIssueAssigneeAgentId: guidField.nullable(),
});
export type OutputSilence = z.infer<typeof outputSilenceSchema>;

export const runDetailSchema = runSchema
  .extend({
    retryExhaustedReason: z.string().nullable(),
    outputSilence: outputSilenceSchema,
    worker: z.object({ id: guidField, hostname: z.string(), pid: z.int(), alive: z.boolean() }).nullable(),
    retries: z.array(guidField),
  })
  .loose();

export const runEventSchema = z.object({
  id: z.int(),
  companyId: guidField,
  runId: guidField,
  agentId: guidField,
  seq: z.int(),
  eventType: z.string(),
  stream: z.string().nullable(),
  level: z.string().nullable(),
  color: z.string().nullable(),
  message: z.string().nullable(),
  payload: z.unknown(),
  createdAt: answeredInstant,
});

export const runLogSchema = z.object({
  runId: guidField,
  store: z.string(),
  logRef: z.string(),
  content: z.string().describe("NDJSON lines {ts, stream, chunk}"),
  nextOffset: z.int().optional(),
  endOfRun: z.boolean(),
  totalBytes: z.int(),
});

export const liveRunSchema = z
  .object({
    id: guidField,
    status: z.enum(RUN_STATUSES),
    invocationSource: z.enum(INVOCATION_SOURCES),
    triggerDetail: z.string().nullable(),
    startedAt: answeredInstant.nullable(),
    finishedAt: answeredInstant.nullable(),
    createdAt: answeredInstant,
    agentId: guidField,
    agentName: z.string(),
    adapterType: z.string(),
    outputSilence: outputSilenceSchema,
  })
  .loose();

export const issueRunSchema = z
  .object({
    runId: guidField,
    status: z.enum(RUN_STATUSES),
    agentId: guidField,
    adapterType: z.string(),
    createdAt: answeredInstant,
    invocationSource: z.enum(INVOCATION_SOURCES),
  })
  .loose();
