/** Routes of secrets (API-230 to API-233). */
import {
  secretCreateSchema,
  secretPatchSchema,
  secretProviderSchema,
  secretRotateSchema,
  secretSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import { flagField } from "../http/query-fields.js";
import { created, ok, type Route, route } from "../http/route.js";
import {
  createSecret,
  deleteSecret,
  patchSecret,
  readSecretProviders,
  readSecrets,
  rotateSecret,
} from "../secrets/secrets.js";
import type { RouteDeps } from "./route-deps.js";

const common = { tag: "secrets", access: "caller", who: "board" } as const;
const errors = ["not_found", "wrong_company", "forbidden"] as const;

export function secretRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      path: "/api/companies/:companyId/secret-providers",
      summary: "Lists where secrets can be kept",
      rule: "API-230",
      rate: "read",
      responses: { 200: { description: "The providers", schema: z.array(secretProviderSchema) } },
      errors,
      handle: async ({ caller, params }) => ok(await readSecretProviders(deps, { caller, ...params })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/companies/:companyId/secrets",
      summary: "Lists a company's secrets, never their values",
      rule: "API-230",
      rate: "read",
      responses: { 200: { description: "The secrets, newest first", schema: z.array(secretSchema) } },
      errors,
      handle: async ({ caller, params }) => ok(await readSecrets(deps, { caller, ...params })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/companies/:companyId/secrets",
      summary: "Keeps a secret, encrypted",
      rule: "API-231",
      rate: "write",
      body: secretCreateSchema,
      responses: { 201: { description: "The secret, without its value", schema: secretSchema } },
      errors: ["validation_failed", ...errors, "conflict", "unprocessable"],
      example: { request: { name: "github-token", value: "a value that nobody will read back" } },
      handle: async ({ caller, params, body }) => created(await createSecret(deps, { caller, ...params, body })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/secrets/:id/rotate",
      summary: "Adds a version to a secret and makes it the latest",
      rule: "API-232",
      rate: "write",
      body: secretRotateSchema,
      responses: { 200: { description: "The secret, without its value", schema: secretSchema } },
      errors: ["validation_failed", ...errors, "conflict", "unprocessable"],
      example: { request: { value: "its next value" } },
      handle: async ({ caller, params, body }) => ok(await rotateSecret(deps, { caller, ...params, body })),
    }),
    route({
      ...common,
      method: "patch",
      path: "/api/secrets/:id",
      summary: "Changes what is said about a secret",
      rule: "API-233",
      rate: "write",
      body: secretPatchSchema,
      responses: { 200: { description: "The secret, without its value", schema: secretSchema } },
      errors: ["validation_failed", ...errors, "conflict"],
      example: { request: { description: "Reads the repositories" } },
      handle: async ({ caller, params, body }) => ok(await patchSecret(deps, { caller, ...params, body })),
    }),
    route({
      ...common,
      method: "delete",
      path: "/api/secrets/:id",
      summary: "Deletes a secret with all its versions",
      rule: "API-233",
      rate: "write",
      query: z.object({ force: flagField.describe("Also when agents or projects refer to it") }),
      responses: { 200: { description: "It is gone", schema: z.object({ ok: z.literal(true) }) } },
      errors: [...errors, "conflict"],
      handle: async ({ caller, params, query }) => {
        await deleteSecret(deps, { caller, ...params, ...query });
        return ok({ ok: true });
      },
    }),
  ];
}
