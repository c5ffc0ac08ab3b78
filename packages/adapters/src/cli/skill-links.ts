/**
 * Skills where an agent's tool looks for them: links in a folder that people use too (AD-69).
 *
 * What must stay true: nothing a person put there is ever changed or removed; a link that works is left alone; what goes
 * wrong is told and does not stop a run. Runs link at the same time, so every step copes with having been done already.
 */
import { lstat, mkdir, readdir, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import path from "node:path";
import type { AdapterExecutionContext } from "../contract.js";
import { writeLogLine } from "../log-line.js";
import type { RuntimeSkill } from "./skills.js";

/** Links into such a checkout were made by earlier releases of a tool and are ours to remove. */
const PRUNABLE_TARGET = "/.agents/skills/";

export type LinkOutcome = "linked" | "repaired" | "present" | "occupied";

/** Links a skill's folder into `home` under its runtime name. */
export async function linkSkill(home: string, skill: RuntimeSkill): Promise<LinkOutcome> {
  const link = path.join(home, skill.runtimeName);
  const target = await linkTarget(link);
  if (target === "absent") return (await makeLink(skill.source, link)) ? "linked" : "present";
  if (target === "not-a-link") return "occupied";
  if (target === path.resolve(skill.source)) return "present";
  if (await exists(target)) return "occupied";
  await replaceLink(skill.source, link);
  return "repaired";
}

/** Removes links into a foreign checkout that are not desired; gives their names (AD-69). */
export async function pruneSkillLinks(home: string, desired: readonly RuntimeSkill[]): Promise<string[]> {
  const wanted = new Set(desired.map((skill) => skill.runtimeName));
  const pruned: string[] = [];
  for (const { name, target } of await skillFolderEntries(home)) {
    if (target === null || wanted.has(name) || !target.includes(PRUNABLE_TARGET)) continue;
    await rm(path.join(home, name), { force: true });
    pruned.push(name);
  }
  return pruned;
}

/** What lies in a skills folder; `target` is where a link leads, null for anything else. Empty when there is no folder. */
export async function skillFolderEntries(
  home: string,
): Promise<readonly { readonly name: string; readonly target: string | null }[]> {
  const names = await readdir(home).catch(() => [] as string[]);
  return await Promise.all(
    names.map(async (name) => {
      const target = await linkTarget(path.join(home, name));
      return { name, target: target === "absent" || target === "not-a-link" ? null : target };
    }),
  );
}

/** Links a run's skills and prunes old links; tells the run's log what it did and what failed (AD-69). */
export async function linkRunSkills(input: {
  readonly execution: Pick<AdapterExecutionContext, "onLog" | "onWarning">;
  /** The folder the tool looks in. */
  readonly home: string;
  readonly skills: readonly RuntimeSkill[];
  /** The CLI's name in messages. */
  readonly name: string;
}): Promise<void> {
  const { execution, home, skills, name } = input;
  const attempt = async (what: string, step: () => Promise<string | null>): Promise<void> => {
    try {
      const done = await step();
      if (done !== null) await writeLogLine(execution, { stream: "stdout", text: done });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      await writeLogLine(execution, { stream: "stderr", text: `Warning: ${what}: ${reason}` });
    }
  };
  if (skills.length > 0) {
    await attempt(`could not create the skills folder "${home}"`, async () => {
      await mkdir(home, { recursive: true });
      return null;
    });
  }
  for (const skill of skills) {
    await attempt(`could not link ${name} skill "${skill.runtimeName}" into "${home}"`, async () => {
      const outcome = await linkSkill(home, skill);
      if (outcome === "linked") return `Linked ${name} skill "${skill.runtimeName}" into "${home}".`;
      return outcome === "repaired" ? `Repaired ${name} skill "${skill.runtimeName}" in "${home}".` : null;
    });
  }
  await attempt(`could not remove old ${name} skills from "${home}"`, async () => {
    const pruned = await pruneSkillLinks(home, skills);
    return pruned.length === 0 ? null : `Removed old ${name} skills from "${home}": ${pruned.join(", ")}.`;
  });
}

/** Absolute path a link leads to, whether or not something is there. */
async function linkTarget(link: string): Promise<string> {
  try {
    if (!(await lstat(link)).isSymbolicLink()) return "not-a-link";
    return path.resolve(path.dirname(link), await readlink(link));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "absent";
    throw error;
  }
}

async function makeLink(source: string, link: string): Promise<boolean> {
  try {
    await symlink(source, link);
    return true;
  } catch (error) {
    // Another run was faster.
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** By rename, so that the name is never missing in between. */
async function replaceLink(source: string, link: string): Promise<void> {
  const temporary = `${link}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await symlink(source, temporary);
  try {
    await rename(temporary, link);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
