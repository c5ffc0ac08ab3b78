/** Routes of adapters and of agents' skills (API-91). */
import {
  adapterModelSchema,
  adapterTestResultSchema,
  adapterTestSchema,
  agentSkillsSchema,
  agentSkillsSyncSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import { readAdapterModels, testAdapterEnvironment } from "../adapters/adapters.js";
import { readAgentSkills, syncAgentSkills } from "../agents/agent-skills.js";
import { flagField } from "../http/query-fields.js";
import { ok, type Route, route } from "../http/route.js";
import { agentQuery } from "./agent-query.js";
import type { RouteDeps } from "./route-deps.js";

const common = { rule: "API-91", access: "caller" } as const;
const creators = { ...common, tag: "adapters", who: "board, or an agent that may create agents" } as const;
const errors = ["not_found", "wrong_company", "forbidden"] as const;
const agentErrors = [...errors, "conflict", "unprocessable"] as const;

export function adapterRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...creators,
      method: "get",
      path: "/api/companies/:companyId/adapters/:type/models",
      summary: "Lists the models an adapter's agents can be given",
      rate: "read",
      query: z.object({ refresh: flagField }),
      responses: { 200: { description: "The models; none for an unknown type", schema: z.array(adapterModelSchema) } },
      errors,
      handle: async ({ caller, params, query }) => ok(await readAdapterModels(deps, { caller, ...params, ...query })),
    }),
    route({
      ...creators,
      method: "post",
      path: "/api/companies/:companyId/adapters/:type/test-environment",
      summary: "Looks whether an agent with this configuration could run on the API's host",
      rate: "write",
      body: adapterTestSchema,
      responses: { 200: { description: "What was found", schema: adapterTestResultSchema } },
      errors: ["validation_failed", ...errors, "unprocessable"],
      example: { request: { adapterConfig: { command: "node" } } },
      handle: async ({ caller, params, body }) =>
        ok(await testAdapterEnvironment(deps, { caller, ...params, ...body })),
    }),
    route({
      ...common,
      tag: "skills",
      method: "get",
      path: "/api/agents/:id/skills",
      summary: "Lists the skills an agent may use and has chosen",
      who: "the agent itself, the board, or an agent that may create agents",
      rate: "read",
      query: agentQuery,
      responses: { 200: { description: "The skills", schema: agentSkillsSchema } },
      errors: agentErrors,
      handle: async ({ caller, params, query }) =>
        ok(await readAgentSkills(deps, { caller, ref: params.id, ...query })),
    }),
    route({
      ...common,
      tag: "skills",
      method: "post",
      path: "/api/agents/:id/skills/sync",
      summary: "Sets which skills an agent has from its next run on",
      who: "board, the agent itself, an agent of role ceo or one that may create agents",
      rate: "write",
      query: agentQuery,
      body: agentSkillsSyncSchema,
      responses: { 200: { description: "The skills", schema: agentSkillsSchema } },
      errors: ["validation_failed", ...agentErrors],
      example: { request: { desiredSkills: ["company/deploy"] } },
      handle: async ({ caller, params, query, body }) =>
        ok(await syncAgentSkills(deps, { caller, ref: params.id, ...query, ...body })),
    }),
  ];
}
