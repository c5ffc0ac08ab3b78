/** Secrets over HTTP (API-230 to API-233, SC-2 to SC-4, SC-11 to SC-17): spec 05 checks 55 to 57. */
import { readConfig } from "@wakefleet/config";
import { createLogger } from "@wakefleet/telemetry";
import { testRedisUrl } from "@wakefleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi } from "../src/start-api.js";
import {
  AUTH_SECRET,
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  type Json,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const VALUE = "correct-horse-battery-staple";

let api: TestApi;
let company: TestCompany;
let other: TestCompany;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
  other = await aCompany(api);
});
afterAll(() => api.stop());

let counter = 0;
async function aSecret(body: object = {}, of: TestCompany = company): Promise<Json> {
  counter += 1;
  const sent = { name: `secret-${counter}`, value: VALUE, ...body };
  return (await expectStatus(api.call("POST", `/api/companies/${of.id}/secrets`, { body: sent }), 201)).body;
}
const ref = (secretId: string, version?: number | string): object => ({
  type: "secret_ref",
  secretId,
  ...(version === undefined ? {} : { version }),
});
const patchEnv = (agentId: string, env: unknown, key?: string) =>
  api.call("PATCH", `/api/agents/${agentId}`, {
    body: { adapterConfig: { env } },
    ...(key === undefined ? {} : { key }),
  });

describe("API-230, API-231 keeping a secret", () => {
  it("SC-12, API-230 lists where secrets can be kept", async () => {
    const { body } = await expectStatus(api.call("GET", `/api/companies/${company.id}/secret-providers`), 200);
    expect(body).toEqual([
      { id: "local_encrypted", label: "Local encrypted (default)", requiresExternalRef: false },
      { id: "aws_secrets_manager", label: expect.any(String), requiresExternalRef: true },
      { id: "gcp_secret_manager", label: expect.any(String), requiresExternalRef: true },
      { id: "vault", label: expect.any(String), requiresExternalRef: true },
    ]);
  });

  it("SC-13, SC-16, check 55: no plain value in the tables, equal values look different, and nobody is answered one", async () => {
    const [one, two] = [await aSecret({ description: "for the tests" }), await aSecret()];
    expect(one).toMatchObject({ latestVersion: 1, provider: "local_encrypted", description: "for the tests" });
    const rows = await api.db.sql.query<{ material: { ciphertext: string; scheme: string } }>(
      "SELECT to_jsonb(v.*) AS row, material FROM company_secret_versions v WHERE secret_id = ANY($1::uuid[])",
      [[one.id, two.id]],
    );
    expect(rows).toHaveLength(2);
    expect(new Set(rows.map(({ material }) => material.ciphertext)).size).toBe(2);
    expect(rows[0]?.material.scheme).toBe("local_encrypted_v2");
    const list = await expectStatus(api.call("GET", `/api/companies/${company.id}/secrets`), 200);
    expect(list.body.map(({ id }: Json) => id).slice(0, 2)).toEqual([two.id, one.id]);
    expect(list.headers.get("cache-control")).toBe("no-store");
    for (const text of [JSON.stringify([rows, one]), list.text, api.logged.join("\n")]) {
      expect(text).not.toContain(VALUE);
      expect(text).not.toContain(Buffer.from(VALUE).toString("base64"));
    }
    expect(list.text).not.toContain("material");
  });

  it.each<[string, object, number, string | null]>([
    ["no name", { name: "" }, 400, null],
    ["no value", { value: "" }, 400, null],
    ["a value of more than 64 KiB", { value: "ä".repeat(32_769) }, 400, null],
    ["an unknown provider", { provider: "post-it" }, 422, "Unsupported secret provider: post-it"],
    ["a provider that is not built", { provider: "vault" }, 422, "vault provider is not configured in this deployment"],
  ])("API-231, SC-12 %s is refused and nothing kept", async (_what, body, status, error) => {
    const before = await api.db.sql.query("SELECT 1 FROM company_secrets");
    const sent = { name: "refused", value: VALUE, ...body };
    const reply = await expectStatus(api.call("POST", `/api/companies/${company.id}/secrets`, { body: sent }), status);
    if (error !== null) expect(reply.body.error).toBe(error);
    expect(reply.text).not.toContain(VALUE);
    expect(await api.db.sql.query("SELECT 1 FROM company_secrets")).toHaveLength(before.length);
  });

  it("SC-16 a name is one company's once; ten at the same time keep one", async () => {
    const make = (of: TestCompany) =>
      api.call("POST", `/api/companies/${of.id}/secrets`, { body: { name: "taken", value: VALUE } });
    const replies = await Promise.all(Array.from({ length: 10 }, () => make(company)));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
    expect(replies.find(({ status }) => status === 409)?.body.error).toBe("Secret already exists: taken");
    await expectStatus(make(other), 201);
  });

  it("API-34, API-230 operators only, of the company alone", async () => {
    const secret = await aSecret();
    const agent = await company.agent();
    const agentKey = await anAgentKey(api, agent.id);
    const foreign = (await aKey(api, { scope: "operator", companyId: other.id })).token;
    const enqueue = (await aKey(api, { scope: "enqueue", companyId: company.id })).token;
    const operator = (await aKey(api, { scope: "operator", companyId: company.id })).token;
    const routes: [string, string, object?][] = [
      ["GET", `/api/companies/${company.id}/secret-providers`],
      ["GET", `/api/companies/${company.id}/secrets`],
      ["POST", `/api/companies/${company.id}/secrets`, { name: "theirs", value: VALUE }],
      ["POST", `/api/secrets/${secret.id}/rotate`, { value: VALUE }],
      ["PATCH", `/api/secrets/${secret.id}`, { description: "x" }],
      ["DELETE", `/api/secrets/${secret.id}`],
    ];
    for (const [method, path, body] of routes) {
      for (const key of [agentKey, foreign, enqueue]) await expectStatus(api.call(method, path, { key, body }), 403);
      const done = await api.call(method, path, { key: operator, body });
      expect(done.status, `${method} ${path}`).toBeLessThan(300);
    }
    await expectStatus(api.call("POST", `/api/secrets/${UNKNOWN}/rotate`, { body: { value: "x" } }), 404);
    const reply = await expectStatus(api.call("DELETE", "/api/secrets/nonsense"), 404);
    expect(reply.body.error).toBe("Secret not found");
  });
});

describe("API-232, API-233 changing one", () => {
  it("SC-16 rotating adds a version, concurrent rotations add one each; the old ones stay", async () => {
    const secret = await aSecret();
    const rotate = (value: string) => api.call("POST", `/api/secrets/${secret.id}/rotate`, { body: { value } });
    expect((await expectStatus(rotate("another value"), 200)).body).toMatchObject({ id: secret.id, latestVersion: 2 });
    const many = await Promise.all(Array.from({ length: 5 }, (_, index) => rotate(`value ${index}`)));
    expect(many.map(({ body }) => body.latestVersion).sort()).toEqual([3, 4, 5, 6, 7]);
    const versions = await api.db.sql.query<{ version: number }>(
      "SELECT version FROM company_secret_versions WHERE secret_id = $1 ORDER BY version",
      [secret.id],
    );
    expect(versions.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("API-233 names and texts change, a taken name does not, and only what was sent", async () => {
    const secret = await aSecret({ description: "before", externalRef: "ref" });
    const taken = await aSecret();
    const patch = (body: object) => api.call("PATCH", `/api/secrets/${secret.id}`, { body });
    const name = `renamed-${counter}`;
    expect((await expectStatus(patch({ name }), 200)).body).toMatchObject({
      name,
      description: "before",
      externalRef: "ref",
    });
    expect((await expectStatus(patch({ description: null }), 200)).body).toMatchObject({ name, description: null });
    const reply = await expectStatus(patch({ name: taken.name }), 409);
    expect(reply.body.error).toBe(`Secret already exists: ${taken.name}`);
  });

  it("SC-17 one that is referred to goes by force only, with its versions", async () => {
    const secret = await aSecret();
    const agent = await company.agent({ adapterConfig: { command: "true", env: { A: ref(secret.id.toUpperCase()) } } });
    const [project] = await api.db.sql.query<{ id: string }>(
      "INSERT INTO projects (company_id, name, env) VALUES ($1, 'P', $2) RETURNING id",
      [company.id, { B: ref(secret.id) }],
    );
    const reply = await expectStatus(api.call("DELETE", `/api/secrets/${secret.id}`), 409);
    expect(reply.body).toMatchObject({
      error: "Secret is in use",
      details: { agentIds: [agent.id], projectIds: [project?.id] },
    });
    const done = await expectStatus(api.call("DELETE", `/api/secrets/${secret.id}?force=true`), 200);
    expect(done.body).toEqual({ ok: true });
    expect(await api.db.sql.query("SELECT 1 FROM company_secret_versions WHERE secret_id = $1", [secret.id])).toEqual(
      [],
    );
  });

  it("SC-16, API-15 each change is in the activity log, without a value", async () => {
    const secret = await aSecret();
    await expectStatus(api.call("POST", `/api/secrets/${secret.id}/rotate`, { body: { value: `${VALUE}2` } }), 200);
    await expectStatus(api.call("PATCH", `/api/secrets/${secret.id}`, { body: { description: "d" } }), 200);
    await expectStatus(api.call("DELETE", `/api/secrets/${secret.id}`), 200);
    const { body, text } = await api.call("GET", `/api/companies/${company.id}/activity?entityId=${secret.id}`);
    expect(body.map(({ action, details }: Json) => [action, details])).toEqual([
      ["secret.deleted", { name: secret.name }],
      ["secret.updated", { name: secret.name }],
      ["secret.rotated", { version: 2 }],
      ["secret.created", { name: secret.name, provider: "local_encrypted" }],
    ]);
    expect(text).not.toContain(VALUE);
  });
});

describe("SC-2, SC-3, SC-11 what an agent's env may hold", () => {
  it("SC-2 references are stored in their object form and shown as they are (SC-20)", async () => {
    const secret = await aSecret();
    const agent = await company.agent({ adapterConfig: { command: "true", env: { TOKEN: ref(secret.id), A: "x" } } });
    expect(agent.adapterConfig.env).toEqual({
      TOKEN: { type: "secret_ref", secretId: secret.id, version: "latest" },
      A: { type: "plain", value: "x" },
    });
  });

  it("SC-2, SC-3, check 57: an unknown secret, a foreign one, a masked value", async () => {
    const agent = await company.agent();
    const theirs = await aSecret({}, other);
    const unknown = await expectStatus(patchEnv(agent.id, { A: ref(UNKNOWN) }), 404);
    expect(unknown.body.error).toBe("Secret not found");
    const foreign = await expectStatus(patchEnv(agent.id, { A: ref(theirs.id) }), 422);
    expect(foreign.body.error).toBe("Secret must belong to same company");
    const masked = await expectStatus(patchEnv(agent.id, { A: "***REDACTED***" }), 422);
    expect(masked.body.error).toBe("Refusing to persist redacted placeholder for key: A");
    const created = { name: "x", adapterConfig: { command: "true", env: { A: ref(theirs.id) } } };
    await expectStatus(api.call("POST", `/api/companies/${company.id}/agents`, { body: created }), 422);
    // A wrong shape is the body schema's to refuse (SC-2, API-72).
    await expectStatus(patchEnv(agent.id, { "1X": "x" }), 400);
  });

  it("SC-11 an agent gives itself no secret it does not have, and may keep and rename what it has", async () => {
    const [mine, wanted] = [await aSecret(), await aSecret()];
    const agent = await company.agent({ adapterConfig: { command: "true", env: { A: ref(mine.id) } } });
    const key = await anAgentKey(api, agent.id);
    const refused = await expectStatus(patchEnv(agent.id, { A: ref(mine.id), B: ref(wanted.id) }, key), 403);
    expect(refused.body.error).toBe("Agent keys cannot add secret references (adapterConfig.env.B).");
    await expectStatus(patchEnv(agent.id, { A: ref(mine.id, 1) }, key), 403);
    await expectStatus(patchEnv(agent.id, { RENAMED: ref(mine.id) }, key), 200);
  });

  it("SC-11 an agent that creates agents gives them no secret it does not have itself", async () => {
    const [mine, wanted] = [await aSecret(), await aSecret()];
    const ceo = await company.agent({
      role: "ceo",
      adapterConfig: { command: "true", env: { A: ref(mine.id) } },
    });
    const key = await anAgentKey(api, ceo.id);
    const create = (secretId: string) => {
      counter += 1;
      const body = { name: `made-${counter}`, adapterConfig: { command: "true", env: { A: ref(secretId) } } };
      return api.call("POST", `/api/companies/${company.id}/agents`, { key, body });
    };
    await expectStatus(create(wanted.id), 403);
    await expectStatus(create(mine.id), 201);
  });

  it("SC-11, WS-74 nor does it put one into an issue's overrides, nor services that run on the host", async () => {
    const wanted = await aSecret();
    const agent = await company.agent({ role: "ceo" });
    const key = await anAgentKey(api, agent.id);
    const overrides = (adapterConfig: object) => ({ assigneeAdapterOverrides: { adapterConfig } });
    const steal = overrides({ env: { A: ref(wanted.id) } });
    const made = await expectStatus(
      api.call("POST", `/api/companies/${company.id}/issues`, { key, body: { title: "x", ...steal } }),
      403,
    );
    expect(made.body.error).toContain("assigneeAdapterOverrides.adapterConfig.env.A");
    const issue = await company.issue();
    await expectStatus(api.call("PATCH", `/api/issues/${issue.id}`, { key, body: steal }), 403);
    const services = overrides({ workspaceRuntime: { services: [] } });
    await expectStatus(api.call("PATCH", `/api/issues/${issue.id}`, { key, body: services }), 403);
    await expectStatus(api.call("PATCH", `/api/issues/${issue.id}`, { body: steal }), 200);
    // What an operator put there may stay there.
    await expectStatus(api.call("PATCH", `/api/issues/${issue.id}`, { key, body: steal }), 200);
  });
});

describe("SC-4, SC-15 an API that is told to be strict, or has another key", () => {
  it("SC-4 plain values under names that look secret are refused", async () => {
    const strict = await startTestApi({ WAKEFLEET_SECRETS_STRICT_MODE: "true" });
    try {
      const own = await aCompany(strict);
      const make = (env: object) =>
        strict.call("POST", `/api/companies/${own.id}/agents`, { body: { name: "a", adapterConfig: { env } } });
      const refused = await expectStatus(make({ API_KEY: "x" }), 422);
      expect(refused.body.error).toBe("Strict secret mode requires secret references for sensitive key: API_KEY");
      await expectStatus(make({ PLAIN: "x" }), 201);
    } finally {
      await strict.stop();
    }
  });

  it("SC-15, check 56: with another key it does not start, and says why in one sentence", async () => {
    await aSecret();
    const config = readConfig({
      DATABASE_URL: api.databaseUrl,
      REDIS_URL: testRedisUrl(),
      AUTH_SECRET,
      PORT: "0",
      SECRETS_KEY: "9".repeat(64),
    });
    const log = createLogger({ level: "silent", name: "api" });
    await expect(startApi({ config, log })).rejects.toThrow(
      /^The secrets of this fleet are encrypted with another key than SECRETS_KEY/,
    );
  });
});
