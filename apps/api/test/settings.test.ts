/**
 * Changing instance settings, and adding to the activity log (API-251, API-271, IN-1, IN-2, IN-7, AC-44): spec 08
 * checks 49 and 50.
 */
import { userInfo } from "node:os";
import { waitFor } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aCompany, aKey, anAgentKey, expectStatus, type Json, startTestApi, type TestApi } from "./support.js";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(async () => api?.stop());

const path = (group: string): string => `/api/instance/settings/${group}`;
const read = async (group: string): Promise<Json> => (await expectStatus(api.call("GET", path(group)), 200)).body;
const patch = (group: string, body: object, options: object = {}) =>
  api.call("PATCH", path(group), { body, ...options });

describe("API-271 changing settings", () => {
  it("API-271, IN-1, AC-44 a partial change merges, and is told in every company", async () => {
    const companies = [await aCompany(api), await aCompany(api)];
    const before = await read("experimental");
    const changed = await expectStatus(
      patch("experimental", { issueGraphLivenessAutoRecoveryLookbackHours: 48, enableIsolatedWorkspaces: true }),
      200,
    );
    const after = { ...before, issueGraphLivenessAutoRecoveryLookbackHours: 48, enableIsolatedWorkspaces: true };
    expect(changed.body).toEqual(after);
    expect(await read("experimental")).toEqual(after);
    await expectStatus(patch("general", { keyboardShortcuts: true }), 200);
    expect(await read("general")).toMatchObject({ keyboardShortcuts: true, censorUsernameInLogs: false });
    expect(await read("experimental")).toEqual(after);
    for (const { id } of companies) {
      const { body } = await api.call("GET", `/api/companies/${id}/activity?entityType=instance_settings`);
      expect(body.map((row: Json) => [row.action, row.details.changedKeys])).toEqual([
        ["instance.settings.general_updated", ["keyboardShortcuts"]],
        [
          "instance.settings.experimental_updated",
          ["enableIsolatedWorkspaces", "issueGraphLivenessAutoRecoveryLookbackHours"],
        ],
      ]);
      expect(body[1].details.experimental).toEqual(after);
    }
  });

  it.each([
    ["general", { surprise: true }],
    ["general", { censorUsernameInLogs: "yes" }],
    ["general", { backupRetention: { dailyDays: 8, weeklyWeeks: 4, monthlyMonths: 1 } }],
    ["experimental", { issueGraphLivenessAutoRecoveryLookbackHours: 721 }],
    ["experimental", { issueGraphLivenessAutoRecoveryLookbackHours: 0 }],
    ["experimental", { censorUsernameInLogs: true }],
  ])("API-271 %s %o is refused and changes nothing", async (group, body) => {
    const before = await read(group);
    expect(await patch(group, body)).toMatchObject({ status: 400, body: { code: "validation_failed" } });
    expect(await read(group)).toEqual(before);
  });

  it("API-271, IN-1 only an instance administrator changes them; operators read", async () => {
    const company = await aCompany(api);
    const operator = (await aKey(api, { scope: "operator" })).token;
    const bound = (await aKey(api, { scope: "admin", companyId: company.id })).token;
    const agent = await anAgentKey(api, (await company.agent()).id);
    for (const key of [operator, bound, agent]) {
      expect(await patch("general", { keyboardShortcuts: false }, { key })).toMatchObject({
        status: 403,
        body: { error: "Instance admin access required" },
      });
    }
    await expectStatus(api.call("GET", path("general"), { key: operator }), 200);
    expect(await api.call("GET", path("general"), { key: agent })).toMatchObject({ status: 403 });
  });

  it("IN-7 a change keeps keys it does not know and mends a group that is no object (08-50)", async () => {
    await api.db.sql.query(
      `UPDATE instance_settings SET general = '{"new": 1, "keyboardShortcuts": true}', experimental = '[]'`,
    );
    await expectStatus(patch("general", { censorUsernameInLogs: false }), 200);
    await expectStatus(patch("experimental", { enableEnvironments: true }), 200);
    const [row] = await api.db.sql.query<Json>("SELECT general, experimental FROM instance_settings");
    expect(row).toEqual({
      general: { new: 1, keyboardShortcuts: true, censorUsernameInLogs: false },
      experimental: { enableEnvironments: true },
    });
  });

  it("IN-1 twenty changes at once: every one is kept", async () => {
    const keys = [
      "enableEnvironments",
      "enableIsolatedWorkspaces",
      "autoRestartDevServerWhenIdle",
      "enableIssueGraphLivenessAutoRecovery",
    ];
    await Promise.all(keys.map((key) => expectStatus(patch("experimental", { [key]: true }), 200)));
    const after = await read("experimental");
    expect(keys.map((key) => after[key])).toEqual([true, true, true, true]);
  });
});

describe("IN-2 the OS user in what is kept and answered", () => {
  it("IN-2, API-16, CO-40 a name alone and a home folder are masked, longer words are kept, within seconds (08-49)", async () => {
    const name = userInfo().username;
    const masked = `${name[0]}${"*".repeat(Math.max(1, name.length - 1))}`;
    const company = await aCompany(api);
    const issue = await company.issue();
    const text = `by ${name} in /home/${name}/work, not x${name}y`;
    const post = async (): Promise<Json> =>
      (await expectStatus(api.call("POST", `/api/issues/${issue.id}/comments`, { body: { body: text } }), 201)).body;
    const before = await post();
    expect(before.body).toBe(text);
    await expectStatus(patch("general", { censorUsernameInLogs: true }), 200);
    const expected = `by ${masked} in /home/${masked}/work, not x${name}y`;
    await waitFor(async () => (await post()).body === expected, {
      what: "the setting in this process",
      deadlineMs: 15_000,
    });
    const comment = await post();
    const [stored] = await api.db.sql.query<Json>("SELECT body FROM issue_comments WHERE id = $1", [comment.id]);
    expect(stored.body).toBe(expected);
    // What was kept before is masked on the way out.
    const old = await api.call("GET", `/api/issues/${issue.id}/comments/${before.id}`);
    expect(old.body).toMatchObject({ id: before.id, body: expected, createdAt: before.createdAt });
    for (const path of [
      `/api/issues/${issue.id}/activity`,
      `/api/companies/${company.id}/activity?entityId=${issue.id}`,
    ]) {
      const snippets = (await api.call("GET", path)).body.map((row: Json) => row.details?.bodySnippet).filter(Boolean);
      expect(new Set(snippets)).toEqual(new Set([expected]));
    }
    const documents = `/api/issues/${issue.id}/documents/plan`;
    await expectStatus(
      api.call("PUT", documents, { body: { format: "markdown", title: `of ${name}`, body: "x" } }),
      201,
    );
    const [row] = (await api.call("GET", `/api/companies/${company.id}/activity?action=issue.document_created`)).body;
    expect(row.details.title).toBe(`of ${masked}`);
    await expectStatus(patch("general", { censorUsernameInLogs: false }), 200);
  });
});

describe("API-251 what happened beside the fleet", () => {
  it("API-251, AC-1, AC-2 the board adds a row, redacted; others may not", async () => {
    const company = await aCompany(api);
    const agent = await company.agent();
    const stranger = await (await aCompany(api)).agent();
    const url = `/api/companies/${company.id}/activity`;
    const body = { actorId: "deploy", action: "deploy.finished", entityType: "deploy", entityId: "42" };
    const full = { ...body, actorType: "agent", agentId: agent.id, details: { apiKey: "x", version: 3 } };
    const made = await expectStatus(api.call("POST", url, { body: full }), 201);
    expect(made.body).toMatchObject({
      ...body,
      actorType: "agent",
      agentId: agent.id,
      details: { apiKey: "***REDACTED***", version: 3 },
    });
    expect((await expectStatus(api.call("POST", url, { body }), 201)).body).toMatchObject({
      actorType: "system",
      details: null,
    });
    expect((await api.call("GET", `${url}?action=deploy.finished`)).body.map((row: Json) => row.id)).toContain(
      made.body.id,
    );
    expect(await api.call("POST", url, { body: { ...body, agentId: stranger.id } })).toMatchObject({
      status: 422,
      body: { error: "Agent does not belong to company" },
    });
    expect(await api.call("POST", url, { body: { ...body, action: "" } })).toMatchObject({ status: 400 });
    const key = await anAgentKey(api, agent.id);
    expect(await api.call("POST", url, { body, key })).toMatchObject({
      status: 403,
      body: { error: "Board access required" },
    });
  });
});
