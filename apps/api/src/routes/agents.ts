/** Routes of agents (API-70 to API-81). */
import {
  agentCreateSchema,
  agentDetailSchema,
  agentHireSchema,
  agentPatchSchema,
  agentSchema,
  approvalSchema,
  WakefleetError,
} from "@wakefleet/contracts";
import type { Request } from "express";
import { z } from "zod";
import { commandAgent } from "../agents/change-agent-status.js";
import { createAgent } from "../agents/create-agent.js";
import { approveAgent, hireAgent } from "../agents/hire-agent.js";
import { presentAgent, readsConfigurations } from "../agents/present-agent.js";
import { readAgent, readAgents, readOwnAgent } from "../agents/read-agents.js";
import { assertPatchShape, patchAgent } from "../agents/update-agent.js";
import { pageAnswer } from "../http/pages.js";
import { clampedNumber, commaList, flagField, guidQuery, textField } from "../http/query-fields.js";
import { created, ok, type Route, route } from "../http/route.js";
import type { Principal } from "../principal.js";
import { agentQuery } from "./agent-query.js";
import type { RouteDeps } from "./route-deps.js";

const LIST_PARAMETERS = ["status", "q", "includeTerminated", "limit", "cursor"];

/** API-70: a parameter that is not known is told, not ignored. */
function assertListParameters(req: Request): void {
  const unknown = Object.keys(req.query).filter((name) => !LIST_PARAMETERS.includes(name));
  if (unknown.length === 0) return;
  throw new WakefleetError(
    "bad_request",
    `Unsupported query parameter${unknown.length > 1 ? "s" : ""}: ${unknown.join(", ")}`,
  );
}

const EXAMPLE = {
  name: "Bob",
  role: "engineer",
  adapterType: "process",
  adapterConfig: { command: "node", args: ["agent.mjs"] },
  runtimeConfig: { heartbeat: { maxConcurrentRuns: 2 } },
};

export function agentRoutes(deps: RouteDeps): Route[] {
  const present = async (agent: Parameters<typeof presentAgent>[0], caller: Principal): Promise<object> =>
    presentAgent(agent, { caller, readsConfigurations: await readsConfigurations(deps, caller) });

  const statusRoute = (verb: "pause" | "resume" | "terminate", rule: string): Route => {
    const status = { pause: "paused", resume: "idle", terminate: "terminated" } as const;
    return route({
      method: "post",
      path: `/api/agents/:id/${verb}`,
      summary: {
        pause: "Pauses an agent and cancels its runs",
        resume: "Resumes an agent",
        terminate: "Ends an agent for good",
      }[verb],
      tag: "agents",
      rule,
      access: "caller",
      who: "board",
      rate: "write",
      query: agentQuery,
      responses: { 200: { description: "The agent", schema: agentSchema } },
      errors: ["not_found", "wrong_company", "forbidden", "conflict"],
      handle: async ({ caller, params, query }) => {
        const agent = await commandAgent(deps, { caller, ref: params.id, ...query, status: status[verb] });
        return ok(await present(agent, caller));
      },
    });
  };

  return [
    route({
      method: "get",
      path: "/api/companies/:companyId/agents",
      summary: "Lists a company's agents",
      tag: "agents",
      rule: "API-70",
      access: "caller",
      who: "keys of the company",
      rate: "read",
      query: z.object({
        status: commaList,
        q: textField,
        includeTerminated: flagField,
        limit: clampedNumber({ min: 1, max: 1_000, fallback: 1_000 }),
        cursor: guidQuery,
      }),
      responses: { 200: { description: "The agents", schema: z.array(agentSchema) } },
      errors: ["bad_request", "not_found", "wrong_company"],
      handle: async ({ caller, params, query, req }) => {
        assertListParameters(req);
        const { page, rows } = await readAgents(deps, {
          caller,
          ...params,
          statuses: query.status,
          text: query.q,
          includeTerminated: query.includeTerminated,
          limit: query.limit,
          cursor: query.cursor,
        });
        return pageAnswer(req, page, rows);
      },
    }),
    route({
      method: "post",
      path: "/api/companies/:companyId/agents",
      summary: "Creates an agent",
      tag: "agents",
      rule: "API-71",
      access: "caller",
      who: "board, or an agent that may create agents",
      rate: "write",
      body: agentCreateSchema,
      responses: { 201: { description: "The agent", schema: agentSchema } },
      errors: ["validation_failed", "not_found", "wrong_company", "forbidden", "conflict", "unprocessable"],
      example: { request: EXAMPLE },
      handle: async ({ caller, params, body }) =>
        created(await present(await createAgent(deps, { caller, ...params, body }), caller)),
    }),
    route({
      method: "post",
      path: "/api/companies/:companyId/agent-hires",
      summary: "Hires an agent, with the board's approval where the company wants one",
      tag: "agents",
      rule: "API-73",
      access: "caller",
      who: "board, or an agent that may create agents",
      rate: "write",
      body: agentHireSchema,
      responses: {
        201: {
          description: "The agent, and the approval it waits for",
          schema: z.object({ agent: agentSchema, approval: approvalSchema.nullable() }),
        },
      },
      errors: ["validation_failed", "not_found", "wrong_company", "forbidden", "conflict", "unprocessable"],
      example: { request: { ...EXAMPLE, name: "Carol" } },
      handle: async ({ caller, params, body }) => {
        const { agent, approval } = await hireAgent(deps, { caller, ...params, body });
        return created({ agent: await present(agent, caller), approval });
      },
    }),
    route({
      method: "get",
      path: "/api/agents/me",
      summary: "Reads the agent that asks",
      tag: "agents",
      rule: "API-75",
      access: "caller",
      who: "agent",
      rate: "read",
      responses: { 200: { description: "The agent", schema: agentDetailSchema } },
      errors: ["unauthenticated"],
      handle: async ({ caller }) => ok(await readOwnAgent(deps, caller)),
    }),
    route({
      method: "get",
      path: "/api/agents/:id",
      summary: "Reads an agent, by id or short name",
      tag: "agents",
      rule: "API-74",
      access: "caller",
      who: "keys of the company",
      rate: "read",
      query: agentQuery,
      responses: { 200: { description: "The agent", schema: agentDetailSchema } },
      errors: ["not_found", "wrong_company", "conflict", "unprocessable"],
      handle: async ({ caller, params, query }) => ok(await readAgent(deps, { caller, ref: params.id, ...query })),
    }),
    route({
      method: "patch",
      path: "/api/agents/:id",
      summary: "Changes an agent",
      tag: "agents",
      rule: "API-77",
      access: "caller",
      who: "board, the agent itself, an agent of role ceo or one that may create agents",
      rate: "write",
      query: agentQuery,
      body: agentPatchSchema,
      beforeSchema: assertPatchShape,
      responses: { 200: { description: "The agent", schema: agentSchema } },
      errors: ["validation_failed", "not_found", "wrong_company", "forbidden", "conflict", "unprocessable"],
      example: { request: { title: "Senior engineer", runtimeConfig: { heartbeat: { maxConcurrentRuns: 4 } } } },
      handle: async ({ caller, params, query, body }) =>
        ok(await present(await patchAgent(deps, { caller, ref: params.id, ...query, body }), caller)),
    }),
    statusRoute("pause", "API-78"),
    statusRoute("resume", "API-79"),
    statusRoute("terminate", "API-81"),
    route({
      method: "post",
      path: "/api/agents/:id/approve",
      summary: "Lets an agent work that waits for its approval",
      tag: "agents",
      rule: "API-80",
      access: "caller",
      who: "board",
      rate: "write",
      query: agentQuery,
      responses: { 200: { description: "The agent", schema: agentSchema } },
      errors: ["not_found", "wrong_company", "forbidden", "conflict"],
      handle: async ({ caller, params, query }) =>
        ok(await present(await approveAgent(deps, { caller, ref: params.id, ...query }), caller)),
    }),
  ];
}
