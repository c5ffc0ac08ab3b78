/** Provider accounts over HTTP (BY-5). */
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
let account: string;
let agentId: string;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
  other = await aCompany(api);
  agentId = (await company.agent()).id;
  const [row] = await api.db.sql.query<{ id: string }>(
    `WITH account AS (
       INSERT INTO provider_accounts (company_id, provider, credential, limited_until)
       VALUES ($1, 'anthropic', 'key:0123456789abcdef', now() + interval '1 hour') RETURNING id
     ), agent AS (UPDATE agents SET provider_account_id = (SELECT id FROM account) WHERE id = $2)
     SELECT id FROM account`,
    [company.id, agentId],
  );
  account = row?.id ?? "";
});
afterAll(() => api.stop());

const path = (of = company, id = ""): string => `/api/companies/${of.id}/provider-accounts${id === "" ? "" : `/${id}`}`;
const change = (body: Json, status = 200) =>
  expectStatus(api.call("PATCH", path(company, account), { body }), status).then((reply) => reply.body);

describe("BY-5 provider accounts", () => {
  it("BY-5 are listed with their limit, their runs and their agents; other companies have none of them", async () => {
    const { body } = await expectStatus(api.call("GET", path()), 200);
    expect(body).toEqual([
      expect.objectContaining({
        id: account,
        provider: "anthropic",
        credential: "key:0123456789abcdef",
        maxConcurrentRuns: null,
        limitedUntil: expect.stringMatching(/Z$/),
        running: 0,
        agents: 1,
      }),
    ]);
    expect((await expectStatus(api.call("GET", path(other)), 200)).body).toEqual([]);
  });

  it("BY-5 a cap and a limit are set and taken away; what is left out stays", async () => {
    const until = "2030-01-02T03:04:05.000Z";
    expect(await change({ maxConcurrentRuns: 3 })).toMatchObject({
      maxConcurrentRuns: 3,
      limitedUntil: expect.anything(),
    });
    expect(await change({ limitedUntil: until })).toMatchObject({ maxConcurrentRuns: 3, limitedUntil: until });
    expect(await change({})).toMatchObject({ maxConcurrentRuns: 3, limitedUntil: until });
    expect(await change({ maxConcurrentRuns: null })).toMatchObject({ maxConcurrentRuns: null, limitedUntil: until });
  });

  it("BY-5 lifting a limit brings the waiting runs' jobs back", async () => {
    await change({ limitedUntil: "2030-01-01T00:00:00Z" });
    const { body: run } = await expectStatus(api.call("POST", `/api/agents/${agentId}/wakeup`), 202);
    const isDispatched = async (): Promise<boolean> => {
      const [row] = await api.db.sql.query<{ at: Date | null }>(
        "SELECT dispatched_at AS at FROM heartbeat_runs WHERE id = $1",
        [run.id],
      );
      return row?.at !== null;
    };
    await expect.poll(isDispatched).toBe(true);
    await change({ limitedUntil: "2030-01-02T00:00:00Z" });
    expect(await isDispatched()).toBe(true);
    expect(await change({ limitedUntil: null })).toMatchObject({ limitedUntil: null });
    expect(await isDispatched()).toBe(false);
  });

  it.each<[string, Json]>([
    ["no runs at all", { maxConcurrentRuns: 0 }],
    ["half a run", { maxConcurrentRuns: 1.5 }],
    ["words", { maxConcurrentRuns: "many" }],
    ["no instant", { limitedUntil: "soon" }],
  ])("BY-5 %s is refused and nothing is written", async (_, body) => {
    const before = (await api.call("GET", path())).body;
    expect(await change(body, 400)).toMatchObject({ code: "validation_failed" });
    expect((await api.call("GET", path())).body).toEqual(before);
  });

  it("BY-5 belongs to the board of the company", async () => {
    const agentKey = await anAgentKey(api, agentId);
    await expectStatus(api.call("GET", path(), { key: agentKey }), 403);
    await expectStatus(api.call("PATCH", path(company, account), { key: agentKey, body: {} }), 403);
    const { token: theirs } = await aKey(api, { scope: "operator", companyId: other.id });
    await expectStatus(api.call("GET", path(), { key: theirs }), 403);
    for (const id of [account, "00000000-0000-4000-8000-000000000000", "nonsense"]) {
      await expectStatus(api.call("PATCH", path(other, id), { body: { maxConcurrentRuns: 1 } }), 404);
    }
  });
});
