/** Bodies and answers of the skill routes (API-235 to API-237). */
import { z } from "zod";
import { answeredInstant, guidField, jsonObjectField, NAME_MAX_CHARS } from "./fields.js";

/** Greatest size of a skill's text, characters. */
export const SKILL_MARKDOWN_MAX_CHARS = 262_144;

const markdown = z.string().max(SKILL_MARKDOWN_MAX_CHARS);

/** Body of `POST /api/companies/:companyId/skills` (API-236). */
export const skillCreateSchema = z.object({
  name: z.string().trim().min(1).max(NAME_MAX_CHARS),
  slug: z
    .string()
    .regex(
      /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/,
      "must be 1 to 64 of a-z, 0-9 and -, beginning and ending with no -",
    )
    .optional(),
  description: z.string().max(2_000).nullable().default(null),
  markdown: markdown.min(1).optional(),
});
export type SkillCreate = z.infer<typeof skillCreateSchema>;

/** Body of `PATCH …/skills/:skillId/files` (API-236). */
export const skillFilePatchSchema = z.object({ path: z.string().min(1).max(1_000), content: markdown });
export type SkillFilePatch = z.infer<typeof skillFilePatchSchema>;

/** DM-77 without its text. */
export const skillSchema = z
  .object({
    id: guidField,
    companyId: guidField,
    key: z.string(),
    slug: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    sourceType: z.string(),
    sourceLocator: z.string().nullable(),
    sourceRef: z.string().nullable(),
    trustLevel: z.string(),
    compatibility: z.string(),
    fileInventory: z.array(z.object({ path: z.string(), kind: z.string() })),
    metadata: jsonObjectField.nullable(),
    editable: z.boolean(),
    editableReason: z.string().nullable(),
    sourceLabel: z.string(),
    sourceBadge: z.string(),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();

export const skillListItemSchema = skillSchema.extend({ attachedAgentCount: z.int() });

export const skillDetailSchema = skillListItemSchema.extend({
  markdown: z.string(),
  usedByAgents: z.array(z.object({ id: guidField, name: z.string() })),
});

export const skillFileSchema = z.object({
  skillId: guidField,
  path: z.string(),
  kind: z.string(),
  content: z.string(),
  language: z.string(),
  markdown: z.boolean(),
  editable: z.boolean(),
});

/** Body of `POST …/skills/import` (API-237): a folder of the API's host, or its `SKILL.md`. */
export const skillImportSchema = z.object({ source: z.string().trim().min(1).max(4_000) });

export const skillImportResultSchema = z.object({ imported: z.array(skillSchema), warnings: z.array(z.string()) });

/** What looking through the workspaces of a company's projects changed (API-237). */
export const skillScanResultSchema = z.object({
  scannedWorkspaces: z.int(),
  discovered: z.int(),
  imported: z.array(skillSchema),
  updated: z.array(skillSchema),
  removed: z.array(z.object({ id: guidField, key: z.string(), name: z.string() })),
  warnings: z.array(z.string()),
});

/** Whether a skill is as where it comes from (API-237); the refs are SHA-256 of the texts. */
export const skillUpdateStatusSchema = z.object({
  supported: z.boolean(),
  reason: z.string().nullable(),
  trackingRef: z.string().nullable(),
  currentRef: z.string().nullable(),
  latestRef: z.string().nullable(),
  hasUpdate: z.boolean(),
});
