/** Routes of a company's activity and live events (API-250, API-261). The WebSocket of API-260 is beside them. */
import { activityCreateSchema, activitySchema } from "@wakefleet/contracts";
import { z } from "zod";
import { readActivity, writeActivity } from "../activity/activity.js";
import { requireCompany } from "../companies/companies.js";
import { openEventStream } from "../http/event-stream.js";
import { FLEET_COMPANY, readLastEventId, subscriptionFor } from "../http/live-filter.js";
import { pageAnswer } from "../http/pages.js";
import { clampedNumber, commaList, guidQuery, instantQuery, textField } from "../http/query-fields.js";
import { created, type Route, route } from "../http/route.js";
import type { RouteDeps } from "./route-deps.js";

const common = { tag: "events", access: "caller", who: "keys of the company", rate: "read" } as const;

export function companyEventRoutes(deps: RouteDeps): Route[] {
  return [
    route({
      ...common,
      method: "get",
      masksUser: true,
      path: "/api/companies/:companyId/activity",
      summary: "Lists what happened in a company, newest first",
      rule: "API-250",
      query: z.object({
        agentId: guidQuery,
        entityType: textField,
        entityId: textField,
        runId: guidQuery,
        action: textField,
        since: instantQuery,
        until: instantQuery,
        limit: clampedNumber({ min: 1, max: 500, fallback: 100 }),
        cursor: guidQuery,
      }),
      responses: { 200: { description: "The activity", schema: z.array(activitySchema) } },
      errors: ["validation_failed", "not_found", "wrong_company"],
      handle: async ({ caller, params, query, req }) => {
        const page = await readActivity(deps, { caller, ...params, ...query });
        return pageAnswer(req, page, page.rows);
      },
    }),
    route({
      ...common,
      method: "post",
      path: "/api/companies/:companyId/activity",
      summary: "Adds to a company's log what happened beside the fleet",
      rule: "API-251",
      who: "board",
      rate: "write",
      body: activityCreateSchema,
      responses: { 201: { description: "The row", schema: activitySchema } },
      errors: ["validation_failed", "not_found", "wrong_company", "forbidden", "unprocessable"],
      example: { request: { actorId: "deploy", action: "deploy.finished", entityType: "deploy", entityId: "42" } },
      handle: async ({ caller, params, body }) => created(await writeActivity(deps, { caller, ...params, body })),
    }),
    route({
      ...common,
      method: "get",
      path: "/api/companies/:companyId/events/stream",
      summary: "Follows a company's live events (server-sent events)",
      rule: "API-261",
      tokenInQuery: true,
      query: z.object({
        types: commaList,
        agentId: guidQuery,
        runId: guidQuery,
        issueId: textField,
        lastEventId: textField,
        token: z.string().optional(),
      }),
      headers: { "Last-Event-ID": "Everything kept after this id comes first" },
      responses: { 200: { description: "Live events", contentType: "text/event-stream" } },
      errors: ["not_found", "wrong_company"],
      handle: async ({ caller, params, query, req }) => {
        const company = await requireCompany(deps, { caller, ...params });
        const lastEventId = readLastEventId(req.get("last-event-id") ?? query.lastEventId);
        return {
          stream: async (res) => {
            const stream = openEventStream(res, deps.lifecycle);
            try {
              const { signal } = stream;
              const wanted = subscriptionFor({ caller, companyId: company.id, query, lastEventId, signal });
              for await (const event of deps.live.subscribe(wanted)) {
                // A client resumes from its company's ids; the fleet's own events have others.
                const id = event.companyId === FLEET_COMPANY ? {} : { id: event.id };
                stream.send({ ...id, event: event.type, data: event });
              }
            } finally {
              stream.end();
            }
          },
        };
      },
    }),
  ];
}
