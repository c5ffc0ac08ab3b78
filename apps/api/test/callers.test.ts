/** Who is calling (API-20 to API-38): spec 02 checks 1 to 6, 52, 55. */
import { mintRunToken } from "@wakefleet/engine";
import { waitFor } from "@wakefleet/testkit";
import { UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AUTH_SECRET,
  aCompany,
  aKey,
  anAgentKey,
  expectStatus,
  type Json,
  markEnded,
  markRunning,
  type Reply,
  startTestApi,
  type TestApi,
  type TestCompany,
} from "./support.js";

let api: TestApi;
let company: TestCompany;
let other: TestCompany;
let agent: Json;

beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
  other = await aCompany(api);
  agent = await company.agent();
});
afterAll(() => api.stop());

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

describe("API-29 credentials", () => {
  it("API-29 every route but health wants credentials (02-1)", async () => {
    const document = await api.call("GET", "/openapi.json");
    for (const [path, methods] of Object.entries<Json>(document.body.paths)) {
      for (const [method, operation] of Object.entries<Json>(methods)) {
        if (operation.security.length === 0) continue;
        const reply = await api.call(method.toUpperCase(), path.replace(/\{\w+\}/g, UNKNOWN), { key: null });
        expect([path, reply.status]).toEqual([path, 401]);
        expect(reply.headers.get("www-authenticate")).toBe("Bearer");
        expect(reply.body).toMatchObject({ error: "Unauthorized", code: "unauthenticated", status: 401 });
      }
    }
  });

  it("API-29 revoked, expired, unknown and wrongly signed credentials are 401 (02-2)", async () => {
    const revoked = await aKey(api, { scope: "operator" });
    await expectStatus(api.call("GET", "/api/companies", { key: revoked.token }), 200);
    await expectStatus(api.call("DELETE", `/api/keys/${revoked.id}`), 200);
    const expired = await aKey(api, { scope: "operator", expiresAt: "2020-01-01T00:00:00Z" });
    const claims = { sub: agent.id, company_id: company.id, run_id: UNKNOWN, adapter_type: "process", claim_token: 1 };
    const none = new UnsecuredJWT(claims)
      .setIssuer("wakefleet")
      .setAudience("wakefleet-api")
      .setExpirationTime("1h")
      .encode();
    const foreign = await mintRunToken({
      secret: "x".repeat(40),
      now: new Date(),
      claims: { agentId: agent.id, companyId: company.id, adapterType: "process", runId: UNKNOWN, claimToken: 1 },
    });
    for (const key of [revoked.token, expired.token, `wfk_${"0".repeat(48)}`, none, foreign, ""]) {
      await expectStatus(api.call("GET", "/api/companies", { key }), 401);
    }
  });

  it("API-29 the key of a terminated agent is 401 (02-2)", async () => {
    const ended = await company.agent();
    const key = await anAgentKey(api, ended.id);
    await expectStatus(api.call("GET", "/api/agents/me", { key }), 200);
    await expectStatus(api.call("POST", `/api/agents/${ended.id}/terminate`), 200);
    await expectStatus(api.call("GET", "/api/agents/me", { key }), 401);
  });

  it("API-29 a token in the URL counts on streams only", async () => {
    await expectStatus(api.call("GET", `/api/companies?token=${api.adminKey}`, { key: null }), 401);
    const stream = await fetch(`${api.url}/api/companies/${company.id}/events/stream?token=${api.adminKey}`);
    expect(stream.status).toBe(200);
    await stream.body?.cancel();
    expect(api.logged.join("")).not.toContain(api.adminKey);
  });
});

describe("API-32, API-36 companies and scopes", () => {
  it("API-32 an agent key of another company is 403, an id that exists nowhere 404 (02-3)", async () => {
    const foreign = await other.agent();
    const run = (await expectStatus(api.call("POST", `/api/agents/${foreign.id}/wakeup`, { body: {} }), 202)).body;
    const key = await anAgentKey(api, agent.id);
    const reply = await expectStatus(api.call("GET", `/api/heartbeat-runs/${run.id}`, { key }), 403);
    expect(reply.body).toMatchObject({ error: "Agent key cannot access another company", code: "wrong_company" });
    await expectStatus(api.call("GET", `/api/heartbeat-runs/${UNKNOWN}`, { key }), 404);
  });

  it("API-32 a board key bound to a company sees no other", async () => {
    const bound = await aKey(api, { scope: "operator", companyId: company.id });
    const reply = await expectStatus(api.call("GET", `/api/companies/${other.id}`, { key: bound.token }), 403);
    expect(reply.body.error).toBe("User does not have access to this company");
    const list = await expectStatus(api.call("GET", "/api/companies", { key: bound.token }), 200);
    expect(list.body.map((one: Json) => one.id)).toEqual([company.id]);
  });

  it("API-36 an enqueue key posts, reads its own, and nothing else (02-4)", async () => {
    const { token: key } = await aKey(api, { scope: "enqueue", companyId: company.id });
    const posted = await expectStatus(
      api.call("POST", `/api/agents/${agent.id}/wakeups`, { key, body: { payload: { taskKey: "e" } } }),
      202,
    );
    await expectStatus(api.call("GET", `/api/wakeups/${posted.body.wakeup.id}`, { key }), 200);
    await expectStatus(api.call("GET", `/api/heartbeat-runs/${posted.body.run.id}`, { key }), 200);
    const reply = await expectStatus(api.call("GET", `/api/companies/${company.id}/issues`, { key }), 403);
    expect(reply.body.code).toBe("insufficient_scope");
    const foreign = await expectStatus(
      api.call("POST", `/api/agents/${agent.id}/wakeups`, { body: { payload: { taskKey: "f" } } }),
      202,
    );
    await expectStatus(api.call("GET", `/api/wakeups/${foreign.body.wakeup.id}`, { key }), 403);
    const theirs = await other.agent();
    await expectStatus(api.call("POST", `/api/agents/${theirs.id}/wakeup`, { key, body: {} }), 403);
  });

  it("API-34 an operator key does not make companies or keys", async () => {
    const { token: key } = await aKey(api, { scope: "operator" });
    const reply = await expectStatus(api.call("POST", "/api/companies", { key, body: { name: "x" } }), 403);
    expect(reply.body.error).toBe("Instance admin access required");
    await expectStatus(api.call("GET", "/api/keys", { key }), 403);
  });

  it("API-100 an agent wakes itself and nobody else (02-5)", async () => {
    const key = await anAgentKey(api, agent.id);
    await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { key, body: {} }), 202);
    const peer = await company.agent();
    const reply = await expectStatus(api.call("POST", `/api/agents/${peer.id}/wakeup`, { key, body: {} }), 403);
    expect(reply.body.error).toBe("Agent can only invoke itself");
    await expectStatus(api.call("POST", `/api/agents/${UNKNOWN}/wakeup`, { key, body: {} }), 404);
  });
});

describe("API-30, API-31 run tokens", () => {
  async function aRunningRun(): Promise<{ run: Json; token: string; agent: Json }> {
    const own = await company.agent();
    const run = (await expectStatus(api.call("POST", `/api/agents/${own.id}/wakeup`, { body: {} }), 202)).body;
    await markRunning(api, { id: run.id, agentId: own.id });
    const claims = { agentId: own.id, companyId: company.id, adapterType: "process", runId: run.id, claimToken: 1 };
    return { run, agent: own, token: await mintRunToken({ secret: AUTH_SECRET, claims, now: new Date() }) };
  }

  it("API-31 works while its run runs, and five minutes longer (02-6)", async () => {
    const { run, token: key } = await aRunningRun();
    await expectStatus(api.call("GET", "/api/agents/me", { key }), 200);
    await markEnded(api, run.id, 240);
    await expectStatus(api.call("GET", "/api/agents/me", { key }), 200);
    await markEnded(api, run.id, 360);
    await expectStatus(api.call("GET", "/api/agents/me", { key }), 401);
  });

  it("API-31, AL-12 ends with its agent (08-46)", async () => {
    const { agent: own, token: key } = await aRunningRun();
    await expectStatus(api.call("GET", "/api/agents/me", { key }), 200);
    await expectStatus(api.call("POST", `/api/agents/${own.id}/terminate`), 200);
    await expectStatus(api.call("GET", "/api/agents/me", { key }), 401);
  });

  it("API-31 a token of a claim that was taken away: 409 stale_claim to write, 401 to read", async () => {
    const { run, token: key } = await aRunningRun();
    await api.db.sql.query("UPDATE heartbeat_runs SET start_token = NULL WHERE id = $1", [run.id]);
    const issue = await company.issue();
    const reply = await expectStatus(
      api.call("POST", `/api/issues/${issue.id}/comments`, { key, body: { body: "x" } }),
      409,
    );
    expect(reply.body.code).toBe("stale_claim");
    await expectStatus(api.call("GET", "/api/agents/me", { key }), 401);
  });

  describe("BY-8 a claim named beside an agent's key", () => {
    async function aClaimedRun(): Promise<{ run: Json; key: string; write: (claim: string) => Promise<Reply> }> {
      const { run, agent: own } = await aRunningRun();
      const key = await anAgentKey(api, own.id);
      const issue = await company.issue();
      const write = (claim: string): Promise<Reply> =>
        api.call("POST", `/api/issues/${issue.id}/comments`, {
          key,
          headers: { "X-Wakefleet-Run-Id": run.id, "X-Wakefleet-Claim-Token": claim },
          body: { body: "done" },
        });
      return { run, key, write };
    }

    it("BY-8 writes while it is current; 409 stale_claim with another, and nothing is written", async () => {
      const { run, write } = await aClaimedRun();
      await expectStatus(write("1"), 201);
      const refused = await expectStatus(write("2"), 409);
      expect(refused.body.code).toBe("stale_claim");
      await api.db.sql.query("UPDATE heartbeat_runs SET start_token = NULL WHERE id = $1", [run.id]);
      expect((await expectStatus(write("1"), 409)).body.code).toBe("stale_claim");
      const [row] = await api.db.sql.query<{ count: number }>(
        "SELECT count(*)::int AS count FROM activity_log WHERE run_id = $1 AND action = 'issue.comment_added'",
        [run.id],
      );
      expect(row?.count).toBe(1);
    });

    it("BY-8 a claim that is no number: 400", async () => {
      const { write } = await aClaimedRun();
      expect((await expectStatus(write("one"), 400)).body.error).toContain("X-Wakefleet-Claim-Token");
    });

    it("BY-8 a claim that ends while the write is under way keeps the write from being committed", async () => {
      const { run, write } = await aClaimedRun();
      // The end of the run holds the row; the write arrives, is let in, and finds the claim gone when it may look again.
      const client = await api.db.transactionPool.connect();
      try {
        await client.query("BEGIN");
        await client.query("UPDATE heartbeat_runs SET start_token = NULL WHERE id = $1", [run.id]);
        const writing = write("1");
        await waitFor(
          async () =>
            (
              await api.db.sql.query(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
              )
            ).length > 0,
          { what: "the write to wait for the run's end" },
        );
        await client.query("COMMIT");
        expect((await expectStatus(writing, 409)).body.code).toBe("stale_claim");
      } finally {
        client.release();
      }
    });
  });

  it("API-30 the header names no other run (02-6)", async () => {
    const { run, token: key } = await aRunningRun();
    const peer = await aRunningRun();
    for (const header of ["X-Paperclip-Run-Id", "X-Wakefleet-Run-Id"]) {
      const reply = await expectStatus(
        api.call("GET", "/api/agents/me", { key, headers: { [header]: peer.run.id } }),
        403,
      );
      expect(reply.body.error).toBe("Run id does not belong to this agent");
      await expectStatus(api.call("GET", "/api/agents/me", { key, headers: { [header]: run.id } }), 200);
    }
  });

  it("API-30 an agent key may name a run of its agent while it runs", async () => {
    const { run, agent: own } = await aRunningRun();
    const key = await anAgentKey(api, own.id);
    const headers = { "X-Wakefleet-Run-Id": run.id };
    await expectStatus(api.call("GET", "/api/agents/me", { key, headers }), 200);
    await markEnded(api, run.id);
    await expectStatus(api.call("GET", "/api/agents/me", { key, headers }), 403);
  });
});

describe("API-33, API-304 browser sessions", () => {
  async function login(): Promise<string> {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const reply = await api.call("POST", "/login", {
      key: null,
      raw: `key=${api.adminKey}&next=%2Fdocs`,
      headers: form,
    });
    expect([reply.status, reply.headers.get("location")]).toEqual([303, "/docs"]);
    const cookie = reply.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^wf_session=.*HttpOnly; SameSite=Lax; Max-Age=43200$/);
    expect(cookie).not.toContain(api.adminKey);
    return cookie.split(";")[0] ?? "";
  }

  it("API-33 a mutation by cookie needs an origin of this host (02-52)", async () => {
    const cookie = await login();
    const post = (headers: Record<string, string>) =>
      api.call("POST", "/api/companies", { key: null, body: { name: "By cookie" }, headers: { cookie, ...headers } });
    await expectStatus(api.call("GET", "/api/companies", { key: null, headers: { cookie } }), 200);
    for (const headers of [
      {},
      { origin: "https://evil.example" },
      { origin: "null" },
      { referer: "https://evil.example/x" },
    ]) {
      const reply = await expectStatus(post(headers), 403);
      expect(reply.body.error).toBe("Board mutation requires trusted browser origin");
    }
    await expectStatus(post({ origin: api.url }), 201);
    await expectStatus(post({ referer: `${api.url}/queues` }), 201);
  });

  it("API-304 a wrong key shows the form again; a way back never leaves this host", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const wrong = await api.call("POST", "/login", { key: null, raw: "key=wfk_wrong", headers: form });
    expect(wrong.status).toBe(401);
    expect(wrong.text).toContain("does not open the board");
    const away = await api.call("POST", "/login", {
      key: null,
      raw: `key=${api.adminKey}&next=%2F%2Fevil.example`,
      headers: form,
    });
    expect(away.headers.get("location")).toBe("/");
    const ended = await api.call("GET", "/logout", { key: null });
    expect([ended.status, ended.headers.get("set-cookie")]).toEqual([303, expect.stringContaining("Max-Age=0")]);
  });

  it("API-33 a session ends with its key", async () => {
    const opened = await aKey(api, { scope: "operator" });
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const reply = await api.call("POST", "/login", { key: null, raw: `key=${opened.token}`, headers: form });
    const cookie = (reply.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    await expectStatus(api.call("GET", "/api/companies", { key: null, headers: { cookie } }), 200);
    await expectStatus(api.call("DELETE", `/api/keys/${opened.id}`), 200);
    await expectStatus(api.call("GET", "/api/companies", { key: null, headers: { cookie } }), 401);
  });
});

describe("API-37, API-38 what agents may not change", () => {
  it("API-38 an agent does not un-pause itself, spend more or run wider (02-55)", async () => {
    const own = await company.agent();
    const key = await anAgentKey(api, own.id);
    await expectStatus(api.call("POST", `/api/agents/${own.id}/pause`), 200);
    const bodies = [
      { status: "idle" },
      { budgetMonthlyCents: 1 },
      { spentMonthlyCents: 0 },
      { runtimeConfig: { heartbeat: { maxConcurrentRuns: 9 } } },
    ];
    for (const body of bodies) await expectStatus(api.call("PATCH", `/api/agents/${own.id}`, { key, body }), 403);
    await expectStatus(api.call("PATCH", `/api/agents/${own.id}`, { key, body: { title: "x" } }), 200);
    expect((await api.call("GET", `/api/agents/${own.id}`)).body.status).toBe("paused");
  });

  it("API-37 an agent changes neither host commands nor instruction paths (02-55)", async () => {
    const own = await company.agent();
    const key = await anAgentKey(api, own.id);
    const reply = await expectStatus(
      api.call("PATCH", `/api/agents/${own.id}`, {
        key,
        body: { adapterConfig: { workspaceStrategy: { provisionCommand: "x" } } },
      }),
      403,
    );
    expect(reply.body.error).toBe(
      "Agent keys cannot modify host-executed workspace commands (adapterConfig.workspaceStrategy.provisionCommand).",
    );
    await expectStatus(
      api.call("PATCH", `/api/agents/${own.id}`, { key, body: { adapterConfig: { agentsMdPath: "/etc" } } }),
      403,
    );
  });

  it("API-77 an agent does not change another, a ceo does", async () => {
    const [own, peer, ceo] = [await company.agent(), await company.agent(), await company.agent({ role: "ceo" })];
    const reply = await expectStatus(
      api.call("PATCH", `/api/agents/${peer.id}`, { key: await anAgentKey(api, own.id), body: { title: "x" } }),
      403,
    );
    expect(reply.body.error).toBe("Only CEO or agent creators can modify other agents");
    await expectStatus(
      api.call("PATCH", `/api/agents/${peer.id}`, { key: await anAgentKey(api, ceo.id), body: { title: "x" } }),
      200,
    );
  });
});
