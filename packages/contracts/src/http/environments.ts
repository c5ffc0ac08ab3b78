/** Answers of the environment routes (API-224). */
import { z } from "zod";
import { ENVIRONMENT_LEASE_STATUSES } from "../enums.js";
import { answeredInstant, guidField, jsonObjectField } from "./fields.js";

/** A lease of DM-75. */
export const environmentLeaseSchema = z
  .object({
    id: guidField,
    companyId: guidField,
    environmentId: guidField,
    executionWorkspaceId: guidField.nullable(),
    issueId: guidField.nullable(),
    heartbeatRunId: guidField.nullable(),
    status: z.enum(ENVIRONMENT_LEASE_STATUSES),
    leasePolicy: z.string(),
    provider: z.string().nullable(),
    providerLeaseId: z.string().nullable(),
    acquiredAt: answeredInstant,
    lastUsedAt: answeredInstant,
    expiresAt: answeredInstant.nullable(),
    releasedAt: answeredInstant.nullable(),
    failureReason: z.string().nullable(),
    cleanupStatus: z.string().nullable(),
    metadata: jsonObjectField.nullable(),
    createdAt: answeredInstant,
    updatedAt: answeredInstant,
  })
  .loose();
