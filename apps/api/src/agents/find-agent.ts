/** Finding the agent a path names: by id, or by its short name within a company (API-5). */
import { isGuid, WakefleetError } from "@wakefleet/contracts";
import { type AgentRow, findAgent, findAgentsByShortName } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertCompanyAccess } from "../http/guards.js";
import type { Principal } from "../principal.js";

export const AGENT_NOT_FOUND = "Agent not found";

/** What a request says about the agent it means. */
export interface AgentReference {
  readonly caller: Principal;
  /** `:id` of the path. */
  readonly ref: string;
  /** `?companyId=`. */
  readonly companyId?: string | undefined;
}

/**
 * The id of the agent meant; a UUID is handed on without a look-up.
 * @throws WakefleetError 404, 409 or 422 of API-5 for a short name.
 */
export async function resolveAgentId(deps: Pick<ApiDeps, "db">, reference: AgentReference): Promise<string> {
  if (isGuid(reference.ref)) return reference.ref.toLowerCase();
  const companyId = reference.companyId ?? reference.caller.companyId;
  if (companyId === null || companyId === undefined) {
    throw new WakefleetError("unprocessable", "Agent shortname lookup requires companyId query parameter");
  }
  assertCompanyAccess(reference.caller, companyId);
  return await resolveShortName(deps, { companyId, shortName: reference.ref });
}

/** The id of a company's agent by its short name. */
export async function resolveShortName(
  deps: Pick<ApiDeps, "db">,
  name: { companyId: string; shortName: string },
): Promise<string> {
  const agents = await findAgentsByShortName(deps.db.sql, name);
  if (agents.length > 1) {
    throw new WakefleetError("conflict", "Agent shortname is ambiguous in this company. Use the agent ID.");
  }
  if (agents[0] === undefined) throw new WakefleetError("not_found", AGENT_NOT_FOUND);
  return agents[0].id;
}

/** The agent meant, which the caller may see. */
export async function requireAgent(deps: Pick<ApiDeps, "db">, reference: AgentReference): Promise<AgentRow> {
  const agent = await findAgent(deps.db.sql, await resolveAgentId(deps, reference));
  if (agent === null) throw new WakefleetError("not_found", AGENT_NOT_FOUND);
  assertCompanyAccess(reference.caller, agent.companyId);
  return agent;
}
