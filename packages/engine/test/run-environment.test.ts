/** Where a run may work (EN-3, EN-10, EN-13; 05 checks 44, 50 and 51): a choice that cannot be kept fails the set-up. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@wakefleet/contracts";
import { aCompany, anAgent, anIssue, insertRow } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { countRows, done, useWorld } from "./support.js";

const world = useWorld();
const folder = mkdtempSync(join(tmpdir(), "wakefleet-environment-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const setIsolation = (on: boolean): Promise<unknown> =>
  world.db.sql.query(
    `INSERT INTO instance_settings (singleton_key, experimental) VALUES ('default', $1::jsonb)
     ON CONFLICT (singleton_key) DO UPDATE SET experimental = excluded.experimental`,
    [JSON.stringify({ enableIsolatedWorkspaces: on })],
  );
const anEnvironment = (columns: object): Promise<string> =>
  insertRow(world.db.sql, "environments", {
    companyId,
    name: "Elsewhere",
    driver: "ssh",
    status: "active",
    ...columns,
  });
const aProject = (executionWorkspacePolicy: JsonObject): Promise<string> =>
  insertRow(world.db.sql, "projects", { companyId, name: "P", executionWorkspacePolicy });

/** Runs an agent once and says what became of it, and whether its adapter was called. */
async function runOnce(how: { agent?: object; issue?: object } = {}) {
  const agentId = await anAgent(world.db.sql, { companyId, ...how.agent } as never);
  const issueId = await anIssue(world.db.sql, { companyId, status: "todo", assigneeAgentId: agentId, ...how.issue });
  let context: JsonObject | null = null;
  const worker = await world.worker((given) => {
    context = given.context;
    return done;
  });
  const { run } = await world.wake({ agentId, payload: { issueId } });
  await worker.work({ id: run?.id ?? "", agentId });
  const row = await world.run(run?.id ?? "");
  const leases = await countRows(world.db.sql, "environment_leases WHERE heartbeat_run_id = $1", [row.id]);
  return { row, context: context as JsonObject | null, leases };
}

describe("the environment of a run", () => {
  it("EN-13 a process agent in an ssh environment that its project chose: nothing is executed, nothing leased (05-50)", async () => {
    await setIsolation(true);
    const projectId = await aProject({ environmentId: await anEnvironment({}) });
    const { row, context, leases } = await runOnce({ issue: { projectId } });
    expect(row).toMatchObject({ status: "failed", errorCode: "unsupported_adapter_environment", processPid: null });
    expect({ context, leases }).toEqual({ context: null, leases: 0 });
  });

  it("EN-3 the same choice counts for nothing while isolated workspaces are off", async () => {
    await setIsolation(false);
    const projectId = await aProject({ environmentId: await anEnvironment({}) });
    const { row, context, leases } = await runOnce({ issue: { projectId } });
    expect(row).toMatchObject({ status: "succeeded", errorCode: null });
    expect(context).toMatchObject({ wakefleetEnvironment: { driver: "local" } });
    expect(leases).toBe(1);
  });

  it("EN-10 an archived one, one that is gone, one of another company (05-51)", async () => {
    const archived = await anEnvironment({ name: "N", status: "archived" });
    const byAgent = await runOnce({ agent: { defaultEnvironmentId: archived } });
    expect(byAgent.row).toMatchObject({
      status: "failed",
      errorCode: "environment_inactive",
      error: 'Environment "N" is not active (status: archived).',
    });
    expect(byAgent.context).toBeNull();

    await setIsolation(true);
    const gone = "00000000-0000-4000-8000-000000000000";
    const byIssue = await runOnce({ issue: { executionWorkspaceSettings: { environmentId: gone } } });
    expect(byIssue.row).toMatchObject({
      errorCode: "environment_not_found",
      error: `Environment "${gone}" not found.`,
    });
    const foreign = await anEnvironment({ companyId: await aCompany(world.db.sql) });
    const byStranger = await runOnce({ issue: { executionWorkspaceSettings: { environmentId: foreign } } });
    expect(byStranger.row.error).toBe(`Environment "${foreign}" does not belong to this company.`);
    await setIsolation(false);
  });

  it("IN-3, WS-10 with isolation off a project that asks for isolated workspaces has the shared one, and no worktree (05-44)", async () => {
    await setIsolation(false);
    const cwd = join(folder, "app");
    const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8", stdio: "pipe" });
    git("init", "--quiet", cwd);
    git(
      "-C",
      cwd,
      "-c",
      "user.name=T",
      "-c",
      "user.email=t@example.org",
      "commit",
      "--quiet",
      "--allow-empty",
      "-m",
      "x",
    );
    const projectId = await aProject({
      enabled: true,
      defaultMode: "isolated_workspace",
      workspaceStrategy: { type: "git_worktree" },
    });
    await insertRow(world.db.sql, "project_workspaces", { companyId, projectId, name: "w", cwd, isPrimary: true });
    const { row, context } = await runOnce({ issue: { projectId } });
    expect(row.status).toBe("succeeded");
    expect(context?.["wakefleetWorkspace"]).toMatchObject({ cwd, source: "project_primary", worktreePath: null });
    expect(git("-C", cwd, "worktree", "list", "--porcelain").match(/^worktree /gm)).toHaveLength(1);
    expect(existsSync(join(cwd, ".wakefleet"))).toBe(false);
    expect(await countRows(world.db.sql, "execution_workspaces WHERE company_id = $1", [companyId])).toBe(0);
  });
});
