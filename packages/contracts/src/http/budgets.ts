/** Bodies and answers of the cost and budget routes (API-240 to API-247). */
import { z } from "zod";
import {
  AGENT_STATUSES,
  BILLING_TYPES,
  BUDGET_INCIDENT_STATUSES,
  BUDGET_METRICS,
  BUDGET_SCOPE_TYPES,
  BUDGET_STATUSES,
  BUDGET_THRESHOLD_TYPES,
  BUDGET_WINDOW_KINDS,
  PAUSE_REASONS,
} from "../enums.js";
import { idempotencyKeySchema } from "../wakeup.js";
import { answeredInstant, centsField, countField, guidField, instantField } from "./fields.js";

/** Greatest number of events in a batch (BU-42, as API-112). */
export const COST_BATCH_MAX_ITEMS = 1_000;

const word = z.string().min(1);

/** Body of `POST …/cost-events` (API-240). */
export const costEventCreateSchema = z.object({
  agentId: guidField,
  provider: word,
  model: word,
  costCents: centsField,
  occurredAt: instantField,
  biller: word.optional(),
  billingType: z.enum(BILLING_TYPES).default("unknown"),
  inputTokens: countField.default(0),
  cachedInputTokens: countField.default(0),
  outputTokens: countField.default(0),
  issueId: guidField.nullable().default(null),
  projectId: guidField.nullable().default(null),
  goalId: guidField.nullable().default(null),
  heartbeatRunId: guidField.nullable().default(null),
  billingCode: z.string().nullable().default(null),
  idempotencyKey: idempotencyKeySchema.nullable().default(null),
});
export type CostEventCreate = z.infer<typeof costEventCreateSchema>;

/** Body of `POST …/cost-events/batch`: its items are judged one by one. */
export const costEventBatchSchema = z.object({ items: z.array(z.unknown()).min(1).max(COST_BATCH_MAX_ITEMS) });
export const costEventBatchDocumentSchema = z.object({
  items: z.array(costEventCreateSchema).min(1).max(COST_BATCH_MAX_ITEMS),
});

/** DM-79. */
export const costEventSchema = z.object({
  id: guidField,
  companyId: guidField,
  agentId: guidField,
  issueId: guidField.nullable(),
  projectId: guidField.nullable(),
  goalId: guidField.nullable(),
  heartbeatRunId: guidField.nullable(),
  billingCode: z.string().nullable(),
  provider: z.string(),
  biller: z.string(),
  billingType: z.enum(BILLING_TYPES),
  model: z.string(),
  inputTokens: z.int(),
  cachedInputTokens: z.int(),
  outputTokens: z.int(),
  costCents: z.int(),
  occurredAt: answeredInstant,
  createdAt: answeredInstant,
});

export const costEventBatchAnswerSchema = z.object({
  results: z.array(
    z.object({
      index: z.int(),
      httpStatus: z.int(),
      outcome: z.enum(["booked", "replayed", "rejected"]),
      costEventId: guidField.nullable(),
      error: z.object({ error: z.string(), code: z.string() }).loose().optional(),
    }),
  ),
  summary: z.object({ booked: z.int(), replayed: z.int(), rejected: z.int() }),
});

/** API-241. */
export const costSummarySchema = z.object({
  companyId: guidField,
  spendCents: z.int(),
  budgetCents: z.int(),
  utilizationPercent: z.number(),
});

/** API-242. */
export const agentCostsSchema = z.object({
  agentId: guidField,
  agentName: z.string(),
  agentStatus: z.enum(AGENT_STATUSES),
  costCents: z.int(),
  inputTokens: z.int(),
  cachedInputTokens: z.int(),
  outputTokens: z.int(),
  apiRunCount: z.int(),
  subscriptionRunCount: z.int(),
  subscriptionInputTokens: z.int(),
  subscriptionCachedInputTokens: z.int(),
  subscriptionOutputTokens: z.int(),
});

const costSums = {
  costCents: z.int(),
  inputTokens: z.int(),
  cachedInputTokens: z.int(),
  outputTokens: z.int(),
};
const runCounts = { apiRunCount: z.int(), subscriptionRunCount: z.int() };

/** Answers of API-243 (BU-46). */
export const agentModelCostsSchema = z.object({
  agentId: guidField,
  agentName: z.string(),
  provider: z.string(),
  biller: z.string(),
  billingType: z.enum(BILLING_TYPES),
  model: z.string(),
  ...costSums,
});
export const providerCostsSchema = z.object({
  provider: z.string(),
  biller: z.string(),
  billingType: z.enum(BILLING_TYPES),
  model: z.string(),
  ...costSums,
  ...runCounts,
});
export const billerCostsSchema = z.object({
  biller: z.string(),
  providerCount: z.int(),
  modelCount: z.int(),
  ...costSums,
  ...runCounts,
});
export const projectCostsSchema = z.object({
  projectId: guidField.nullable(),
  projectName: z.string().nullable(),
  ...costSums,
});
export const windowCostsSchema = z.object({
  provider: z.string(),
  biller: z.string(),
  window: z.enum(["5h", "24h", "7d"]),
  windowHours: z.int(),
  ...costSums,
});

/** Body of `POST …/budgets/policies` (API-245). No field but the amount has a default: what is left out is kept (BU-9). */
export const budgetPolicySetSchema = z.object({
  scopeType: z.enum(BUDGET_SCOPE_TYPES),
  scopeId: guidField,
  amount: centsField,
  metric: z.enum(BUDGET_METRICS).optional(),
  windowKind: z.enum(BUDGET_WINDOW_KINDS).optional(),
  warnPercent: z.int().min(1).max(99).optional(),
  hardStopEnabled: z.boolean().optional(),
  notifyEnabled: z.boolean().optional(),
  isActive: z.boolean().optional(),
});
export type BudgetPolicySet = z.infer<typeof budgetPolicySetSchema>;

/** BU-11. */
export const budgetPolicySummarySchema = z.object({
  policyId: guidField,
  companyId: guidField,
  scopeType: z.enum(BUDGET_SCOPE_TYPES),
  scopeId: guidField,
  scopeName: z.string(),
  metric: z.enum(BUDGET_METRICS),
  windowKind: z.enum(BUDGET_WINDOW_KINDS),
  amount: z.int(),
  observedAmount: z.int(),
  remainingAmount: z.int(),
  utilizationPercent: z.number(),
  warnPercent: z.int(),
  hardStopEnabled: z.boolean(),
  notifyEnabled: z.boolean(),
  isActive: z.boolean(),
  status: z.enum(BUDGET_STATUSES),
  paused: z.boolean(),
  pauseReason: z.enum(PAUSE_REASONS).nullable(),
  windowStart: answeredInstant,
  windowEnd: answeredInstant,
});
export type BudgetPolicySummary = z.infer<typeof budgetPolicySummarySchema>;

/** DM-78 with the status of its approval. */
export const budgetIncidentSchema = z.object({
  id: guidField,
  companyId: guidField,
  policyId: guidField,
  scopeType: z.enum(BUDGET_SCOPE_TYPES),
  scopeId: guidField,
  scopeName: z.string(),
  metric: z.enum(BUDGET_METRICS),
  windowKind: z.enum(BUDGET_WINDOW_KINDS),
  windowStart: answeredInstant,
  windowEnd: answeredInstant,
  thresholdType: z.enum(BUDGET_THRESHOLD_TYPES),
  amountLimit: z.int(),
  amountObserved: z.int(),
  status: z.enum(BUDGET_INCIDENT_STATUSES),
  approvalId: guidField.nullable(),
  approvalStatus: z.string().nullable(),
  resolvedAt: answeredInstant.nullable(),
  createdAt: answeredInstant,
  updatedAt: answeredInstant,
});

/** API-244. */
export const budgetOverviewSchema = z.object({
  companyId: guidField,
  policies: z.array(budgetPolicySummarySchema),
  activeIncidents: z.array(budgetIncidentSchema),
  pausedAgentCount: z.int(),
  pausedProjectCount: z.int(),
  pendingApprovalCount: z.int(),
});

/** Body of `PATCH …/budgets` of a company or agent (API-246). */
export const monthlyBudgetSchema = z.object({ budgetMonthlyCents: centsField });

/** Body of `POST …/budget-incidents/:incidentId/resolve` (API-247). */
export const budgetIncidentResolveSchema = z.object({
  action: z.enum(["keep_paused", "raise_budget_and_resume"]),
  amount: centsField.optional(),
  decisionNote: z.string().nullable().default(null),
});
export type BudgetIncidentResolve = z.infer<typeof budgetIncidentResolveSchema>;
