/** Routes of companies (API-60 to API-63). */
import { companyCreateSchema, companyPatchSchema, companySchema, WakefleetError } from "@wakefleet/contracts";
import { z } from "zod";
import {
  createCompany,
  listVisibleCompanies,
  patchCompany,
  presentCompany,
  requireCompany,
} from "../companies/companies.js";
import { created, ok, type Route, route } from "../http/route.js";
import type { RouteDeps } from "./route-deps.js";

const EXAMPLE = { name: "Acme", description: "Makes anvils", budgetMonthlyCents: 50_000 };

export function companyRoutes(deps: RouteDeps): Route[] {
  const missingId = (path: "/api/companies/issues" | "/api/issues"): Route =>
    route({
      method: "get",
      path,
      summary: "Says where a company's issues are",
      tag: "companies",
      rule: "API-68",
      access: "caller",
      who: "any key",
      rate: "read",
      responses: {},
      errors: ["bad_request"],
      handle: () =>
        Promise.reject(
          new WakefleetError("bad_request", "Missing companyId in path. Use /api/companies/{companyId}/issues."),
        ),
    });
  return [
    route({
      method: "get",
      path: "/api/companies",
      summary: "Lists the companies the key may see",
      tag: "companies",
      rule: "API-60",
      access: "caller",
      who: "board",
      rate: "read",
      responses: { 200: { description: "The companies", schema: z.array(companySchema) } },
      errors: ["forbidden"],
      handle: async ({ caller }) => ok(await listVisibleCompanies(deps, caller)),
    }),
    route({
      method: "post",
      path: "/api/companies",
      summary: "Creates a company",
      tag: "companies",
      rule: "API-61",
      access: "caller",
      who: "instance administrator",
      rate: "write",
      body: companyCreateSchema,
      responses: { 201: { description: "The company", schema: companySchema } },
      errors: ["validation_failed", "forbidden"],
      example: { request: EXAMPLE },
      handle: async ({ caller, body }) => created(await createCompany(deps, { caller, body })),
    }),
    missingId("/api/companies/issues"),
    missingId("/api/issues"),
    route({
      method: "get",
      path: "/api/companies/:companyId",
      summary: "Reads a company",
      tag: "companies",
      rule: "API-62",
      access: "caller",
      who: "keys of the company",
      rate: "read",
      responses: { 200: { description: "The company", schema: companySchema } },
      errors: ["not_found", "wrong_company"],
      handle: async ({ caller, params }) => ok(presentCompany(await requireCompany(deps, { caller, ...params }))),
    }),
    route({
      method: "patch",
      path: "/api/companies/:companyId",
      summary: "Changes a company",
      tag: "companies",
      rule: "API-63",
      access: "caller",
      who: "board; an agent of role ceo may change name, description and brandColor",
      rate: "write",
      body: companyPatchSchema,
      responses: { 200: { description: "The company", schema: companySchema } },
      errors: ["validation_failed", "not_found", "wrong_company", "forbidden"],
      example: { request: { description: "Makes better anvils" } },
      handle: async ({ caller, params, body, sent }) => ok(await patchCompany(deps, { caller, ...params, body, sent })),
    }),
  ];
}
