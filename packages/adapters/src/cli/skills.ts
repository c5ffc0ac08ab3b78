/** Which skills there are for a run and which of them the agent is to have (AD-67, AD-68). */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { readStringList } from "../config-readers.js";
import { firstText } from "../event-fields.js";

export interface RuntimeSkill {
  readonly key: string;
  /** Name of its folder where the agent's tool looks. */
  readonly runtimeName: string;
  /** Absolute path of the folder that holds `SKILL.md`. */
  readonly source: string;
  readonly required: boolean;
}

/** The product's own skills lie beside its packages. */
const BUNDLED_SKILLS = path.resolve(import.meta.dirname, "../../../../skills");
const NOT_REQUIRED = /^required:\s*false\s*$/m;

/** The skills the host put into the config, else the product's own (AD-67). */
export async function availableSkills(
  config: JsonObject,
  bundledDirectory: string = BUNDLED_SKILLS,
): Promise<readonly RuntimeSkill[]> {
  const given = Array.isArray(config["wakefleetRuntimeSkills"]) ? config["wakefleetRuntimeSkills"] : [];
  const skills = given.filter(isJsonObject).flatMap(readSkill);
  return skills.length > 0 ? skills : await bundledSkills(bundledDirectory);
}

function readSkill(entry: JsonObject): RuntimeSkill[] {
  const key = firstText(entry, ["key"]);
  const runtimeName = firstText(entry, ["runtimeName"]);
  const source = firstText(entry, ["source"]);
  if (key === null || runtimeName === null || source === null) return [];
  // A name becomes a path below the skills folder and must not lead out of it.
  if (path.basename(runtimeName) !== runtimeName || runtimeName === "." || runtimeName === "..") return [];
  return [{ key, runtimeName, source, required: entry["required"] === true }];
}

async function bundledSkills(directory: string): Promise<RuntimeSkill[]> {
  const names = await readdir(directory).catch(() => [] as string[]);
  const skills = await Promise.all(
    names.sort().map(async (name): Promise<RuntimeSkill[]> => {
      const source = path.join(directory, name);
      const text = await readFile(path.join(source, "SKILL.md"), "utf8").catch(() => null);
      if (text === null) return [];
      return [{ key: `wakefleet/${name}`, runtimeName: name, source, required: !NOT_REQUIRED.test(frontMatter(text)) }];
    }),
  );
  return skills.flat();
}

function frontMatter(text: string): string {
  return /^---\r?\n([\s\S]*?)\r?\n---/.exec(text)?.[1] ?? "";
}

export interface DesiredSkills {
  readonly skills: readonly RuntimeSkill[];
  /** References that name no skill. */
  readonly unknown: readonly string[];
}

/** The agent's choice in `wakefleetSkillSync.desiredSkills`; empty when it made none. */
export function chosenSkills(config: JsonObject): string[] {
  const sync = config["wakefleetSkillSync"];
  return isJsonObject(sync) ? readStringList(sync["desiredSkills"]) : [];
}

/** All required skills and those the references name (AD-68). */
export function desiredSkills(available: readonly RuntimeSkill[], references: readonly string[]): DesiredSkills {
  const named = references
    .filter((reference) => nonEmptyString(reference) !== null)
    .map((reference) => ({ reference, skill: findSkill(available, reference) }));
  const wanted = new Set(named.flatMap(({ skill }) => skill ?? []));
  return {
    skills: available.filter((skill) => skill.required || wanted.has(skill)),
    unknown: named.filter(({ skill }) => skill === null).map(({ reference }) => reference),
  };
}

/** By key, else by unique runtime name, else by unique last part of the key; without regard to case. */
function findSkill(available: readonly RuntimeSkill[], reference: string): RuntimeSkill | null {
  const wanted = reference.trim().toLowerCase();
  const byKey = available.find((skill) => skill.key.toLowerCase() === wanted);
  if (byKey !== undefined) return byKey;
  for (const nameOf of [(skill: RuntimeSkill) => skill.runtimeName, (skill: RuntimeSkill) => lastPart(skill.key)]) {
    const found = available.filter((skill) => nameOf(skill).toLowerCase() === wanted);
    if (found.length === 1) return found[0] ?? null;
  }
  return null;
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
