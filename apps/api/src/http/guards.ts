/** The guards of API-32 to API-36, with their exact sentences. Each throws, or lets the caller pass. */
import { WakefleetError } from "@wakefleet/contracts";
import { listAgentGrants, listChainOfCommand, type Sql } from "@wakefleet/store";
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
  if (principal.canCreateAgents) return true;
  const grants = await listAgentGrants(sql, { id: principal.agentId, companyId: principal.companyId });
  return grants.some((grant) => grant.permissionKey === "agents:create");
}

/** CA: create agents. */
export async function assertCreatesAgents(sql: Sql, principal: Principal): Promise<void> {
  if (await canCreateAgents(sql, principal)) return;
  throw new WakefleetError("forbidden", "Missing permission: can create agents");
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

/** AT: assign tasks. */
export async function assertAssignsTasks(sql: Sql, principal: Principal): Promise<void> {
  if (principal.kind === "board") return;
  if (principal.kind === "agent") {
    if (principal.role === "ceo" || principal.canCreateAgents) return;
    const grants = await listAgentGrants(sql, { id: principal.agentId, companyId: principal.companyId });
    if (grants.some((grant) => grant.permissionKey === "tasks:assign" || grant.permissionKey === "agents:create"))
      return;
  }
  throw new WakefleetError("forbidden", "Missing permission: tasks:assign");
}

/** Whether an agent may change an issue that another agent is assigned to (CO-10). */
export async function mayMutateOthersIssue(
  sql: Sql,
  check: { principal: AgentPrincipal; assigneeAgentId: string },
): Promise<boolean> {
  const { principal } = check;
  if (principal.role === "ceo" || principal.canCreateAgents) return true;
  const grants = await listAgentGrants(sql, { id: principal.agentId, companyId: principal.companyId });
  const rights = new Set(grants.map((grant) => grant.permissionKey));
  if (rights.has("tasks:manage_active_checkouts") || rights.has("agents:create")) return true;
  const managers = await listChainOfCommand(sql, check.assigneeAgentId);
  return managers.some((manager) => manager.id === principal.agentId);
}
