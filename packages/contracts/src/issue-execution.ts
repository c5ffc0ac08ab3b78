/**
 * Review and approval stages of an issue as they are stored and answered (DM-50, EP-1, EP-2): the policy that was set and
 * the state it is in. What is read from a column passes these schemas; a value of another shape reads as null (EP-1).
 */
import { z } from "zod";
import { guidField } from "./http/fields.js";
import type { JsonValue } from "./json.js";

export const EXECUTION_STAGE_TYPES = ["review", "approval"] as const;
export type ExecutionStageType = (typeof EXECUTION_STAGE_TYPES)[number];

export const EXECUTION_DECISION_OUTCOMES = ["approved", "changes_requested"] as const;
export type ExecutionDecisionOutcome = (typeof EXECUTION_DECISION_OUTCOMES)[number];

/** Longest instructions of a review request (API-151). */
export const REVIEW_INSTRUCTIONS_MAX_CHARS = 20_000;

/** An agent or a person, where either may stand. */
export const principalRefSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("agent"), agentId: guidField }),
  z.object({ type: z.literal("user"), userId: z.string().min(1) }),
]);
export type PrincipalRef = z.infer<typeof principalRefSchema>;

export const stageParticipantSchema = z.object({
  id: guidField,
  type: z.enum(["agent", "user"]),
  agentId: guidField.nullable(),
  userId: z.string().nullable(),
});
export type StageParticipant = z.infer<typeof stageParticipantSchema>;

export const executionStageSchema = z.object({
  id: guidField,
  type: z.enum(EXECUTION_STAGE_TYPES),
  approvalsNeeded: z.literal(1),
  participants: z.array(stageParticipantSchema).min(1),
});
export type ExecutionStage = z.infer<typeof executionStageSchema>;

/** EP-2, as stored: every id is there, no stage is empty. */
export const executionPolicySchema = z.object({
  mode: z.enum(["normal", "auto"]),
  commentRequired: z.literal(true),
  stages: z.array(executionStageSchema).min(1),
});
export type ExecutionPolicy = z.infer<typeof executionPolicySchema>;

export const reviewRequestSchema = z.object({ instructions: z.string().min(1).max(REVIEW_INSTRUCTIONS_MAX_CHARS) });
export type ReviewRequest = z.infer<typeof reviewRequestSchema>;

/** EP-1. */
export const executionStateSchema = z.object({
  status: z.enum(["idle", "pending", "changes_requested", "completed"]),
  currentStageId: guidField.nullable(),
  currentStageIndex: z.int().min(0).nullable(),
  currentStageType: z.enum(EXECUTION_STAGE_TYPES).nullable(),
  currentParticipant: principalRefSchema.nullable(),
  returnAssignee: principalRefSchema.nullable(),
  reviewRequest: reviewRequestSchema.nullable().default(null),
  completedStageIds: z.array(guidField),
  lastDecisionId: guidField.nullable(),
  lastDecisionOutcome: z.enum(EXECUTION_DECISION_OUTCOMES).nullable(),
});
export type ExecutionState = z.infer<typeof executionStateSchema>;

/** A stored policy; null without one or where it has another shape. */
export function readExecutionPolicy(stored: JsonValue): ExecutionPolicy | null {
  return executionPolicySchema.safeParse(stored).data ?? null;
}

/** A stored state; null without one or where it has another shape. */
export function readExecutionState(stored: JsonValue): ExecutionState | null {
  return executionStateSchema.safeParse(stored).data ?? null;
}
