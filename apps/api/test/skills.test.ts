/** Skills over HTTP (API-235, API-236). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  type Json,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
let other: TestCompany;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
  other = await aCompany(api);
});
afterAll(() => api.stop());

const skills = (of = company): string => `/api/companies/${of.id}/skills`;
let counter = 0;
async function aSkill(body: object = {}): Promise<Json> {
  counter += 1;
  return (await expectStatus(api.call("POST", skills(), { body: { name: `Skill ${counter}`, ...body } }), 201)).body;
}

describe("API-236 making and changing", () => {
  it("API-236 a name gives slug and key; without a text it gets one that tools can read", async () => {
    const skill = await aSkill({ name: 'Deploy: the "site"', description: "How we deploy" });
    expect(skill).toMatchObject({
      slug: "deploy-the-site",
      key: "company/deploy-the-site",
      editable: true,
      editableReason: null,
      attachedAgentCount: 0,
      usedByAgents: [],
      fileInventory: [{ path: "SKILL.md", kind: "skill" }],
    });
    expect(skill.markdown).toBe(
      '---\nname: "Deploy: the \\"site\\""\ndescription: "How we deploy"\n---\n\n# Deploy: the "site"\n',
    );
    const again = await expectStatus(api.call("POST", skills(), { body: { name: "Deploy the site" } }), 409);
    expect(again.body.error).toBe("Skill already exists: company/deploy-the-site");
  });

  it.each<[string, object, number]>([
    ["no name", { name: " " }, 400],
    ["a slug that is no folder name", { name: "x", slug: "../x" }, 400],
    ["a name without letters and no slug", { name: "日本" }, 422],
  ])("API-236 %s is refused", async (_what, body, status) => {
    await expectStatus(api.call("POST", skills(), { body }), status);
  });

  it("API-235, API-236 its file is read and changed; no path leads out of its folder", async () => {
    const { id } = await aSkill({ markdown: "# one\n" });
    const files = `${skills()}/${id}/files`;
    expect((await expectStatus(api.call("GET", `${files}?path=SKILL.md`), 200)).body).toEqual({
      skillId: id,
      path: "SKILL.md",
      kind: "skill",
      content: "# one\n",
      language: "markdown",
      markdown: true,
      editable: true,
    });
    const patch = (path: string) => api.call("PATCH", files, { body: { path, content: "# two\n" } });
    expect((await expectStatus(patch("./SKILL.md"), 200)).body.content).toBe("# two\n");
    for (const path of ["../SKILL.md", "/etc/passwd", "a/../../x", "..\\x", "C:\\x", ".."]) {
      await expectStatus(patch(path), 422);
      await expectStatus(api.call("GET", `${files}?path=${encodeURIComponent(path)}`), 422);
    }
    expect((await expectStatus(patch("scripts/run.sh"), 404)).body.error).toBe("Skill file not found");
  });

  it("API-236 one that comes from elsewhere is changed there", async () => {
    const { id } = await aSkill();
    await api.db.sql.query(
      "UPDATE company_skills SET source_type = 'github', source_locator = 'https://x' WHERE id = $1",
      [id],
    );
    const detail = await expectStatus(api.call("GET", `${skills()}/${id}`), 200);
    expect(detail.body).toMatchObject({ editable: false, sourceLabel: "GitHub" });
    const body = { path: "SKILL.md", content: "x" };
    await expectStatus(api.call("PATCH", `${skills()}/${id}/files`, { body }), 422);
  });

  it("API-236 one that agents have chosen stays", async () => {
    const skill = await aSkill();
    const agent = await company.agent({ name: "Ada the First", desiredSkills: [skill.key] });
    const detail = await expectStatus(api.call("GET", `${skills()}/${skill.id}`), 200);
    expect(detail.body.usedByAgents).toEqual([{ id: agent.id, name: agent.name }]);
    const list = await expectStatus(api.call("GET", skills()), 200);
    expect(list.body.find(({ id }: Json) => id === skill.id)).toMatchObject({ attachedAgentCount: 1 });
    expect(list.text).not.toContain('"markdown":');
    const refused = await expectStatus(api.call("DELETE", `${skills()}/${skill.id}`), 422);
    expect(refused.body.error).toBe(`Cannot delete skill "${skill.name}" while it is still used by Ada the First.`);
    await expectStatus(api.call("PATCH", `/api/agents/${agent.id}`, { body: { desiredSkills: [] } }), 200);
    expect((await expectStatus(api.call("DELETE", `${skills()}/${skill.id}`), 200)).body.id).toBe(skill.id);
    expect((await expectStatus(api.call("GET", `${skills()}/${skill.id}`), 404)).body.error).toBe("Skill not found");
  });
});

describe("API-34 who may", () => {
  it("API-34, API-235, API-236 agents read; whoever creates agents writes; nobody of another company", async () => {
    const skill = await aSkill();
    const agentKey = await anAgentKey(api, (await company.agent()).id);
    const ceoKey = await anAgentKey(api, (await company.agent({ role: "ceo" })).id);
    const foreign = (await aKey(api, { scope: "operator", companyId: other.id })).token;
    await expectStatus(api.call("GET", `${skills()}/${skill.id}`, { key: agentKey }), 200);
    const refused = await expectStatus(api.call("POST", skills(), { key: agentKey, body: { name: "no" } }), 403);
    expect(refused.body.error).toBe("Missing permission: can create agents");
    await expectStatus(api.call("POST", skills(), { key: ceoKey, body: { name: "From the CEO" } }), 201);
    await expectStatus(api.call("GET", skills(), { key: foreign }), 403);
    await expectStatus(api.call("GET", `${skills(other)}/${skill.id}`), 404);
    await expectStatus(api.call("GET", `${skills()}/nonsense`), 404);
  });

  it("API-15 each change is in the activity log", async () => {
    const skill = await aSkill();
    await expectStatus(
      api.call("PATCH", `${skills()}/${skill.id}/files`, { body: { path: "SKILL.md", content: "x" } }),
      200,
    );
    await expectStatus(api.call("DELETE", `${skills()}/${skill.id}`), 200);
    const { body } = await api.call("GET", `/api/companies/${company.id}/activity?entityId=${skill.id}`);
    expect(body.map(({ action }: Json) => action)).toEqual(["skill.deleted", "skill.updated", "skill.created"]);
  });
});
