/** Bodies and answers of the company routes (API-60 to API-67). */
import { z } from "zod";
import { COMPANY_STATUSES, PAUSE_REASONS } from "../enums.js";
import { answeredInstant, centsField, guidField } from "./fields.js";

export const ATTACHMENT_MAX_BYTES_LIMIT = 1_073_741_824;

const name = z.string().min(1);
const description = z.string().nullable();
const attachmentMaxBytes = z.int().min(1).max(ATTACHMENT_MAX_BYTES_LIMIT);
const brandColor = z
  .string()
  .regex(/^#[0-9a-fA-F]{6}$/, "must look like #rrggbb")
  .nullable();

/** Body of `POST /api/companies` (API-61). */
export const companyCreateSchema = z.object({
  name,
  description: description.default(null),
  budgetMonthlyCents: centsField.default(0),
  attachmentMaxBytes: attachmentMaxBytes.optional(),
});
export type CompanyCreate = z.infer<typeof companyCreateSchema>;

/** Body of `PATCH /api/companies/:companyId` (API-63). */
export const companyPatchSchema = z.object({
  name: name.optional(),
  description: description.optional(),
  budgetMonthlyCents: centsField.optional(),
  spentMonthlyCents: centsField.optional(),
  attachmentMaxBytes: attachmentMaxBytes.optional(),
  status: z.enum(COMPANY_STATUSES).optional(),
  requireBoardApprovalForNewAgents: z.boolean().optional(),
  brandColor: brandColor.optional(),
});
export type CompanyPatch = z.infer<typeof companyPatchSchema>;

/** What an agent of role `ceo` may send to the same route; anything else is a validation failure (API-63). */
export const companyPatchByCeoSchema = z.strictObject({
  name: name.optional(),
  description: description.optional(),
  brandColor: brandColor.optional(),
});

/**
 * Body of `PATCH /api/companies/:companyId/branding` (API-67): how a company looks. Logos are no assets of this service yet,
 * so the only logo that can be named is none.
 */
export const companyBrandingSchema = z
  .strictObject({
    name: name.optional(),
    description: description.optional(),
    brandColor: brandColor.optional(),
    logoAssetId: z.null().optional(),
  })
  .refine((body) => Object.keys(body).length > 0, { message: "At least one branding field must be provided" })
  .meta({ minProperties: 1 });
export type CompanyBranding = z.infer<typeof companyBrandingSchema>;

/** `GET /api/companies/stats` (API-66), by company id. */
export const companyStatsSchema = z.record(z.string(), z.object({ agentCount: z.int(), issueCount: z.int() }));

/** DM-20 with the computed month's spending. */
export const companySchema = z
  .object({
    id: guidField,
    name: z.string(),
    description: z.string().nullable(),
    status: z.enum(COMPANY_STATUSES),
    pauseReason: z.enum(PAUSE_REASONS).nullable(),
    pausedAt: answeredInstant.nullable(),
    issuePrefix: z.string(),
    issueCounter: z.int(),
    budgetMonthlyCents: z.int(),
    spentMonthlyCents: z.int().describe("Cost events of the current UTC month"),
    attachmentMaxBytes: z.int(),
    requireBoardApprovalForNewAgents: z.boolean(),
    brandColor: z.string().nullable(),
    logoAssetId: z.null(),
    logoUrl: z.null(),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();
