/** Bodies and answers of approvals (API-183 to API-186). */
import { z } from "zod";
import { APPROVAL_STATUSES, APPROVAL_TYPES } from "../enums.js";
import { answeredInstant, guidField, jsonObjectField, multiLineField } from "./fields.js";

const ISSUES_MAX = 100;

/** Body of `POST /api/companies/:companyId/approvals` (API-184). */
export const approvalCreateSchema = z.object({
  type: z.enum(APPROVAL_TYPES),
  payload: jsonObjectField,
  issueIds: z
    .array(guidField)
    .max(ISSUES_MAX)
    .default(() => []),
  requestedByAgentId: guidField.nullable().optional(),
});
export type ApprovalCreate = z.infer<typeof approvalCreateSchema>;

/** Body of the decisions of API-185. */
export const approvalDecisionSchema = z.object({ decisionNote: multiLineField.nullable().default(null) });
export type ApprovalDecisionBody = z.infer<typeof approvalDecisionSchema>;

/** Body of `POST /api/approvals/:id/resubmit` (API-186). */
export const approvalResubmitSchema = z.object({ payload: jsonObjectField.optional() });
export type ApprovalResubmit = z.infer<typeof approvalResubmitSchema>;

/** Body of `POST /api/issues/:id/approvals` (API-186). */
export const approvalLinkSchema = z.object({ approvalId: guidField });

/** DM-84, its payload redacted. */
export const approvalSchema = z.object({
  id: guidField,
  companyId: guidField,
  type: z.enum(APPROVAL_TYPES),
  requestedByAgentId: guidField.nullable(),
  requestedByUserId: z.string().nullable(),
  status: z.enum(APPROVAL_STATUSES),
  payload: z.record(z.string(), z.unknown()),
  decisionNote: z.string().nullable(),
  decidedByUserId: z.string().nullable(),
  decidedAt: answeredInstant.nullable(),
  createdAt: answeredInstant,
  updatedAt: answeredInstant,
});
