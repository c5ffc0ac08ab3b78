/** The skills of an agent (API-91): which it may use, which it has chosen, and changing the choice. */
import { listAgentSkills } from "@wakefleet/engine";
import type { ApiDeps } from "../deps.js";
import { assertCreatesAgents } from "../http/guards.js";
import { type AgentReference, requireAgent } from "./find-agent.js";
import { patchAgent } from "./update-agent.js";

/** For the agent itself and whoever may create agents. */
export async function readAgentSkills(deps: ApiDeps, query: AgentReference): Promise<object> {
  const agent = await requireAgent(deps, query);
  const { caller } = query;
  if (caller.kind !== "agent" || caller.agentId !== agent.id) await assertCreatesAgents(deps.db.sql, caller);
  return await snapshotOf(deps, agent);
}

/** A change of the agent's configuration like any other (API-77): the choice is what its next run gets. */
export async function syncAgentSkills(
  deps: ApiDeps & { forgetKeys(): void },
  command: AgentReference & { desiredSkills: string[] },
): Promise<object> {
  const { desiredSkills, ...reference } = command;
  const agent = await patchAgent(deps, { ...reference, body: { desiredSkills: [...new Set(desiredSkills)] } });
  return await snapshotOf(deps, agent);
}

async function snapshotOf(deps: ApiDeps, agent: Parameters<typeof listAgentSkills>[1]): Promise<object> {
  const { location } = deps.settings;
  return await listAgentSkills({ sql: deps.db.sql, adapters: deps.adapters, location }, agent);
}
