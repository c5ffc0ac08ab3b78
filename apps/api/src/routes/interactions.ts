/** Routes of interactions (API-180 to API-182). */
import {
  interactionAcceptSchema,
  interactionCreateSchema,
  interactionRejectSchema,
  interactionRespondSchema,
  interactionSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import { clampedNumber } from "../http/query-fields.js";
import { created, ok, type Route, route } from "../http/route.js";
import { createInteraction, readInteractions, resolveInteraction } from "../interactions/interactions.js";
import type { RouteDeps } from "./route-deps.js";

const common = { tag: "interactions", access: "caller" } as const;
const readErrors = ["not_found", "wrong_company"] as const;
const writeErrors = [
  "validation_failed",
  "unauthenticated",
  ...readErrors,
  "forbidden",
  "conflict",
  "unprocessable",
] as const;
const resolving = {
  ...common,
  method: "post",
  rule: "API-182",
  who: "board",
  rate: "write",
  responses: { 200: { description: "The interaction as it is now", schema: interactionSchema } },
  errors: writeErrors,
} as const;

export function interactionRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id/interactions",
      summary: "Lists what was laid before people about an issue, oldest first",
      rule: "API-180",
      who: "keys of the company",
      rate: "read",
      query: z.object({ limit: clampedNumber({ min: 1, max: 1_000, fallback: 500 }) }),
      responses: { 200: { description: "The interactions", schema: z.array(interactionSchema) } },
      errors: readErrors,
      handle: async ({ caller, params, query }) => ok(await readInteractions(deps, { caller, ...params, ...query })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/interactions",
      summary: "Suggests tasks, asks questions or asks for a confirmation",
      rule: "API-181",
      who: "board; agents that may change the issue, in a run",
      rate: "write",
      body: interactionCreateSchema,
      responses: { 201: { description: "Asked", schema: interactionSchema } },
      errors: writeErrors,
      example: {
        request: { kind: "request_confirmation", payload: { version: 1, prompt: "Shall the old table be dropped?" } },
      },
      handle: async ({ caller, params, body }) => created(await createInteraction(deps, { caller, ...params, body })),
    }),
    route({
      ...resolving,
      path: "/api/issues/:id/interactions/:interactionId/accept",
      summary: "Accepts suggested tasks, which become issues, or a confirmation; the assignee goes on",
      body: interactionAcceptSchema,
      handle: async ({ caller, params, body }) =>
        ok(await resolveInteraction(deps, { caller, ...params, resolution: { verb: "accept", body } })),
    }),
    route({
      ...resolving,
      path: "/api/issues/:id/interactions/:interactionId/reject",
      summary: "Rejects suggested tasks or a confirmation",
      body: interactionRejectSchema,
      handle: async ({ caller, params, body }) =>
        ok(await resolveInteraction(deps, { caller, ...params, resolution: { verb: "reject", body } })),
    }),
    route({
      ...resolving,
      path: "/api/issues/:id/interactions/:interactionId/respond",
      summary: "Answers questions",
      body: interactionRespondSchema,
      handle: async ({ caller, params, body }) =>
        ok(await resolveInteraction(deps, { caller, ...params, resolution: { verb: "respond", body } })),
    }),
  ];
}
