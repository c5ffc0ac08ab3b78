/** Bodies and answers of issue documents (API-163 to API-166). */
import { z } from "zod";
import { answeredInstant, guidField, requiredMultiLineField } from "./fields.js";

const TITLE_MAX_CHARS = 200;
const BODY_MAX_CHARS = 524_288;
const SUMMARY_MAX_CHARS = 500;

const format = z.literal("markdown");

/** Body of `PUT /api/issues/:id/documents/:key` (API-165). */
export const documentPutSchema = z.object({
  title: z.string().max(TITLE_MAX_CHARS).nullable().optional(),
  format,
  body: requiredMultiLineField.max(BODY_MAX_CHARS),
  changeSummary: z.string().max(SUMMARY_MAX_CHARS).nullable().default(null),
  baseRevisionId: guidField.nullable().default(null),
});
export type DocumentPut = z.infer<typeof documentPutSchema>;

const writers = {
  createdByAgentId: guidField.nullable(),
  createdByUserId: z.string().nullable(),
};

const summaryFields = {
  id: guidField,
  companyId: guidField,
  issueId: guidField,
  key: z.string(),
  title: z.string().nullable(),
  format,
  latestRevisionId: guidField.nullable(),
  latestRevisionNumber: z.int(),
  ...writers,
  updatedByAgentId: guidField.nullable(),
  updatedByUserId: z.string().nullable(),
  createdAt: answeredInstant,
  updatedAt: answeredInstant,
};

/** DM-66: a document with the text of its latest revision. */
export const documentSchema = z.object({ ...summaryFields, body: z.string() });
export const documentSummarySchema = z.object(summaryFields);

export const documentRevisionSchema = z.object({
  id: guidField,
  companyId: guidField,
  documentId: guidField,
  issueId: guidField,
  key: z.string(),
  revisionNumber: z.int(),
  title: z.string().nullable(),
  format,
  body: z.string(),
  changeSummary: z.string().nullable(),
  ...writers,
  createdByRunId: guidField.nullable(),
  createdAt: answeredInstant,
});
