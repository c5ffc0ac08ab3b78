/** Projects and their workspaces over HTTP (API-200 to API-205). */
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
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
});
afterAll(async () => api?.stop());

const missing = "00000000-0000-4000-8000-000000000000";
const get = (path: string, options: object = {}) => api.call("GET", path, options);
const send = (method: string, path: string, body: object = {}, options: object = {}) =>
  api.call(method, path, { body, ...options });
const create = (body: object, options: object = {}) =>
  send("POST", `/api/companies/${company.id}/projects`, body, options);
const project = async (body: object = {}): Promise<Json> =>
  (await expectStatus(create({ name: "P", ...body }), 201)).body;
const activity = async (entityId: string): Promise<string[]> =>
  (await get(`/api/companies/${company.id}/activity?entityId=${entityId}`)).body.map(({ action }: Json) => action);

describe("projects", () => {
  it("API-201, API-200 creates with defaults and a first workspace, which is the primary one", async () => {
    const plain = await project();
    expect(plain).toMatchObject({
      companyId: company.id,
      status: "backlog",
      urlKey: "p",
      goalIds: [],
      goals: [],
      workspaces: [],
      primaryWorkspace: null,
      pausedAt: null,
      env: null,
      codebase: { workspaceId: null, origin: "managed_checkout", localFolder: null },
    });
    const made = await project({
      name: "Web Site",
      description: "one\\ntwo",
      targetDate: "2027-02-28",
      status: "planned",
      workspace: {
        cwd: "/srv/site",
        repoUrl: "https://example.com/site.git",
        repoRef: "main",
        runtimeConfig: { desiredState: "running" },
      },
    });
    expect(made).toMatchObject({ description: "one\ntwo", targetDate: "2027-02-28", urlKey: "web-site" });
    expect(made.primaryWorkspace).toMatchObject({
      name: "site",
      isPrimary: true,
      cwd: "/srv/site",
      defaultRef: "main",
      runtimeConfig: { desiredState: "running" },
      runtimeServices: [],
    });
    expect(made.codebase).toMatchObject({
      workspaceId: made.primaryWorkspace.id,
      repoName: "site",
      localFolder: "/srv/site",
      effectiveLocalFolder: "/srv/site",
      origin: "local_folder",
    });
    expect((await get(`/api/projects/${made.id}`)).body).toEqual(made);
    expect((await get(`/api/companies/${company.id}/projects`)).body).toContainEqual(made);
    expect(await activity(made.id)).toEqual(expect.arrayContaining(["project.created", "project.workspace_created"]));
    const issue = await company.issue({ projectId: made.id });
    expect((await get(`/api/issues/${issue.id}`)).body.project).toEqual(made);
  });

  it("API-201 with a workspace that leads nowhere nothing is created", async () => {
    const before = (await get(`/api/companies/${company.id}/projects`)).body.length;
    expect(await create({ name: "Half", workspace: {} })).toMatchObject({
      status: 422,
      body: { error: "Invalid project workspace payload" },
    });
    expect((await get(`/api/companies/${company.id}/projects`)).body.length).toBe(before);
  });

  it.each([
    [{ name: "" }],
    [{ name: "x", status: "paused" }],
    [{ name: "x", targetDate: "28.02.2027" }],
    [{ name: "x", targetDate: "2027-02-30" }],
    [{ name: "x", env: { "1X": "a" } }],
    [{ name: "x", executionWorkspacePolicy: { surprise: 1 } }],
    [{ name: "x", workspace: { repoUrl: "nowhere" } }],
    [{ name: "x", workspace: { cwd: "/a", runtimeConfig: { desiredState: "idle" } } }],
  ])("API-201 %o does not fit", async (body) => {
    expect(await create(body)).toMatchObject({ status: 400, body: { code: "validation_failed" } });
  });

  it("API-201, API-202 what is another company's is refused by name", async () => {
    const stranger = await (await aCompany(api)).agent();
    const cases: [object, number, string][] = [
      [{ leadAgentId: missing }, 404, "Agent not found"],
      [{ leadAgentId: stranger.id }, 422, "Lead agent must belong to same company"],
      [{ goalId: missing }, 422, "Goal does not belong to company"],
      [{ env: { TOKEN: { type: "secret_ref", secretId: missing } } }, 404, "Secret not found"],
    ];
    const made = await project();
    for (const [body, status, error] of cases) {
      expect(await create({ name: "x", ...body })).toMatchObject({ status, body: { error } });
      expect(await send("PATCH", `/api/projects/${made.id}`, body)).toMatchObject({ status, body: { error } });
    }
    const key = await anAgentKey(api, stranger.id);
    expect(await get(`/api/projects/${made.id}`, { key })).toMatchObject({
      status: 403,
      body: { code: "wrong_company" },
    });
    expect(await get(`/api/projects/${missing}`)).toMatchObject({ status: 404, body: { error: "Project not found" } });
  });

  it("API-202, API-7 a PATCH changes what is sent; nothing pauses a project but its budget; secrets are masked", async () => {
    const lead = await company.agent();
    const made = await project({ name: "Before", color: "#fff", env: { API_KEY: "abc", PLAIN: "x" } });
    expect(made.env).toMatchObject({ PLAIN: { type: "plain", value: "x" } });
    expect(JSON.stringify(made.env)).not.toContain("abc");
    const patched = await expectStatus(
      send("PATCH", `/api/projects/${made.id}`, {
        leadAgentId: lead.id,
        archivedAt: "2026-11-24T10:00:00+01:00",
        pausedAt: "2026-11-24T10:00:00Z",
        pauseReason: "manual",
        paused: true,
      }),
      200,
    );
    expect(patched.body).toMatchObject({
      name: "Before",
      color: "#fff",
      leadAgentId: lead.id,
      archivedAt: "2026-11-24T09:00:00.000Z",
      pausedAt: null,
      pauseReason: null,
      status: "backlog",
    });
    expect(patched.body.env).toEqual(made.env);
    const cleared = await expectStatus(send("PATCH", `/api/projects/${made.id}`, { env: null, color: null }), 200);
    expect(cleared.body).toMatchObject({ env: null, color: null });
    expect(await activity(made.id)).toContain("project.updated");
  });

  it("API-5 a short name finds the one project, with its company", async () => {
    const own = await aCompany(api);
    const make = (name: string) => expectStatus(send("POST", `/api/companies/${own.id}/projects`, { name }), 201);
    const { body: only } = await make("Only One");
    await make("Twin");
    await make("twin!");
    expect((await get(`/api/projects/only-one?companyId=${own.id}`)).body.id).toBe(only.id);
    expect(await get(`/api/projects/twin?companyId=${own.id}`)).toMatchObject({
      status: 409,
      body: { error: "Project shortname is ambiguous in this company. Use the project ID." },
    });
    expect(await get(`/api/projects/none?companyId=${own.id}`)).toMatchObject({
      status: 404,
      body: { error: "Project not found" },
    });
    expect(await get("/api/projects/only-one")).toMatchObject({ status: 404 });
    const key = await anAgentKey(api, (await own.agent()).id);
    expect((await get("/api/projects/only-one", { key })).body.id).toBe(only.id);
  });

  it("API-203 only the board deletes, and only what nothing refers to", async () => {
    const used = await project();
    const issue = await company.issue({ projectId: used.id });
    expect(await send("DELETE", `/api/projects/${used.id}`)).toMatchObject({
      status: 409,
      body: { details: { usedBy: ["issues"] } },
    });
    await api.db.sql.query("UPDATE issues SET project_id = NULL WHERE id = $1", [issue.id]);
    const key = await anAgentKey(api, (await company.agent()).id);
    expect(await send("DELETE", `/api/projects/${used.id}`, {}, { key })).toMatchObject({ status: 403 });
    expect((await expectStatus(send("DELETE", `/api/projects/${used.id}`), 200)).body).toEqual(used);
    expect(await get(`/api/projects/${used.id}`)).toMatchObject({ status: 404 });
    expect(await activity(used.id)).toContain("project.deleted");
  });

  it("API-37 an agent sets no commands that run on hosts, anywhere", async () => {
    const key = await anAgentKey(api, (await company.agent()).id);
    const made = (await expectStatus(create({ name: "Agents'", workspace: { cwd: "/a" } }, { key }), 201)).body;
    const error = (paths: string) => `Agent keys cannot modify host-executed workspace commands (${paths}).`;
    const policy = { executionWorkspacePolicy: { workspaceStrategy: { type: "git_worktree", provisionCommand: "x" } } };
    expect(await create({ name: "x", ...policy }, { key })).toMatchObject({
      status: 403,
      body: { error: error("executionWorkspacePolicy.workspaceStrategy.provisionCommand") },
    });
    expect(await create({ name: "x", workspace: { cwd: "/a", cleanupCommand: "rm" } }, { key })).toMatchObject({
      status: 403,
      body: { error: error("workspace.cleanupCommand") },
    });
    const workspace = `/api/projects/${made.id}/workspaces/${made.primaryWorkspace.id}`;
    expect(await send("PATCH", workspace, { cleanupCommand: "rm" }, { key })).toMatchObject({
      status: 403,
      body: { error: error("cleanupCommand") },
    });
    await expectStatus(send("PATCH", workspace, { cleanupCommand: "rm" }), 200);
    await expectStatus(send("PATCH", workspace, { name: "renamed" }, { key }), 200);
  });
});

describe("workspaces of a project", () => {
  const path = (of: Json, id = ""): string => `/api/projects/${of.id}/workspaces${id === "" ? "" : `/${id}`}`;
  const list = async (of: Json): Promise<Json[]> => (await expectStatus(get(path(of)), 200)).body;

  it("API-204, API-205 there is one primary one, whatever is added, changed and taken away", async () => {
    const of = await project();
    const add = async (body: object): Promise<Json> => (await expectStatus(send("POST", path(of), body), 201)).body;
    const first = await add({ cwd: "/srv/one" });
    const second = await add({ repoUrl: "https://example.com/two.git" });
    const third = await add({
      sourceType: "remote_managed",
      remoteWorkspaceRef: "box",
      isPrimary: true,
      metadata: { a: 1 },
    });
    expect([first.isPrimary, second.isPrimary, third.isPrimary]).toEqual([true, false, true]);
    const primary = async (): Promise<string[]> =>
      (await list(of)).filter(({ isPrimary }) => isPrimary).map(({ id }) => id);
    expect(await primary()).toEqual([third.id]);
    expect((await list(of)).map(({ name }) => name)).toEqual(["box", "one", "two"]);
    await expectStatus(send("PATCH", path(of, second.id), { isPrimary: true }), 200);
    await expectStatus(send("PATCH", path(of, second.id), { isPrimary: false }), 200);
    expect(await primary()).toEqual([second.id]);
    expect((await expectStatus(send("DELETE", path(of, second.id)), 200)).body.id).toBe(second.id);
    expect(await primary()).toEqual([first.id]);
    expect(await activity(of.id)).toEqual(
      expect.arrayContaining(["project.workspace_updated", "project.workspace_deleted"]),
    );
  });

  it("API-205 a change keeps what is not sent, its runtime configuration too", async () => {
    const of = await project({
      workspace: { cwd: "/a", metadata: { a: 1 }, runtimeConfig: { desiredState: "manual" } },
    });
    const { id } = of.primaryWorkspace;
    const patched = await expectStatus(send("PATCH", path(of, id), { metadata: { b: 2 }, repoRef: "dev" }), 200);
    expect(patched.body).toMatchObject({
      cwd: "/a",
      metadata: { b: 2, runtimeConfig: { desiredState: "manual" } },
      runtimeConfig: { desiredState: "manual" },
      defaultRef: "dev",
    });
    const cleared = await expectStatus(send("PATCH", path(of, id), { runtimeConfig: null, name: null }), 200);
    expect(cleared.body).toMatchObject({ runtimeConfig: null, metadata: { b: 2 }, name: "a" });
  });

  it("API-204, API-205 what leads nowhere is refused with the sentence of the route", async () => {
    const of = await project();
    expect(await send("POST", path(of), {})).toMatchObject({
      status: 400,
      body: { error: "Workspace requires at least one of cwd or repoUrl." },
    });
    expect(await send("POST", path(of), { sourceType: "remote_managed", cwd: "/a" })).toMatchObject({
      status: 400,
      body: { error: "Remote-managed workspace requires remoteWorkspaceRef or repoUrl." },
    });
    expect(await list(of)).toEqual([]);
    const made = (await expectStatus(send("POST", path(of), { cwd: "/a" }), 201)).body;
    expect(await send("PATCH", path(of, made.id), { cwd: null })).toMatchObject({
      status: 422,
      body: { error: "Invalid project workspace payload" },
    });
    for (const id of [missing, "nope"]) {
      expect(await send("PATCH", path(of, id), {})).toMatchObject({
        status: 404,
        body: { error: "Project workspace not found" },
      });
      expect(await send("DELETE", path(of, id))).toMatchObject({ status: 404 });
    }
    expect(await send("DELETE", path(await project(), made.id))).toMatchObject({ status: 404 });
  });

  it("WS-28 credentials in an address are stored and never answered; sent back as shown, they stay", async () => {
    const made = (
      await expectStatus(api.call("POST", `/api/companies/${company.id}/projects`, { body: { name: "Private" } }), 201)
    ).body;
    const repoUrl = "https://user:hunter2pw@example.com/private.git";
    const shown = "https://example.com/private.git";
    const added = await expectStatus(api.call("POST", path(made), { body: { repoUrl } }), 201);
    expect(added.body.repoUrl).toBe(shown);
    const one = path(made, added.body.id);
    const patched = await expectStatus(api.call("PATCH", one, { body: { repoUrl: shown, repoRef: "main" } }), 200);
    const read = await expectStatus(api.call("GET", `/api/projects/${made.id}`), 200);
    const activity = await expectStatus(
      api.call("GET", `/api/companies/${company.id}/activity?entityId=${made.id}`),
      200,
    );
    for (const { text } of [added, patched, read, activity]) expect(text).not.toContain("hunter2pw");
    const stored = (): Promise<{ url: string }[]> =>
      api.db.sql.query("SELECT repo_url AS url FROM project_workspaces WHERE id = $1", [added.body.id]);
    expect(await stored()).toEqual([{ url: repoUrl }]);
    await expectStatus(api.call("PATCH", one, { body: { repoUrl: "https://example.com/other.git" } }), 200);
    expect(await stored()).toEqual([{ url: "https://example.com/other.git" }]);
  });

  it("API-204 ten first workspaces at once: one of them is the primary one", async () => {
    const of = await project();
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => expectStatus(send("POST", path(of), { cwd: `/w${n}` }), 201)),
    );
    expect((await list(of)).filter(({ isPrimary }) => isPrimary)).toHaveLength(1);
  });
});
