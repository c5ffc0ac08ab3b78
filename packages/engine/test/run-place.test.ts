/** Where the runs of a project work (WS-10 to WS-15, CX-11), from the rows to what the adapter and the log are told. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { aCompany, anAgent, anIssue, aRun, insertRow } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { done, useWorld } from "./support.js";

const world = useWorld();
const folder = mkdtempSync(join(tmpdir(), "wakefleet-place-"));
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function aProject(
  workspaces: readonly object[],
  company = companyId,
): Promise<{ id: string; workspaceIds: string[] }> {
  const id = await insertRow(world.db.sql, "projects", { companyId: company, name: "P" });
  const workspaceIds: string[] = [];
  for (const [index, columns] of workspaces.entries()) {
    const createdAt = new Date(Date.UTC(2026, 0, 1 + index));
    const row = { companyId: company, projectId: id, name: `w${index}`, createdAt, ...columns };
    workspaceIds.push(await insertRow(world.db.sql, "project_workspaces", row));
  }
  return { id, workspaceIds };
}

async function run(how: { issue?: object; context?: JsonObject }) {
  let workspace: JsonObject = {};
  const agentId = await anAgent(world.db.sql, { companyId });
  const issueId = how.issue && (await anIssue(world.db.sql, { companyId, assigneeAgentId: agentId, ...how.issue }));
  const id = await aRun(world.db.sql, {
    companyId,
    agentId,
    ...(issueId === undefined ? {} : { issueId }),
    contextSnapshot: { ...how.context, ...(issueId === undefined ? {} : { issueId }) },
  });
  const worker = await world.worker(({ context }) => {
    workspace = context["wakefleetWorkspace"] as JsonObject;
    return done;
  });
  await worker.work({ id, agentId });
  return { workspace, row: await world.run(id) };
}

function directory(name: string): string {
  const made = join(folder, name);
  mkdirSync(made, { recursive: true });
  return made;
}

describe("a run of a project", () => {
  it("WS-10, WS-11, checks 23 and 24: by its context or its issue, the preferred workspace first", async () => {
    const [one, two] = [directory("one"), directory("two")];
    const { id: projectId, workspaceIds } = await aProject([{ cwd: one }, { cwd: two }]);
    expect((await run({ context: { projectId } })).workspace).toMatchObject({
      cwd: one,
      source: "project_primary",
      projectId,
      workspaceId: workspaceIds[0],
    });
    const projectWorkspaceId = workspaceIds[1] ?? null;
    expect((await run({ context: { projectId, projectWorkspaceId } })).workspace).toMatchObject({ cwd: two });
    const byIssue = await run({ issue: { projectId, projectWorkspaceId }, context: { projectId: "elsewhere" } });
    expect(byIssue.workspace).toMatchObject({ cwd: two, workspaceId: projectWorkspaceId });
  });

  it("WS-10 in mode agent_default the project is told and its workspaces are not looked for", async () => {
    const { id: projectId } = await aProject([{ cwd: directory("unused") }]);
    const { workspace } = await run({ issue: { projectId, assigneeAdapterOverrides: { useProjectWorkspace: false } } });
    expect(workspace).toMatchObject({ source: "agent_home", projectId, workspaceId: null });
  });

  it("WS-14, EX-9, check 25: the log says first why the agent's home stands in", async () => {
    const { id: projectId } = await aProject([{ cwd: "/no/such/a" }, { cwd: "/no/such/b" }]);
    const { row, workspace } = await run({ context: { projectId } });
    expect(workspace).toMatchObject({ source: "project_primary" });
    expect(row.stdoutExcerpt).toMatch(
      /^\[wakefleet\] Project workspace path "\/no\/such\/a" and 1 other configured path\(s\) are not available yet\. Using fallback workspace/,
    );
  });

  it("WS-24, WS-28 a repository alone is cloned; credentials in an address reach neither row nor log nor context", async () => {
    const bare = join(folder, "app.git");
    execFileSync("git", ["init", "--quiet", "--bare", bare], { stdio: "ignore" });
    const secretive = "https://user:hunter2pw@127.0.0.1:1/x.git";
    const { id: projectId } = await aProject([{ repoUrl: secretive }, { repoUrl: `file://${bare}`, repoRef: "main" }]);
    const { row, workspace } = await run({ context: { projectId } });
    expect(workspace).toMatchObject({ source: "project_primary", repoUrl: `file://${bare}`, repoRef: "main" });
    expect(String(workspace["cwd"])).toMatch(/\/app$/);
    expect(row.status).toBe("succeeded");
    expect(row.stdoutExcerpt).toContain('Failed to prepare managed checkout for "https://127.0.0.1:1/x.git"');
    expect(JSON.stringify([row, world.told.events])).not.toContain("hunter2pw");
  });

  it("WS-10 a project of another company is none", async () => {
    const foreign = await aCompany(world.db.sql);
    const { id: projectId } = await aProject([{ cwd: directory("theirs") }], foreign);
    const { workspace } = await run({ context: { projectId } });
    expect(workspace).toMatchObject({ source: "agent_home", workspaceId: null });
  });
});
