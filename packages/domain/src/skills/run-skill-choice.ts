/** Which skills a run's config asks for (SK-6). Pure. */
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";

/** The config with these keys after those the agent chose, each once; the same config when there are none to add. */
export function withSkillKeys(config: JsonObject, keys: readonly string[]): JsonObject {
  if (keys.length === 0) return config;
  const sync = asJsonObject(config["wakefleetSkillSync"]);
  const chosen = Array.isArray(sync["desiredSkills"]) ? sync["desiredSkills"] : [];
  const desiredSkills = [...new Set([...chosen, ...keys])];
  return { ...config, wakefleetSkillSync: { ...sync, desiredSkills } };
}

/** The agents' own words for what the mentions brought (SK-7); null when they brought nothing. */
export function mentionedSkillsNotice(keys: readonly string[]): string | null {
  return keys.length === 0 ? null : `Enabled run-scoped skills from issue mentions: ${keys.join(", ")}`;
}
