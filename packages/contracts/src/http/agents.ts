/** Bodies and answers of the agent routes (API-70 to API-90). */
import { z } from "zod";
import { AGENT_ROLES, AGENT_STATUSES } from "../enums.js";
import { isGuid, isJsonObject, type JsonObject, type JsonValue } from "../json.js";
import { answeredInstant, centsField, guidField, jsonObjectField, NAME_MAX_CHARS } from "./fields.js";

/** Shown instead of a secret, and never stored (DM-60, AC-2). */
export const REDACTED = "***REDACTED***";

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function isEnvBinding(value: JsonValue): boolean {
  if (typeof value === "string") return true;
  if (!isJsonObject(value)) return false;
  if (value["type"] === "plain") return typeof value["value"] === "string";
  if (value["type"] !== "secret_ref") return false;
  const version = value["version"];
  return (
    isGuid(value["secretId"]) &&
    (version === undefined ||
      version === "latest" ||
      (typeof version === "number" && Number.isInteger(version) && version > 0))
  );
}

/** True for a map of environment bindings: names to a string, `{type: "plain"}` or `{type: "secret_ref"}` (DM-60). */
export function isEnvBindingMap(value: unknown): value is JsonObject {
  return (
    isJsonObject(value) &&
    Object.entries(value).every(([name, binding]) => ENV_NAME.test(name) && isEnvBinding(binding))
  );
}

const adapterConfig = jsonObjectField
  .refine((config) => config["env"] === undefined || isEnvBindingMap(config["env"]), {
    message: "adapterConfig.env must be a map of valid env bindings",
    path: ["env"],
  })
  .meta({
    type: "object",
    properties: {
      env: {
        type: "object",
        propertyNames: { pattern: ENV_NAME.source },
        additionalProperties: {
          anyOf: [
            { type: "string" },
            {
              type: "object",
              properties: { type: { const: "plain" }, value: { type: "string" } },
              required: ["type", "value"],
            },
            {
              type: "object",
              properties: {
                type: { const: "secret_ref" },
                secretId: { type: "string", format: "uuid" },
                version: { anyOf: [{ const: "latest" }, { type: "integer", minimum: 1 }] },
              },
              required: ["type", "secretId"],
            },
          ],
        },
      },
    },
    additionalProperties: true,
  });

const HEARTBEAT_FIELDS = {
  enabled: "boolean",
  wakeOnDemand: "boolean",
  intervalSec: "number",
  maxConcurrentRuns: "number",
} as const;

/** `runtimeConfig` with its heartbeat policy checked on writing (AL-4); unknown keys are kept. */
const runtimeConfig = jsonObjectField
  .check((context) => {
    const heartbeat = context.value["heartbeat"];
    if (heartbeat === undefined) return;
    if (!isJsonObject(heartbeat)) {
      context.issues.push({
        code: "custom",
        input: heartbeat,
        path: ["heartbeat"],
        message: "Invalid input: expected object",
      });
      return;
    }
    for (const [field, type] of Object.entries(HEARTBEAT_FIELDS)) {
      const value = heartbeat[field];
      if (value === undefined || typeof value === type) continue;
      context.issues.push({
        code: "custom",
        input: value,
        path: ["heartbeat", field],
        message: `Invalid input: heartbeat.${field} must be a ${type}`,
      });
    }
  })
  .meta({
    type: "object",
    properties: {
      heartbeat: {
        type: "object",
        properties: {
          enabled: { type: "boolean" },
          wakeOnDemand: { type: "boolean" },
          intervalSec: { type: "number" },
          maxConcurrentRuns: { type: "number" },
        },
        additionalProperties: true,
      },
    },
    additionalProperties: true,
  });

const fields = {
  name: z.string().min(1).max(NAME_MAX_CHARS),
  role: z.enum(AGENT_ROLES),
  title: z.string().nullable(),
  capabilities: z.string().nullable(),
  icon: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, "must be a word of a-z, 0-9 and -, at most 40 characters")
    .nullable(),
  reportsTo: guidField.nullable(),
  adapterType: z.string().trim().min(1),
  adapterConfig,
  runtimeConfig,
  defaultEnvironmentId: guidField.nullable(),
  desiredSkills: z.array(z.string()),
  budgetMonthlyCents: centsField,
  metadata: jsonObjectField.nullable(),
};

/** Body of `POST /api/companies/:companyId/agents` (API-72). */
export const agentCreateSchema = z.object({
  name: fields.name,
  role: fields.role.default("general"),
  title: fields.title.default(null),
  capabilities: fields.capabilities.default(null),
  icon: fields.icon.default(null),
  reportsTo: fields.reportsTo.default(null),
  adapterType: fields.adapterType.default("process"),
  adapterConfig: fields.adapterConfig.default(() => ({})),
  runtimeConfig: fields.runtimeConfig.default(() => ({})),
  defaultEnvironmentId: fields.defaultEnvironmentId.default(null),
  desiredSkills: fields.desiredSkills.optional(),
  budgetMonthlyCents: fields.budgetMonthlyCents.default(0),
  permissions: z.object({ canCreateAgents: z.boolean().optional() }).optional(),
  metadata: fields.metadata.default(null),
});
export type AgentCreate = z.infer<typeof agentCreateSchema>;

/** Body of `POST /api/companies/:companyId/agent-hires` (API-73): an agent, and the issues that the hire came from. */
export const agentHireSchema = agentCreateSchema.extend({
  sourceIssueId: guidField.nullable().optional(),
  sourceIssueIds: z.array(guidField).max(100).optional(),
});
export type AgentHire = z.infer<typeof agentHireSchema>;

/** Statuses a plain update may name; they go through pause, resume and terminate (AL-13). */
export const AGENT_PATCH_STATUSES = ["paused", "idle", "terminated"] as const;

/**
 * Body of `PATCH /api/agents/:id` (API-77). `permissions` is looked at by the route only to point at its own route, and
 * `adapterConfig` of another type than object is the route's 422.
 */
export const agentPatchSchema = z.object({
  name: fields.name.optional(),
  role: fields.role.optional(),
  title: fields.title.optional(),
  capabilities: fields.capabilities.optional(),
  icon: fields.icon.optional(),
  reportsTo: fields.reportsTo.optional(),
  adapterType: fields.adapterType.optional(),
  adapterConfig: fields.adapterConfig.optional(),
  runtimeConfig: fields.runtimeConfig.optional(),
  defaultEnvironmentId: fields.defaultEnvironmentId.optional(),
  desiredSkills: fields.desiredSkills.optional(),
  budgetMonthlyCents: fields.budgetMonthlyCents.optional(),
  spentMonthlyCents: centsField.optional(),
  metadata: fields.metadata.optional(),
  status: z.enum(AGENT_PATCH_STATUSES).optional(),
  replaceAdapterConfig: z.boolean().optional(),
});
export type AgentPatch = z.infer<typeof agentPatchSchema>;

/** Body of `PATCH /api/agents/:id/permissions` (API-83); both are sent. */
export const agentPermissionsSchema = z.object({ canCreateAgents: z.boolean(), canAssignTasks: z.boolean() });
export type AgentPermissions = z.infer<typeof agentPermissionsSchema>;

/** An agent's configuration, its secrets masked (API-85). */
export const agentConfigurationSchema = z.object({
  id: guidField,
  companyId: guidField,
  name: z.string(),
  role: z.enum(AGENT_ROLES),
  title: z.string().nullable(),
  status: z.enum(AGENT_STATUSES),
  reportsTo: guidField.nullable(),
  adapterType: z.string(),
  adapterConfig: jsonObjectField,
  runtimeConfig: jsonObjectField,
  permissions: jsonObjectField,
  updatedAt: answeredInstant,
});

/** What a change of an agent's configuration left (API-86, AL-17). */
export const agentRevisionSchema = z.object({
  id: guidField,
  companyId: guidField,
  agentId: guidField,
  createdByAgentId: guidField.nullable(),
  createdByUserId: z.string().nullable(),
  source: z.string(),
  rolledBackFromRevisionId: guidField.nullable(),
  changedKeys: z.array(z.string()),
  beforeConfig: jsonObjectField,
  afterConfig: jsonObjectField,
  createdAt: answeredInstant,
});

/** An agent among those who report to whom (API-90). */
export const orgNodeSchema = z.object({
  id: guidField,
  name: z.string(),
  role: z.enum(AGENT_ROLES),
  status: z.enum(AGENT_STATUSES),
  get reports() {
    return z.array(orgNodeSchema);
  },
});

/** An agent that may be woken, and whether its timer beats (API-90). */
export const schedulerHeartbeatSchema = z.object({
  id: guidField,
  companyId: guidField,
  companyName: z.string(),
  companyIssuePrefix: z.string(),
  agentName: z.string(),
  agentUrlKey: z.string(),
  role: z.enum(AGENT_ROLES),
  title: z.string().nullable(),
  status: z.enum(AGENT_STATUSES),
  adapterType: z.string(),
  intervalSec: z.number(),
  heartbeatEnabled: z.boolean(),
  schedulerActive: z.boolean(),
  lastHeartbeatAt: answeredInstant.nullable(),
});

export const agentKeyCreateSchema = z.object({ name: z.string().min(1).max(NAME_MAX_CHARS).default("default") });

export const sessionResetSchema = z.object({ taskKey: z.string().trim().min(1).nullable().default(null) });

/** DM-21 and its short name. */
export const agentSchema = z
  .object({
    id: guidField,
    companyId: guidField,
    name: z.string(),
    urlKey: z.string(),
    role: z.enum(AGENT_ROLES),
    title: z.string().nullable(),
    icon: z.string().nullable(),
    capabilities: z.string().nullable(),
    status: z.enum(AGENT_STATUSES),
    reportsTo: guidField.nullable(),
    adapterType: z.string(),
    adapterConfig: jsonObjectField,
    runtimeConfig: jsonObjectField,
    defaultEnvironmentId: guidField.nullable(),
    budgetMonthlyCents: z.int(),
    spentMonthlyCents: z.int(),
    pauseReason: z.string().nullable(),
    pausedAt: answeredInstant.nullable(),
    permissions: jsonObjectField,
    lastHeartbeatAt: answeredInstant.nullable(),
    metadata: jsonObjectField.nullable(),
    maxConcurrentRuns: z.int(),
    nextTimerAt: answeredInstant.nullable(),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();

export const agentDetailSchema = agentSchema
  .extend({
    chainOfCommand: z.array(
      z.object({ id: guidField, name: z.string(), role: z.string(), title: z.string().nullable() }),
    ),
    access: z.object({
      canAssignTasks: z.boolean(),
      taskAssignSource: z.enum(["explicit_grant", "agent_creator", "ceo_role", "none"]),
      membership: z.unknown(),
      grants: z.array(z.unknown()),
    }),
  })
  .loose();

export const agentKeySchema = z.object({
  id: guidField,
  name: z.string(),
  createdAt: answeredInstant,
  revokedAt: answeredInstant.nullable(),
});
export const agentKeyCreatedSchema = z.object({
  id: guidField,
  name: z.string(),
  token: z.string().describe("Answered this once"),
  createdAt: answeredInstant,
});

/** DM-22 with the newest task session's ids. */
export const agentRuntimeStateSchema = z
  .object({
    agentId: guidField,
    companyId: guidField,
    adapterType: z.string(),
    sessionId: z.string().nullable(),
    stateJson: jsonObjectField,
    lastRunId: guidField.nullable(),
    lastRunStatus: z.string().nullable(),
    totalInputTokens: z.number(),
    totalOutputTokens: z.number(),
    totalCachedInputTokens: z.number(),
    totalCostCents: z.number(),
    lastError: z.string().nullable(),
    sessionDisplayId: z.string().nullable(),
    sessionParamsJson: jsonObjectField.nullable(),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();

/** DM-23. */
export const agentTaskSessionSchema = z
  .object({
    id: guidField,
    agentId: guidField,
    adapterType: z.string(),
    taskKey: z.string(),
    sessionParamsJson: jsonObjectField.nullable(),
    sessionDisplayId: z.string().nullable(),
    lastRunId: guidField.nullable(),
    lastError: z.string().nullable(),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();
