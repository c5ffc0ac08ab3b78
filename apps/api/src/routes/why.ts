/** Routes of BY-1: which rule decided, on which facts, and what would change it. */
import { agentWhySchema, runWhySchema } from "@wakefleet/contracts";
import { whyAgent, whyRun } from "@wakefleet/engine";
import { requireAgent } from "../agents/find-agent.js";
import { ok, type Route, route } from "../http/route.js";
import { requireRun } from "../runs/read-runs.js";
import { agentQuery } from "./agent-query.js";
import type { RouteDeps } from "./route-deps.js";

export function whyRoutes(deps: RouteDeps): Route[] {
  const { leaseMs } = deps.settings;
  return [
    route({
      method: "get",
      path: "/api/agents/:id/why",
      summary: "Says why an agent is not running now",
      tag: "agents",
      rule: "BY-1",
      access: "caller",
      who: "keys of the company",
      rate: "read",
      query: agentQuery,
      responses: { 200: { description: "The reasons, the first decides", schema: agentWhySchema } },
      errors: ["not_found", "wrong_company", "conflict", "unprocessable"],
      handle: async ({ caller, params, query }) => {
        const agent = await requireAgent(deps, { caller, ref: params.id, ...query });
        return ok(await whyAgent(deps.db.sql, { agent, leaseMs }));
      },
    }),
    route({
      method: "get",
      path: "/api/heartbeat-runs/:runId/why",
      summary: "Says what decided about a run, and why it waits",
      tag: "runs",
      rule: "BY-1",
      access: "caller_or_enqueue",
      who: "keys of the company; enqueue keys their own",
      rate: "read",
      responses: { 200: { description: "The decisions, oldest first", schema: runWhySchema } },
      errors: ["not_found", "wrong_company", "insufficient_scope"],
      handle: async ({ caller, params }) => {
        const run = await requireRun(deps, { caller, ...params });
        return ok(await whyRun(deps.db.sql, { run, leaseMs }));
      },
    }),
  ];
}
