import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AdapterRuntime } from "../contract.js";
import { decideResume, nextSession } from "./resume.js";
import { createSessionCodec, WORKSPACE_KEYS } from "./session-codec.js";
import { linkSkill, pruneSkillLinks } from "./skill-links.js";
import { availableSkills, desiredSkills, type RuntimeSkill } from "./skills.js";

const runtime = (params: AdapterRuntime["sessionParams"], sessionId: string | null = null): AdapterRuntime => ({
  sessionId,
  sessionParams: params,
  sessionDisplayId: null,
  taskKey: null,
});

describe("AD-34 AD-35 AD-36 session codecs", () => {
  const codec = createSessionCodec({ sessionIdAliases: ["sessionId", "session_id"], otherKeys: WORKSPACE_KEYS });
  it.each<[unknown, object | null]>([
    [{ sessionId: " s ", cwd: " ", x: 1 }, { sessionId: "s" }],
    [
      { sessionId: " ", session_id: "t", workdir: "/w", repo_ref: "m" },
      { sessionId: "t", cwd: "/w", repoRef: "m" },
    ],
    [{ cwd: "/w" }, null],
    ["text", null],
    [null, null],
    [["s"], null],
    [{ sessionId: "s", remoteExecution: "no" }, { sessionId: "s" }],
    [
      { sessionId: "s", remoteExecution: { a: 1 } },
      { sessionId: "s", remoteExecution: { a: 1 } },
    ],
  ])("AD-34 reads %j", (raw, params) => {
    expect(codec.deserialize(raw)).toEqual(params);
  });
});

describe("AD-72 AD-75 resuming", () => {
  it("AD-72 resumes where it was saved and says why not elsewhere", () => {
    const decide = (params: AdapterRuntime["sessionParams"], id: string | null = null) =>
      decideResume({ name: "Claude", runtime: runtime(params, id), cwd: "/w/x" });
    expect(decide(null)).toEqual({ sessionId: null, refusal: null });
    expect(decide(null, "old").sessionId).toBe("old");
    expect(decide({ sessionId: "s", cwd: "/w/./x/" }).sessionId).toBe("s");
    expect(decide({ sessionId: "s", cwd: "/w/y" }).refusal).toBe(
      'Claude session "s" was saved for cwd "/w/y" and will not be resumed in "/w/x".',
    );
    expect(decide({ sessionId: "s", remoteExecution: { host: "h" } }).sessionId).toBeNull();
  });

  it("AD-75 keeps the previous session of a run that printed none", () => {
    const kept = {
      sessionId: null,
      runtime: runtime({ sessionId: "s", cwd: "/old" }),
      startedOver: false,
      clear: false,
    };
    expect(nextSession({ ...kept, params: { cwd: "/new" } })).toMatchObject({
      sessionParams: { sessionId: "s", cwd: "/old" },
    });
    expect(nextSession({ ...kept, params: {}, startedOver: true })).toMatchObject({
      sessionId: null,
      clearSession: true,
    });
  });
});

describe("AD-67 AD-68 AD-69 skills", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "wakefleet-skills-"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  const skill = async (name: string): Promise<RuntimeSkill> => {
    const source = path.join(folder, "src", name);
    await mkdir(source, { recursive: true });
    return { key: `acme/${name}`, runtimeName: name, source, required: false };
  };

  it("AD-67 takes the product's own skills where the run has none that is valid", async () => {
    for (const [name, text] of [
      ["must", "---\nname: must\n---"],
      ["may", "---\nrequired: false\n---"],
    ] as const) {
      await mkdir(path.join(folder, name));
      await writeFile(path.join(folder, name, "SKILL.md"), text);
    }
    const own = await availableSkills({ wakefleetRuntimeSkills: [{ key: "half" }] }, folder);
    expect(own.map((entry) => [entry.runtimeName, entry.required])).toEqual([
      ["may", false],
      ["must", true],
    ]);
    const escaping = [{ key: "k", runtimeName: "../x", source: "/s" }];
    expect(
      (await availableSkills({ wakefleetRuntimeSkills: escaping }, folder)).map((entry) => entry.key),
    ).not.toContain("k");
  });

  it("AD-68 finds skills by key, unique name or unique last part, whatever the case", () => {
    const make = (key: string, runtimeName: string): RuntimeSkill => ({
      key,
      runtimeName,
      source: "/s",
      required: false,
    });
    const all = [make("a/x", "x--1"), make("b/x", "x--2"), make("b/Y", "y--3")];
    const keys = (...references: string[]): string[] => desiredSkills(all, references).skills.map((found) => found.key);
    expect(keys("B/X")).toEqual(["b/x"]);
    expect(keys("X--1")).toEqual(["a/x"]);
    expect(keys("y")).toEqual(["b/Y"]);
    expect(desiredSkills(all, ["x"])).toEqual({ skills: [], unknown: ["x"] });
  });

  it("AD-69 links, leaves what works, repairs what dangles and prunes old checkouts", async () => {
    const [one, two] = [await skill("one"), await skill("two")];
    const home = path.join(folder, "home");
    await mkdir(home);
    expect(await linkSkill(home, one)).toBe("linked");
    expect(await linkSkill(home, one)).toBe("present");
    await mkdir(path.join(home, "two"));
    expect(await linkSkill(home, two)).toBe("occupied");
    await symlink("/nowhere/three", path.join(home, "three"));
    expect(await linkSkill(home, { ...one, runtimeName: "three" })).toBe("repaired");
    expect(await readlink(path.join(home, "three"))).toBe(one.source);
    await symlink(two.source, path.join(home, "four"));
    expect(await linkSkill(home, { ...one, runtimeName: "four" })).toBe("occupied");
    await symlink("/x/.agents/skills/old", path.join(home, "old"));
    expect(await pruneSkillLinks(home, [one])).toEqual(["old"]);
    expect((await readdir(home)).sort()).toEqual(["four", "one", "three", "two"]);
  });
});
