/** Routes of environments' leases (API-224). */
import { ENVIRONMENT_LEASE_STATUSES, environmentLeaseSchema } from "@wakefleet/contracts";
import { z } from "zod";
import { readEnvironmentLease, readEnvironmentLeases } from "../environments/leases.js";
import { pageAnswer } from "../http/pages.js";
import { clampedNumber, guidQuery } from "../http/query-fields.js";
import { ok, type Route, route } from "../http/route.js";
import type { RouteDeps } from "./route-deps.js";

const reads = {
  tag: "environments",
  rule: "API-224",
  access: "caller",
  who: "board, or an agent that manages environments",
  rate: "read",
} as const;

export function environmentRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...reads,
      method: "get",
      path: "/api/environments/:id/leases",
      summary: "Lists which runs hold, or held, an environment; newest first",
      query: z.object({
        status: z.enum(ENVIRONMENT_LEASE_STATUSES).optional(),
        limit: clampedNumber({ min: 1, max: 500, fallback: 100 }),
        cursor: guidQuery,
      }),
      responses: { 200: { description: "The leases", schema: z.array(environmentLeaseSchema) } },
      errors: ["validation_failed", "not_found", "wrong_company", "forbidden"],
      handle: async ({ caller, params, query, req }) => {
        const { page, rows } = await readEnvironmentLeases(deps, { caller, environmentId: params.id, ...query });
        return pageAnswer(req, page, rows);
      },
    }),
    route({
      ...reads,
      method: "get",
      path: "/api/environment-leases/:leaseId",
      summary: "Reads one lease of an environment",
      responses: { 200: { description: "The lease", schema: environmentLeaseSchema } },
      errors: ["not_found", "wrong_company", "forbidden"],
      handle: async ({ caller, params }) => ok(await readEnvironmentLease(deps, { caller, ...params })),
    }),
  ];
}
