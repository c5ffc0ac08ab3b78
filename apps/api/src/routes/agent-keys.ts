/** Routes of agents' keys and sessions (API-84, API-87 to API-89). */
import {
  agentKeyCreatedSchema,
  agentKeyCreateSchema,
  agentKeySchema,
  agentRuntimeStateSchema,
  agentTaskSessionSchema,
  okSchema,
  sessionResetSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import { createAgentKey, deleteAgentKey, readAgentKeys } from "../agents/agent-keys.js";
import { readRuntimeState, readTaskSessions, resetSession } from "../agents/agent-sessions.js";
import { created, ok, type Route, route } from "../http/route.js";
import { agentQuery } from "./agent-query.js";
import type { RouteDeps } from "./route-deps.js";

const common = { tag: "agents", access: "caller", who: "board", query: agentQuery } as const;
const errors = ["not_found", "wrong_company", "forbidden"] as const;

export function agentKeyRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      path: "/api/agents/:id/keys",
      summary: "Lists an agent's keys, without their tokens",
      rule: "API-84",
      rate: "read",
      responses: { 200: { description: "The keys", schema: z.array(agentKeySchema) } },
      errors,
      handle: async ({ caller, params, query }) => ok(await readAgentKeys(deps, { caller, ref: params.id, ...query })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/agents/:id/keys",
      repeats: "secret_answer",
      summary: "Makes a key for an agent; its token is answered this once",
      rule: "API-84",
      rate: "write",
      body: agentKeyCreateSchema,
      responses: { 201: { description: "The key with its token", schema: agentKeyCreatedSchema } },
      errors: ["validation_failed", ...errors, "conflict"],
      example: { request: { name: "laptop" } },
      handle: async ({ caller, params, query, body }) =>
        created(await createAgentKey(deps, { caller, ref: params.id, ...query, name: body.name })),
    }),
    route({
      ...common,
      method: "delete",
      path: "/api/agents/:id/keys/:keyId",
      summary: "Revokes an agent's key",
      rule: "API-84",
      rate: "write",
      responses: { 200: { description: "Done", schema: okSchema } },
      errors,
      handle: async ({ caller, params, query }) => {
        await deleteAgentKey(deps, { caller, ref: params.id, keyId: params.keyId, ...query });
        return ok({ ok: true });
      },
    }),
    route({
      ...common,
      method: "get",
      path: "/api/agents/:id/runtime-state",
      summary: "Reads an agent's runtime state",
      rule: "API-87",
      rate: "read",
      responses: { 200: { description: "The state", schema: agentRuntimeStateSchema } },
      errors,
      handle: async ({ caller, params, query }) =>
        ok(await readRuntimeState(deps, { caller, ref: params.id, ...query })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/agents/:id/task-sessions",
      summary: "Lists an agent's task sessions",
      rule: "API-88",
      rate: "read",
      responses: { 200: { description: "The sessions, newest first", schema: z.array(agentTaskSessionSchema) } },
      errors,
      handle: async ({ caller, params, query }) =>
        ok(await readTaskSessions(deps, { caller, ref: params.id, ...query })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/agents/:id/runtime-state/reset-session",
      summary: "Makes an agent forget its sessions, or the one of a task",
      rule: "API-89",
      rate: "write",
      body: sessionResetSchema,
      responses: {
        200: {
          description: "The state, and how many task sessions went",
          schema: agentRuntimeStateSchema.extend({ clearedTaskSessions: z.int() }),
        },
      },
      errors: ["validation_failed", ...errors],
      example: { request: { taskKey: null } },
      handle: async ({ caller, params, query, body }) =>
        ok(await resetSession(deps, { caller, ref: params.id, ...query, taskKey: body.taskKey })),
    }),
  ];
}
