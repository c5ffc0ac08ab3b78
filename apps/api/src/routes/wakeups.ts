/** Routes of wakeups (API-100 to API-113). */
import {
  explainedWakeupSchema,
  IDEMPOTENCY_KEY_MAX_CHARS,
  INVOCATION_SOURCES,
  invokeAnswerSchema,
  wakeupAnswerSchema,
  wakeupBatchAnswerSchema,
  wakeupBatchDocumentSchema,
  wakeupBatchSchema,
  wakeupBodySchema,
  wakeupOutcomeAnswerSchema,
  wakeupSchema,
} from "@wakefleet/contracts";
import type { Request } from "express";
import { z } from "zod";
import { pageAnswer } from "../http/pages.js";
import { clampedNumber, commaList, guidQuery, instantQuery, textField } from "../http/query-fields.js";
import { type JsonAnswer, ok, type Route, route } from "../http/route.js";
import { readIdempotencyKeyHeader } from "../wakeups/idempotency-key.js";
import {
  BATCH_IDEMPOTENCY_KEY_MAX_CHARS,
  invokeAnswer,
  outcomeAnswer,
  postWakeup,
  postWakeupBatch,
  wakeupAnswer,
} from "../wakeups/post-wakeup.js";
import { readAgentWakeups, readWakeup, readWakeups } from "../wakeups/read-wakeups.js";
import { agentQuery } from "./agent-query.js";
import type { RouteDeps } from "./route-deps.js";

/** A batch counts as a tenth of its items against the rate (API-39). */
const BATCH_ITEMS_PER_TOKEN = 10;

const EXAMPLE = { reason: "A customer wrote", payload: { taskKey: "ticket-4711" }, idempotencyKey: "ticket-4711/1" };

const ANSWER_HEADERS = {
  "X-Wakeup-Id": "Id of the wakeup request",
  "X-Wakeup-Outcome": "queued, coalesced, deferred or skipped",
  Location: "The run, or the wakeup when there is no run",
  "Idempotency-Replayed": "true when an earlier call with this key is answered again",
};

const POST_ERRORS = [
  "validation_failed",
  "not_found",
  "wrong_company",
  "forbidden",
  "agent_not_invokable",
  "budget_blocked",
  "payload_too_large",
  "unprocessable",
  "idempotency_key_reused",
  "conflict",
] as const;

function headerKey(req: Request, maxChars: number): string | null {
  return readIdempotencyKeyHeader(req.get("idempotency-key"), maxChars);
}

const listQuery = {
  status: commaList,
  source: z.enum(INVOCATION_SOURCES).optional(),
  issueId: textField,
  idempotencyKey: textField,
  since: instantQuery,
  until: instantQuery,
  limit: clampedNumber({ min: 1, max: 1_000, fallback: 200 }),
  cursor: guidQuery,
};

export function wakeupRoutes(deps: RouteDeps): Route[] {
  const postRoute = <Path extends string>(
    path: Path,
    declared: {
      summary: string;
      rule: string;
      schema: z.ZodType;
      answer: (decided: Awaited<ReturnType<typeof postWakeup>>) => JsonAnswer;
    },
  ): Route =>
    route({
      method: "post",
      path: path as "/api/agents/:id/wakeup",
      summary: declared.summary,
      tag: "wakeups",
      rule: declared.rule,
      access: "caller_or_enqueue",
      who: "board, enqueue key, or the agent itself",
      rate: "wakeup",
      query: agentQuery,
      body: wakeupBodySchema,
      repeats: "own",
      headers: { "Idempotency-Key": "Makes the call safe to repeat; wins over idempotencyKey" },
      responses: { 202: { description: "Decided and durable", schema: declared.schema, headers: ANSWER_HEADERS } },
      errors: POST_ERRORS,
      example: { request: EXAMPLE },
      handle: async ({ caller, params, query, body, req }) =>
        declared.answer(
          await postWakeup(deps, {
            caller,
            ref: params.id,
            companyId: query.companyId,
            body,
            headerKey: headerKey(req, IDEMPOTENCY_KEY_MAX_CHARS),
          }),
        ),
    });

  return [
    postRoute("/api/agents/:id/wakeup", {
      summary: "Wakes an agent",
      rule: "API-100",
      schema: wakeupAnswerSchema,
      answer: wakeupAnswer,
    }),
    postRoute("/api/agents/:id/heartbeat/invoke", {
      summary: "Wakes an agent by hand",
      rule: "API-101",
      schema: invokeAnswerSchema,
      answer: invokeAnswer,
    }),
    postRoute("/api/agents/:id/wakeups", {
      summary: "Wakes an agent and says what became of it",
      rule: "API-102",
      schema: wakeupOutcomeAnswerSchema,
      answer: outcomeAnswer,
    }),
    route({
      method: "post",
      path: "/api/wakeups/batch",
      summary: "Posts up to 1,000 wakeups",
      tag: "wakeups",
      rule: "API-103",
      access: "caller_or_enqueue",
      who: "board, enqueue key, or an agent for itself, item by item",
      rate: "wakeup",
      body: wakeupBatchSchema,
      bodyDocument: wakeupBatchDocumentSchema,
      repeats: "own",
      headers: { "Idempotency-Key": "Items without a key of their own get KEY#INDEX" },
      responses: { 202: { description: "One result an item, in order", schema: wakeupBatchAnswerSchema } },
      errors: ["bad_request", "validation_failed", "payload_too_large"],
      example: { request: { items: [{ agentId: "2f1c6d2e-8f0a-4f0e-9d0c-2a5b5a7f0e11", ...EXAMPLE }] } },
      handle: async ({ caller, body, req, requestId, takeTokens }) => {
        const tokens = Math.ceil(body.items.length / BATCH_ITEMS_PER_TOKEN);
        // One token was taken when the request came in.
        if (tokens > 1) await takeTokens(tokens - 1);
        return await postWakeupBatch(deps, {
          caller,
          items: body.items,
          headerKey: headerKey(req, BATCH_IDEMPOTENCY_KEY_MAX_CHARS),
          at: { path: req.path, requestId },
        });
      },
    }),
    route({
      method: "get",
      path: "/api/wakeups/:wakeupId",
      summary: "Reads what became of a wakeup, and why",
      tag: "wakeups",
      rule: "API-104",
      access: "caller_or_enqueue",
      who: "keys of the company; enqueue keys their own",
      rate: "read",
      responses: { 200: { description: "The wakeup with its run", schema: explainedWakeupSchema } },
      errors: ["not_found", "wrong_company", "insufficient_scope"],
      handle: async ({ caller, params }) => ok(await readWakeup(deps, { caller, ...params })),
    }),
    route({
      method: "get",
      path: "/api/companies/:companyId/wakeups",
      summary: "Lists a company's wakeups, newest first",
      tag: "wakeups",
      rule: "API-105",
      access: "caller_or_enqueue",
      who: "keys of the company; enqueue keys their own",
      rate: "read",
      query: z.object({ ...listQuery, agentId: guidQuery }),
      responses: { 200: { description: "The wakeups", schema: z.array(wakeupSchema) } },
      errors: ["validation_failed", "not_found", "wrong_company"],
      handle: async ({ caller, params, query, req }) => {
        const { status, ...filter } = query;
        const { page, rows } = await readWakeups(deps, { caller, ...params, ...filter, statuses: status });
        return pageAnswer(req, page, rows);
      },
    }),
    route({
      method: "get",
      path: "/api/agents/:id/wakeups",
      summary: "Lists an agent's wakeups, newest first",
      tag: "wakeups",
      rule: "API-105",
      access: "caller_or_enqueue",
      who: "keys of the company; enqueue keys their own",
      rate: "read",
      query: z.object({ ...listQuery, companyId: guidQuery }),
      responses: { 200: { description: "The wakeups", schema: z.array(wakeupSchema) } },
      errors: ["validation_failed", "not_found", "wrong_company"],
      handle: async ({ caller, params, query, req }) => {
        const { status, ...filter } = query;
        const { page, rows } = await readAgentWakeups(deps, { caller, ref: params.id, ...filter, statuses: status });
        return pageAnswer(req, page, rows);
      },
    }),
  ];
}
