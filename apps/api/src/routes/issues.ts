/** Routes of issues and comments (API-140 to API-160, API-252). */
import {
  activitySchema,
  commentCreateSchema,
  commentSchema,
  guidField,
  issueCheckoutSchema,
  issueChildCreateSchema,
  issueCreateSchema,
  issueDetailSchema,
  issuePatchSchema,
  issueSchema,
  WakefleetError,
} from "@wakefleet/contracts";
import { z } from "zod";
import { readIssueActivity } from "../activity/activity.js";
import { pageAnswer } from "../http/pages.js";
import { clampedNumber, commaList, flagField, guidQuery, textField } from "../http/query-fields.js";
import { created, ok, type Route, route } from "../http/route.js";
import {
  changeIssue,
  checkoutIssue,
  createChildIssue,
  createIssue,
  deleteIssue,
  forceReleaseIssue,
  postComment,
  releaseIssue,
} from "../issues/change-issues.js";
import { readHeartbeatContext } from "../issues/heartbeat-context.js";
import { presentIssue } from "../issues/present-issue.js";
import { readComment, readComments } from "../issues/read-comments.js";
import { readIssue, readIssues } from "../issues/read-issues.js";
import type { RouteDeps } from "./route-deps.js";

const MAX_LIMIT = 1_000;
const DEFAULT_LIMIT = 500;

const common = { tag: "issues", access: "caller", who: "keys of the company" } as const;
const readErrors = ["not_found", "wrong_company"] as const;
const writeErrors = [
  "validation_failed",
  "bad_request",
  "unauthenticated",
  ...readErrors,
  "forbidden",
  "conflict",
  "unprocessable",
] as const;

const numberText = (bounds: { minimum: number; maximum?: number; default: number }): z.ZodType<string | undefined> =>
  z
    .string()
    .optional()
    .meta({ type: "integer", ...bounds });

/** API-140: here a number that cannot be read is told, with the reference's sentence. */
function readLimit(text: string | undefined): number {
  if (text === undefined || text === "") return DEFAULT_LIMIT;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new WakefleetError("bad_request", `limit must be a positive integer up to ${MAX_LIMIT}`);
  }
  return limit;
}

function readOffset(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  const offset = Number(text);
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new WakefleetError("bad_request", "offset must be a non-negative integer");
  }
  return offset;
}

export function issueRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      path: "/api/companies/:companyId/issues",
      summary: "Lists a company's issues by priority and latest activity",
      rule: "API-140",
      rate: "read",
      query: z.object({
        status: commaList,
        assigneeAgentId: guidQuery,
        participantAgentId: guidQuery,
        assigneeUserId: textField,
        projectId: guidQuery,
        workspaceId: guidQuery,
        executionWorkspaceId: guidQuery,
        parentId: guidQuery,
        descendantOf: guidQuery,
        labelId: guidQuery,
        originKind: textField,
        originId: textField,
        includeBlockedBy: flagField,
        excludeRoutineExecutions: flagField,
        q: textField,
        limit: numberText({ minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT }),
        offset: numberText({ minimum: 0, default: 0 }),
        cursor: guidQuery,
      }),
      responses: { 200: { description: "The issues", schema: z.array(issueSchema) } },
      errors: ["bad_request", "validation_failed", ...readErrors, "forbidden"],
      handle: async ({ caller, params, query, req }) => {
        const { status, workspaceId, q, limit, offset, labelId, ...filter } = query;
        const asked = {
          ...filter,
          caller,
          ...params,
          statuses: status,
          projectWorkspaceId: workspaceId,
          text: q,
          limit: readLimit(limit),
          offset: readOffset(offset),
        };
        // Labels come with a later part of the model: no issue has one yet.
        const { page, rows } = await readIssues(deps, asked);
        return labelId === undefined ? pageAnswer(req, page, rows) : ok([]);
      },
    }),
    route({
      ...common,
      method: "post",
      path: "/api/companies/:companyId/issues",
      summary: "Creates an issue",
      rule: "API-141",
      who: "keys of the company; assigning needs tasks:assign",
      rate: "write",
      body: issueCreateSchema,
      responses: { 201: { description: "The issue", schema: issueSchema } },
      errors: writeErrors,
      example: { request: { title: "Answer ticket 4711", priority: "high", status: "todo" } },
      handle: async ({ caller, params, body }) =>
        created(presentIssue(await createIssue(deps, { caller, ...params, body }))),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/children",
      summary: "Creates an issue under another",
      rule: "API-142",
      who: "keys of the company; assigning needs tasks:assign",
      rate: "write",
      body: issueChildCreateSchema,
      responses: { 201: { description: "The child", schema: issueSchema } },
      errors: writeErrors,
      example: { request: { title: "Write the test", status: "todo", blockParentUntilDone: true } },
      handle: async ({ caller, params, body }) =>
        created(presentIssue(await createChildIssue(deps, { caller, ref: params.id, body }))),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id",
      summary: "Reads an issue, by id or identifier",
      rule: "API-143",
      rate: "read",
      responses: { 200: { description: "The issue and what is around it", schema: issueDetailSchema } },
      errors: readErrors,
      handle: async ({ caller, params }) => ok(await readIssue(deps, { caller, ref: params.id })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/issues/:id/heartbeat-context",
      summary: "Reads what an agent needs of an issue in one call",
      rule: "API-144",
      rate: "read",
      query: z.object({ wakeCommentId: guidQuery }),
      responses: {
        200: {
          description: "The issue, what is around it, and how far its conversation is",
          schema: z
            .object({
              issue: issueSchema,
              ancestors: z.array(z.unknown()),
              commentCursor: z.object({
                totalComments: z.int(),
                latestCommentId: guidField.nullable(),
                latestCommentAt: z.iso.datetime().nullable(),
              }),
              wakeComment: commentSchema.nullable(),
            })
            .loose(),
        },
      },
      errors: readErrors,
      handle: async ({ caller, params, query }) =>
        ok(await readHeartbeatContext(deps, { caller, ref: params.id, ...query })),
    }),
    route({
      ...common,
      method: "patch",
      path: "/api/issues/:id",
      summary: "Changes an issue, with a comment if wanted",
      rule: "API-145",
      who: "board; agents by API-35",
      rate: "write",
      body: issuePatchSchema,
      responses: { 200: { description: "The issue", schema: issueSchema } },
      errors: writeErrors,
      example: { request: { status: "done", comment: "Finished." } },
      handle: async ({ caller, params, body }) => ok(await changeIssue(deps, { caller, ref: params.id, body })),
    }),
    route({
      ...common,
      method: "delete",
      path: "/api/issues/:id",
      summary: "Deletes an issue without children",
      rule: "API-146",
      who: "board; agents by API-35",
      rate: "write",
      responses: { 200: { description: "The issue as it was", schema: issueSchema } },
      errors: writeErrors,
      handle: async ({ caller, params }) => ok(presentIssue(await deleteIssue(deps, { caller, ref: params.id }))),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/checkout",
      summary: "Gives an issue to an agent for work",
      rule: "API-147",
      who: "board; an agent only as itself, in a run",
      rate: "write",
      body: issueCheckoutSchema,
      responses: { 200: { description: "The issue, in progress", schema: issueSchema } },
      errors: writeErrors,
      example: { request: { agentId: "2f1c6d2e-8f0a-4f0e-9d0c-2a5b5a7f0e11", expectedStatuses: ["todo", "backlog"] } },
      handle: async ({ caller, params, body }) =>
        ok(presentIssue(await checkoutIssue(deps, { caller, ref: params.id, body }))),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/release",
      summary: "Gives an issue back",
      rule: "API-148",
      who: "board; agents by API-35",
      rate: "write",
      responses: { 200: { description: "The issue: todo, nobody's", schema: issueSchema } },
      errors: writeErrors,
      handle: async ({ caller, params }) => ok(presentIssue(await releaseIssue(deps, { caller, ref: params.id }))),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/issues/:id/admin/force-release",
      summary: "Takes an issue's locks away; its status and runs stay",
      rule: "API-149",
      who: "board",
      rate: "write",
      query: z.object({ clearAssignee: flagField }),
      responses: {
        200: {
          description: "The issue, and who held it",
          schema: z.object({
            issue: issueSchema,
            previous: z.object({ checkoutRunId: guidField.nullable(), executionRunId: guidField.nullable() }),
          }),
        },
      },
      errors: writeErrors,
      handle: async ({ caller, params, query }) =>
        ok(await forceReleaseIssue(deps, { caller, ref: params.id, clearAssignee: query.clearAssignee })),
    }),
    route({
      ...common,
      method: "get",
      masksUser: true,
      path: "/api/issues/:id/comments",
      summary: "Lists an issue's comments",
      rule: "API-158",
      rate: "read",
      query: z.object({
        after: guidQuery,
        afterCommentId: guidQuery,
        order: z.enum(["asc", "desc"]).default("desc"),
        limit: clampedNumber({ min: 1, max: 500, fallback: 500 }),
      }),
      responses: { 200: { description: "The comments", schema: z.array(commentSchema) } },
      errors: ["validation_failed", ...readErrors],
      handle: async ({ caller, params, query }) => {
        const { after, afterCommentId, ...paging } = query;
        return ok(await readComments(deps, { caller, ref: params.id, ...paging, after: after ?? afterCommentId }));
      },
    }),
    route({
      ...common,
      method: "post",
      masksUser: true,
      path: "/api/issues/:id/comments",
      summary: "Comments on an issue",
      rule: "API-159",
      who: "board; agents by API-35",
      rate: "write",
      body: commentCreateSchema,
      responses: { 201: { description: "The comment", schema: commentSchema } },
      errors: writeErrors,
      example: { request: { body: "Please look at the second case too." } },
      handle: async ({ caller, params, body }) => created(await postComment(deps, { caller, ref: params.id, body })),
    }),
    route({
      ...common,
      method: "get",
      masksUser: true,
      path: "/api/issues/:id/comments/:commentId",
      summary: "Reads a comment",
      rule: "API-160",
      rate: "read",
      responses: { 200: { description: "The comment", schema: commentSchema } },
      errors: readErrors,
      handle: async ({ caller, params }) =>
        ok(await readComment(deps, { caller, ref: params.id, commentId: params.commentId })),
    }),
    route({
      ...common,
      method: "get",
      masksUser: true,
      path: "/api/issues/:id/activity",
      summary: "Lists what happened to an issue, newest first",
      rule: "API-252",
      rate: "read",
      query: z.object({ limit: clampedNumber({ min: 1, max: 500, fallback: 100 }), cursor: guidQuery }),
      responses: { 200: { description: "The activity", schema: z.array(activitySchema) } },
      errors: readErrors,
      handle: async ({ caller, params, query, req }) => {
        const page = await readIssueActivity(deps, { caller, ref: params.id, ...query });
        return pageAnswer(req, page, page.rows);
      },
    }),
  ];
}
