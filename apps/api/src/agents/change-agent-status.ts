/** Pause, resume, terminate and delete (API-78, API-79, API-81, API-82, AL-10 to AL-13, AL-16). The engine does it with all its effects. */
import type { AGENT_PATCH_STATUSES } from "@wakefleet/contracts";
import { type AgentRow, findAgent } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertManagesAgents } from "../http/guards.js";
import { found } from "../http/query-fields.js";
import { type Actor, actorOf } from "../principal.js";
import { AGENT_NOT_FOUND, type AgentReference, requireAgent } from "./find-agent.js";

type RequestedStatus = (typeof AGENT_PATCH_STATUSES)[number];

/** Moves an agent to a status by the use case that owns it. */
export async function changeAgentStatus(
  deps: Pick<ApiDeps, "engine"> & { forgetKeys(): void },
  change: { agent: AgentRow; status: RequestedStatus; actor: Actor },
): Promise<AgentRow> {
  const command = { agentId: change.agent.id, actor: change.actor };
  switch (change.status) {
    case "paused":
      return await deps.engine.pauseAgent(command);
    case "idle":
      return await deps.engine.resumeAgent(command);
    case "terminated": {
      const terminated = await deps.engine.terminateAgent(command);
      // Its keys are revoked: here at once, in other processes within the seconds their look-ups are believed (API-305).
      deps.forgetKeys();
      return terminated;
    }
  }
}

/** The same as a route of its own (MA); answers the agent as it is afterwards, spending computed. */
export async function commandAgent(
  deps: ApiDeps & { forgetKeys(): void },
  command: AgentReference & { status: RequestedStatus },
): Promise<AgentRow> {
  const agent = await requireAgent(deps, command);
  assertManagesAgents(command.caller);
  await changeAgentStatus(deps, { agent, status: command.status, actor: actorOf(command.caller) });
  return found(await findAgent(deps.db.sql, agent.id), AGENT_NOT_FOUND);
}

/** API-82. */
export async function deleteAgent(deps: ApiDeps & { forgetKeys(): void }, command: AgentReference): Promise<void> {
  const { id: agentId } = await requireAgent(deps, command);
  assertManagesAgents(command.caller);
  await deps.engine.deleteAgent({ agentId, actor: actorOf(command.caller) });
  deps.forgetKeys();
}
