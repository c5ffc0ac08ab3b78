import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RuntimeSkill } from "../cli/skills.js";
import { makePromptBundle, type PromptBundle } from "./prompt-bundle.js";

describe("AD-112 AD-113 the prompt bundle", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "wakefleet-bundle-"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const skill = async (name: string, text: string): Promise<RuntimeSkill> => {
    const source = path.join(folder, "skills", name);
    await mkdir(source, { recursive: true });
    await writeFile(path.join(source, "SKILL.md"), text);
    return { key: `acme/${name}`, runtimeName: name, source, required: false };
  };
  const bundle = (text: string | null, skills: readonly RuntimeSkill[] = []): Promise<PromptBundle> =>
    makePromptBundle({
      cacheDirectory: path.join(folder, "cache"),
      instructions: text === null ? null : { file: "/i.md", text },
      skills,
    });

  it("AD-112 is the same folder for the same contents", async () => {
    const [one, two] = [await skill("one", "1"), await skill("two", "2")];
    const first = await bundle("text", [one, two]);
    expect(await bundle("text", [two, one])).toEqual(first);
    expect(first.directory).toBe(path.join(folder, "cache", first.key));
    expect(await readlink(path.join(first.directory, ".claude", "skills", "one"))).toBe(one.source);
  });

  it("AD-112 is another one for other instructions, skills or files of a skill", async () => {
    const one = await skill("one", "1");
    const keys = [(await bundle(null)).key, (await bundle("text")).key, (await bundle("text", [one])).key];
    await writeFile(path.join(one.source, "more.md"), "");
    keys.push((await bundle("text", [one])).key);
    await writeFile(path.join(one.source, "SKILL.md"), "11");
    keys.push((await bundle("text", [one])).key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("AD-112 follows links, marks loops and copes with what is missing", async () => {
    const one = await skill("one", "1");
    await symlink("..", path.join(one.source, "loop"));
    await symlink("/nowhere/at/all", path.join(one.source, "gap"));
    const gone = { ...one, key: "gone", runtimeName: "gone", source: "/nowhere" };
    const first = await bundle(null, [one, gone]);
    const linked = path.join(folder, "linked");
    await symlink(one.source, linked);
    const second = await bundle(null, [{ ...one, source: linked }, gone]);
    expect(second.key).toBe(first.key);
  });

  it("AD-113 writes the instructions once, whole, and never again", async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => bundle("the text")));
    const file = made[0]?.instructionsFile ?? "";
    expect(await readFile(file, "utf8")).toBe("the text");
    await writeFile(file, "changed by hand");
    await bundle("the text");
    expect(await readFile(file, "utf8")).toBe("changed by hand");
    expect((await readdir(path.dirname(file))).sort()).toEqual([".claude", "agent-instructions.md"]);
  });
});
