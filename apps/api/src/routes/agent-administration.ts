/** Routes about agents as a company's administration sees them (API-82, API-83, API-85, API-86, API-90). */
import {
  agentConfigurationSchema,
  agentDetailSchema,
  agentPermissionsSchema,
  agentRevisionSchema,
  agentSchema,
  okSchema,
  orgNodeSchema,
  schedulerHeartbeatSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import {
  readAgentConfiguration,
  readAgentConfigurations,
  readAgentRevision,
  readAgentRevisions,
  rollAgentBack,
} from "../agents/agent-configurations.js";
import { readOrg, readSchedulerHeartbeats } from "../agents/agent-overviews.js";
import { changeAgentPermissions } from "../agents/agent-permissions.js";
import { deleteAgent } from "../agents/change-agent-status.js";
import { presentAgent, readsConfigurations } from "../agents/present-agent.js";
import { pageAnswer } from "../http/pages.js";
import { clampedNumber, guidQuery } from "../http/query-fields.js";
import { ok, type Route, route } from "../http/route.js";
import { agentQuery } from "./agent-query.js";
import type { RouteDeps } from "./route-deps.js";

const common = { tag: "agents", access: "caller" } as const;
const configured = { ...common, who: "board, or an agent that may create agents", rate: "read" } as const;
const errors = ["not_found", "wrong_company", "forbidden"] as const;
const agentErrors = [...errors, "conflict", "unprocessable"] as const;
const page = { limit: clampedNumber({ min: 1, max: 1_000, fallback: 100 }), cursor: guidQuery };

export function agentAdministrationRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "delete",
      path: "/api/agents/:id",
      summary: "Deletes an agent with what is its own; others' history stays",
      rule: "API-82",
      who: "board",
      rate: "write",
      query: agentQuery,
      responses: { 200: { description: "Done", schema: okSchema } },
      errors: agentErrors,
      handle: async ({ caller, params, query }) => {
        await deleteAgent(deps, { caller, ref: params.id, ...query });
        return ok({ ok: true });
      },
    }),
    route({
      ...common,
      method: "patch",
      path: "/api/agents/:id/permissions",
      summary: "Sets whether an agent may create agents and assign tasks",
      rule: "API-83",
      who: "board, or an agent of role ceo",
      rate: "write",
      query: agentQuery,
      body: agentPermissionsSchema,
      responses: { 200: { description: "The agent", schema: agentDetailSchema } },
      errors: ["validation_failed", ...agentErrors],
      example: { request: { canCreateAgents: false, canAssignTasks: true } },
      handle: async ({ caller, params, query, body }) =>
        ok(await changeAgentPermissions(deps, { caller, ref: params.id, ...query, body })),
    }),
    route({
      ...configured,
      method: "get",
      path: "/api/agents/:id/configuration",
      summary: "Reads an agent's configuration, its secrets masked",
      rule: "API-85",
      query: agentQuery,
      responses: { 200: { description: "The configuration", schema: agentConfigurationSchema } },
      errors: agentErrors,
      handle: async ({ caller, params, query }) =>
        ok(await readAgentConfiguration(deps, { caller, ref: params.id, ...query })),
    }),
    route({
      ...configured,
      method: "get",
      path: "/api/companies/:companyId/agent-configurations",
      summary: "Lists the configurations of a company's agents, their secrets masked",
      rule: "API-85",
      query: z.object(page),
      responses: { 200: { description: "The configurations", schema: z.array(agentConfigurationSchema) } },
      errors,
      handle: async ({ caller, params, query, req }) => {
        const { page, rows } = await readAgentConfigurations(deps, { caller, ...params, ...query });
        return pageAnswer(req, page, rows);
      },
    }),
    route({
      ...configured,
      method: "get",
      path: "/api/agents/:id/config-revisions",
      summary: "Lists what changes of an agent's configuration left; newest first",
      rule: "API-86",
      query: agentQuery.extend(page),
      responses: { 200: { description: "The revisions", schema: z.array(agentRevisionSchema) } },
      errors: agentErrors,
      handle: async ({ caller, params, query, req }) => {
        const revisions = await readAgentRevisions(deps, { caller, ref: params.id, ...query });
        return pageAnswer(req, revisions, revisions.rows);
      },
    }),
    route({
      ...configured,
      method: "get",
      path: "/api/agents/:id/config-revisions/:revisionId",
      summary: "Reads what one change of an agent's configuration left",
      rule: "API-86",
      query: agentQuery,
      responses: { 200: { description: "The revision", schema: agentRevisionSchema } },
      errors: agentErrors,
      handle: async ({ caller, params, query }) =>
        ok(await readAgentRevision(deps, { caller, ref: params.id, ...query, revisionId: params.revisionId })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/agents/:id/config-revisions/:revisionId/rollback",
      summary: "Takes an agent's configuration back to what a revision left",
      rule: "API-86",
      who: "board, the agent itself, an agent of role ceo or one that may create agents",
      rate: "write",
      query: agentQuery,
      responses: { 200: { description: "The agent", schema: agentSchema } },
      errors: agentErrors,
      handle: async ({ caller, params, query }) => {
        const agent = await rollAgentBack(deps, { caller, ref: params.id, ...query, revisionId: params.revisionId });
        const reader = { caller, readsConfigurations: await readsConfigurations(deps, caller) };
        return ok(presentAgent(agent, reader));
      },
    }),
    route({
      ...common,
      method: "get",
      path: "/api/companies/:companyId/org",
      summary: "Shows who reports to whom in a company",
      rule: "API-90",
      who: "keys of the company",
      rate: "read",
      responses: {
        200: { description: "Those who report to nobody, each with its reports", schema: z.array(orgNodeSchema) },
      },
      errors: ["not_found", "wrong_company"],
      handle: async ({ caller, params }) => ok(await readOrg(deps, { caller, ...params })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/instance/scheduler-heartbeats",
      summary: "Lists the agents of every company that may be woken, and whether their timers beat",
      rule: "API-90",
      who: "instance administrator",
      rate: "read",
      query: z.object({ limit: clampedNumber({ min: 1, max: 10_000, fallback: 1_000 }) }),
      responses: { 200: { description: "The agents", schema: z.array(schedulerHeartbeatSchema) } },
      errors: ["forbidden"],
      handle: async ({ caller, query }) => ok(await readSchedulerHeartbeats(deps, { caller, ...query })),
    }),
  ];
}
