/** Bodies and answers of the routes about adapters (API-91). */
import { z } from "zod";
import { answeredInstant, jsonObjectField } from "./fields.js";

/** Body of `POST /api/companies/:companyId/adapters/:type/test-environment`: the config that a run would have. */
export const adapterTestSchema = z.object({ adapterConfig: jsonObjectField.default(() => ({})) });
export type AdapterTest = z.infer<typeof adapterTestSchema>;

/** AD-92. */
export const adapterTestResultSchema = z.object({
  adapterType: z.string(),
  status: z.enum(["pass", "warn", "fail"]),
  checks: z.array(
    z.object({
      code: z.string(),
      level: z.enum(["info", "warn", "error"]),
      message: z.string(),
      detail: z.string().optional(),
      hint: z.string().optional(),
    }),
  ),
  testedAt: answeredInstant,
});

/** AD-5. */
export const adapterModelSchema = z.object({ id: z.string(), label: z.string() });

/** Body of `POST /api/agents/:id/skills/sync`: the keys of the skills that the agent is to have. */
export const agentSkillsSyncSchema = z.object({ desiredSkills: z.array(z.string().min(1).max(300)).max(500) });

/** AD-71. */
export const agentSkillsSchema = z.object({
  adapterType: z.string(),
  supported: z.boolean(),
  mode: z.enum(["ephemeral", "persistent", "unsupported"]),
  desiredSkills: z.array(z.string()),
  entries: z.array(
    z.object({
      key: z.string(),
      runtimeName: z.string().nullable(),
      desired: z.boolean(),
      state: z.enum(["available", "configured", "installed", "missing", "stale", "external"]),
      detail: z.string().optional(),
    }),
  ),
  warnings: z.array(z.string()),
});
