/** Routes of costs and budgets (API-240 to API-247). */
import {
  agentCostsSchema,
  agentModelCostsSchema,
  agentSchema,
  BATCH_IDEMPOTENCY_KEY_MAX_CHARS,
  billerCostsSchema,
  budgetIncidentResolveSchema,
  budgetIncidentSchema,
  budgetOverviewSchema,
  budgetPolicySetSchema,
  budgetPolicySummarySchema,
  companySchema,
  costEventBatchAnswerSchema,
  costEventBatchDocumentSchema,
  costEventBatchSchema,
  costEventCreateSchema,
  costEventSchema,
  costSummarySchema,
  IDEMPOTENCY_KEY_MAX_CHARS,
  monthlyBudgetSchema,
  projectCostsSchema,
  providerCostsSchema,
  windowCostsSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import { presentAgent, readsConfigurations } from "../agents/present-agent.js";
import {
  readBudgetOverview,
  resolveIncident,
  setAgentBudget,
  setCompanyBudget,
  setPolicy,
} from "../budgets/budgets.js";
import {
  readCostBreakdown,
  readCostSummary,
  readCostsByAgent,
  readWindowSpend,
  reportCost,
  reportCostBatch,
} from "../budgets/costs.js";
import { presentCompany } from "../companies/companies.js";
import { textField } from "../http/query-fields.js";
import { ok, type Route, route } from "../http/route.js";
import { readIdempotencyKeyHeader } from "../wakeups/idempotency-key.js";
import { agentQuery } from "./agent-query.js";
import type { RouteDeps } from "./route-deps.js";

const AGENT_ID = "2f1c6d2e-8f0a-4f0e-9d0c-2a5b5a7f0e11";
const COST_EXAMPLE = {
  agentId: AGENT_ID,
  provider: "anthropic",
  model: "claude-sonnet-4",
  costCents: 12,
  inputTokens: 3_200,
  outputTokens: 410,
  billingType: "metered_api",
  occurredAt: "2026-11-24T10:00:00.000Z",
};
const POLICY_EXAMPLE = { scopeType: "agent", scopeId: AGENT_ID, amount: 5_000, warnPercent: 80 };

/** A batch counts as a tenth of its items against the rate (API-39). */
const BATCH_ITEMS_PER_TOKEN = 10;

const rangeQuery = z.object({
  from: textField.describe("First instant inside, ISO 8601"),
  to: textField.describe("Last instant inside, ISO 8601"),
});

export function budgetRoutes(deps: RouteDeps): Route[] {
  return [...costRoutes(deps), ...breakdownRoutes(deps), ...policyRoutes(deps)];
}

/** The breakdowns of API-243: what each is by, and what its rows look like. */
const BREAKDOWNS = [
  ["by-agent-model", "agent and model", agentModelCostsSchema],
  ["by-provider", "provider, biller, billing type and model", providerCostsSchema],
  ["by-biller", "biller", billerCostsSchema],
  ["by-project", "project", projectCostsSchema],
] as const;

function breakdownRoutes(deps: RouteDeps): Route[] {
  const common = { tag: "costs", rule: "API-243", access: "caller", who: "keys of the company", rate: "read" } as const;
  return [
    ...BREAKDOWNS.map(([by, words, schema]) =>
      route({
        ...common,
        method: "get",
        path: `/api/companies/:companyId/costs/${by}`,
        summary: `Says what was spent by ${words}, dearest first`,
        query: rangeQuery,
        responses: { 200: { description: "The sums", schema: z.array(schema) } },
        errors: ["bad_request", "not_found", "wrong_company"],
        handle: async ({ caller, params, query }) =>
          ok(await readCostBreakdown(deps, { caller, ...params, from: query.from, to: query.to, by })),
      }),
    ),
    route({
      ...common,
      method: "get",
      path: "/api/companies/:companyId/costs/window-spend",
      summary: "Says what each provider cost in the last 5 hours, day and week",
      responses: { 200: { description: "The sums", schema: z.array(windowCostsSchema) } },
      errors: ["not_found", "wrong_company"],
      handle: async ({ caller, params }) => ok(await readWindowSpend(deps, { caller, ...params })),
    }),
  ];
}

function costRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      method: "post",
      path: "/api/companies/:companyId/cost-events",
      summary: "Reports what an agent spent",
      tag: "costs",
      rule: "API-240",
      access: "caller",
      who: "board; an agent for itself",
      rate: "write",
      body: costEventCreateSchema,
      repeats: "own",
      headers: { "Idempotency-Key": "Makes the call safe to repeat; wins over idempotencyKey" },
      responses: {
        201: {
          description: "Booked, and the budgets were judged",
          schema: costEventSchema,
          headers: { "Idempotency-Replayed": "true when an earlier call with this key is answered again" },
        },
      },
      errors: [
        "validation_failed",
        "bad_request",
        "not_found",
        "wrong_company",
        "forbidden",
        "unprocessable",
        "idempotency_key_reused",
      ],
      example: { request: COST_EXAMPLE },
      handle: async ({ caller, params, body, req }) => {
        const headerKey = readIdempotencyKeyHeader(req.get("idempotency-key"), IDEMPOTENCY_KEY_MAX_CHARS);
        const { event, replayed } = await reportCost(deps, { caller, ...params, body, headerKey });
        return { status: 201, body: event, headers: replayed ? { "Idempotency-Replayed": "true" } : {} };
      },
    }),
    route({
      method: "post",
      path: "/api/companies/:companyId/cost-events/batch",
      summary: "Reports up to 1,000 cost events",
      tag: "costs",
      rule: "API-240",
      access: "caller",
      who: "board; an agent for itself, item by item",
      rate: "write",
      body: costEventBatchSchema,
      bodyDocument: costEventBatchDocumentSchema,
      repeats: "own",
      headers: { "Idempotency-Key": "Items without a key of their own get KEY#INDEX" },
      responses: { 201: { description: "One result an item, in order", schema: costEventBatchAnswerSchema } },
      errors: ["validation_failed", "bad_request", "not_found", "wrong_company"],
      example: { request: { items: [COST_EXAMPLE] } },
      handle: async ({ caller, params, body, req, requestId, takeTokens }) => {
        const tokens = Math.ceil(body.items.length / BATCH_ITEMS_PER_TOKEN);
        // One token was taken when the request came in.
        if (tokens > 1) await takeTokens(tokens - 1);
        const headerKey = readIdempotencyKeyHeader(req.get("idempotency-key"), BATCH_IDEMPOTENCY_KEY_MAX_CHARS);
        const at = { path: req.path, requestId };
        return { status: 201, body: await reportCostBatch(deps, { caller, ...params, ...body, headerKey, at }) };
      },
    }),
    route({
      method: "get",
      path: "/api/companies/:companyId/costs/summary",
      summary: "Says what a company spent",
      tag: "costs",
      rule: "API-241",
      access: "caller",
      who: "keys of the company",
      rate: "read",
      query: rangeQuery,
      responses: { 200: { description: "Spending beside the monthly budget", schema: costSummarySchema } },
      errors: ["bad_request", "not_found", "wrong_company"],
      handle: async ({ caller, params, query }) =>
        ok(await readCostSummary(deps, { caller, ...params, from: query.from, to: query.to })),
    }),
    route({
      method: "get",
      path: "/api/companies/:companyId/costs/by-agent",
      summary: "Says what each agent spent, dearest first",
      tag: "costs",
      rule: "API-242",
      access: "caller",
      who: "keys of the company",
      rate: "read",
      query: rangeQuery,
      responses: { 200: { description: "The agents with costs", schema: z.array(agentCostsSchema) } },
      errors: ["bad_request", "not_found", "wrong_company"],
      handle: async ({ caller, params, query }) =>
        ok(await readCostsByAgent(deps, { caller, ...params, from: query.from, to: query.to })),
    }),
  ];
}

function policyRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      method: "get",
      path: "/api/companies/:companyId/budgets/overview",
      summary: "Shows a company's budgets, what they observed and what they stopped",
      tag: "budgets",
      rule: "API-244",
      access: "caller",
      who: "keys of the company",
      rate: "read",
      responses: { 200: { description: "The overview", schema: budgetOverviewSchema } },
      errors: ["not_found", "wrong_company"],
      handle: async ({ caller, params }) => ok(await readBudgetOverview(deps, { caller, ...params })),
    }),
    route({
      method: "post",
      path: "/api/companies/:companyId/budgets/policies",
      summary: "Sets a budget; it may stop or resume its scope at once",
      tag: "budgets",
      rule: "API-245",
      access: "caller",
      who: "board",
      rate: "write",
      body: budgetPolicySetSchema,
      responses: { 200: { description: "The policy", schema: budgetPolicySummarySchema } },
      errors: ["validation_failed", "not_found", "wrong_company", "forbidden", "unprocessable"],
      example: { request: POLICY_EXAMPLE },
      handle: async ({ caller, params, body }) => ok(await setPolicy(deps, { caller, ...params, body })),
    }),
    route({
      method: "patch",
      path: "/api/companies/:companyId/budgets",
      summary: "Sets a company's monthly budget",
      tag: "budgets",
      rule: "API-246",
      access: "caller",
      who: "board",
      rate: "write",
      body: monthlyBudgetSchema,
      responses: { 200: { description: "The company", schema: companySchema } },
      errors: ["validation_failed", "not_found", "wrong_company", "forbidden"],
      example: { request: { budgetMonthlyCents: 50_000 } },
      handle: async ({ caller, params, body }) =>
        ok(presentCompany(await setCompanyBudget(deps, { caller, ...params, amount: body.budgetMonthlyCents }))),
    }),
    route({
      method: "patch",
      path: "/api/agents/:agentId/budgets",
      summary: "Sets an agent's monthly budget",
      tag: "budgets",
      rule: "API-246",
      access: "caller",
      who: "board",
      rate: "write",
      query: agentQuery,
      body: monthlyBudgetSchema,
      responses: { 200: { description: "The agent", schema: agentSchema } },
      errors: ["validation_failed", "not_found", "wrong_company", "forbidden", "unprocessable", "conflict"],
      example: { request: { budgetMonthlyCents: 5_000 } },
      handle: async ({ caller, params, query, body }) => {
        const reference = { caller, ref: params.agentId, companyId: query.companyId };
        const agent = await setAgentBudget(deps, { ...reference, amount: body.budgetMonthlyCents });
        const reader = { caller, readsConfigurations: await readsConfigurations(deps, caller) };
        return ok(presentAgent(agent, reader));
      },
    }),
    route({
      method: "post",
      path: "/api/companies/:companyId/budget-incidents/:incidentId/resolve",
      summary: "Answers an incident: raise the budget and resume, or keep the scope paused",
      tag: "budgets",
      rule: "API-247",
      access: "caller",
      who: "board",
      rate: "write",
      body: budgetIncidentResolveSchema,
      responses: { 200: { description: "The incident", schema: budgetIncidentSchema } },
      errors: [
        "validation_failed",
        "bad_request",
        "not_found",
        "wrong_company",
        "forbidden",
        "conflict",
        "unprocessable",
      ],
      example: { request: { action: "raise_budget_and_resume", amount: 10_000 } },
      handle: async ({ caller, params, body }) => ok(await resolveIncident(deps, { caller, ...params, body })),
    }),
  ];
}
