/** Routes of work products (API-167, API-168). */
import { workProductCreateSchema, workProductPatchSchema, workProductSchema } from "@wakefleet/contracts";
import { z } from "zod";
import { clampedNumber } from "../http/query-fields.js";
import { created, ok, type Route, route } from "../http/route.js";
import {
  createWorkProduct,
  patchWorkProduct,
  readWorkProducts,
  removeWorkProduct,
} from "../work-products/work-products.js";
import type { RouteDeps } from "./route-deps.js";

const common = { tag: "work products", access: "caller", who: "board; agents that may change the issue" } as const;
const readErrors = ["not_found", "wrong_company"] as const;
const writeErrors = [
  "validation_failed",
  "unauthenticated",
  ...readErrors,
  "forbidden",
  "conflict",
  "unprocessable",
] as const;

export function workProductRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id/work-products",
      summary: "Lists what came out of an issue, primary ones first",
      rule: "API-167",
      who: "keys of the company",
      rate: "read",
      query: z.object({ limit: clampedNumber({ min: 1, max: 1_000, fallback: 500 }) }),
      responses: { 200: { description: "The work products", schema: z.array(workProductSchema) } },
      errors: readErrors,
      handle: async ({ caller, params, query }) => ok(await readWorkProducts(deps, { caller, ...params, ...query })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/work-products",
      summary: "Adds a work product to an issue",
      rule: "API-167",
      rate: "write",
      body: workProductCreateSchema,
      responses: { 201: { description: "Created", schema: workProductSchema } },
      errors: writeErrors,
      example: { request: { type: "pull_request", provider: "github", title: "Add the lock", isPrimary: true } },
      handle: async ({ caller, params, body }) => created(await createWorkProduct(deps, { caller, ...params, body })),
    }),
    route({
      ...common,
      method: "patch",
      path: "/api/work-products/:id",
      summary: "Changes a work product",
      rule: "API-168",
      rate: "write",
      body: workProductPatchSchema,
      responses: { 200: { description: "The work product", schema: workProductSchema } },
      errors: writeErrors,
      handle: async ({ caller, params, body }) => ok(await patchWorkProduct(deps, { caller, ...params, body })),
    }),
    route({
      ...common,
      method: "delete",
      path: "/api/work-products/:id",
      summary: "Deletes a work product",
      rule: "API-168",
      rate: "write",
      responses: { 200: { description: "What was deleted", schema: workProductSchema } },
      errors: writeErrors,
      handle: async ({ caller, params }) => ok(await removeWorkProduct(deps, { caller, ...params })),
    }),
  ];
}
