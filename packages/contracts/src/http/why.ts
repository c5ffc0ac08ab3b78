/** What the routes of BY-1 answer: decisions in words and in data. */
import { z } from "zod";
import { ACTOR_TYPES, AGENT_STATUSES, INVOCATION_SOURCES, RUN_STATUSES, WAKEUP_STATUSES } from "../enums.js";
import { RECEIPT_OUTCOMES } from "../receipt.js";
import { answeredInstant, guidField, jsonObjectField } from "./fields.js";

/** A rule, the facts it rests on, a sentence for people, and what would change it (null: nothing, it is over). */
export const reasonSchema = z.object({
  rule: z.string(),
  text: z.string(),
  change: z.string().nullable(),
  facts: jsonObjectField,
});
export type Reason = z.infer<typeof reasonSchema>;

/** A decision as it was kept when it was made. */
export const explainedReceiptSchema = reasonSchema.extend({
  outcome: z.enum(RECEIPT_OUTCOMES),
  at: answeredInstant,
  /** Whether the request or its run was decided about. */
  of: z.enum(["wakeup", "run"]),
});
export type ExplainedReceipt = z.infer<typeof explainedReceiptSchema>;

/** `why` of `GET /api/wakeups/:id`. `reason` null: it was decided before receipts were kept. */
export const wakeupWhySchema = z.object({
  reason: reasonSchema.nullable(),
  /** Oldest first; those of the run it became or joined among them. */
  decisions: z.array(explainedReceiptSchema),
});
export type WakeupWhy = z.infer<typeof wakeupWhySchema>;

/** `GET /api/heartbeat-runs/:runId/why`. */
export const runWhySchema = z.object({
  runId: guidField,
  agentId: guidField,
  status: z.enum(RUN_STATUSES),
  /** For a waiting run why it waits now; else what decided last. */
  reason: reasonSchema.nullable(),
  decisions: z.array(explainedReceiptSchema),
  /** The requests that became or joined this run, oldest first. */
  wakeups: z.array(
    z.object({
      id: guidField,
      status: z.enum(WAKEUP_STATUSES),
      source: z.enum(INVOCATION_SOURCES),
      reason: z.string().nullable(),
      requestedByActorType: z.enum(ACTOR_TYPES).nullable(),
      requestedByActorId: z.string().nullable(),
      requestedAt: answeredInstant,
      rule: z.string().nullable(),
    }),
  ),
});
export type RunWhy = z.infer<typeof runWhySchema>;

/** `GET /api/agents/:id/why`: why it is not running now, or that it is. */
export const agentWhySchema = z.object({
  agentId: guidField,
  status: z.enum(AGENT_STATUSES),
  isRunning: z.boolean(),
  slots: z.object({ used: z.int(), of: z.int() }),
  counts: z.object({ queued: z.int(), scheduledRetry: z.int(), deferredWakeups: z.int() }),
  /** What decides first; the rest follows in `reasons`. */
  reason: reasonSchema,
  reasons: z.array(reasonSchema),
  /** The head of its queue, in the order in which it starts; bounded. */
  waiting: z.array(z.object({ runId: guidField, status: z.enum(RUN_STATUSES), place: z.int(), reason: reasonSchema })),
});
export type AgentWhy = z.infer<typeof agentWhySchema>;
