/** An agent's keys (API-84). A token is answered once, when its key is made. */
import { WakefleetError } from "@wakefleet/contracts";
import { insertAgentKey, listAgentKeys, lockAgent, revokeAgentKey } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { assertManagesAgents } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { mutate } from "../mutate.js";
import { actorOf } from "../principal.js";
import { AGENT_NOT_FOUND, type AgentReference, requireAgent } from "./find-agent.js";

const KEY_NOT_FOUND = "Key not found";

export async function readAgentKeys(deps: ApiDeps, query: AgentReference): Promise<object[]> {
  const agent = await requireAgent(deps, query);
  assertManagesAgents(query.caller);
  const keys = await listAgentKeys(deps.db.sql, agent.id);
  return keys.map(({ id, name, createdAt, revokedAt }) => ({ id, name, createdAt, revokedAt }));
}

export async function createAgentKey(deps: ApiDeps, command: AgentReference & { name: string }): Promise<object> {
  const agent = await requireAgent(deps, command);
  assertManagesAgents(command.caller);
  const key = await mutate(deps, actorOf(command.caller), async ({ tx, note }) => {
    // Locked, so that a key cannot be made beside a termination that revokes all of them.
    const locked = found(await lockAgent(tx, agent.id), AGENT_NOT_FOUND);
    if (locked.status === "pending_approval") {
      throw new WakefleetError("conflict", "Cannot create keys for pending approval agents");
    }
    if (locked.status === "terminated")
      throw new WakefleetError("conflict", "Cannot create keys for terminated agents");
    const created = await insertAgentKey(tx, { agentId: agent.id, companyId: agent.companyId, name: command.name });
    note({
      companyId: agent.companyId,
      action: "agent.key_created",
      entityType: "agent",
      entityId: agent.id,
      details: { keyId: created.id, name: created.name },
    });
    return created;
  });
  return { id: key.id, name: key.name, token: key.token, createdAt: key.createdAt };
}

export async function deleteAgentKey(
  deps: ApiDeps & { forgetKeys(): void },
  command: AgentReference & { keyId: string },
): Promise<void> {
  const agent = await requireAgent(deps, command);
  assertManagesAgents(command.caller);
  const keyId = pathId(command.keyId, KEY_NOT_FOUND);
  await mutate(deps, actorOf(command.caller), async ({ tx, note }) => {
    const key = found(await revokeAgentKey(tx, { agentId: agent.id, keyId }), KEY_NOT_FOUND);
    note({
      companyId: agent.companyId,
      action: "agent.key_revoked",
      entityType: "agent",
      entityId: agent.id,
      details: { keyId: key.id, name: key.name },
    });
  });
  deps.forgetKeys();
}
