/** What an agent may do beside its own work (API-83). */
import { type AgentPermissions, WakefleetError } from "@wakefleet/contracts";
import { lockAgent, setAgentPermissions } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { insufficientScope } from "../http/guards.js";
import { found } from "../http/query-fields.js";
import { mutate } from "../mutate.js";
import { actorOf, type Principal } from "../principal.js";
import { AGENT_NOT_FOUND, type AgentReference, requireAgent } from "./find-agent.js";
import { readAgent } from "./read-agents.js";

/** Sets both rights and answers the agent with what it may do now. */
export async function changeAgentPermissions(
  deps: ApiDeps & { forgetKeys(): void },
  command: AgentReference & { body: AgentPermissions },
): Promise<object> {
  const { caller, body } = command;
  const { id: agentId, companyId } = await requireAgent(deps, command);
  assertManagesPermissions(caller);
  const actor = actorOf(caller);
  await mutate(deps, actor, async ({ tx, note }) => {
    found(await lockAgent(tx, agentId), AGENT_NOT_FOUND);
    await setAgentPermissions(tx, { agentId, companyId, ...body, userId: actor.userId });
    note({
      companyId,
      action: "agent.permissions_updated",
      entityType: "agent",
      entityId: agentId,
      details: { canCreateAgents: body.canCreateAgents, canAssignTasks: body.canAssignTasks },
    });
  });
  // Who may create agents is kept beside its key: asked anew from here on (API-305).
  deps.forgetKeys();
  return await readAgent(deps, { caller, ref: agentId });
}

/** MA, or an agent of role `ceo`. */
function assertManagesPermissions(caller: Principal): void {
  if (caller.kind === "board") return;
  if (caller.kind === "enqueue") throw insufficientScope();
  if (caller.role !== "ceo") throw new WakefleetError("forbidden", "Only CEO can manage permissions");
}
