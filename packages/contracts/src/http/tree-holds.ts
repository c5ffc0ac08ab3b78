/** Bodies and answers of subtree holds (API-190 to API-195). All bodies are strict (TH-5). */
import { z } from "zod";
import {
  ACTOR_TYPES,
  ISSUE_STATUSES,
  TREE_HOLD_MODES,
  TREE_HOLD_RELEASE_STRATEGIES,
  TREE_HOLD_STATUSES,
} from "../enums.js";
import { answeredInstant, guidField, jsonObjectField } from "./fields.js";

const RELEASE_NOTE_MAX_CHARS = 500;
const HOLD_REASON_MAX_CHARS = 1_000;

const releasePolicy = z.strictObject({
  strategy: z.enum(TREE_HOLD_RELEASE_STRATEGIES).default("manual"),
  note: z.string().min(1).max(RELEASE_NOTE_MAX_CHARS).optional(),
});
export type TreeHoldReleasePolicy = z.infer<typeof releasePolicy>;

const reason = z.string().min(1).max(HOLD_REASON_MAX_CHARS).nullable().default(null);
const metadata = jsonObjectField.nullable().default(null);

/** Body of `POST /api/issues/:id/tree-control/preview` (API-190). */
export const treeHoldPreviewSchema = z.strictObject({
  mode: z.enum(TREE_HOLD_MODES),
  releasePolicy: releasePolicy.optional(),
});
export type TreeHoldPreview = z.infer<typeof treeHoldPreviewSchema>;

/** Body of `POST /api/issues/:id/tree-holds` (API-191). */
export const treeHoldCreateSchema = z.strictObject({
  mode: z.enum(TREE_HOLD_MODES),
  reason,
  releasePolicy: releasePolicy.optional(),
  metadata,
});
export type TreeHoldCreate = z.infer<typeof treeHoldCreateSchema>;

/** Body of `POST /api/issues/:id/tree-holds/:holdId/release` (API-195). */
export const treeHoldReleaseSchema = z.strictObject({ reason, releasePolicy: releasePolicy.optional(), metadata });
export type TreeHoldRelease = z.infer<typeof treeHoldReleaseSchema>;

const answeredPolicy = z.object({ strategy: z.string(), note: z.string().optional() }).loose().nullable();

const holdMemberSchema = z.object({
  id: guidField,
  companyId: guidField,
  holdId: guidField,
  issueId: guidField,
  parentIssueId: guidField.nullable(),
  depth: z.int(),
  issueIdentifier: z.string().nullable(),
  issueTitle: z.string(),
  issueStatus: z.enum(ISSUE_STATUSES),
  assigneeAgentId: guidField.nullable(),
  assigneeUserId: z.string().nullable(),
  activeRunId: guidField.nullable(),
  activeRunStatus: z.string().nullable(),
  skipped: z.boolean(),
  skipReason: z.string().nullable(),
  createdAt: answeredInstant,
});

/** DM-68; `members` where the route says so. */
export const treeHoldSchema = z.object({
  id: guidField,
  companyId: guidField,
  rootIssueId: guidField,
  mode: z.enum(TREE_HOLD_MODES),
  status: z.enum(TREE_HOLD_STATUSES),
  reason: z.string().nullable(),
  releasePolicy: answeredPolicy,
  createdByActorType: z.enum(ACTOR_TYPES),
  createdByAgentId: guidField.nullable(),
  createdByUserId: z.string().nullable(),
  createdByRunId: guidField.nullable(),
  releasedAt: answeredInstant.nullable(),
  releasedByActorType: z.enum(ACTOR_TYPES).nullable(),
  releasedByAgentId: guidField.nullable(),
  releasedByUserId: z.string().nullable(),
  releasedByRunId: guidField.nullable(),
  releaseReason: z.string().nullable(),
  releaseMetadata: z.unknown(),
  createdAt: answeredInstant,
  updatedAt: answeredInstant,
  members: z.array(holdMemberSchema).optional(),
});

const previewRun = z.object({
  id: guidField,
  issueId: guidField,
  agentId: guidField,
  status: z.string(),
  startedAt: answeredInstant.nullable(),
  createdAt: answeredInstant,
});

const previewIssue = z.object({
  id: guidField,
  identifier: z.string().nullable(),
  title: z.string(),
  status: z.enum(ISSUE_STATUSES),
  parentId: guidField.nullable(),
  depth: z.int(),
  assigneeAgentId: guidField.nullable(),
  assigneeUserId: z.string().nullable(),
  activeRun: previewRun.nullable(),
  activeHoldIds: z.array(guidField),
  action: z.enum(TREE_HOLD_MODES),
  skipped: z.boolean(),
  skipReason: z.string().nullable(),
});

/** TH-9. */
export const treeHoldPreviewAnswerSchema = z.object({
  companyId: guidField,
  rootIssueId: guidField,
  mode: z.enum(TREE_HOLD_MODES),
  generatedAt: answeredInstant,
  releasePolicy: answeredPolicy,
  totals: z.object({
    totalIssues: z.int(),
    affectedIssues: z.int(),
    skippedIssues: z.int(),
    activeRuns: z.int(),
    queuedRuns: z.int(),
    affectedAgents: z.int(),
  }),
  countsByStatus: z.record(z.string(), z.int()),
  issues: z.array(previewIssue),
  skippedIssues: z.array(previewIssue),
  activeRuns: z.array(previewRun),
  affectedAgents: z.array(z.object({ agentId: guidField, issueCount: z.int(), activeRunCount: z.int() })),
  warnings: z.array(
    z.object({
      code: z.string(),
      message: z.string(),
      issueIds: z.array(guidField).optional(),
      holdIds: z.array(guidField).optional(),
    }),
  ),
});
export type TreeHoldPreviewAnswer = z.input<typeof treeHoldPreviewAnswerSchema>;

export const treeHoldCreatedSchema = z.object({
  hold: treeHoldSchema,
  preview: treeHoldPreviewAnswerSchema,
  resumedPauseHoldIds: z.array(guidField).optional(),
});

/** API-192. */
export const treeControlStateSchema = z.object({
  activePauseHold: z
    .object({
      holdId: guidField,
      rootIssueId: guidField,
      issueId: guidField,
      isRoot: z.boolean(),
      mode: z.literal("pause"),
      reason: z.string().nullable(),
      releasePolicy: answeredPolicy,
    })
    .nullable(),
});
