/** Routes of runs (API-120 to API-134, API-303, API-306). */
import {
  issueRunSchema,
  liveRunSchema,
  runCancelSchema,
  runDetailSchema,
  runEventSchema,
  runLogSchema,
  runSchema,
  wakeupAnswerSchema,
  watchdogDecisionRowSchema,
  watchdogDecisionSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import { readLastEventId } from "../http/live-filter.js";
import { pageAnswer } from "../http/pages.js";
import { clampedNumber, commaList, guidQuery, instantQuery, textField } from "../http/query-fields.js";
import { ok, type Route, route } from "../http/route.js";
import { cancelRun } from "../runs/cancel-run.js";
import { presentRunDetail } from "../runs/present-run.js";
import {
  readActiveIssueRun,
  readAgentRuns,
  readIssueLiveRuns,
  readIssueRuns,
  readLiveRuns,
  readRun,
  readRunEvents,
  readRuns,
  requireRun,
} from "../runs/read-runs.js";
import { retryRun, runNow } from "../runs/rerun.js";
import { readRunLog, streamRunLog } from "../runs/run-log.js";
import { recordWatchdogDecision } from "../runs/watchdog-decision.js";
import type { RouteDeps } from "./route-deps.js";

const MAX_LIVE_RUNS = 1_000;
const MAX_OFFSET = Number.MAX_SAFE_INTEGER;

const common = { tag: "runs", access: "caller", who: "keys of the company", rate: "read" } as const;
const errors = ["not_found", "wrong_company"] as const;

const runFilters = {
  status: commaList,
  source: commaList,
  issueId: textField,
  taskKey: textField,
  since: instantQuery,
  until: instantQuery,
  limit: clampedNumber({ min: 1, max: 1_000, fallback: 200 }),
  cursor: guidQuery,
};

export function runRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      masksUser: true,
      path: "/api/companies/:companyId/heartbeat-runs",
      summary: "Lists a company's runs, newest first",
      rule: "API-120",
      query: z.object({ ...runFilters, agentId: guidQuery }),
      responses: { 200: { description: "The runs in list form", schema: z.array(runSchema) } },
      errors: ["validation_failed", ...errors],
      handle: async ({ caller, params, query, req }) => {
        const { status, source, ...filter } = query;
        const { page, rows } = await readRuns(deps, {
          caller,
          ...params,
          ...filter,
          statuses: status,
          sources: source,
        });
        return pageAnswer(req, page, rows);
      },
    }),
    route({
      ...common,
      method: "get",
      path: "/api/agents/:id/runs",
      summary: "Lists an agent's runs, newest first",
      rule: "API-306",
      query: z.object({ ...runFilters, companyId: guidQuery }),
      responses: { 200: { description: "The runs in list form", schema: z.array(runSchema) } },
      errors: ["validation_failed", ...errors],
      handle: async ({ caller, params, query, req }) => {
        const { status, source, ...filter } = query;
        const { page, rows } = await readAgentRuns(deps, {
          caller,
          ref: params.id,
          ...filter,
          statuses: status,
          sources: source,
        });
        return pageAnswer(req, page, rows);
      },
    }),
    route({
      ...common,
      method: "get",
      masksUser: true,
      path: "/api/heartbeat-runs/:runId",
      summary: "Reads a run",
      rule: "API-121",
      access: "caller_or_enqueue",
      who: "keys of the company; enqueue keys the runs they caused",
      responses: { 200: { description: "The run", schema: runDetailSchema } },
      errors: [...errors, "insufficient_scope"],
      handle: async ({ caller, params }) => ok(await readRun(deps, { caller, ...params })),
    }),
    route({
      ...common,
      method: "get",
      masksUser: true,
      path: "/api/heartbeat-runs/:runId/events",
      summary: "Reads a run's events",
      rule: "API-122",
      query: z.object({
        afterSeq: clampedNumber({ min: 0, max: 2_147_483_647, fallback: 0 }),
        limit: clampedNumber({ min: 1, max: 1_000, fallback: 200 }),
      }),
      responses: { 200: { description: "The events by number", schema: z.array(runEventSchema) } },
      errors,
      handle: async ({ caller, params, query }) => ok(await readRunEvents(deps, { caller, ...params, ...query })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/heartbeat-runs/:runId/log",
      summary: "Reads a page of a run's log",
      rule: "API-123",
      query: z.object({
        offset: clampedNumber({ min: 0, max: MAX_OFFSET, fallback: 0 }),
        limitBytes: clampedNumber({ min: 1, max: 1_048_576, fallback: 256_000 }),
      }),
      responses: { 200: { description: "NDJSON lines and where to go on", schema: runLogSchema } },
      errors,
      handle: async ({ caller, params, query }) =>
        ok(await readRunLog(deps, { caller, ...params, ...query }), { "Cache-Control": "no-cache, no-store" }),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/heartbeat-runs/:runId/log/stream",
      summary: "Follows a run's log until it ends (server-sent events)",
      rule: "API-124",
      tokenInQuery: true,
      query: z.object({
        offset: clampedNumber({ min: 0, max: MAX_OFFSET, fallback: 0 }),
        token: z.string().optional(),
      }),
      headers: { "Last-Event-ID": "Byte offset to go on from" },
      responses: { 200: { description: "Events `log` and at last `end`", contentType: "text/event-stream" } },
      errors,
      handle: async ({ caller, params, query, req }) => {
        const run = await requireRun(deps, { caller, ...params });
        const offset = readLastEventId(req.get("last-event-id")) ?? query.offset;
        return { stream: (res) => streamRunLog(deps, { run, offset, res }) };
      },
    }),
    route({
      ...common,
      method: "post",
      path: "/api/heartbeat-runs/:runId/cancel",
      summary: "Cancels a run",
      rule: "API-125",
      who: "board",
      rate: "write",
      body: runCancelSchema,
      responses: {
        200: { description: "The run is over", schema: runSchema },
        202: { description: "Its worker was asked and has not confirmed yet", schema: runSchema },
      },
      errors: ["validation_failed", ...errors, "forbidden"],
      example: { request: { reason: "Not needed any more" } },
      handle: async ({ caller, params, body }) => {
        const { run, confirmed } = await cancelRun(deps, { caller, ...params, ...body });
        return { status: confirmed ? 200 : 202, body: presentRunDetail(run) };
      },
    }),
    route({
      ...common,
      method: "post",
      path: "/api/heartbeat-runs/:runId/run-now",
      summary: "Makes a scheduled retry due now",
      rule: "API-126",
      who: "board",
      rate: "write",
      responses: { 202: { description: "The run, due now", schema: runSchema } },
      errors: [...errors, "forbidden", "conflict"],
      handle: async ({ caller, params }) => ({
        status: 202,
        body: presentRunDetail(await runNow(deps, { caller, ...params })),
      }),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/heartbeat-runs/:runId/retry",
      summary: "Wakes the agent of a finished run for the same work",
      rule: "API-127",
      who: "board",
      rate: "wakeup",
      responses: { 202: { description: "The new run, or why there is none", schema: wakeupAnswerSchema } },
      errors: [...errors, "forbidden", "conflict", "agent_not_invokable", "budget_blocked"],
      handle: ({ caller, params }) => retryRun(deps, { caller, ...params }),
    }),
    route({
      ...common,
      method: "post",
      path: "/api/heartbeat-runs/:runId/watchdog-decisions",
      summary: "Decides about a silent run",
      rule: "API-128",
      who: "board, or the agent that owns the run's open evaluation issue",
      rate: "write",
      body: watchdogDecisionSchema,
      responses: { 200: { description: "The decision", schema: watchdogDecisionRowSchema } },
      errors: ["validation_failed", "bad_request", ...errors, "forbidden"],
      example: { request: { decision: "continue", reason: "It waits for a long build" } },
      handle: async ({ caller, params, body }) => ok(await recordWatchdogDecision(deps, { caller, ...params, body })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/companies/:companyId/live-runs",
      summary: "Lists queued and running runs, newest first",
      rule: "API-131",
      query: z.object({
        limit: clampedNumber({ min: 0, max: 50, fallback: 0 }),
        minCount: clampedNumber({ min: 0, max: 50, fallback: 0 }),
      }),
      responses: { 200: { description: "The runs", schema: z.array(liveRunSchema) } },
      errors,
      handle: async ({ caller, params, query }) =>
        ok(
          await readLiveRuns(deps, {
            caller,
            ...params,
            limit: query.limit === 0 ? MAX_LIVE_RUNS : query.limit,
            minCount: query.minCount,
          }),
        ),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/issues/:issueId/live-runs",
      summary: "Lists queued and running runs about an issue",
      rule: "API-132",
      responses: { 200: { description: "The runs", schema: z.array(liveRunSchema) } },
      errors,
      handle: async ({ caller, params }) => ok(await readIssueLiveRuns(deps, { caller, ref: params.issueId })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/issues/:issueId/active-run",
      summary: "Reads the run that works on an issue now",
      rule: "API-133",
      responses: { 200: { description: "The run or null", schema: liveRunSchema.nullable() } },
      errors,
      handle: async ({ caller, params }) => ok(await readActiveIssueRun(deps, { caller, ref: params.issueId })),
    }),
    route({
      ...common,
      method: "get",
      masksUser: true,
      path: "/api/issues/:id/runs",
      summary: "Lists runs about an issue or that touched it",
      rule: "API-134",
      responses: { 200: { description: "The runs, newest first", schema: z.array(issueRunSchema) } },
      errors,
      handle: async ({ caller, params }) => ok(await readIssueRuns(deps, { caller, ref: params.id })),
    }),
  ];
}
