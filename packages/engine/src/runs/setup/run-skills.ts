/**
 * The skills of one run (CX-1 step 11, SK-1, SK-2, SK-4, SK-6 to SK-8): those of its company on disk, and those its issue
 * mentions chosen for this run alone.
 *
 * What must stay true: the agent's own config is not changed; a skill that is not to be had on this host is left out and
 * stops no run.
 */
import { createHash } from "node:crypto";
import path from "node:path";
import { isGuid, type JsonObject } from "@wakefleet/contracts";
import { mentionedSkillIds, mentionedSkillsNotice, withSkillKeys } from "@wakefleet/domain";
import { type RunSkillRow, readRunSkills, readSkillTexts } from "@wakefleet/store";
import {
  type InstanceLocation,
  isDirectory,
  isSkillWritten,
  writeSkill,
  writtenSkillPath,
} from "@wakefleet/workspaces";
import type { Execution } from "../execution.js";

/** SK-2. */
const BUNDLED_REASON = "Bundled Wakefleet skills are always available for local adapters.";
/** Sources whose directory is where they say; every other text is written out (SK-1). */
const ON_DISK = new Set(["local_path", "catalog"]);

export interface RunSkills {
  readonly config: JsonObject;
  /** SK-7: the log's first line; null: no mention brought a skill. */
  readonly notice: string | null;
}

/** Adds the company's skills to the run's config; an adapter that knows no skills gets none and costs no statement. */
export async function withRunSkills(execution: Execution, config: JsonObject): Promise<RunSkills> {
  const { deps, claimed } = execution;
  const { companyId, issueId } = claimed.run;
  if (deps.adapters.resolve(claimed.agent.adapterType).listSkills === undefined) return { config, notice: null };
  const facts = await readRunSkills(deps.db.sql, { companyId, issueId: isGuid(issueId) ? issueId : null });
  const byId = new Map(facts.skills.map((skill) => [skill.id, skill.key]));
  const keys = mentionedSkillIds(facts.texts).flatMap((id) => byId.get(id) ?? []);
  const wakefleetRuntimeSkills = await onDisk(execution, facts.skills);
  return {
    config: { ...withSkillKeys(config, keys), wakefleetRuntimeSkills },
    notice: mentionedSkillsNotice(keys),
  };
}

async function onDisk({ deps, claimed }: Execution, skills: readonly RunSkillRow[]): Promise<JsonObject[]> {
  const { location } = deps;
  const { companyId } = claimed.run;
  const written = skills.filter((skill) => directoryOf(skill) === null);
  const missing: RunSkillRow[] = [];
  for (const skill of written) {
    const { contentHash } = skill;
    if (!(await isSkillWritten(location, { companyId, runtimeName: runtimeName(skill), contentHash })))
      missing.push(skill);
  }
  const texts =
    missing.length === 0
      ? new Map<string, string>()
      : await readSkillTexts(
          deps.db.sql,
          missing.map(({ id }) => id),
        );
  const leftOut = new Set<string>();
  for (const skill of missing) {
    try {
      const markdown = texts.get(skill.id);
      if (markdown === undefined) throw new Error("it was deleted meanwhile");
      await writeSkill(location, { companyId, runtimeName: runtimeName(skill), markdown });
    } catch (error) {
      leftOut.add(skill.id);
      deps.log.warn({ event: "run.skill_left_out", key: skill.key, err: error }, "a skill could not be written out");
    }
  }
  const entries = await Promise.all(
    skills.map(async (skill): Promise<JsonObject | null> => {
      if (leftOut.has(skill.id)) return null;
      const source = directoryOf(skill) ?? writtenSkillPath(location, { companyId, runtimeName: runtimeName(skill) });
      // A directory may be there on another host only (SK-3).
      return (await isDirectory(source)) ? entryOf(skill, source) : null;
    }),
  );
  return entries.filter((entry) => entry !== null);
}

/** SK-1: every skill as an adapter is told of it, wherever its directory is. */
export function skillEntries(
  location: InstanceLocation,
  of: { companyId: string; skills: readonly RunSkillRow[] },
): JsonObject[] {
  return of.skills.map((skill) =>
    entryOf(skill, directoryOf(skill) ?? writtenSkillPath(location, { ...of, runtimeName: runtimeName(skill) })),
  );
}

/** SK-1: the directory that holds `SKILL.md`; null for a skill whose text lies in the database. */
function directoryOf({ sourceType, sourceLocator }: RunSkillRow): string | null {
  if (!ON_DISK.has(sourceType) || sourceLocator === null || !path.isAbsolute(sourceLocator)) return null;
  return path.basename(sourceLocator).toLowerCase() === "skill.md" ? path.dirname(sourceLocator) : sourceLocator;
}

/** SK-2. A slug is one folder name; the hash keeps two skills of one slug apart. */
function runtimeName({ key, slug, isBundled }: RunSkillRow): string {
  const name = slug.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^\.+/, "") || "skill";
  return isBundled ? name : `${name}--${createHash("sha256").update(key).digest("hex").slice(0, 10)}`;
}

function entryOf(skill: RunSkillRow, source: string): JsonObject {
  const { key, isBundled } = skill;
  return {
    key,
    runtimeName: runtimeName(skill),
    source,
    required: isBundled,
    requiredReason: isBundled ? BUNDLED_REASON : null,
  };
}
