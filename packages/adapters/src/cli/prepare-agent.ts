/** What every agent CLI with a skills folder is given before it runs: its instructions and its skills (AD-60, AD-69). */
import type { CliSetup } from "./cli-tool.js";
import { type AgentInstructions, readInstructions } from "./instructions.js";
import { linkRunSkills } from "./skill-links.js";
import { availableSkills, chosenSkills, desiredSkills, type RuntimeSkill } from "./skills.js";

export interface PreparedAgent {
  /** Null when the agent has none or they could not be read; the run's log says so. */
  readonly instructions: AgentInstructions | null;
  /** The skills this run is to have; they are linked. */
  readonly skills: readonly RuntimeSkill[];
}

/** `skillsHome` is the folder the tool looks in; `name` is the CLI's in messages. */
export async function prepareAgent(
  { execution, cwd }: CliSetup,
  { skillsHome, name }: { readonly skillsHome: string; readonly name: string },
): Promise<PreparedAgent> {
  const { config } = execution;
  const { skills } = desiredSkills(await availableSkills(config), chosenSkills(config));
  await linkRunSkills({ execution, home: skillsHome, skills, name });
  return { instructions: await readInstructions({ execution, config, cwd }), skills };
}

/** For the command notes: where the text before the prompt comes from; empty without one. */
export function instructionsNotes(instructions: AgentInstructions | null): string[] {
  return instructions === null ? [] : [`Agent instructions from ${instructions.file} go before the prompt.`];
}
