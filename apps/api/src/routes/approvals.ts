/** Routes of approvals (API-183 to API-186). */
import {
  approvalCreateSchema,
  approvalDecisionSchema,
  approvalLinkSchema,
  approvalResubmitSchema,
  approvalSchema,
  issueSchema,
  okSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import {
  createApproval,
  decide,
  linkIssueApproval,
  readApproval,
  readApprovalIssues,
  readApprovals,
  readIssueApprovals,
  resubmit,
  unlinkIssueApproval,
} from "../approvals/approvals.js";
import { pageAnswer } from "../http/pages.js";
import { clampedNumber, commaList, guidQuery } from "../http/query-fields.js";
import { created, ok, type Route, route } from "../http/route.js";
import type { RouteDeps } from "./route-deps.js";

const common = { tag: "approvals", access: "caller", who: "keys of the company" } as const;
const readErrors = ["not_found", "wrong_company"] as const;
const writeErrors = [
  "validation_failed",
  "unauthenticated",
  ...readErrors,
  "forbidden",
  "conflict",
  "unprocessable",
] as const;
const one = { 200: { description: "The approval", schema: approvalSchema } };
const list = { 200: { description: "The approvals", schema: z.array(approvalSchema) } };

/** What each decision of API-185 is called and does. */
const DECISIONS = [
  ["approve", "approve", "Approves what was asked for, and wakes the agent that asked"],
  ["reject", "reject", "Rejects what was asked for"],
  ["request-revision", "request_revision", "Sends an approval back to be worked over"],
] as const;

export function approvalRoutes(deps: RouteDeps): Route[] {
  return [...readingRoutes(deps), ...decidingRoutes(deps), ...linkRoutes(deps)];
}

function readingRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      path: "/api/companies/:companyId/approvals",
      summary: "Lists a company's approvals, newest first",
      rule: "API-183",
      rate: "read",
      query: z.object({
        status: commaList,
        limit: clampedNumber({ min: 1, max: 500, fallback: 200 }),
        cursor: guidQuery,
      }),
      responses: list,
      errors: [...readErrors, "validation_failed"],
      handle: async ({ caller, params, query, req }) => {
        const { status: statuses, cursor, limit } = query;
        const { page, rows } = await readApprovals(deps, { caller, ...params, statuses, cursor, limit });
        return pageAnswer(req, page, rows);
      },
    }),
    route({
      ...common,
      method: "get",
      path: "/api/approvals/:id",
      summary: "Shows an approval",
      rule: "API-183",
      rate: "read",
      responses: one,
      errors: readErrors,
      handle: async ({ caller, params }) => ok(await readApproval(deps, { caller, ...params })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/approvals/:id/issues",
      summary: "Lists the issues an approval is about",
      rule: "API-183",
      rate: "read",
      responses: { 200: { description: "The issues", schema: z.array(issueSchema) } },
      errors: readErrors,
      handle: async ({ caller, params }) => ok(await readApprovalIssues(deps, { caller, ...params })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id/approvals",
      summary: "Lists the approvals an issue is linked to",
      rule: "API-183",
      rate: "read",
      responses: list,
      errors: readErrors,
      handle: async ({ caller, params }) => ok(await readIssueApprovals(deps, { caller, ...params })),
    }),
  ];
}

function decidingRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "post",
      path: "/api/companies/:companyId/approvals",
      summary: "Asks the board for an approval",
      rule: "API-184",
      rate: "write",
      body: approvalCreateSchema,
      responses: { 201: { description: "Asked", schema: approvalSchema } },
      errors: writeErrors,
      example: { request: { type: "request_board_approval", payload: { title: "Buy a domain" } } },
      handle: async ({ caller, params, body }) => created(await createApproval(deps, { caller, ...params, body })),
    }),
    ...DECISIONS.map(([verb, decision, summary]) =>
      route({
        ...common,
        method: "post",
        path: `/api/approvals/:id/${verb}`,
        summary,
        rule: "API-185",
        who: "board",
        rate: "write",
        body: approvalDecisionSchema,
        responses: one,
        errors: writeErrors,
        handle: async ({ caller, params, body }) => ok(await decide(deps, { caller, ...params, decision, body })),
      }),
    ),
    route({
      ...common,
      method: "post",
      path: "/api/approvals/:id/resubmit",
      summary: "Brings an approval back that was to be worked over",
      rule: "API-186",
      who: "board; the agent that asked",
      rate: "write",
      body: approvalResubmitSchema,
      responses: one,
      errors: writeErrors,
      handle: async ({ caller, params, body }) =>
        ok(await resubmit(deps, { caller, ...params, payload: body.payload })),
    }),
  ];
}

function linkRoutes(deps: RouteDeps): Route[] {
  const who = "board; agents that may change the issue and create agents";
  return [
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/approvals",
      summary: "Links an approval to an issue",
      rule: "API-186",
      who,
      rate: "write",
      body: approvalLinkSchema,
      responses: { 201: { description: "Linked", schema: approvalSchema } },
      errors: writeErrors,
      handle: async ({ caller, params, body }) =>
        created(await linkIssueApproval(deps, { caller, ...params, ...body })),
    }),
    route({
      ...common,
      method: "delete",
      path: "/api/issues/:id/approvals/:approvalId",
      summary: "Takes an approval off an issue",
      rule: "API-186",
      who,
      rate: "write",
      responses: { 200: { description: "Done", schema: okSchema } },
      errors: writeErrors,
      handle: async ({ caller, params }) => {
        await unlinkIssueApproval(deps, { caller, ...params });
        return ok({ ok: true });
      },
    }),
  ];
}
