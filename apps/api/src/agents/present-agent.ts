/** Agents as they are answered: configurations hidden from those who may not read them, secrets masked. */
import { agentShortName, redactAdapterConfig, redactObject } from "@wakefleet/domain";
import { type AgentRow, listAgentGrants, listChainOfCommand } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { canCreateAgents } from "../http/guards.js";
import type { Principal } from "../principal.js";

/** Whether this caller reads configurations of any agent (MA or CA of API-34). */
export async function readsConfigurations(deps: Pick<ApiDeps, "db">, caller: Principal): Promise<boolean> {
  return await canCreateAgents(deps.db.sql, caller);
}

/** DM-21 with `urlKey`; `{}` for configurations the caller may not read. */
export function presentAgent(agent: AgentRow, reader: { caller: Principal; readsConfigurations: boolean }): object {
  const isSelf = reader.caller.kind === "agent" && reader.caller.agentId === agent.id;
  const mayRead = reader.readsConfigurations || isSelf;
  return {
    ...agent,
    urlKey: agentShortName(agent.name),
    adapterConfig: mayRead ? redactAdapterConfig(agent.adapterConfig) : {},
    runtimeConfig: mayRead ? redactObject(agent.runtimeConfig) : {},
    metadata: agent.metadata === null ? null : redactObject(agent.metadata),
  };
}

/** `AgentDetail`: with managers upwards and what the agent may do. */
export async function presentAgentDetail(
  deps: Pick<ApiDeps, "db">,
  detail: { agent: AgentRow; caller: Principal },
): Promise<object> {
  const { agent, caller } = detail;
  const [chainOfCommand, grants, reads] = await Promise.all([
    listChainOfCommand(deps.db.sql, agent.id),
    listAgentGrants(deps.db.sql, agent),
    readsConfigurations(deps, caller),
  ]);
  const rights = new Set(grants.map((grant) => grant.permissionKey));
  const taskAssignSource = rights.has("tasks:assign")
    ? "explicit_grant"
    : agent.role === "ceo"
      ? "ceo_role"
      : agent.permissions["canCreateAgents"] === true || rights.has("agents:create")
        ? "agent_creator"
        : "none";
  return {
    ...presentAgent(agent, { caller, readsConfigurations: reads }),
    chainOfCommand,
    access: { canAssignTasks: taskAssignSource !== "none", taskAssignSource, membership: null, grants },
  };
}
