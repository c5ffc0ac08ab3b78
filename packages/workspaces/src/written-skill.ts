/**
 * Skills whose text lies in the database, written out for agents' tools (SK-1, SK-4).
 *
 * What must stay true: a skill's directory is always there and whole once it was, also under the feet of an agent that
 * reads it: a text is a directory named by its hash, and the skill's name is a link that is moved from one to the next.
 */
import { createHash, randomUUID } from "node:crypto";
import { lstat, mkdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { companySkillsPath, type InstanceLocation } from "./instance-paths.js";

const RUNTIME = "__runtime__";
const TEXTS = ".texts";
const FILE = "SKILL.md";

export interface WrittenSkill {
  readonly companyId: string;
  /** One folder name. */
  readonly runtimeName: string;
  /** SHA-256 of the text, hex. */
  readonly contentHash: string;
}

/** Where agents' tools find the skill, whichever text it has now. */
export function writtenSkillPath(
  location: InstanceLocation,
  skill: Pick<WrittenSkill, "companyId" | "runtimeName">,
): string {
  return path.join(runtimeFolder(location, skill.companyId), skill.runtimeName);
}

/** Whether the skill lies there with this text. */
export async function isSkillWritten(location: InstanceLocation, skill: WrittenSkill): Promise<boolean> {
  const target = await readlink(writtenSkillPath(location, skill)).catch(() => null);
  if (target !== path.join(TEXTS, skill.contentHash)) return false;
  return await exists(path.join(runtimeFolder(location, skill.companyId), target, FILE));
}

/** Writes the text and moves the link; doing it again, or by many at once, is harmless. Rejects with the file system's error. */
export async function writeSkill(
  location: InstanceLocation,
  skill: Omit<WrittenSkill, "contentHash"> & { readonly markdown: string },
): Promise<void> {
  const folder = runtimeFolder(location, skill.companyId);
  const contentHash = createHash("sha256").update(skill.markdown).digest("hex");
  const text = path.join(folder, TEXTS, contentHash);
  if (!(await exists(path.join(text, FILE)))) {
    const draft = path.join(folder, TEXTS, `.${contentHash}.${randomUUID()}`);
    await mkdir(draft, { recursive: true });
    try {
      await writeFile(path.join(draft, FILE), skill.markdown);
      await rename(draft, text).catch(async (error: unknown) => {
        // Another run was faster with the same text.
        if (!(await exists(path.join(text, FILE)))) throw error;
      });
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }
  const link = writtenSkillPath(location, skill);
  const moved = `${link}.${randomUUID()}`;
  await symlink(path.join(TEXTS, contentHash), moved);
  try {
    await rename(moved, link);
  } finally {
    await rm(moved, { force: true });
  }
}

function runtimeFolder(location: InstanceLocation, companyId: string): string {
  return path.join(companySkillsPath(location, companyId), RUNTIME);
}

async function exists(file: string): Promise<boolean> {
  return await lstat(file).then(
    () => true,
    () => false,
  );
}
