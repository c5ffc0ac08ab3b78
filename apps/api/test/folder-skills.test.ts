/** Skills of folders on the API's host (API-237, SK-3): brought in, found in projects, brought up to date. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { insertRow } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
  anAgentKey,
  expectStatus,
  type Json,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
const folder = realpathSync(mkdtempSync(join(tmpdir(), "wakefleet-skills-")));
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await api.stop();
});

const skills = (rest = "", of = company): string => `/api/companies/${of.id}/skills${rest}`;
const take = (source: string, key?: string) =>
  api.call("POST", skills("/import"), { body: { source }, ...(key === undefined ? {} : { key }) });

/** A folder with a skill in it. */
function aFolder(name: string, text: string, files: Record<string, string> = {}): string {
  const directory = join(folder, name);
  for (const [file, content] of Object.entries({ "SKILL.md": text, ...files })) {
    mkdirSync(join(directory, file, ".."), { recursive: true });
    writeFileSync(join(directory, file), content);
  }
  return directory;
}

const TEXT = '---\nname: "Ship: it"\ndescription: How we ship\n---\n\n# Ship\n';

describe("API-237 import", () => {
  it("API-237 takes a folder or its SKILL.md, with what its front matter says and what lies beside it", async () => {
    const directory = aFolder("ship", TEXT, { "scripts/go.sh": "true\n", "references/why.md": "x", "logo.png": "x" });
    const { body } = await expectStatus(take(directory), 201);
    expect(body.warnings).toEqual([]);
    const [skill] = body.imported;
    expect(skill).toMatchObject({
      slug: "ship-it",
      key: expect.stringMatching(/^local\/[0-9a-f]{10}\/ship$/),
      name: "Ship: it",
      description: "How we ship",
      sourceType: "local_path",
      sourceLocator: directory,
      trustLevel: "scripts_executables",
      editable: false,
      fileInventory: [
        { path: "SKILL.md", kind: "skill" },
        { path: "logo.png", kind: "asset" },
        { path: "references/why.md", kind: "reference" },
        { path: "scripts/go.sh", kind: "script" },
      ],
    });
    const again = await expectStatus(take(join(directory, "SKILL.md")), 201);
    expect(again.body.imported).toEqual([skill]);
    expect((await expectStatus(api.call("GET", skills(`/${skill.id}`)), 200)).body.markdown).toBe(TEXT);
    const told = await expectStatus(
      api.call("GET", `/api/companies/${company.id}/activity?action=skill.imported`),
      200,
    );
    expect(told.body).toMatchObject([{ entityId: skill.id, details: { key: skill.key } }]);
  });

  it("API-237 a folder that keeps several where tools do brings in each", async () => {
    aFolder("several/.claude/skills/one", "# no front matter\n");
    aFolder("several/skills/two", TEXT.replace("Ship: it", "Two"));
    const { body } = await expectStatus(take(join(folder, "several")), 201);
    expect(body.imported.map(({ name, trustLevel }: Json) => [name, trustLevel]).sort()).toEqual([
      ["Two", "markdown_only"],
      ["one", "markdown_only"],
    ]);
  });

  it.each<[string, () => string]>([
    ["a relative path", () => "skills/x"],
    ["an address", () => "https://example.org/skill.git"],
    ["a folder that is not there", () => join(folder, "nowhere")],
    ["a folder without a skill", () => folder],
    ["NUL in the path", () => `${folder}\u0000x`],
    [
      "a text that lies elsewhere",
      () => {
        mkdirSync(join(folder, "linked"));
        writeFileSync(join(folder, "secret.txt"), "not yours");
        symlinkSync(join(folder, "secret.txt"), join(folder, "linked", "SKILL.md"));
        return join(folder, "linked");
      },
    ],
    ["a text without end", () => aFolder("long", "x".repeat(262_145))],
    ["no slug", () => aFolder("日本", "---\nname: 日本\n---\n")],
  ])("API-237 %s is 422, and nothing is written", async (_what, source) => {
    const before = (await api.call("GET", skills())).body;
    const refused = await expectStatus(take(source()), 422);
    expect(refused.text).not.toContain("not yours");
    expect((await api.call("GET", skills())).body).toEqual(before);
  });

  it("API-237 front matter that is no YAML leaves the folder's name; no source is 400", async () => {
    const broken = aFolder("broken-one", "---\nname: [\n---\n# x\n");
    expect((await expectStatus(take(broken), 201)).body.imported).toMatchObject([{ name: "broken-one" }]);
    await expectStatus(take(" "), 400);
  });

  it("API-34, API-237 an agent brings in only what lies in its company's projects, and only one that may create agents", async () => {
    const creator = await anAgentKey(api, (await company.agent({ role: "ceo" })).id);
    const directory = aFolder("workspace/skills/inside", TEXT.replace("Ship: it", "Inside"));
    const outside = aFolder("outside", TEXT);
    symlinkSync(outside, join(folder, "workspace/skills/out"));
    const projectId = await insertRow(api.db.sql, "projects", { companyId: company.id, name: "P" });
    const cwd = join(folder, "workspace");
    await insertRow(api.db.sql, "project_workspaces", { companyId: company.id, projectId, name: "w", cwd });
    await expectStatus(take(directory, creator), 201);
    for (const source of [outside, join(folder, "workspace/skills/out"), "/etc", "relative"]) {
      expect((await expectStatus(take(source, creator), 403)).body.error).toBe(
        "Agents import skills from the workspaces of their company's projects only",
      );
    }
    const worker = await anAgentKey(api, (await company.agent()).id);
    const refused = await expectStatus(take(directory, worker), 403);
    expect(refused.body.error).toBe("Missing permission: can create agents");
    await expectStatus(api.call("POST", skills("/scan-projects"), { key: worker }), 403);
  });
});

describe("API-237, SK-3 projects", () => {
  it("SK-3 a scan brings in, brings up to date, and takes away what is gone and chosen by nobody", async () => {
    const own = await aCompany(api);
    const projectId = await insertRow(api.db.sql, "projects", { companyId: own.id, name: "P" });
    for (const cwd of [join(folder, "scanned"), join(folder, "on-another-host")]) {
      await insertRow(api.db.sql, "project_workspaces", { companyId: own.id, projectId, name: "w", cwd });
    }
    const scan = async (): Promise<Json> =>
      (await expectStatus(api.call("POST", skills("/scan-projects", own)), 200)).body;
    const named = (name: string) => TEXT.replace("Ship: it", name);
    const [kept, gone, chosen] = ["kept", "gone", "chosen"].map((name) =>
      aFolder(`scanned/.agents/skills/${name}`, named(name)),
    ) as [string, string, string];
    const first = await scan();
    expect(first).toMatchObject({ scannedWorkspaces: 1, discovered: 3, updated: [], removed: [], warnings: [] });
    const byName = new Map<string, Json>(first.imported.map((skill: Json) => [skill.name, skill]));
    expect([...byName.keys()].sort()).toEqual(["chosen", "gone", "kept"]);
    expect(await scan()).toMatchObject({ discovered: 3, imported: [], updated: [], removed: [] });

    const agent = await own.agent({ adapterType: "claude_local", desiredSkills: [byName.get("chosen").key] });
    writeFileSync(join(kept, "SKILL.md"), `${named("kept")}more\n`);
    rmSync(gone, { recursive: true });
    rmSync(chosen, { recursive: true });
    const elsewhere = await insertRow(api.db.sql, "company_skills", {
      companyId: own.id,
      key: "local/0000000000/elsewhere",
      slug: "elsewhere",
      name: "elsewhere",
      markdown: "x",
      sourceLocator: join(folder, "on-another-host", "skills", "elsewhere"),
    });
    const second = await scan();
    expect(second.updated).toMatchObject([{ name: "kept" }]);
    expect(second.removed).toEqual([{ id: byName.get("gone").id, key: byName.get("gone").key, name: "gone" }]);
    const left = (await expectStatus(api.call("GET", skills("", own)), 200)).body.map(({ id }: Json) => id);
    expect(left).toEqual(expect.arrayContaining([elsewhere, byName.get("chosen").id, byName.get("kept").id]));
    expect(left).toHaveLength(3);
    expect(agent.status).toBe("idle");
  });

  it("API-237 says whether a skill is as its folder, and takes over what that holds", async () => {
    const directory = aFolder("moving", TEXT.replace("Ship: it", "Moving"));
    const [skill] = (await expectStatus(take(directory), 201)).body.imported;
    const status = async (id: string): Promise<Json> =>
      (await expectStatus(api.call("GET", skills(`/${id}/update-status`)), 200)).body;
    expect(await status(skill.id)).toMatchObject({ supported: true, reason: null, hasUpdate: false });
    const changed = TEXT.replace("Ship: it", "Moving").replace("How we ship", "How we move");
    writeFileSync(join(directory, "SKILL.md"), changed);
    expect(await status(skill.id)).toMatchObject({ supported: true, hasUpdate: true, trackingRef: directory });
    const update = (id: string) => api.call("POST", skills(`/${id}/install-update`));
    expect((await expectStatus(update(skill.id), 200)).body).toMatchObject({
      id: skill.id,
      markdown: changed,
      description: "How we move",
    });
    expect(await status(skill.id)).toMatchObject({ hasUpdate: false });

    rmSync(directory, { recursive: true });
    const reason = `The folder "${directory}" of this skill is not on this host`;
    expect(await status(skill.id)).toMatchObject({ supported: false, reason, latestRef: null, hasUpdate: false });
    expect((await expectStatus(update(skill.id), 422)).body.error).toBe(reason);
    const written = await expectStatus(api.call("POST", skills(), { body: { name: "Written here" } }), 201);
    expect((await expectStatus(update(written.body.id), 422)).body.error).toBe(
      "Only skills that come from a folder can be brought up to date",
    );
    await expectStatus(api.call("GET", skills("/00000000-0000-4000-8000-000000000000/update-status")), 404);
  });
});
