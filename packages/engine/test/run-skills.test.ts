/** The skills of a run (SK-1, SK-2, SK-4, SK-6 to SK-8; 05 check 58), on a real database and a real disk. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { aCompany, anAgent, anIssue, aRun, insertRow } from "@wakefleet/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { done, useWorld } from "./support.js";

const world = useWorld();
const folder = mkdtempSync(join(tmpdir(), "wakefleet-skills-"));
let companyId: string;
beforeEach(async () => {
  companyId = await aCompany(world.db.sql);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let counter = 0;
function aSkill(columns: object = {}): Promise<string> {
  counter += 1;
  const slug = `skill-${counter}`;
  return insertRow(world.db.sql, "company_skills", {
    companyId,
    key: `company/${slug}`,
    slug,
    name: slug,
    markdown: `# ${slug}\n`,
    ...columns,
  });
}

async function run(
  how: { issue?: object; comments?: string[]; adapterConfig?: JsonObject; knowsSkills?: boolean } = {},
) {
  let config: JsonObject = {};
  const agentId = await anAgent(world.db.sql, { companyId, adapterConfig: how.adapterConfig ?? {} });
  const issueId = how.issue && (await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId, ...how.issue }));
  for (const body of how.comments ?? []) {
    await insertRow(world.db.sql, "issue_comments", { companyId, issueId, body, authorUserId: "u" });
  }
  const id = await aRun(world.db.sql, { companyId, agentId, ...(issueId === undefined ? {} : { issueId }) });
  const play = (context: { config: JsonObject }) => {
    config = context.config;
    return done;
  };
  const worker = await world.worker(play, { knowsSkills: how.knowsSkills ?? true });
  await worker.work({ id, agentId });
  return {
    config,
    row: await world.run(id),
    skills: (config["wakefleetRuntimeSkills"] ?? null) as JsonObject[] | null,
    agentId,
  };
}

describe("SK-1, SK-2, SK-4 what is on disk", () => {
  it("SK-1, SK-2 every skill by key: texts written out, directories where they are, and a path to a file gives its directory", async () => {
    const local = join(folder, "local");
    mkdirSync(local, { recursive: true });
    writeFileSync(join(local, "SKILL.md"), "# local\n");
    await aSkill({ key: "b/written", slug: "written", markdown: "# written\n" });
    await aSkill({ key: "a/local", slug: "local", sourceLocator: join(local, "SKILL.md") });
    await aSkill({ key: "c/catalog", slug: "cat", sourceType: "catalog", sourceLocator: local });
    await aSkill({
      key: "d/bundled",
      slug: "bundled",
      sourceLocator: local,
      metadata: { sourceKind: "wakefleet_bundled" },
    });
    await aSkill({ key: "e/gone", slug: "gone", sourceLocator: join(folder, "not-here") });
    const { skills } = await run();
    expect(skills?.map(({ key }) => key)).toEqual(["a/local", "b/written", "c/catalog", "d/bundled"]);
    const [atLocal, written, catalog, bundled] = skills ?? [];
    expect(atLocal).toMatchObject({ source: local, required: false, requiredReason: null });
    expect(catalog).toMatchObject({ source: local });
    expect(bundled).toMatchObject({
      runtimeName: "bundled",
      required: true,
      requiredReason: "Bundled Wakefleet skills are always available for local adapters.",
    });
    expect(written?.["runtimeName"]).toMatch(/^written--[0-9a-f]{10}$/);
    expect(readFileSync(join(String(written?.["source"]), "SKILL.md"), "utf8")).toBe("# written\n");
    expect(String(written?.["source"])).toContain(join("skills", companyId, "__runtime__"));
  });

  it("SK-4 a changed text takes the old one's place at once, and whoever reads the old one keeps it", async () => {
    const id = await aSkill({ markdown: "one" });
    const source = String((await run()).skills?.[0]?.["source"]);
    const file = join(source, "SKILL.md");
    let isReading = true;
    const seen = new Set<string>();
    const reader = (async () => {
      while (isReading) {
        seen.add(readFileSync(file, "utf8"));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (const markdown of ["two", "three"]) {
      await world.db.sql.query("UPDATE company_skills SET markdown = $2 WHERE id = $1", [id, markdown]);
      const again = await Promise.all([run(), run(), run()]);
      for (const { skills } of again) expect(skills?.[0]?.["source"]).toBe(source);
      expect(readFileSync(file, "utf8")).toBe(markdown);
    }
    isReading = false;
    await reader;
    for (const text of seen) expect(["one", "two", "three"]).toContain(text);
  });

  it("SK-1 an adapter that knows no skills gets none", async () => {
    await aSkill();
    expect((await run({ knowsSkills: false })).skills).toBeNull();
  });

  it("SK-1 of another company there are none", async () => {
    await aSkill({ companyId: await aCompany(world.db.sql) });
    expect((await run()).skills).toEqual([]);
  });
});

describe("SK-6, SK-7, SK-8 what an issue mentions", () => {
  it("SK-5 to SK-8, check 58: chosen for this run, named in the log's first line; the agent's config is unchanged", async () => {
    const [one, two, three] = [await aSkill(), await aSkill(), await aSkill()];
    const keyOf = async (id: string): Promise<string> =>
      (await world.db.sql.query<{ key: string }>("SELECT key FROM company_skills WHERE id = $1", [id]))[0]?.key ?? "";
    const keys = [await keyOf(one), await keyOf(two), await keyOf(three)];
    const adapterConfig = { wakefleetSkillSync: { desiredSkills: [keys[1] ?? "", "other"] } };
    const { config, row, agentId } = await run({
      issue: {
        title: `Do it with [x](skill://${three})`,
        description: `[use it](skill://${one}?s=x) [y](skill://foo)`,
      },
      comments: [
        `[again](SKILL://${three.toUpperCase()}) [and](skill://${two})`,
        "[x](skill://00000000-0000-4000-8000-000000000000)",
      ],
      adapterConfig,
    });
    expect(row.status).toBe("succeeded");
    expect(config["wakefleetSkillSync"]).toEqual({ desiredSkills: [keys[1], "other", keys[2], keys[0]] });
    expect(row.stdoutExcerpt?.split("\n")[0]).toBe(
      `[wakefleet] Enabled run-scoped skills from issue mentions: ${keys[2]}, ${keys[0]}, ${keys[1]}`,
    );
    const [agent] = await world.db.sql.query<{ config: JsonObject }>(
      "SELECT adapter_config AS config FROM agents WHERE id = $1",
      [agentId],
    );
    expect(agent?.config).toEqual(adapterConfig);
  });

  it("SK-6, SK-8 mentions of nothing known leave the config as it is, and the run succeeds", async () => {
    await aSkill();
    const foreign = await aSkill({ companyId: await aCompany(world.db.sql) });
    const { config, row } = await run({
      issue: { title: "x", description: `[x](skill://foo) [y](skill://${foreign})` },
    });
    expect(row.status).toBe("succeeded");
    expect(config["wakefleetSkillSync"]).toBeUndefined();
    expect(row.stdoutExcerpt).not.toContain("Enabled run-scoped skills");
  });
});
