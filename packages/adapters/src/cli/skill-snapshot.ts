/** The skills of an agent as its tool sees them (AD-71), and bringing the tool's folder in line with a choice. */
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { AdapterSkillContext, AdapterSkillEntry, AdapterSkillSnapshot } from "../contract.js";
import { linkSkill, skillFolderEntries } from "./skill-links.js";
import { availableSkills, chosenSkills, desiredSkills, type RuntimeSkill } from "./skills.js";

/** `listSkills` and `syncSkills` of an adapter whose tool keeps skills in a folder (mode `persistent`). */
export interface PersistentSkills {
  list(context: AdapterSkillContext): Promise<AdapterSkillSnapshot>;
  sync(context: AdapterSkillContext, desired: readonly string[]): Promise<AdapterSkillSnapshot>;
}

/** `skillsHome` gives the folder for an agent's config. */
export function persistentSkills(skillsHome: (context: AdapterSkillContext) => string): PersistentSkills {
  const snapshot = async (
    context: AdapterSkillContext,
    references: readonly string[],
  ): Promise<AdapterSkillSnapshot> => {
    const available = await availableSkills(context.config);
    const desired = desiredSkills(available, references);
    const present = new Map((await skillFolderEntries(skillsHome(context))).map(({ name, target }) => [name, target]));
    const known = available.map((skill) => entryOf(skill, { desired: desired.skills.includes(skill), present }));
    const names = new Set(available.map((skill) => skill.runtimeName));
    const external = [...present.keys()]
      .filter((name) => !names.has(name))
      .map((name): AdapterSkillEntry => ({ key: name, runtimeName: name, desired: false, state: "external" }));
    return {
      adapterType: context.adapterType,
      supported: true,
      mode: "persistent",
      desiredSkills: [...desired.skills.map((skill) => skill.key), ...desired.unknown],
      entries: [...known, ...desired.unknown.map(missingEntry), ...external],
      warnings: desired.unknown.map(unavailable),
    };
  };

  return {
    list: (context) => snapshot(context, chosenSkills(context.config)),
    async sync(context, references) {
      const home = skillsHome(context);
      const available = await availableSkills(context.config);
      const { skills } = desiredSkills(available, references);
      if (skills.length > 0) await mkdir(home, { recursive: true });
      for (const skill of skills) await linkSkill(home, skill);
      await unlinkOthers({ home, available, desired: skills });
      return await snapshot(context, references);
    },
  };
}

/**
 * The skills of an agent whose tool is handed them anew for every run (mode `ephemeral`): nothing is installed, so the
 * choice alone decides. Also what `syncSkills` answers there.
 */
export async function listEphemeralSkills(
  context: AdapterSkillContext,
  references: readonly string[],
): Promise<AdapterSkillSnapshot> {
  const available = await availableSkills(context.config);
  const desired = desiredSkills(available, references);
  const known = available.map((skill): AdapterSkillEntry => {
    const isDesired = desired.skills.includes(skill);
    const state = isDesired ? "configured" : "available";
    return { key: skill.key, runtimeName: skill.runtimeName, desired: isDesired, state };
  });
  return {
    adapterType: context.adapterType,
    supported: true,
    mode: "ephemeral",
    desiredSkills: [...desired.skills.map((skill) => skill.key), ...desired.unknown],
    entries: [...known, ...desired.unknown.map(missingEntry)],
    warnings: desired.unknown.map(unavailable),
  };
}

function entryOf(
  skill: RuntimeSkill,
  found: { readonly desired: boolean; readonly present: ReadonlyMap<string, string | null> },
): AdapterSkillEntry {
  const target = found.present.get(skill.runtimeName);
  const base = { key: skill.key, runtimeName: skill.runtimeName, desired: found.desired };
  if (target === path.resolve(skill.source)) return { ...base, state: found.desired ? "installed" : "stale" };
  if (target !== undefined) {
    return { ...base, state: "external", detail: "The name is taken by something that is not managed here." };
  }
  return { ...base, state: found.desired ? "missing" : "available" };
}

function missingEntry(reference: string): AdapterSkillEntry {
  return { key: reference, runtimeName: null, desired: true, state: "missing", detail: unavailable(reference) };
}

function unavailable(reference: string): string {
  return `Desired skill "${reference}" is not available from the Wakefleet skills directory.`;
}

/** Removes links of ours to skills that are not wanted any more; everything else stays. */
async function unlinkOthers(input: {
  readonly home: string;
  readonly available: readonly RuntimeSkill[];
  readonly desired: readonly RuntimeSkill[];
}): Promise<void> {
  const unwanted = input.available.filter((skill) => !input.desired.includes(skill));
  for (const { name, target } of await skillFolderEntries(input.home)) {
    const ours = unwanted.some((skill) => skill.runtimeName === name && path.resolve(skill.source) === target);
    if (ours) await rm(path.join(input.home, name), { force: true });
  }
}
