/** Bodies and answers of the secret routes (API-230 to API-233). No answer holds a value. */
import { z } from "zod";
import { answeredInstant, guidField } from "./fields.js";

/** Greatest size of a value, bytes: what is longer would not fit into a program's environment. */
export const SECRET_VALUE_MAX_BYTES = 65_536;

const name = z.string().min(1).max(200);
const value = z
  .string()
  .min(1)
  .refine((text) => new TextEncoder().encode(text).length <= SECRET_VALUE_MAX_BYTES, {
    message: `must be at most ${SECRET_VALUE_MAX_BYTES} bytes`,
  });
const optionalText = z.string().nullable();

/** Body of `POST /api/companies/:companyId/secrets` (API-231). */
export const secretCreateSchema = z.object({
  name,
  value,
  provider: z.string().min(1).optional(),
  description: optionalText.default(null),
  externalRef: optionalText.default(null),
});
export type SecretCreate = z.infer<typeof secretCreateSchema>;

/** Body of `POST /api/secrets/:id/rotate` (API-232). */
export const secretRotateSchema = z.object({ value, externalRef: optionalText.optional() });
export type SecretRotate = z.infer<typeof secretRotateSchema>;

/** Body of `PATCH /api/secrets/:id` (API-233). */
export const secretPatchSchema = z.object({
  name: name.optional(),
  description: optionalText.optional(),
  externalRef: optionalText.optional(),
});
export type SecretPatch = z.infer<typeof secretPatchSchema>;

/** DM-76, without anything of its versions. */
export const secretSchema = z.object({
  id: guidField,
  companyId: guidField,
  name: z.string(),
  provider: z.string(),
  externalRef: z.string().nullable(),
  description: z.string().nullable(),
  latestVersion: z.int(),
  createdByAgentId: guidField.nullable(),
  createdByUserId: z.string().nullable(),
  createdAt: answeredInstant,
  updatedAt: answeredInstant,
});

export const secretProviderSchema = z.object({ id: z.string(), label: z.string(), requiresExternalRef: z.boolean() });
