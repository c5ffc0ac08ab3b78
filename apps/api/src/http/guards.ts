/** The guards of API-32 to API-36, with their exact sentences. Each throws, or lets the caller pass. */
import { WakefleetError } from "@wakefleet/contracts";
import { listAgentGrants, type Sql } from "@wakefleet/store";
import type { AgentPrincipal, BoardPrincipal, Principal } from "../principal.js";
import { isInstanceAdmin } from "../principal.js";

/** C: the caller is of this company, or of none (API-32). The resource must have been found before. */
export function assertCompanyAccess(principal: Principal, companyId: string): void {
  if (principal.companyId === null || principal.companyId === companyId) return;
  throw new WakefleetError(
    "wrong_company",
    principal.kind === "agent"
      ? "Agent key cannot access another company"
      : "User does not have access to this company",
  );
}

/** B: the board. */
export function assertBoard(principal: Principal): asserts principal is BoardPrincipal {
  if (principal.kind === "board") return;
  if (principal.kind === "enqueue") throw insufficientScope();
  throw new WakefleetError("forbidden", "Board access required");
}

/** IA: instance administrator. */
export function assertInstanceAdmin(principal: Principal): asserts principal is BoardPrincipal {
  if (isInstanceAdmin(principal)) return;
  if (principal.kind === "enqueue") throw insufficientScope();
  throw new WakefleetError("forbidden", "Instance admin access required");
}

/** MA: manage agents. */
export function assertManagesAgents(principal: Principal): asserts principal is BoardPrincipal {
  if (principal.kind === "board") return;
  if (principal.kind === "enqueue") throw insufficientScope();
  throw new WakefleetError("forbidden", "Missing permission: agents:create");
}

/** API-36: enqueue keys do nothing but post and read their own. */
export function insufficientScope(): WakefleetError {
  return new WakefleetError("insufficient_scope", "This key may only post wakeups and read what became of them");
}

/** Whether the caller may create agents (CA of API-34): the board, and agents by permission or grant. */
export async function canCreateAgents(sql: Sql, principal: Principal): Promise<boolean> {
  if (principal.kind === "board") return true;
  if (principal.kind === "enqueue") return false;
  return principal.canCreateAgents || (await hasGrant(sql, principal, "agents:create"));
}

async function hasGrant(sql: Sql, agent: AgentPrincipal, permissionKey: string): Promise<boolean> {
  const grants = await listAgentGrants(sql, { id: agent.agentId, companyId: agent.companyId });
  return grants.some((grant) => grant.permissionKey === permissionKey);
}

/** CA: create agents. */
export async function assertCreatesAgents(sql: Sql, principal: Principal): Promise<void> {
  if (await canCreateAgents(sql, principal)) return;
  throw new WakefleetError("forbidden", "Missing permission: can create agents");
}

/** EM: manage environments. */
export async function assertManagesEnvironments(sql: Sql, principal: Principal): Promise<void> {
  if (await canCreateAgents(sql, principal)) return;
  if (principal.kind === "agent" && (await hasGrant(sql, principal, "environments:manage"))) return;
  throw new WakefleetError("forbidden", "Missing permission: environments:manage");
}

/** UA: change this agent. */
export async function assertUpdatesAgent(sql: Sql, check: { principal: Principal; agentId: string }): Promise<void> {
  const { principal } = check;
  if (principal.kind === "agent" && (principal.agentId === check.agentId || principal.role === "ceo")) return;
  if (await canCreateAgents(sql, principal)) return;
  throw new WakefleetError("forbidden", "Only CEO or agent creators can modify other agents");
}

/** SELF for agents; the board and enqueue keys may wake anybody of their company (API-100). */
export function assertWakes(principal: Principal, agentId: string): void {
  if (principal.kind === "agent" && principal.agentId !== agentId) {
    throw new WakefleetError("forbidden", "Agent can only invoke itself");
  }
}
