/**
 * What Claude is given beside the prompt (AD-112, AD-113): a folder named after what is in it, with the agent's skills and
 * instructions, so that a session goes on only with what it began with (AD-114).
 *
 * What must stay true: a bundle that exists is never changed, since runs that use it may be going on.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { AgentInstructions } from "../cli/instructions.js";
import { linkSkill } from "../cli/skill-links.js";
import type { RuntimeSkill } from "../cli/skills.js";
import { digestFolder } from "./skill-digest.js";

const VERSION = "wakefleet-claude-prompt-bundle-1";

export interface PromptBundle {
  /** Hex; the same for the same instructions and skills. */
  readonly key: string;
  /** For `--add-dir`. */
  readonly directory: string;
  /** For `--append-system-prompt-file`; null without instructions. */
  readonly instructionsFile: string | null;
  /** Skills that could not be linked, for the run's log. */
  readonly warnings: readonly string[];
}

/** Makes the bundle, or finds it made. @throws Error when its folder cannot be written. */
export async function makePromptBundle(input: {
  /** Holds the bundles of a company. */
  readonly cacheDirectory: string;
  readonly instructions: AgentInstructions | null;
  readonly skills: readonly RuntimeSkill[];
}): Promise<PromptBundle> {
  const { cacheDirectory, instructions } = input;
  const skills = [...input.skills].sort((a, b) => (a.runtimeName < b.runtimeName ? -1 : 1));
  const key = await bundleKey(instructions, skills);
  const directory = path.join(cacheDirectory, key);
  const skillsHome = path.join(directory, ".claude", "skills");
  await mkdir(skillsHome, { recursive: true });
  const warnings: string[] = [];
  for (const skill of skills) {
    await linkSkill(skillsHome, skill).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      warnings.push(`Warning: could not link Claude skill "${skill.runtimeName}" into "${skillsHome}": ${reason}`);
    });
  }
  const instructionsFile = instructions === null ? null : path.join(directory, "agent-instructions.md");
  if (instructionsFile !== null) await writeOnce(instructionsFile, instructions?.text ?? "");
  return { key, directory, instructionsFile, warnings };
}

async function bundleKey(instructions: AgentInstructions | null, skills: readonly RuntimeSkill[]): Promise<string> {
  const hash = createHash("sha256").update(`${VERSION}\0`);
  hash.update(instructions === null ? "no instructions\0" : `instructions\0${instructions.text}\0`);
  for (const skill of skills) {
    hash.update(`skill\0${skill.key}\0${skill.runtimeName}\0`);
    await digestFolder(hash, skill.source);
  }
  return hash.digest("hex");
}

/** By rename, so that no run reads half of it. */
async function writeOnce(file: string, text: string): Promise<void> {
  const exists = await stat(file).then(
    () => true,
    () => false,
  );
  if (exists) return;
  const temporary = `${file}.${randomUUID()}`;
  try {
    await writeFile(temporary, text, { mode: 0o600 });
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}
