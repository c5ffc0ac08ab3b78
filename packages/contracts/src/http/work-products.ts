/** Bodies and answers of work products (API-167, API-168). */
import { z } from "zod";
import {
  WORK_PRODUCT_HEALTH,
  WORK_PRODUCT_REVIEW_STATES,
  WORK_PRODUCT_STATUSES,
  WORK_PRODUCT_TYPES,
} from "../enums.js";
import { answeredInstant, guidField, jsonObjectField } from "./fields.js";

const word = z.string().min(1);
const text = z.string().nullable();
const reference = guidField.nullable();

const fields = {
  type: z.enum(WORK_PRODUCT_TYPES),
  provider: word,
  title: word,
  url: z.url().nullable(),
  externalId: text,
  status: z.enum(WORK_PRODUCT_STATUSES),
  reviewState: z.enum(WORK_PRODUCT_REVIEW_STATES),
  isPrimary: z.boolean(),
  healthStatus: z.enum(WORK_PRODUCT_HEALTH),
  summary: text,
  metadata: jsonObjectField.nullable(),
  projectId: reference,
  executionWorkspaceId: reference,
  runtimeServiceId: reference,
  createdByRunId: reference,
};

/** Body of `POST /api/issues/:id/work-products` (API-167). Project and run have defaults that only the issue and the caller know. */
export const workProductCreateSchema = z.object({
  type: fields.type,
  provider: fields.provider,
  title: fields.title,
  url: fields.url.default(null),
  externalId: fields.externalId.default(null),
  status: fields.status.default("active"),
  reviewState: fields.reviewState.default("none"),
  isPrimary: fields.isPrimary.default(false),
  healthStatus: fields.healthStatus.default("unknown"),
  summary: fields.summary.default(null),
  metadata: fields.metadata.default(null),
  projectId: fields.projectId.optional(),
  executionWorkspaceId: fields.executionWorkspaceId.default(null),
  runtimeServiceId: fields.runtimeServiceId.default(null),
  createdByRunId: fields.createdByRunId.optional(),
});
export type WorkProductCreate = z.infer<typeof workProductCreateSchema>;

/** Body of `PATCH /api/work-products/:id` (API-168). */
export const workProductPatchSchema = z.object(fields).partial();
export type WorkProductPatch = z.infer<typeof workProductPatchSchema>;

/** DM-67. */
export const workProductSchema = z.object({
  id: guidField,
  companyId: guidField,
  issueId: guidField,
  ...fields,
  url: text,
  createdAt: answeredInstant,
  updatedAt: answeredInstant,
});
