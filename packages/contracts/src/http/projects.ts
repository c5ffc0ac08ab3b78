/** Bodies and answers of projects and their workspaces (API-200 to API-205). */
import { z } from "zod";
import {
  PAUSE_REASONS,
  PROJECT_STATUSES,
  PROJECT_WORKSPACE_SOURCES,
  PROJECT_WORKSPACE_VISIBILITIES,
} from "../enums.js";
import type { JsonObject } from "../json.js";
import { isEnvBindingMap } from "./agents.js";
import { answeredInstant, guidField, instantField, jsonObjectField, multiLineField, NAME_MAX_CHARS } from "./fields.js";

const text = z.string().nullable();
const word = z.string().min(1).max(NAME_MAX_CHARS);

const env = jsonObjectField
  .refine((value) => isEnvBindingMap(value), { message: "env must be a map of valid env bindings" })
  .nullable();

// What passed came out of JSON: no member is undefined, so it is a JSON object as the column wants it.
const executionWorkspacePolicy = z
  .strictObject({
    enabled: z.boolean().optional(),
    defaultMode: z.string().nullable().optional(),
    allowIssueOverride: z.boolean().nullable().optional(),
    defaultProjectWorkspaceId: guidField.nullable().optional(),
    environmentId: guidField.nullable().optional(),
    workspaceStrategy: jsonObjectField.nullable().optional(),
    workspaceRuntime: jsonObjectField.nullable().optional(),
    branchPolicy: jsonObjectField.nullable().optional(),
    pullRequestPolicy: jsonObjectField.nullable().optional(),
    runtimePolicy: jsonObjectField.nullable().optional(),
    cleanupPolicy: jsonObjectField.nullable().optional(),
  })
  .nullable() as unknown as z.ZodType<JsonObject | null, JsonObject | null>;

const runtimeConfig = z
  .strictObject({
    workspaceRuntime: jsonObjectField.nullable().optional(),
    desiredState: z.enum(["running", "stopped", "manual"]).nullable().optional(),
    serviceStates: jsonObjectField.nullable().optional(),
  })
  .nullable() as unknown as z.ZodType<JsonObject | null, JsonObject | null>;

const workspaceFields = {
  name: word.nullable(),
  sourceType: z.enum(PROJECT_WORKSPACE_SOURCES),
  cwd: text,
  repoUrl: z.url().nullable(),
  repoRef: text,
  defaultRef: text,
  visibility: z.enum(PROJECT_WORKSPACE_VISIBILITIES),
  setupCommand: text,
  cleanupCommand: text,
  remoteProvider: text,
  remoteWorkspaceRef: text,
  sharedWorkspaceKey: text,
  metadata: jsonObjectField.nullable(),
  runtimeConfig,
  isPrimary: z.boolean(),
};

/** Body of `POST /api/projects/:id/workspaces` (API-204). */
export const projectWorkspaceCreateSchema = z.object({
  name: workspaceFields.name.default(null),
  sourceType: workspaceFields.sourceType.default("local_path"),
  cwd: workspaceFields.cwd.default(null),
  repoUrl: workspaceFields.repoUrl.default(null),
  repoRef: workspaceFields.repoRef.default(null),
  defaultRef: workspaceFields.defaultRef.default(null),
  visibility: workspaceFields.visibility.default("default"),
  setupCommand: workspaceFields.setupCommand.default(null),
  cleanupCommand: workspaceFields.cleanupCommand.default(null),
  remoteProvider: workspaceFields.remoteProvider.default(null),
  remoteWorkspaceRef: workspaceFields.remoteWorkspaceRef.default(null),
  sharedWorkspaceKey: workspaceFields.sharedWorkspaceKey.default(null),
  metadata: workspaceFields.metadata.default(null),
  runtimeConfig: workspaceFields.runtimeConfig.default(null),
  isPrimary: workspaceFields.isPrimary.default(false),
});
export type ProjectWorkspaceCreate = z.infer<typeof projectWorkspaceCreateSchema>;

/** Body of `PATCH /api/projects/:id/workspaces/:workspaceId` (API-205). */
export const projectWorkspacePatchSchema = z.object(workspaceFields).partial();
export type ProjectWorkspacePatch = z.infer<typeof projectWorkspacePatchSchema>;

const fields = {
  name: word,
  description: multiLineField.nullable(),
  status: z.enum(PROJECT_STATUSES),
  leadAgentId: guidField.nullable(),
  targetDate: z.iso.date().nullable(),
  color: text,
  env,
  goalId: guidField.nullable(),
  goalIds: z.array(guidField).max(100),
  executionWorkspacePolicy,
  archivedAt: instantField.nullable(),
};

/** Body of `POST /api/companies/:companyId/projects` (API-201). */
export const projectCreateSchema = z.object({
  name: fields.name,
  description: fields.description.default(null),
  status: fields.status.default("backlog"),
  leadAgentId: fields.leadAgentId.default(null),
  targetDate: fields.targetDate.default(null),
  color: fields.color.default(null),
  env: fields.env.default(null),
  goalId: fields.goalId.default(null),
  goalIds: fields.goalIds.default(() => []),
  executionWorkspacePolicy: fields.executionWorkspacePolicy.default(null),
  archivedAt: fields.archivedAt.default(null),
  workspace: projectWorkspaceCreateSchema.optional(),
});
export type ProjectCreate = z.infer<typeof projectCreateSchema>;

/** Body of `PATCH /api/projects/:id` (API-202). Budgets pause projects, not this. */
export const projectPatchSchema = z.object(fields).partial();
export type ProjectPatch = z.infer<typeof projectPatchSchema>;

export const projectWorkspaceSchema = z
  .object({
    id: guidField,
    companyId: guidField,
    projectId: guidField,
    name: z.string(),
    sourceType: z.enum(PROJECT_WORKSPACE_SOURCES),
    cwd: text,
    repoUrl: text,
    repoRef: text,
    defaultRef: text,
    isPrimary: z.boolean(),
    runtimeConfig: z.unknown(),
    runtimeServices: z.array(z.unknown()),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();

/** DM-71 with its workspaces. */
export const projectSchema = z
  .object({
    id: guidField,
    companyId: guidField,
    name: z.string(),
    urlKey: z.string(),
    description: text,
    status: z.enum(PROJECT_STATUSES),
    leadAgentId: guidField.nullable(),
    targetDate: text,
    pausedAt: answeredInstant.nullable(),
    pauseReason: z.enum(PAUSE_REASONS).nullable(),
    archivedAt: answeredInstant.nullable(),
    goalIds: z.array(guidField),
    goals: z.array(z.unknown()),
    workspaces: z.array(projectWorkspaceSchema),
    primaryWorkspace: projectWorkspaceSchema.nullable(),
    codebase: z.object({
      workspaceId: guidField.nullable(),
      repoUrl: text,
      repoRef: text,
      defaultRef: text,
      repoName: text,
      localFolder: text,
      managedFolder: text,
      effectiveLocalFolder: text,
      origin: z.enum(["local_folder", "managed_checkout"]),
    }),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();
