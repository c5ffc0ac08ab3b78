/** What the wakeup routes answer (API-107 to API-113). */
import { z } from "zod";
import { INVOCATION_SOURCES, TRIGGER_DETAILS, WAKEUP_STATUSES } from "../enums.js";
import { WAKEUP_BATCH_MAX_ITEMS, WAKEUP_OUTCOMES, wakeupBatchItemSchema } from "../wakeup.js";
import { answeredInstant, guidField, jsonObjectField } from "./fields.js";
import { runSchema } from "./runs.js";
import { wakeupWhySchema } from "./why.js";

/** Greatest length of a batch's `Idempotency-Key`, so that `K#999` still fits (API-112). */
export const BATCH_IDEMPOTENCY_KEY_MAX_CHARS = 240;

/** API-109. */
export const wakeupSummarySchema = z.object({
  id: guidField,
  status: z.enum(WAKEUP_STATUSES),
  reason: z.string().nullable(),
  coalescedCount: z.int(),
  runId: guidField.nullable(),
  idempotencyKey: z.string().nullable(),
  requestedAt: answeredInstant,
});

/** API-108. */
export const skipObjectSchema = z.object({
  status: z.literal("skipped"),
  reason: z.enum(["issue_execution_deferred", "wakeup_skipped"]),
  message: z.string(),
  issueId: z.string().nullable(),
  executionRunId: guidField.nullable(),
  executionAgentId: guidField.nullable(),
  executionAgentName: z.string().nullable(),
  skipReason: z.string(),
});

export const wakeupAnswerSchema = z.union([
  runSchema.extend({ wakeup: wakeupSummarySchema }).loose(),
  skipObjectSchema.extend({ wakeup: wakeupSummarySchema }),
]);
export const invokeAnswerSchema = z.union([
  runSchema.extend({ wakeup: wakeupSummarySchema }).loose(),
  z.object({ status: z.literal("skipped"), wakeup: wakeupSummarySchema }),
]);
export const wakeupOutcomeAnswerSchema = z.object({
  outcome: z.enum(["queued", "coalesced", "deferred", "skipped"]),
  wakeup: wakeupSummarySchema,
  run: runSchema.nullable(),
});

/** DM-24 as it is answered (API-113). */
export const wakeupSchema = z
  .object({
    id: guidField,
    companyId: guidField,
    agentId: guidField,
    source: z.enum(INVOCATION_SOURCES),
    triggerDetail: z.enum(TRIGGER_DETAILS).nullable(),
    reason: z.string().nullable(),
    payload: jsonObjectField.nullable(),
    status: z.enum(WAKEUP_STATUSES),
    coalescedCount: z.int(),
    idempotencyKey: z.string().nullable(),
    runId: guidField.nullable(),
    requestedAt: answeredInstant,
    claimedAt: answeredInstant.nullable(),
    finishedAt: answeredInstant.nullable(),
    error: z.string().nullable(),
    issueId: z.string().nullable(),
    run: runSchema.nullable(),
  })
  .loose();

/** One wakeup with what decided about it (API-104, BY-1). */
export const explainedWakeupSchema = wakeupSchema.extend({ why: wakeupWhySchema }).loose();

/** The batch as a document shows it; the server checks its items one by one (WK-44). */
export const wakeupBatchDocumentSchema = z.object({
  items: z.array(wakeupBatchItemSchema).min(1).max(WAKEUP_BATCH_MAX_ITEMS),
});

export const wakeupBatchAnswerSchema = z.object({
  results: z.array(
    z.object({
      index: z.int(),
      agentId: z.string().nullable(),
      httpStatus: z.int(),
      outcome: z.enum(WAKEUP_OUTCOMES),
      runId: guidField.nullable(),
      wakeupId: guidField.nullable(),
      reason: z.string().nullable(),
      error: jsonObjectField.optional(),
    }),
  ),
  summary: z.object({
    queued: z.int(),
    coalesced: z.int(),
    deferred: z.int(),
    skipped: z.int(),
    rejected: z.int(),
  }),
});
