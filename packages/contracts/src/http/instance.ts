/** Keys, activity, settings, health, fleet and problems (API-250, 270, 273 ff., 300, 305, 40). */
import { z } from "zod";
import { ACTOR_TYPES, API_KEY_SCOPES, SWEEP_NAMES } from "../enums.js";
import { answeredInstant, guidField, instantField, jsonObjectField, NAME_MAX_CHARS } from "./fields.js";

/** Body of `POST /api/keys` (API-305). */
export const apiKeyCreateSchema = z.object({
  scope: z.enum(API_KEY_SCOPES),
  name: z.string().min(1).max(NAME_MAX_CHARS),
  companyId: guidField.nullable().default(null),
  userId: z.string().min(1).max(NAME_MAX_CHARS).nullable().default(null),
  expiresAt: instantField.nullable().default(null),
});
export type ApiKeyCreate = z.infer<typeof apiKeyCreateSchema>;

export const apiKeySchema = z.object({
  id: guidField,
  companyId: guidField.nullable(),
  scope: z.enum(API_KEY_SCOPES),
  name: z.string(),
  userId: z.string().nullable(),
  keyPrefix: z.string(),
  expiresAt: answeredInstant.nullable(),
  lastUsedAt: answeredInstant.nullable(),
  revokedAt: answeredInstant.nullable(),
  createdAt: answeredInstant,
});
export const apiKeyCreatedSchema = apiKeySchema.extend({ token: z.string().describe("Answered this once") });

/** Answer of `POST /api/fleet/sweeps/:name/run` (RC-83). */
export const sweepRunSchema = z.object({
  sweep: z.enum(SWEEP_NAMES),
  outcome: z
    .enum(["done", "under_way", "failed", "not_run"])
    .describe("`under_way`: it still runs. `failed`: the worker's log says why. `not_run`: no worker took it in time."),
  counters: z.record(z.string(), z.unknown()).nullable().describe("What it saw and did; null unless done"),
});
export type SweepRun = z.infer<typeof sweepRunSchema>;

/** DM-80. */
export const activitySchema = z.object({
  id: guidField,
  companyId: guidField,
  actorType: z.string(),
  actorId: z.string(),
  action: z.string(),
  entityType: z.string(),
  entityId: z.string(),
  agentId: guidField.nullable(),
  runId: guidField.nullable(),
  details: z.unknown(),
  createdAt: answeredInstant,
});

const backupRetention = z.object({
  dailyDays: z.union([z.literal(3), z.literal(7), z.literal(14)]),
  weeklyWeeks: z.union([z.literal(1), z.literal(2), z.literal(4)]),
  monthlyMonths: z.union([z.literal(1), z.literal(3), z.literal(6)]),
});

/** DM-81 `general`, with the type of each key. */
export const generalSettingsSchema = z.strictObject({
  censorUsernameInLogs: z.boolean(),
  keyboardShortcuts: z.boolean(),
  feedbackDataSharingPreference: z.enum(["prompt", "allowed", "not_allowed"]),
  backupRetention,
});
export type GeneralSettings = z.infer<typeof generalSettingsSchema>;
export const GENERAL_SETTINGS_DEFAULTS: GeneralSettings = {
  censorUsernameInLogs: false,
  keyboardShortcuts: false,
  feedbackDataSharingPreference: "prompt",
  backupRetention: { dailyDays: 7, weeklyWeeks: 4, monthlyMonths: 1 },
};

/** DM-81 `experimental`. */
export const experimentalSettingsSchema = z.strictObject({
  enableEnvironments: z.boolean(),
  enableIsolatedWorkspaces: z.boolean(),
  autoRestartDevServerWhenIdle: z.boolean(),
  enableIssueGraphLivenessAutoRecovery: z.boolean(),
  issueGraphLivenessAutoRecoveryLookbackHours: z.int().min(1).max(720),
});
export type ExperimentalSettings = z.infer<typeof experimentalSettingsSchema>;
export const EXPERIMENTAL_SETTINGS_DEFAULTS: ExperimentalSettings = {
  enableEnvironments: false,
  enableIsolatedWorkspaces: false,
  autoRestartDevServerWhenIdle: false,
  enableIssueGraphLivenessAutoRecovery: false,
  issueGraphLivenessAutoRecoveryLookbackHours: 24,
};

/** Bodies of `PATCH /api/instance/settings/…` (API-271): any of the keys, and no others. */
export const generalSettingsPatchSchema = generalSettingsSchema.partial();
export const experimentalSettingsPatchSchema = experimentalSettingsSchema.partial();

/** Body of `POST /api/companies/:companyId/activity` (API-251). */
export const activityCreateSchema = z.object({
  actorType: z.enum(ACTOR_TYPES).default("system"),
  actorId: z.string().min(1),
  action: z.string().min(1),
  entityType: z.string().min(1),
  entityId: z.string().min(1),
  agentId: guidField.nullable().default(null),
  details: jsonObjectField.nullable().default(null),
});
export type ActivityCreate = z.infer<typeof activityCreateSchema>;

/** Reads each stored key by itself: an unknown or broken one falls back alone (IN-7). */
function readSettings<Settings extends object>(
  schema: z.ZodObject<Record<keyof Settings & string, z.ZodType>>,
  input: { stored: unknown; defaults: Settings },
): Settings {
  const stored = (typeof input.stored === "object" && input.stored !== null ? input.stored : {}) as Record<
    string,
    unknown
  >;
  const entries = Object.entries(input.defaults).map(([key, fallback]) => {
    const field = (schema.shape as Record<string, z.ZodType>)[key];
    const parsed = Object.hasOwn(stored, key) ? field?.safeParse(stored[key]) : undefined;
    return [key, parsed?.success === true ? parsed.data : fallback];
  });
  // The keys are those of the defaults and each value passed its own schema.
  return Object.fromEntries(entries) as Settings;
}

/** The experimental group of the stored settings, defaults filled in. */
export function experimentalSettings(stored: { readonly experimental: unknown }): ExperimentalSettings {
  return readSettings(experimentalSettingsSchema, {
    stored: stored.experimental,
    defaults: EXPERIMENTAL_SETTINGS_DEFAULTS,
  });
}

/** The general group of the stored settings, defaults filled in. */
export function generalSettings(stored: { readonly general: unknown }): GeneralSettings {
  return readSettings(generalSettingsSchema, { stored: stored.general, defaults: GENERAL_SETTINGS_DEFAULTS });
}

/** Body of the two routes of API-272; strict. */
export const issueGraphLookbackSchema = z.strictObject({ lookbackHours: z.int().min(1).max(720).optional() });

const graphPathSchema = z.array(
  z.object({ issueId: guidField, identifier: z.string().nullable(), title: z.string(), status: z.string() }),
);

/** RC-67. */
export const issueGraphPreviewSchema = z.object({
  lookbackHours: z.int(),
  cutoff: answeredInstant,
  generatedAt: answeredInstant,
  findings: z.int(),
  recoverableFindings: z.int(),
  skippedOutsideLookback: z.int(),
  items: z.array(
    z.object({
      issueId: guidField,
      identifier: z.string().nullable(),
      title: z.string(),
      state: z.string(),
      severity: z.literal("critical"),
      reason: z.string(),
      recoveryIssueId: guidField,
      recoveryIdentifier: z.string().nullable(),
      recoveryTitle: z.string().nullable(),
      recommendedOwnerAgentId: guidField.nullable(),
      incidentKey: z.string(),
      latestDependencyUpdatedAt: answeredInstant,
      dependencyPath: graphPathSchema,
    }),
  ),
});

/** RC-66. */
export const issueGraphResultSchema = z.object({
  findings: z.int(),
  autoRecoveryEnabled: z.boolean(),
  lookbackHours: z.int(),
  cutoff: answeredInstant,
  escalationsCreated: z.int(),
  existingEscalations: z.int(),
  skipped: z.int(),
  skippedAutoRecoveryDisabled: z.int(),
  skippedOutsideLookback: z.int(),
  obsoleteRecoveriesRetired: z.int(),
  obsoleteRecoveriesActiveSkipped: z.int(),
  obsoleteRecoveryBlockerRelationsRemoved: z.int(),
  issueIds: z.array(guidField),
  escalationIssueIds: z.array(guidField),
  retiredRecoveryIssueIds: z.array(guidField),
  failed: z.int(),
});

export const okSchema = z.object({ ok: z.literal(true) });

/** API-40: what every error answers. */
export const problemSchema = z
  .object({
    error: z.string(),
    details: z.unknown().optional(),
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    requestId: z.string(),
  })
  .loose();

const storeState = z.object({ ok: z.boolean(), latencyMs: z.number().nullable() });

/** API-300. */
export const fleetSchema = z.object({
  generatedAt: answeredInstant,
  totals: z.object({
    agents: z.int(),
    queued: z.int(),
    running: z.int(),
    scheduledRetry: z.int(),
    deferredWakeups: z.int(),
    undispatched: z.int(),
    oldestQueuedAgeSec: z.number().nullable(),
    workersAlive: z.int(),
    capacity: z.int(),
    inUse: z.int(),
  }),
  workers: z.array(
    z.object({
      id: guidField,
      hostname: z.string(),
      pid: z.int(),
      version: z.string(),
      startedAt: answeredInstant,
      lastSeenAt: answeredInstant,
      alive: z.boolean(),
      draining: z.boolean(),
      capacity: z.int(),
      running: z.int(),
    }),
  ),
  queues: z.array(
    z.object({
      agentId: guidField,
      agentName: z.string(),
      companyId: guidField,
      queue: z.string(),
      concurrency: z.int(),
      paused: z.boolean(),
      waiting: z.int(),
      active: z.int(),
      delayed: z.int(),
      failed: z.int(),
    }),
  ),
  stores: z.object({ postgres: storeState, redis: storeState }),
});

export const healthSchema = z.object({ status: z.string() }).loose();
export const readySchema = z.object({
  status: z.enum(["ready", "degraded", "not_ready"]),
  checks: z.object({ postgres: z.string(), redis: z.string(), migrations: z.string(), draining: z.string() }),
});
