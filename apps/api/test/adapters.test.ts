/** Adapters as people set agents up with them, and agents' skills (API-91; AD-5, AD-71, AD-92). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
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
let other: TestCompany;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
  other = await aCompany(api);
});
afterAll(() => api.stop());

const adapterPath = (type: string, rest: string): string => `/api/companies/${company.id}/adapters/${type}/${rest}`;
const test = (type: string, adapterConfig: object, key?: string) =>
  api.call("POST", adapterPath(type, "test-environment"), {
    body: { adapterConfig },
    ...(key === undefined ? {} : { key }),
  });
const codesOf = (body: Json): string[] => body.checks.map(({ code }: Json) => code);

describe("adapters", () => {
  it("API-91, AD-5 the models of a type; none for a type that is not known", async () => {
    const { body } = await expectStatus(api.call("GET", adapterPath("claude_local", "models")), 200);
    expect(body.length).toBeGreaterThan(0);
    expect(Object.keys(body[0])).toEqual(["id", "label"]);
    expect((await expectStatus(api.call("GET", adapterPath("no_such", "models?refresh=true")), 200)).body).toEqual([]);
  });

  it("API-91, AD-92 tests an environment without running the agent", async () => {
    const bare = await expectStatus(test("process", {}), 200);
    expect(bare.body).toMatchObject({ adapterType: "process", status: "fail", testedAt: expect.any(String) });
    expect(codesOf(bare.body)).toContain("process_command_missing");
    const good = await expectStatus(test("process", { command: process.execPath }), 200);
    expect(good.body.status).toBe("pass");
    expect(codesOf(good.body)).toEqual(
      expect.arrayContaining(["process_command_present", "process_command_resolvable"]),
    );
    const unknown = await expectStatus(test("no_such", {}), 422);
    expect(unknown.body.error).toBe("Unknown adapter type: no_such");
    await expectStatus(
      api.call("POST", adapterPath("process", "test-environment"), { body: { adapterConfig: [] } }),
      400,
    );
  });

  // Nothing is installed here, nobody is logged in, and no key is set.
  it.each<[string, string, string[]]>([
    ["process", "fail", ["process_command_missing", "process_cwd_valid"]],
    ["http", "fail", ["http_url_missing"]],
    ["claude_local", "fail", ["claude_cwd_valid", "claude_command_unresolvable", "claude_subscription_mode_possible"]],
    ["codex_local", "fail", ["codex_cwd_valid", "codex_command_unresolvable", "codex_openai_api_key_missing"]],
    ["cursor", "fail", ["cursor_cwd_valid", "cursor_command_unresolvable", "cursor_api_key_missing"]],
    ["gemini_local", "fail", ["gemini_cwd_valid", "gemini_command_unresolvable", "gemini_api_key_missing"]],
    [
      "opencode_local",
      "fail",
      [
        "opencode_cwd_valid",
        "opencode_command_unresolvable",
        "opencode_headless_permissions_enabled",
        "opencode_command_skipped",
      ],
    ],
    ["pi_local", "fail", ["pi_cwd_valid", "pi_command_unresolvable", "pi_command_skipped"]],
    ["hermes_local", "fail", ["hermes_cli_not_found"]],
    ["openclaw_gateway", "fail", ["openclaw_gateway_url_missing"]],
  ])("07-50 (AD-84, AD-91, AD-92) %s with an empty config: %s", async (type, status, codes) => {
    const folder = mkdtempSync(join(tmpdir(), "wakefleet-nothing-"));
    vi.stubEnv("PATH", folder);
    vi.stubEnv("HOME", folder);
    for (const name of ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CODEX_HOME", "CURSOR_API_KEY", "GEMINI_API_KEY"]) {
      vi.stubEnv(name, undefined);
    }
    try {
      const { body } = await expectStatus(test(type, {}), 200);
      expect({ ...body, checks: codesOf(body) }).toMatchObject({ adapterType: type, status, checks: codes });
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });

  it("API-91, SC-5, SC-11 secrets of the company are resolved and never answered; others' and lost ones are refused", async () => {
    const secret = async (of: TestCompany, name: string): Promise<string> =>
      (
        await expectStatus(
          api.call("POST", `/api/companies/${of.id}/secrets`, { body: { name, value: "/bin/a-secret-directory" } }),
          201,
        )
      ).body.id;
    const env = (secretId: string) => ({ env: { PLACE: { type: "secret_ref", secretId } } });
    const own = await secret(company, "place");
    const found = await expectStatus(
      test("process", { command: "node", cwd: "/bin/a-secret-directory", ...env(own) }),
      200,
    );
    expect(found.text).not.toContain("a-secret-directory");
    expect(found.text).toContain("***REDACTED***");
    const foreign = await expectStatus(test("process", { command: "node", ...env(await secret(other, "place")) }), 422);
    expect(foreign.body.error).toBe("Secret must belong to same company");
    const creator = await company.agent({ role: "ceo" });
    const byAgent = await expectStatus(
      test("process", { command: "node", ...env(own) }, await anAgentKey(api, creator.id)),
      403,
    );
    expect(byAgent.body.code).toBe("forbidden");
  });

  it("API-91 both are for whoever may create agents, in their own company", async () => {
    const worker = await anAgentKey(api, (await company.agent()).id);
    const stranger = await anAgentKey(api, (await other.agent({ role: "ceo" })).id);
    for (const [key, error] of [
      [worker, "Missing permission: can create agents"],
      [stranger, "Agent key cannot access another company"],
    ] as const) {
      for (const reply of [api.call("GET", adapterPath("process", "models"), { key }), test("process", {}, key)]) {
        expect((await expectStatus(reply, 403)).body.error).toBe(error);
      }
    }
    const ceo = await anAgentKey(api, (await company.agent({ role: "ceo" })).id);
    await expectStatus(test("process", { command: "node" }, ceo), 200);
    const hosts = await expectStatus(
      test("process", { command: "node", workspaceStrategy: { provisionCommand: "x" } }, ceo),
      403,
    );
    expect(hosts.body.error).toContain("host-executed workspace commands");
  });
});

describe("an agent's skills", () => {
  it("API-91, AD-68, AD-71 lists what there is, takes a choice, and says what is not there", async () => {
    const made = await expectStatus(
      api.call("POST", `/api/companies/${company.id}/skills`, { body: { name: "Deploy" } }),
      201,
    );
    const agent = await company.agent({ adapterType: "claude_local", adapterConfig: { model: "m" } });
    const path = `/api/agents/${agent.id}/skills`;
    const before = await expectStatus(api.call("GET", path), 200);
    expect(before.body).toMatchObject({
      adapterType: "claude_local",
      supported: true,
      mode: "ephemeral",
      desiredSkills: [],
      warnings: [],
    });
    const entry = before.body.entries.find(({ key }: Json) => key === made.body.key);
    expect(entry).toMatchObject({
      desired: false,
      state: "available",
      runtimeName: expect.stringMatching(/^deploy--/),
    });

    const desiredSkills = [made.body.key, "company/none", made.body.key];
    const after = (await expectStatus(api.call("POST", `${path}/sync`, { body: { desiredSkills } }), 200)).body;
    expect(after.desiredSkills).toEqual([made.body.key, "company/none"]);
    expect(after.entries).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ key: made.body.key, desired: true, state: "configured" }),
        expect.objectContaining({ key: "company/none", state: "missing" }),
      ]),
    );
    expect(after.warnings).toEqual([expect.stringContaining("company/none")]);
    expect((await expectStatus(api.call("GET", path), 200)).body).toEqual(after);
    const { adapterConfig } = (await expectStatus(api.call("GET", `/api/agents/${agent.id}`), 200)).body;
    expect(adapterConfig).toEqual({
      model: "m",
      wakefleetSkillSync: { desiredSkills: [made.body.key, "company/none"] },
    });
    const used = await expectStatus(api.call("GET", `/api/companies/${company.id}/skills/${made.body.id}`), 200);
    expect(used.body.usedByAgents).toMatchObject([{ id: agent.id }]);
    const [revision] = (await api.call("GET", `/api/agents/${agent.id}/config-revisions`)).body;
    expect(revision.changedKeys).toEqual(["adapterConfig"]);
    await expectStatus(api.call("POST", `${path}/sync`, { body: {} }), 400);
  });

  it("AD-71 an adapter that knows no skills says so, and keeps the choice", async () => {
    const agent = await company.agent();
    const path = `/api/agents/${agent.id}/skills`;
    const { body } = await expectStatus(api.call("POST", `${path}/sync`, { body: { desiredSkills: ["a"] } }), 200);
    expect(body).toEqual({
      adapterType: "process",
      supported: false,
      mode: "unsupported",
      desiredSkills: ["a"],
      entries: [],
      warnings: [],
    });
  });

  it("API-91 an agent reads and chooses its own; another's only who may change it", async () => {
    const [agent, peer] = [await company.agent(), await company.agent()];
    const path = `/api/agents/${agent.id}/skills`;
    const [own, others] = [await anAgentKey(api, agent.id), await anAgentKey(api, peer.id)];
    const body = { desiredSkills: [] };
    await expectStatus(api.call("GET", path, { key: own }), 200);
    await expectStatus(api.call("POST", `${path}/sync`, { key: own, body }), 200);
    expect((await expectStatus(api.call("GET", path, { key: others }), 403)).body.error).toBe(
      "Missing permission: can create agents",
    );
    expect((await expectStatus(api.call("POST", `${path}/sync`, { key: others, body }), 403)).body.error).toBe(
      "Only CEO or agent creators can modify other agents",
    );
  });
});
