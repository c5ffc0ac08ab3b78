/** Reading agents (API-70, API-74, API-75). */
import { AGENT_STATUSES, type AgentStatus, WakefleetError } from "@wakefleet/contracts";
import { findAgent, listAgents, type Page } from "@wakefleet/store";
import { requireCompany } from "../companies/companies.js";
import type { ApiDeps } from "../deps.js";
import type { Principal } from "../principal.js";
import { type AgentReference, requireAgent } from "./find-agent.js";
import { presentAgent, presentAgentDetail, readsConfigurations } from "./present-agent.js";

export interface AgentListQuery {
  readonly caller: Principal;
  readonly companyId: string;
  readonly statuses?: readonly string[] | undefined;
  readonly text?: string | undefined;
  readonly includeTerminated: boolean;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** A page of a company's agents and how each is answered. */
export async function readAgents(
  deps: ApiDeps,
  query: AgentListQuery,
): Promise<{ page: Page<{ id: string }>; rows: object[] }> {
  const company = await requireCompany(deps, query);
  const page = await listAgents(deps.db.sql, {
    companyId: company.id,
    // Words that are no status match no agent.
    statuses: query.statuses?.filter((status): status is AgentStatus =>
      (AGENT_STATUSES as readonly string[]).includes(status),
    ),
    text: query.text,
    includeTerminated: query.includeTerminated,
    cursor: query.cursor,
    limit: query.limit,
  });
  const reader = { caller: query.caller, readsConfigurations: await readsConfigurations(deps, query.caller) };
  return { page, rows: page.rows.map((agent) => presentAgent(agent, reader)) };
}

export async function readAgent(deps: ApiDeps, query: AgentReference): Promise<object> {
  return await presentAgentDetail(deps, { agent: await requireAgent(deps, query), caller: query.caller });
}

/** `GET /api/agents/me`: the agent that asks. */
export async function readOwnAgent(deps: ApiDeps, caller: Principal): Promise<object> {
  const agent = caller.kind === "agent" ? await findAgent(deps.db.sql, caller.agentId) : null;
  if (agent === null) throw new WakefleetError("unauthenticated", "Agent authentication required");
  return await presentAgentDetail(deps, { agent, caller });
}
