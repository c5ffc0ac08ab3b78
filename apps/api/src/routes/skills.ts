/** Routes of skills (API-235 to API-237). */
import {
  skillCreateSchema,
  skillDetailSchema,
  skillFilePatchSchema,
  skillFileSchema,
  skillImportResultSchema,
  skillImportSchema,
  skillListItemSchema,
  skillScanResultSchema,
  skillSchema,
  skillUpdateStatusSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import { created, ok, type Route, route } from "../http/route.js";
import { importSkills, installUpdate, readUpdateStatus, scanProjects } from "../skills/folder-skills.js";
import { createSkill, deleteSkill, patchSkillFile, readSkill, readSkillFile, readSkills } from "../skills/skills.js";
import type { RouteDeps } from "./route-deps.js";

const reads = { tag: "skills", access: "caller", who: "the company's callers", rate: "read", rule: "API-235" } as const;
const writes = {
  tag: "skills",
  access: "caller",
  who: "whoever may create agents",
  rate: "write",
  rule: "API-236",
} as const;
const folders = { ...writes, rule: "API-237" } as const;
const errors = ["not_found", "wrong_company"] as const;

export function skillRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...reads,
      method: "get",
      path: "/api/companies/:companyId/skills",
      summary: "Lists a company's skills, without their texts",
      responses: { 200: { description: "The skills, by key", schema: z.array(skillListItemSchema) } },
      errors,
      handle: async ({ caller, params }) => ok(await readSkills(deps, { caller, ...params })),
    }),
    route({
      ...reads,
      method: "get",
      path: "/api/companies/:companyId/skills/:skillId",
      summary: "Reads a skill and who has chosen it",
      responses: { 200: { description: "The skill", schema: skillDetailSchema } },
      errors,
      handle: async ({ caller, params }) => ok(await readSkill(deps, { caller, ...params })),
    }),
    route({
      ...reads,
      method: "get",
      path: "/api/companies/:companyId/skills/:skillId/files",
      summary: "Reads a file of a skill",
      query: z.object({ path: z.string().default("SKILL.md").describe("Within the skill's folder") }),
      responses: { 200: { description: "The file", schema: skillFileSchema } },
      errors: [...errors, "unprocessable"],
      handle: async ({ caller, params, query }) => ok(await readSkillFile(deps, { caller, ...params, ...query })),
    }),
    route({
      ...writes,
      method: "post",
      path: "/api/companies/:companyId/skills",
      summary: "Makes a skill",
      body: skillCreateSchema,
      responses: { 201: { description: "The skill", schema: skillDetailSchema } },
      errors: ["validation_failed", ...errors, "forbidden", "conflict", "unprocessable"],
      example: { request: { name: "Deploy", description: "How we deploy" } },
      handle: async ({ caller, params, body }) => created(await createSkill(deps, { caller, ...params, body })),
    }),
    route({
      ...writes,
      method: "patch",
      path: "/api/companies/:companyId/skills/:skillId/files",
      summary: "Changes a file of a skill",
      body: skillFilePatchSchema,
      responses: { 200: { description: "The file", schema: skillFileSchema } },
      errors: ["validation_failed", ...errors, "forbidden", "unprocessable"],
      example: { request: { path: "SKILL.md", content: "# Deploy\n" } },
      handle: async ({ caller, params, body }) => ok(await patchSkillFile(deps, { caller, ...params, body })),
    }),
    route({
      ...folders,
      method: "post",
      path: "/api/companies/:companyId/skills/import",
      summary: "Brings in the skills of a folder on the API's host",
      body: skillImportSchema,
      responses: { 201: { description: "The skills", schema: skillImportResultSchema } },
      errors: ["validation_failed", ...errors, "forbidden", "unprocessable"],
      handle: async ({ caller, params, body }) => created(await importSkills(deps, { caller, ...params, ...body })),
    }),
    route({
      ...folders,
      method: "post",
      path: "/api/companies/:companyId/skills/scan-projects",
      summary: "Brings in the skills that the company's projects keep, and takes away those that are gone from them",
      responses: { 200: { description: "What changed", schema: skillScanResultSchema } },
      errors: [...errors, "forbidden"],
      handle: async ({ caller, params }) => ok(await scanProjects(deps, { caller, ...params })),
    }),
    route({
      ...folders,
      method: "get",
      path: "/api/companies/:companyId/skills/:skillId/update-status",
      summary: "Says whether a skill is as the folder it comes from",
      rate: "read",
      responses: { 200: { description: "The two states", schema: skillUpdateStatusSchema } },
      errors: [...errors, "forbidden"],
      handle: async ({ caller, params }) => ok(await readUpdateStatus(deps, { caller, ...params })),
    }),
    route({
      ...folders,
      method: "post",
      path: "/api/companies/:companyId/skills/:skillId/install-update",
      summary: "Takes over what the folder of a skill holds now",
      responses: { 200: { description: "The skill", schema: skillDetailSchema } },
      errors: [...errors, "forbidden", "unprocessable"],
      handle: async ({ caller, params }) => ok(await installUpdate(deps, { caller, ...params })),
    }),
    route({
      ...writes,
      method: "delete",
      path: "/api/companies/:companyId/skills/:skillId",
      summary: "Deletes a skill that no agent has chosen",
      responses: { 200: { description: "The skill that was", schema: skillSchema } },
      errors: [...errors, "forbidden", "unprocessable"],
      handle: async ({ caller, params }) => ok(await deleteSkill(deps, { caller, ...params })),
    }),
  ];
}
