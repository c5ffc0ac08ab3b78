/** Routes of the instance: keys, settings, health, fleet, metrics (API-270 to API-275, API-300, API-301, API-305). */
import {
  apiKeyCreatedSchema,
  apiKeyCreateSchema,
  apiKeySchema,
  experimentalSettingsPatchSchema,
  experimentalSettingsSchema,
  fleetSchema,
  generalSettingsPatchSchema,
  generalSettingsSchema,
  healthSchema,
  issueGraphLookbackSchema,
  issueGraphPreviewSchema,
  issueGraphResultSchema,
  type JsonObject,
  okSchema,
  readySchema,
  sweepRunSchema,
} from "@wakefleet/contracts";
import { z } from "zod";
import { clampedNumber, flagField, guidQuery } from "../http/query-fields.js";
import { created, ok, type Route, route } from "../http/route.js";
import { readFleet } from "../instance/fleet.js";
import { readHealth, readReadiness } from "../instance/health.js";
import { previewIssueGraph, runIssueGraph } from "../instance/issue-graph.js";
import { readMetrics } from "../instance/metrics.js";
import { runSweep } from "../instance/run-sweep.js";
import { changeSettingsGroup, readSettingsGroup } from "../instance/settings.js";
import { createKey, deleteKey, readKeys } from "../keys/keys.js";
import type { RouteDeps } from "./route-deps.js";

const board = { access: "caller", who: "board", rate: "read" } as const;
const anyone = { tag: "health", access: "anyone", who: "anyone", rate: "none", errors: [] } as const;

export function instanceRoutes(deps: RouteDeps): Route[] {
  const settingsRoute = (group: "general" | "experimental"): Route =>
    route({
      ...board,
      method: "get",
      path: `/api/instance/settings/${group}`,
      summary: `Reads the ${group} settings`,
      tag: "instance",
      rule: "API-270",
      responses: {
        200: {
          description: "The settings, defaults filled in",
          schema: group === "general" ? generalSettingsSchema : experimentalSettingsSchema,
        },
      },
      errors: ["forbidden"],
      handle: async ({ caller }) => ok(await readSettingsGroup(deps, { caller, group })),
    });

  const settingsChange = {
    method: "patch",
    tag: "instance",
    rule: "API-271",
    access: "caller",
    who: "instance administrator",
    rate: "write",
    errors: ["validation_failed", "forbidden"],
  } as const;

  const graphRoute = {
    method: "post",
    tag: "instance",
    rule: "API-272",
    access: "caller",
    who: "instance administrator",
    rate: "write",
    body: issueGraphLookbackSchema,
    errors: ["validation_failed", "forbidden"],
    example: { request: { lookbackHours: 24 } },
  } as const;

  return [
    route({
      ...anyone,
      method: "get",
      path: "/api/health",
      summary: "Says whether the service works",
      rule: "API-273",
      responses: {
        200: { description: "It works", schema: healthSchema },
        503: { description: "The database is away", schema: healthSchema },
      },
      handle: ({ req }) => readHealth(deps, req),
    }),
    route({
      ...anyone,
      method: "get",
      path: "/livez",
      summary: "Answers while the process lives",
      rule: "API-274",
      responses: { 200: { description: "It lives", schema: healthSchema } },
      handle: () => Promise.resolve(ok({ status: "ok" })),
    }),
    route({
      ...anyone,
      method: "get",
      path: "/readyz",
      summary: "Says whether the process can take requests",
      rule: "API-275",
      query: z.object({ strict: flagField }),
      responses: {
        200: { description: "Ready, or degraded without Redis", schema: readySchema },
        503: { description: "Not ready", schema: readySchema },
      },
      handle: ({ query }) => readReadiness(deps, query.strict),
    }),
    route({
      ...board,
      method: "get",
      path: "/api/fleet",
      summary: "Shows workers, queues and stores",
      tag: "fleet",
      rule: "API-300",
      query: z.object({
        all: flagField,
        limit: clampedNumber({ min: 1, max: 1_000, fallback: 100 }),
        cursor: guidQuery,
      }),
      responses: { 200: { description: "The fleet", schema: fleetSchema } },
      errors: ["forbidden"],
      handle: ({ caller, query }) =>
        readFleet(deps, { caller, all: query.all, limit: query.limit, cursor: query.cursor ?? null }),
    }),
    route({
      ...board,
      method: "get",
      path: "/metrics",
      summary: "Metrics for Prometheus",
      tag: "fleet",
      rule: "API-301",
      responses: { 200: { description: "Prometheus text", contentType: "text/plain" } },
      errors: ["forbidden"],
      handle: ({ caller }) => readMetrics(deps, caller),
    }),
    route({
      method: "post",
      path: "/api/fleet/sweeps/:name/run",
      summary: "Has one of the fleet's sweeps run now and answers its counters",
      tag: "fleet",
      rule: "RC-83",
      access: "caller",
      who: "board, with a key of no company",
      rate: "write",
      responses: { 200: { description: "What became of it", schema: sweepRunSchema } },
      errors: ["forbidden", "not_found", "store_unavailable"],
      handle: async ({ caller, params }) => ok(await runSweep(deps, { caller, name: params.name })),
    }),
    settingsRoute("general"),
    settingsRoute("experimental"),
    route({
      ...settingsChange,
      path: "/api/instance/settings/general",
      summary: "Changes general settings, in every process within seconds",
      body: generalSettingsPatchSchema,
      responses: { 200: { description: "The settings", schema: generalSettingsSchema } },
      example: { request: { censorUsernameInLogs: false } },
      handle: async ({ caller, body }) =>
        ok(await changeSettingsGroup(deps, { caller, group: "general", changes: body as JsonObject })),
    }),
    route({
      ...settingsChange,
      path: "/api/instance/settings/experimental",
      summary: "Changes experimental settings, in every process within seconds",
      body: experimentalSettingsPatchSchema,
      responses: { 200: { description: "The settings", schema: experimentalSettingsSchema } },
      example: { request: { enableIsolatedWorkspaces: false } },
      handle: async ({ caller, body }) =>
        ok(await changeSettingsGroup(deps, { caller, group: "experimental", changes: body as JsonObject })),
    }),
    route({
      ...graphRoute,
      path: "/api/instance/settings/experimental/issue-graph-liveness-auto-recovery/preview",
      summary: "Shows blocked chains that nobody can move",
      responses: { 200: { description: "What a run would look at", schema: issueGraphPreviewSchema } },
      handle: async ({ caller, body }) => ok(await previewIssueGraph(deps, { caller, ...body })),
    }),
    route({
      ...graphRoute,
      path: "/api/instance/settings/experimental/issue-graph-liveness-auto-recovery/run",
      summary: "Has blocked chains that nobody can move repaired now",
      responses: { 200: { description: "What was done", schema: issueGraphResultSchema } },
      handle: async ({ caller, body }) => ok(await runIssueGraph(deps, { caller, ...body })),
    }),
    route({
      method: "get",
      path: "/api/keys",
      summary: "Lists keys, without their tokens",
      tag: "keys",
      rule: "API-305",
      access: "caller",
      who: "instance administrator",
      rate: "read",
      responses: { 200: { description: "The keys", schema: z.array(apiKeySchema) } },
      errors: ["forbidden"],
      handle: async ({ caller }) => ok(await readKeys(deps, caller)),
    }),
    route({
      method: "post",
      path: "/api/keys",
      repeats: "secret_answer",
      summary: "Makes a key; its token is answered this once",
      tag: "keys",
      rule: "API-305",
      access: "caller",
      who: "instance administrator",
      rate: "write",
      body: apiKeyCreateSchema,
      responses: { 201: { description: "The key with its token", schema: apiKeyCreatedSchema } },
      errors: ["bad_request", "validation_failed", "not_found", "forbidden"],
      example: { request: { scope: "operator", name: "On-call" } },
      handle: async ({ caller, body }) => created(await createKey(deps, { caller, body })),
    }),
    route({
      method: "delete",
      path: "/api/keys/:id",
      summary: "Revokes a key",
      tag: "keys",
      rule: "API-305",
      access: "caller",
      who: "instance administrator",
      rate: "write",
      responses: { 200: { description: "Done", schema: okSchema } },
      errors: ["not_found", "forbidden", "conflict"],
      handle: async ({ caller, params }) => {
        await deleteKey(deps, { caller, keyId: params.id });
        return ok({ ok: true });
      },
    }),
  ];
}
