/** The skills of an agent as its adapter sees them (AD-71, API-91), from its company's skills and its own choice. */
import type { AdapterRegistry, AdapterSkillSnapshot } from "@wakefleet/adapters";
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";
import { readRunSkills, type Sql } from "@wakefleet/store";
import type { InstanceLocation } from "@wakefleet/workspaces";
import { skillEntries } from "../runs/setup/run-skills.js";

export interface SkilledAgent {
  readonly id: string;
  readonly companyId: string;
  readonly adapterType: string;
  readonly adapterConfig: JsonObject;
}

/** Where a tool keeps skills in a folder, the folder looked at is this host's. An adapter without skills has `supported: false`. */
export async function listAgentSkills(
  deps: { readonly sql: Sql; readonly adapters: AdapterRegistry; readonly location: InstanceLocation },
  agent: SkilledAgent,
): Promise<AdapterSkillSnapshot> {
  const { id: agentId, companyId, adapterType, adapterConfig } = agent;
  const adapter = deps.adapters.resolve(adapterType);
  if (adapter.listSkills === undefined) {
    const { desiredSkills } = asJsonObject(adapterConfig["wakefleetSkillSync"]);
    const chosen = Array.isArray(desiredSkills) ? desiredSkills.filter((key) => typeof key === "string") : [];
    return { adapterType, supported: false, mode: "unsupported", desiredSkills: chosen, entries: [], warnings: [] };
  }
  const { skills } = await readRunSkills(deps.sql, { companyId, issueId: null });
  const wakefleetRuntimeSkills = skillEntries(deps.location, { companyId, skills });
  return await adapter.listSkills({
    agentId,
    companyId,
    adapterType,
    config: { ...adapterConfig, wakefleetRuntimeSkills },
  });
}
