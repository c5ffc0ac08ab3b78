/** Skills of folders on this host on their way into a company (API-237, SK-3). */
import { createHash } from "node:crypto";
import path from "node:path";
import { WakefleetError } from "@wakefleet/contracts";
import { agentShortName } from "@wakefleet/domain";
import {
  deleteSkill,
  type FolderSkill,
  listFolderSkills,
  listSkillUsers,
  listWorkspaceDirectories,
  lockSkill,
  type Sql,
} from "@wakefleet/store";
import { findLocalSkills, isWithin, type LocalSkill, readLocalSkill, skillFolder } from "@wakefleet/workspaces";

/** What the folders named hold; the sentences say which of them hold no skill. */
export interface FoundSkills {
  readonly skills: readonly LocalSkill[];
  readonly warnings: readonly string[];
}

/** The skill as its company keeps it. The same folder gives the same key. */
export function folderSkill(companyId: string, skill: LocalSkill): FolderSkill {
  const { directory, name, slug, description, markdown, files } = skill;
  const kinds = new Set(files.map(({ kind }) => kind));
  // Not the skill's own name: it may change, and its key may not.
  const folderName = agentShortName(path.basename(directory)) || "skill";
  return {
    companyId,
    key: `local/${createHash("sha256").update(directory).digest("hex").slice(0, 10)}/${folderName}`,
    slug,
    name,
    description,
    markdown,
    fileInventory: files.map(({ path: file, kind }) => ({ path: file, kind })),
    trustLevel: kinds.has("script") ? "scripts_executables" : kinds.size > 1 ? "assets" : "markdown_only",
    sourceLocator: directory,
  };
}

/**
 * The skill of a folder, or those of the folders in it where tools keep skills.
 * @throws WakefleetError `unprocessable` when there is none.
 */
export async function skillsOfSource(source: string): Promise<FoundSkills> {
  const own = await readLocalSkill(source);
  if (own.kind === "skill") return { skills: [own.skill], warnings: [] };
  const root = await skillFolder(source);
  const found = root === null ? { skills: [], warnings: [] } : await readAll(await findLocalSkills(root));
  if (found.skills.length === 0) throw new WakefleetError("unprocessable", own.reason);
  return found;
}

export interface ProjectSkills extends FoundSkills {
  /** The workspaces of the company that are on this host, their links resolved. */
  readonly roots: readonly string[];
}

/** The skills in the workspaces of a company's projects, as far as those are on this host. */
export async function skillsOfProjects(sql: Sql, companyId: string): Promise<ProjectSkills> {
  const roots: string[] = [];
  const directories = new Set<string>();
  for (const directory of await listWorkspaceDirectories(sql, companyId)) {
    const root = await skillFolder(directory);
    if (root === null) continue;
    roots.push(root);
    for (const found of await findLocalSkills(root)) directories.add(found);
  }
  return { ...(await readAll([...directories])), roots };
}

/**
 * SK-3: takes away the skills whose folder is gone from a workspace that is here, and answers them. What agents have chosen
 * stays; what may lie on another host is not judged.
 */
export async function removeGoneSkills(
  tx: Sql,
  of: { companyId: string; roots: readonly string[] },
): Promise<{ id: string; key: string; name: string }[]> {
  const gone: { id: string; key: string; name: string }[] = [];
  for (const { id, key, name, sourceLocator } of await listFolderSkills(tx, of.companyId)) {
    if (!of.roots.some((root) => isWithin(root, sourceLocator)) || (await skillFolder(sourceLocator)) !== null)
      continue;
    if (!(await lockSkill(tx, id)) || (await listSkillUsers(tx, id)).length > 0) continue;
    await deleteSkill(tx, id);
    gone.push({ id, key, name });
  }
  return gone;
}

/** Whether a source lies in a workspace of the company's projects: what its agents may read anyway. */
export async function isInProjects(sql: Sql, of: { companyId: string; source: string }): Promise<boolean> {
  const folder = await skillFolder(of.source);
  if (folder === null) return false;
  for (const directory of await listWorkspaceDirectories(sql, of.companyId)) {
    const root = await skillFolder(directory);
    if (root !== null && isWithin(root, folder)) return true;
  }
  return false;
}

async function readAll(directories: readonly string[]): Promise<FoundSkills> {
  const skills: LocalSkill[] = [];
  const warnings: string[] = [];
  for (const directory of directories) {
    const reading = await readLocalSkill(directory);
    if (reading.kind === "skill") skills.push(reading.skill);
    else warnings.push(reading.reason);
  }
  return { skills, warnings };
}
