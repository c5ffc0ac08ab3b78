/** Bodies and answers of the provider account routes (BY-5). */
import { z } from "zod";
import { answeredInstant, guidField, instantField } from "./fields.js";

const MAX_RUNS = 1_000_000;

/** Body of `PATCH …/provider-accounts/:accountId`. What is left out stays as it is. */
export const providerAccountPatchSchema = z.object({
  maxConcurrentRuns: z.int().min(1).max(MAX_RUNS).nullable().optional(),
  limitedUntil: instantField.nullable().optional(),
});
export type ProviderAccountPatch = z.infer<typeof providerAccountPatchSchema>;

/** An account: a credential of a provider that agents of the company spend on. `credential` names it and is none. */
export const providerAccountSchema = z.object({
  id: guidField,
  companyId: guidField,
  provider: z.string(),
  credential: z.string(),
  /** Null: `ACCOUNT_MAX_RUNS`. */
  maxConcurrentRuns: z.int().nullable(),
  /** Until then no run of the account starts; an instant that is over says nothing. */
  limitedUntil: answeredInstant.nullable(),
  limitedByRunId: guidField.nullable(),
  running: z.int(),
  agents: z.int(),
  createdAt: answeredInstant,
  updatedAt: answeredInstant,
});
