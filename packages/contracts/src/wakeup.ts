/** HTTP bodies of the wakeup routes (API-100 to API-113) and their answers. */
import { z } from "zod";
import { INVOCATION_SOURCES, TRIGGER_DETAILS } from "./enums.js";
import type { JsonObject } from "./json.js";

export const WAKEUP_REASON_MAX_CHARS = 2_000;
/** Greatest size of a wakeup's payload, serialised (API-102 table; more is 413). */
export const WAKEUP_PAYLOAD_MAX_BYTES = 256 * 1024;
export const IDEMPOTENCY_KEY_MAX_CHARS = 255;
export const WAKEUP_BATCH_MAX_ITEMS = 1_000;

/** 1..255 characters, not blank (API-102 table). */
export const idempotencyKeySchema = z
  .string()
  .min(1)
  .max(IDEMPOTENCY_KEY_MAX_CHARS)
  .refine((key) => key.trim().length > 0, "must not be blank");

/** Body of `POST /api/agents/:id/wakeup` and `/wakeups`. Unknown keys are dropped (API-6). */
export const wakeupBodySchema = z.object({
  source: z.enum(INVOCATION_SOURCES).default("on_demand"),
  triggerDetail: z.enum(TRIGGER_DETAILS).default("manual"),
  reason: z.string().max(WAKEUP_REASON_MAX_CHARS).nullable().default(null),
  payload: z.record(z.string(), z.json()).nullable().default(null) as z.ZodType<JsonObject | null, unknown>,
  idempotencyKey: idempotencyKeySchema.nullable().default(null),
  forceFreshSession: z.boolean().nullable().default(false),
});
export type WakeupBody = z.infer<typeof wakeupBodySchema>;

/** One item of a batch adds the agent (API-112). */
export const wakeupBatchItemSchema = wakeupBodySchema.extend({ agentId: z.string().min(1) });

/** The batch envelope; items are checked one by one so that a bad one spoils nothing (WK-44). */
export const wakeupBatchSchema = z.object({
  items: z.array(z.unknown()).min(1).max(WAKEUP_BATCH_MAX_ITEMS),
});

export const WAKEUP_OUTCOMES = ["queued", "coalesced", "deferred", "skipped", "rejected"] as const;
export type WakeupOutcome = (typeof WAKEUP_OUTCOMES)[number];

/** Why a wake was skipped (`reason` of the request row; API-108 `skipReason`). */
export const SKIP_REASONS = {
  timerDisabled: "heartbeat.disabled",
  onDemandDisabled: "heartbeat.wakeOnDemand.disabled",
  budgetBlocked: "budget.blocked",
  treeHold: "issue_tree_hold_active",
  issueNotFound: "issue_execution_issue_not_found",
  dependenciesBlocked: "issue_dependencies_blocked",
} as const;
export type SkipReason = (typeof SKIP_REASONS)[keyof typeof SKIP_REASONS];

/** Reasons the service writes on a request instead of the caller's (DM-24 `reason`). */
export const SERVICE_REASONS = {
  sameName: "issue_execution_same_name",
  deferred: "issue_execution_deferred",
  promoted: "issue_execution_promoted",
} as const;
