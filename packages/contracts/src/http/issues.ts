/** Bodies and answers of the issue and comment routes (API-140 to API-160). */
import { z } from "zod";
import { ISSUE_PRIORITIES, ISSUE_STATUSES } from "../enums.js";
import { EXECUTION_STAGE_TYPES, REVIEW_INSTRUCTIONS_MAX_CHARS } from "../issue-execution.js";
import type { JsonObject } from "../json.js";
import {
  answeredInstant,
  countField,
  guidField,
  instantField,
  jsonObjectField,
  multiLineField,
  requiredMultiLineField,
} from "./fields.js";

export const ISSUE_WORKSPACE_PREFERENCES = [
  "inherit",
  "shared_workspace",
  "isolated_workspace",
  "operator_branch",
  "reuse_existing",
  "agent_default",
] as const;

// What passed these schemas came out of JSON: no member is undefined, so it is a JSON object as columns want it.
const adapterOverrides = z
  .strictObject({ adapterConfig: jsonObjectField.optional(), useProjectWorkspace: z.boolean().optional() })
  .nullable() as unknown as z.ZodType<JsonObject | null, JsonObject | null>;

const executionWorkspaceSettings = z
  .strictObject({
    mode: z.string().optional(),
    environmentId: guidField.nullable().optional(),
    workspaceStrategy: jsonObjectField.optional(),
    workspaceRuntime: jsonObjectField.optional(),
  })
  .nullable() as unknown as z.ZodType<JsonObject | null, JsonObject | null>;

const participantField = z
  .object({
    id: guidField.optional(),
    type: z.enum(["agent", "user"]),
    agentId: guidField.nullable().optional(),
    userId: z.string().min(1).nullable().optional(),
  })
  .superRefine((participant, context) => {
    const [own, other] =
      participant.type === "agent" ? (["agentId", "userId"] as const) : (["userId", "agentId"] as const);
    const name = participant.type === "agent" ? "Agent" : "User";
    if (participant[own] == null) {
      context.addIssue({ code: "custom", path: [own], message: `${name} participants require ${own}` });
    }
    if (participant[other] != null) {
      context.addIssue({ code: "custom", path: [other], message: `${name} participants cannot set ${other}` });
    }
  });

/** EP-2 as it is sent: missing ids are made, duplicates and empty stages dropped when it is stored. */
const executionPolicyField = z
  .object({
    mode: z.enum(["normal", "auto"]).optional(),
    commentRequired: z.boolean().optional(),
    stages: z
      .array(
        z.object({
          id: guidField.optional(),
          type: z.enum(EXECUTION_STAGE_TYPES),
          approvalsNeeded: z.literal(1).optional(),
          participants: z.array(participantField).max(100),
        }),
      )
      .max(20),
  })
  .nullable();

const fields = {
  title: z.string().min(1),
  description: multiLineField.nullable(),
  status: z.enum(ISSUE_STATUSES),
  priority: z.enum(ISSUE_PRIORITIES),
  assigneeUserId: z.string().min(1).nullable(),
  parentId: guidField.nullable(),
  projectId: guidField.nullable(),
  projectWorkspaceId: guidField.nullable(),
  goalId: guidField.nullable(),
  executionWorkspaceId: guidField.nullable(),
  inheritExecutionWorkspaceFromIssueId: guidField.nullable(),
  blockedByIssueIds: z.array(guidField).max(1_000),
  requestDepth: countField,
  billingCode: z.string().nullable(),
  assigneeAdapterOverrides: adapterOverrides,
  executionWorkspacePreference: z.enum(ISSUE_WORKSPACE_PREFERENCES).nullable(),
  executionWorkspaceSettings,
  executionPolicy: executionPolicyField,
};

/** Body of `POST /api/companies/:companyId/issues` (API-150). */
export const issueCreateSchema = z.object({
  title: fields.title,
  description: fields.description.default(null),
  status: fields.status.default("backlog"),
  priority: fields.priority.default("medium"),
  assigneeAgentId: guidField.nullable().default(null),
  assigneeUserId: fields.assigneeUserId.default(null),
  parentId: fields.parentId.default(null),
  projectId: fields.projectId.default(null),
  projectWorkspaceId: fields.projectWorkspaceId.default(null),
  goalId: fields.goalId.default(null),
  executionWorkspaceId: fields.executionWorkspaceId.default(null),
  inheritExecutionWorkspaceFromIssueId: fields.inheritExecutionWorkspaceFromIssueId.default(null),
  blockedByIssueIds: fields.blockedByIssueIds.default(() => []),
  requestDepth: fields.requestDepth.default(0),
  billingCode: fields.billingCode.default(null),
  assigneeAdapterOverrides: fields.assigneeAdapterOverrides.default(null),
  executionWorkspacePreference: fields.executionWorkspacePreference.default(null),
  executionWorkspaceSettings: fields.executionWorkspaceSettings.default(null),
  executionPolicy: fields.executionPolicy.default(null),
});
export type IssueCreate = z.infer<typeof issueCreateSchema>;

/** Body of `POST /api/issues/:id/children` (API-142). */
export const issueChildCreateSchema = issueCreateSchema.omit({ parentId: true }).extend({
  acceptanceCriteria: z.array(z.string().min(1).max(500)).max(20).optional(),
  blockParentUntilDone: z.boolean().default(false),
});
export type IssueChildCreate = z.infer<typeof issueChildCreateSchema>;

/** Body of `PATCH /api/issues/:id` (API-151). `assigneeAgentId` may be a short name. */
export const issuePatchSchema = z.object({
  title: fields.title.optional(),
  description: fields.description.optional(),
  status: fields.status.optional(),
  priority: fields.priority.optional(),
  assigneeAgentId: z.string().min(1).nullable().optional(),
  assigneeUserId: fields.assigneeUserId.optional(),
  parentId: fields.parentId.optional(),
  projectId: fields.projectId.optional(),
  projectWorkspaceId: fields.projectWorkspaceId.optional(),
  goalId: fields.goalId.optional(),
  executionWorkspaceId: fields.executionWorkspaceId.optional(),
  blockedByIssueIds: fields.blockedByIssueIds.optional(),
  requestDepth: fields.requestDepth.optional(),
  billingCode: fields.billingCode.optional(),
  assigneeAdapterOverrides: fields.assigneeAdapterOverrides.optional(),
  executionWorkspacePreference: fields.executionWorkspacePreference.optional(),
  executionWorkspaceSettings: fields.executionWorkspaceSettings.optional(),
  executionPolicy: fields.executionPolicy.optional(),
  reviewRequest: z
    .strictObject({ instructions: z.string().min(1).max(REVIEW_INSTRUCTIONS_MAX_CHARS) })
    .nullable()
    .optional(),
  hiddenAt: instantField.nullable().optional(),
  comment: requiredMultiLineField.optional(),
  reopen: z.boolean().optional(),
  resume: z.boolean().optional(),
  interrupt: z.boolean().optional(),
});
export type IssuePatch = z.infer<typeof issuePatchSchema>;

/** Body of `POST /api/issues/:id/checkout` (API-147). */
export const issueCheckoutSchema = z.object({
  agentId: guidField,
  expectedStatuses: z.array(z.enum(ISSUE_STATUSES)).min(1),
});
export type IssueCheckout = z.infer<typeof issueCheckoutSchema>;

/** Body of `POST /api/issues/:id/comments` (API-159). */
export const commentCreateSchema = z.object({
  body: requiredMultiLineField,
  reopen: z.boolean().optional(),
  resume: z.boolean().optional(),
  interrupt: z.boolean().optional(),
});
export type CommentCreate = z.infer<typeof commentCreateSchema>;

export const issueRefSchema = z.object({
  id: guidField,
  identifier: z.string().nullable(),
  title: z.string(),
  status: z.enum(ISSUE_STATUSES),
  priority: z.enum(ISSUE_PRIORITIES),
  assigneeAgentId: guidField.nullable(),
  assigneeUserId: z.string().nullable(),
});

/** DM-50 with its labels. */
export const issueSchema = z
  .object({
    id: guidField,
    companyId: guidField,
    projectId: guidField.nullable(),
    parentId: guidField.nullable(),
    title: z.string(),
    description: z.string().nullable(),
    status: z.enum(ISSUE_STATUSES),
    priority: z.enum(ISSUE_PRIORITIES),
    assigneeAgentId: guidField.nullable(),
    assigneeUserId: z.string().nullable(),
    checkoutRunId: guidField.nullable(),
    executionRunId: guidField.nullable(),
    issueNumber: z.int().nullable(),
    identifier: z.string().nullable(),
    startedAt: answeredInstant.nullable(),
    completedAt: answeredInstant.nullable(),
    cancelledAt: answeredInstant.nullable(),
    hiddenAt: answeredInstant.nullable(),
    labelIds: z.array(guidField),
    labels: z.array(z.unknown()),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();

export const issueDetailSchema = issueSchema
  .extend({
    ancestors: z.array(issueRefSchema.loose()),
    blockedBy: z.array(issueRefSchema),
    blocks: z.array(issueRefSchema),
  })
  .loose();

/** DM-59. */
export const commentSchema = z
  .object({
    id: guidField,
    companyId: guidField,
    issueId: guidField,
    authorAgentId: guidField.nullable(),
    authorUserId: z.string().nullable(),
    createdByRunId: guidField.nullable(),
    body: z.string(),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();
