/**
 * Skills that lie in folders of this host (API-237): a folder with a `SKILL.md`, read as it is.
 *
 * What must stay true: no text is taken from outside of the folder, also not through links, and what is read is bounded.
 */
import { open, readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { asJsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";
import { agentShortName, wellFormedText } from "@wakefleet/domain";
import { parse } from "yaml";

/** Greatest size of a skill's text, bytes. */
const MAX_TEXT_BYTES = 262_144;
/** Most files that are named, and how deep they are looked for. */
const MAX_FILES = 200;
const MAX_DEPTH = 4;
const MAX_SKILLS = 200;
const FILE = "SKILL.md";
/** Where the tools of agents keep skills in a project. */
const SKILL_FOLDERS = ["skills", ".claude/skills", ".agents/skills", ".codex/skills", ".cursor/skills"];
const SCRIPT = /\.(?:sh|bash|zsh|py|rb|pl|js|mjs|cjs|ts)$/i;
const ASSET = /\.(?:png|jpe?g|gif|svg|webp|pdf|csv|json|ya?ml|txt)$/i;

export interface LocalSkillFile {
  /** Within the folder, with `/`. */
  readonly path: string;
  readonly kind: "skill" | "markdown" | "reference" | "script" | "asset" | "other";
}

export interface LocalSkill {
  /** Absolute, links resolved. */
  readonly directory: string;
  readonly name: string;
  readonly slug: string;
  readonly description: string | null;
  readonly markdown: string;
  readonly files: readonly LocalSkillFile[];
}

/** The folder itself, or why it is none: a sentence for whoever named it. */
export type LocalSkillReading =
  | { readonly kind: "skill"; readonly skill: LocalSkill }
  | { readonly kind: "refused"; readonly reason: string };

const refused = (reason: string): LocalSkillReading => ({ kind: "refused", reason });

/** The real place of a folder, or of the folder of a `SKILL.md`; null when there is none. Never rejects. */
export async function skillFolder(source: string): Promise<string | null> {
  if (!path.isAbsolute(source) || source.includes("\0")) return null;
  const folder = path.basename(source).toLowerCase() === "skill.md" ? path.dirname(source) : source;
  const real = await realpath(folder).catch(() => null);
  return real !== null && (await isFolder(real)) ? real : null;
}

/** Reads the skill of a folder. Never rejects. */
export async function readLocalSkill(source: string): Promise<LocalSkillReading> {
  const directory = await skillFolder(source);
  if (directory === null) return refused(`"${source}" is no folder of this host; send an absolute path`);
  const file = await realpath(path.join(directory, FILE)).catch(() => null);
  if (file === null || !isWithin(directory, file)) return refused(`There is no ${FILE} in "${directory}"`);
  const text = await readBounded(file);
  if (text === null) return refused(`${FILE} in "${directory}" is no text of at most ${MAX_TEXT_BYTES} bytes`);
  const front = frontMatter(text);
  const folderName = path.basename(directory);
  const name = (nonEmptyString(front["name"]) ?? folderName).slice(0, 120);
  const slug = slugOf(name) || slugOf(folderName);
  if (slug === "") return refused(`The name "${name}" in "${directory}" gives no slug`);
  const description = nonEmptyString(front["description"])?.slice(0, 2_000) ?? null;
  const files = await filesOf(directory);
  return { kind: "skill", skill: { directory, name, slug, description, markdown: text, files } };
}

/** Folders with a `SKILL.md` where a project keeps them, in order of name; at most 200. Never rejects. */
export async function findLocalSkills(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of SKILL_FOLDERS) {
    const home = path.join(root, folder);
    for (const name of (await readdir(home).catch(() => [] as string[])).sort()) {
      const directory = await skillFolder(path.join(home, name));
      if (directory === null || found.includes(directory) || !isWithin(root, directory)) continue;
      if (
        await stat(path.join(directory, FILE)).then(
          (entry) => entry.isFile(),
          () => false,
        )
      )
        found.push(directory);
      if (found.length >= MAX_SKILLS) return found;
    }
  }
  return found;
}

/** Whether `inner` is `outer` or lies in it; both absolute, their links resolved. */
export function isWithin(outer: string, inner: string): boolean {
  const relative = path.relative(outer, inner);
  return relative === "" || (relative !== ".." && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative));
}

const slugOf = (name: string): string => agentShortName(name).slice(0, 64).replace(/-+$/, "");

async function isFolder(directory: string): Promise<boolean> {
  return await stat(directory).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}

/** Null: not a file, too large, or not to be read. */
async function readBounded(file: string): Promise<string | null> {
  try {
    const handle = await open(file, "r");
    try {
      const entry = await handle.stat();
      if (!entry.isFile() || entry.size > MAX_TEXT_BYTES) return null;
      // One byte more than allowed: a file may have grown since it was measured.
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_TEXT_BYTES + 1), 0, MAX_TEXT_BYTES + 1, 0);
      return bytesRead > MAX_TEXT_BYTES ? null : wellFormedText(buffer.toString("utf8", 0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch {
    // Whatever keeps it from being read is told as what it means: there is no such text.
    return null;
  }
}

/** What stands between the first two lines of dashes; nothing where that is no YAML of a map. */
function frontMatter(text: string): Record<string, JsonValue | undefined> {
  const block = /^---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)/.exec(text)?.[1];
  if (block === undefined) return {};
  try {
    return asJsonObject(parse(block, { maxAliasCount: 10 }) as JsonValue);
  } catch {
    // A skill without readable front matter is one whose folder names it.
    return {};
  }
}

/** The folder's files without links, in order of path. */
async function filesOf(directory: string): Promise<LocalSkillFile[]> {
  const files: LocalSkillFile[] = [];
  const walk = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(path.join(directory, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (files.length >= MAX_FILES) return;
      const inner = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isFile()) files.push({ path: wellFormedText(inner), kind: kindOf(inner) });
      else if (entry.isDirectory() && depth < MAX_DEPTH && entry.name !== ".git" && entry.name !== "node_modules") {
        await walk(inner, depth + 1);
      }
    }
  };
  await walk("", 1);
  return files;
}

function kindOf(file: string): LocalSkillFile["kind"] {
  if (file === FILE) return "skill";
  if (file.startsWith("scripts/") || SCRIPT.test(file)) return "script";
  if (file.endsWith(".md")) return file.startsWith("references/") ? "reference" : "markdown";
  return file.startsWith("assets/") || ASSET.test(file) ? "asset" : "other";
}
