/** Routes of provider accounts (BY-5). */
import { providerAccountPatchSchema, providerAccountSchema } from "@wakefleet/contracts";
import { z } from "zod";
import { changeProviderAccount, readProviderAccounts } from "../accounts/provider-accounts.js";
import { ok, type Route, route } from "../http/route.js";
import type { RouteDeps } from "./route-deps.js";

const shared = { tag: "provider accounts", access: "caller", who: "the board", rule: "BY-5" } as const;
const errors = ["not_found", "wrong_company", "forbidden"] as const;

export function providerAccountRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...shared,
      method: "get",
      path: "/api/companies/:companyId/provider-accounts",
      summary: "Lists the provider accounts that a company's agents spend on",
      rate: "read",
      responses: {
        200: {
          description: "The accounts, with their limits and how many of their runs are running",
          schema: z.array(providerAccountSchema),
        },
      },
      errors,
      handle: async ({ caller, params }) => ok(await readProviderAccounts(deps, { caller, ...params })),
    }),
    route({
      ...shared,
      method: "patch",
      path: "/api/companies/:companyId/provider-accounts/:accountId",
      summary: "Caps a provider account, parks it, or lets its runs go on",
      rate: "write",
      body: providerAccountPatchSchema,
      responses: { 200: { description: "The account", schema: providerAccountSchema } },
      errors: ["validation_failed", ...errors],
      example: { request: { maxConcurrentRuns: 4, limitedUntil: null } },
      handle: async ({ caller, params, body }) => ok(await changeProviderAccount(deps, { caller, ...params, body })),
    }),
  ];
}
