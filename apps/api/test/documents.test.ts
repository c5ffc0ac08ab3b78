/** Documents and work products of issues over HTTP (API-163 to API-168): spec 02 check 54. */
import { insertRow } from "@wakefleet/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  aCompany,
  anAgentKey,
  expectStatus,
  type Json,
  markRunning,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
let issue: Json;

beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
});
afterAll(async () => api?.stop());
beforeEach(async () => {
  issue = await company.issue();
});

const get = (path: string, options: object = {}) => api.call("GET", path, options);
const path = (key: string, of = issue): string => `/api/issues/${of.id}/documents/${key}`;
const put = (key: string, body: object, options: object = {}) =>
  api.call("PUT", path(key), { body: { format: "markdown", ...body }, ...options });
const activity = async (action: string): Promise<Json[]> =>
  (await expectStatus(get(`/api/companies/${company.id}/activity?entityId=${issue.id}&action=${action}`), 200)).body;
const wakeups = async (): Promise<Json[]> =>
  (await expectStatus(get(`/api/companies/${company.id}/wakeups`), 200)).body;

/** An agent whose run is about an issue it is assigned to, and the key and headers it acts with. */
async function anAgentAtWork() {
  const agent = await company.agent();
  const work = await company.issue({ status: "todo", assigneeAgentId: agent.id });
  const run = (
    await expectStatus(
      api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: { payload: { issueId: work.id } } }),
      202,
    )
  ).body;
  await markRunning(api, { id: run.id, agentId: agent.id });
  const key = await anAgentKey(api, agent.id);
  const options = { key, headers: { "X-Wakefleet-Run-Id": run.id } };
  await expectStatus(
    api.call("POST", `/api/issues/${work.id}/checkout`, {
      body: { agentId: agent.id, expectedStatuses: ["todo", "in_progress"] },
      ...options,
    }),
    200,
  );
  return { agent, issue: work, run, key, options };
}

describe("documents", () => {
  it("API-165 creates, then updates on the revision that was read; API-163, API-164 read them", async () => {
    const first = await expectStatus(
      put("Plan", { title: "The plan", body: "one\\ntwo", changeSummary: "start" }),
      201,
    );
    expect(first.body).toMatchObject({
      key: "plan",
      issueId: issue.id,
      title: "The plan",
      body: "one\ntwo",
      latestRevisionNumber: 1,
      createdByAgentId: null,
    });
    const second = await expectStatus(put("plan", { body: "three", baseRevisionId: first.body.latestRevisionId }), 200);
    expect(second.body).toMatchObject({ id: first.body.id, title: "The plan", body: "three", latestRevisionNumber: 2 });
    expect((await get(path("plan"))).body).toEqual(second.body);
    expect((await get(`/api/issues/${issue.id}/documents`)).body).toEqual([second.body]);
    const revisions = (await get(`${path("plan")}/revisions`)).body;
    expect(revisions.map((one: Json) => [one.revisionNumber, one.body, one.changeSummary])).toEqual([
      [2, "three", null],
      [1, "one\ntwo", "start"],
    ]);
    expect(revisions[0].id).toBe(second.body.latestRevisionId);
    const detail = (await get(`/api/issues/${issue.identifier}`)).body;
    expect(detail.planDocument).toEqual(second.body);
    const { body: _, ...summary } = second.body;
    expect(detail.documentSummaries).toEqual([summary]);
    expect(await activity("issue.document_created")).toMatchObject([{ details: { key: "plan", revisionNumber: 1 } }]);
    expect(await activity("issue.document_updated")).toMatchObject([{ details: { key: "plan", revisionNumber: 2 } }]);
  });

  it("API-165 conflicts say which, and nothing is written", async () => {
    const missing = "00000000-0000-4000-8000-000000000000";
    expect(await put("notes", { body: "x", baseRevisionId: missing })).toMatchObject({
      status: 409,
      body: { error: "Document does not exist yet" },
    });
    const { body: made } = await expectStatus(put("notes", { body: "x" }), 201);
    expect(await put("notes", { body: "y" })).toMatchObject({
      status: 409,
      body: { error: "Document update requires baseRevisionId", details: { currentRevisionId: made.latestRevisionId } },
    });
    expect(await put("notes", { body: "y", baseRevisionId: missing })).toMatchObject({
      status: 409,
      body: { error: "Document was updated by someone else", details: { currentRevisionId: made.latestRevisionId } },
    });
    expect((await get(path("notes"))).body).toEqual(made);
  });

  it("API-165 two writers on one revision, 20 times: one is taken, the other is told (02-54)", async () => {
    let base: string = (await expectStatus(put("race", { body: "0" }), 201)).body.latestRevisionId;
    for (let round = 1; round <= 20; round += 1) {
      const replies = await Promise.all([
        put("race", { body: `a${round}`, baseRevisionId: base }),
        put("race", { body: `b${round}`, baseRevisionId: base }),
      ]);
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 409]);
      const taken = replies.find(({ status }) => status === 200)?.body;
      const told = replies.find(({ status }) => status === 409)?.body;
      expect(told.details).toEqual({ currentRevisionId: taken.latestRevisionId });
      expect(taken.latestRevisionNumber).toBe(round + 1);
      base = taken.latestRevisionId;
    }
    const creations = await Promise.all([put("both", { body: "a" }), put("both", { body: "b" })]);
    expect(creations.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it.each([
    ["API-164", "GET", "a b", undefined],
    ["API-164", "GET", "-x", undefined],
    ["API-165", "PUT", "x".repeat(65), { format: "markdown", body: "x" }],
  ])("%s %s of the key %j is refused", async (_, method, key, body) => {
    const reply = await api.call(method, path(encodeURIComponent(key)), body === undefined ? {} : { body });
    expect(reply).toMatchObject({ status: 400, body: { error: "Invalid document key" } });
  });

  it.each([
    [{ body: "" }],
    [{ body: "x".repeat(524_289) }],
    [{ body: "x", format: "html" }],
    [{ body: "x", title: "x".repeat(201) }],
    [{ body: "x", changeSummary: "x".repeat(501) }],
    [{ body: "x", baseRevisionId: "latest" }],
  ])("API-165 a body that does not fit is 400", async (body) => {
    expect(await put("plan", body)).toMatchObject({ status: 400, body: { code: "validation_failed" } });
  });

  it("API-164 what is not there is 404", async () => {
    expect(await get(path("plan"))).toMatchObject({ status: 404, body: { error: "Document not found" } });
    expect(await get(`${path("plan")}/revisions`)).toMatchObject({ status: 404 });
    expect(await get("/api/issues/NOPE-1/documents")).toMatchObject({
      status: 404,
      body: { error: "Issue not found" },
    });
  });

  it("API-166 restores an earlier revision as a new one, and only the board deletes", async () => {
    const first = (await expectStatus(put("plan", { title: "A", body: "one" }), 201)).body;
    const second = (
      await expectStatus(put("plan", { title: "B", body: "two", baseRevisionId: first.latestRevisionId }), 200)
    ).body;
    const restore = (id: string) => api.call("POST", `${path("plan")}/revisions/${id}/restore`);
    expect(await restore(second.latestRevisionId)).toMatchObject({
      status: 409,
      body: { error: "Selected revision is already the latest revision" },
    });
    for (const id of ["nope", "00000000-0000-4000-8000-000000000000"]) {
      expect(await restore(id)).toMatchObject({ status: 404, body: { error: "Document revision not found" } });
    }
    const restored = await expectStatus(restore(first.latestRevisionId), 200);
    expect(restored.body).toMatchObject({ title: "A", body: "one", latestRevisionNumber: 3 });
    const key = await anAgentKey(api, (await company.agent()).id);
    expect(await api.call("DELETE", path("plan"), { key })).toMatchObject({
      status: 403,
      body: { error: "Board authentication required" },
    });
    expect((await expectStatus(api.call("DELETE", path("plan")), 200)).body).toEqual({ ok: true });
    expect(await get(path("plan"))).toMatchObject({ status: 404 });
    expect(await activity("issue.document_deleted")).toMatchObject([{ details: { key: "plan" } }]);
  });

  it("API-35, API-157, API-176 an agent writes in its run, its detached warning goes, and nobody is woken", async () => {
    const work = await anAgentAtWork();
    issue = work.issue;
    await api.db.sql.query("UPDATE heartbeat_runs SET error_code = 'process_detached', error = 'x' WHERE id = $1", [
      work.run.id,
    ]);
    const before = (await wakeups()).length;
    const { body } = await expectStatus(put("plan", { body: "x" }, work.options), 201);
    expect(body).toMatchObject({ createdByAgentId: work.agent.id, createdByUserId: null });
    const [revision] = (await get(`${path("plan")}/revisions`)).body;
    expect(revision.createdByRunId).toBe(work.run.id);
    expect((await get(`/api/heartbeat-runs/${work.run.id}`)).body).toMatchObject({ errorCode: null, error: null });
    expect((await wakeups()).length).toBe(before);
    const stranger = await anAgentKey(api, (await company.agent()).id);
    expect(await put("plan", { body: "y", baseRevisionId: body.latestRevisionId }, { key: stranger })).toMatchObject({
      status: 409,
      body: { error: "Issue is checked out by another agent" },
    });
  });

  it("DM-66 the continuation summary is the service's: hidden unless asked for, and nobody else writes it", async () => {
    const documentId = await insertRow(api.db.sql, "documents", { companyId: company.id, latestBody: "s" });
    await insertRow(api.db.sql, "issue_documents", {
      companyId: company.id,
      issueId: issue.id,
      documentId,
      key: "continuation-summary",
    });
    expect((await get(`/api/issues/${issue.id}/documents`)).body).toEqual([]);
    expect((await get(`/api/issues/${issue.id}/documents?includeSystem=true`)).body).toHaveLength(1);
    expect(await put("continuation-summary", { body: "mine" })).toMatchObject({ status: 403 });
  });
});

describe("work products", () => {
  const list = async (): Promise<Json[]> =>
    (await expectStatus(get(`/api/issues/${issue.id}/work-products`), 200)).body;
  const post = (body: object, options: object = {}) =>
    api.call("POST", `/api/issues/${issue.id}/work-products`, { body, ...options });
  const branch = { type: "branch", provider: "git", title: "work" };

  it("API-167 keeps one primary of each type, first in the list; defaults are filled in", async () => {
    const projectId = await insertRow(api.db.sql, "projects", { companyId: company.id, name: "P" });
    issue = await company.issue({ projectId });
    const first = (await expectStatus(post({ ...branch, isPrimary: true }), 201)).body;
    expect(first).toMatchObject({
      issueId: issue.id,
      projectId,
      status: "active",
      reviewState: "none",
      healthStatus: "unknown",
      isPrimary: true,
      createdByRunId: null,
      metadata: null,
    });
    const other = (await expectStatus(post({ ...branch, type: "commit", isPrimary: true, projectId: null }), 201)).body;
    expect(other.projectId).toBeNull();
    const second = (await expectStatus(post({ ...branch, isPrimary: true, metadata: { a: [1] } }), 201)).body;
    await expectStatus(post({ ...branch, title: "plain" }), 201);
    const rows = await list();
    expect(
      rows
        .filter(({ isPrimary }) => isPrimary)
        .map(({ id }) => id)
        .sort(),
    ).toEqual([other.id, second.id].sort());
    expect(rows.map(({ isPrimary }) => isPrimary)).toEqual([true, true, false, false]);
    expect((await get(`/api/issues/${issue.id}`)).body.workProducts).toEqual(rows);
    expect(await activity("issue.work_product_created")).toHaveLength(4);
  });

  it.each([
    [{ ...branch, type: "poem" }],
    [{ ...branch, title: "" }],
    [{ ...branch, url: "not a url" }],
    [{ ...branch, status: "lost" }],
    [{ ...branch, metadata: [] }],
  ])("API-167 %o does not fit", async (body) => {
    expect(await post(body)).toMatchObject({ status: 400 });
    expect(await list()).toEqual([]);
  });

  it("API-167, DM-95 what is another company's, or an agent's made-up run, is 422 and nothing is written", async () => {
    const other = await aCompany(api);
    const projectId = await insertRow(api.db.sql, "projects", { companyId: other.id, name: "P" });
    const missing = "00000000-0000-4000-8000-000000000000";
    for (const body of [
      { projectId },
      { executionWorkspaceId: missing },
      { runtimeServiceId: missing },
      { createdByRunId: missing },
    ]) {
      expect(await post({ ...branch, ...body })).toMatchObject({
        status: 422,
        body: { error: "Invalid work product payload", details: { fields: Object.keys(body) } },
      });
    }
    const work = await anAgentAtWork();
    const elsewhere = await anAgentAtWork();
    issue = work.issue;
    expect(await post({ ...branch, createdByRunId: elsewhere.run.id }, work.options)).toMatchObject({ status: 422 });
    expect((await expectStatus(post(branch, work.options), 201)).body.createdByRunId).toBe(work.run.id);
    expect(await list()).toHaveLength(1);
  });

  it("API-168 changes only what is sent, keeps the primary single, and deletes", async () => {
    const first = (await expectStatus(post({ ...branch, isPrimary: true, summary: "s" }), 201)).body;
    const second = (await expectStatus(post(branch), 201)).body;
    const patched = await expectStatus(
      api.call("PATCH", `/api/work-products/${second.id}`, { body: { isPrimary: true } }),
      200,
    );
    expect(patched.body).toMatchObject({ title: "work", isPrimary: true, status: "active" });
    const cleared = await expectStatus(
      api.call("PATCH", `/api/work-products/${first.id}`, { body: { summary: null, status: "merged" } }),
      200,
    );
    expect(cleared.body).toMatchObject({ summary: null, status: "merged", isPrimary: false, provider: "git" });
    await expectStatus(api.call("PATCH", `/api/work-products/${second.id}`, { body: { type: "commit" } }), 200);
    const key = await anAgentKey(api, (await (await aCompany(api)).agent()).id);
    expect(await api.call("DELETE", `/api/work-products/${second.id}`, { key })).toMatchObject({ status: 403 });
    await expectStatus(api.call("DELETE", `/api/work-products/${second.id}`), 200);
    for (const id of [second.id, "nope"]) {
      expect(await api.call("DELETE", `/api/work-products/${id}`)).toMatchObject({
        status: 404,
        body: { error: "Work product not found" },
      });
    }
    expect((await list()).map(({ id }) => id)).toEqual([first.id]);
  });
});
