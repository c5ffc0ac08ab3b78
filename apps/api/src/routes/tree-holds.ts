/** Routes of subtree holds (API-190 to API-195). */
import {
  treeControlStateSchema,
  treeHoldCreatedSchema,
  treeHoldCreateSchema,
  treeHoldPreviewAnswerSchema,
  treeHoldPreviewSchema,
  treeHoldReleaseSchema,
  treeHoldSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import { createHold, previewHold, readHold, readHoldState, readHolds, releaseHold } from "../holds/tree-holds.js";
import { clampedNumber, flagField, textField } from "../http/query-fields.js";
import { ok, type Route, route } from "../http/route.js";
import type { RouteDeps } from "./route-deps.js";

const common = { tag: "holds", access: "caller", who: "board" } as const;
const readErrors = ["not_found", "wrong_company", "forbidden"] as const;
const writeErrors = ["validation_failed", ...readErrors] as const;

export function treeHoldRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/tree-control/preview",
      summary: "Says what a hold on an issue and all below it would do, without doing it",
      rule: "API-190",
      rate: "write",
      body: treeHoldPreviewSchema,
      responses: { 200: { description: "What would happen", schema: treeHoldPreviewAnswerSchema } },
      errors: writeErrors,
      example: { request: { mode: "pause" } },
      handle: async ({ caller, params, body }) => ok(await previewHold(deps, { caller, ...params, body })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/tree-holds",
      summary: "Pauses, resumes, cancels or restores an issue and all below it",
      rule: "API-191",
      rate: "write",
      body: treeHoldCreateSchema,
      responses: {
        200: { description: "Resumed or restored", schema: treeHoldCreatedSchema },
        201: { description: "Paused or cancelled; running runs may still be ending", schema: treeHoldCreatedSchema },
      },
      errors: writeErrors,
      example: { request: { mode: "pause", reason: "The plan changes" } },
      handle: async ({ caller, params, body }) => ({
        status: body.mode === "pause" || body.mode === "cancel" ? 201 : 200,
        body: await createHold(deps, { caller, ...params, body }),
      }),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id/tree-control/state",
      summary: "Says which pause hold is over an issue",
      rule: "API-192",
      rate: "read",
      responses: { 200: { description: "The nearest one, or null", schema: treeControlStateSchema } },
      errors: readErrors,
      handle: async ({ caller, params }) => ok(await readHoldState(deps, { caller, ...params })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id/tree-holds",
      summary: "Lists the holds rooted at an issue, oldest first",
      rule: "API-193",
      rate: "read",
      query: z.object({
        status: textField,
        mode: textField,
        includeMembers: flagField,
        limit: clampedNumber({ min: 1, max: 1_000, fallback: 500 }),
      }),
      responses: { 200: { description: "The holds", schema: z.array(treeHoldSchema) } },
      errors: readErrors,
      handle: async ({ caller, params, query }) => {
        const { status, mode, includeMembers, limit } = query;
        return ok(await readHolds(deps, { caller, ...params, status, mode, includeMembers, limit }));
      },
    }),
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id/tree-holds/:holdId",
      summary: "Shows a hold with its members",
      rule: "API-194",
      rate: "read",
      responses: { 200: { description: "The hold", schema: treeHoldSchema } },
      errors: readErrors,
      handle: async ({ caller, params }) => ok(await readHold(deps, { caller, ...params })),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/tree-holds/:holdId/release",
      summary: "Releases a hold and wakes whom it stopped",
      rule: "API-195",
      rate: "write",
      body: treeHoldReleaseSchema,
      responses: { 200: { description: "The released hold", schema: treeHoldSchema } },
      errors: [...writeErrors, "conflict", "unprocessable"],
      example: { request: { reason: "The plan is settled" } },
      handle: async ({ caller, params, body }) => ok(await releaseHold(deps, { caller, ...params, body })),
    }),
  ];
}
