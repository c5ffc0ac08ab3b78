/** Errors (API-1 to API-19, API-40 to API-59, API-39): spec 02 checks 7 to 11, 22, 24, 53. */
import net from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aCompany, aKey, expectStatus, type Json, startTestApi, type TestApi, type TestCompany } from "./support.js";

let api: TestApi;
let company: TestCompany;
let agent: Json;
beforeAll(async () => {
  api = await startTestApi();
  company = await aCompany(api);
  agent = await company.agent();
});
afterAll(() => api.stop());

const JSON_TYPE = { "content-type": "application/json" };
const wakeup = (): string => `/api/agents/${agent.id}/wakeup`;

async function wakeupRows(): Promise<number> {
  const [row] = await api.db.sql.query<{ n: number }>("SELECT count(*) AS n FROM agent_wakeup_requests");
  return row?.n ?? -1;
}

describe("API-40 the shape of every error", () => {
  it("API-40 has the reference's members and those of RFC 9457", async () => {
    const reply = await expectStatus(
      api.call("GET", "/api/heartbeat-runs/not-a-uuid", { headers: { "x-request-id": "abc" } }),
      404,
    );
    expect(reply.body).toEqual({
      error: "Heartbeat run not found",
      type: "/docs/problems#not_found",
      title: "Not found",
      status: 404,
      detail: "Heartbeat run not found",
      instance: "/api/heartbeat-runs/not-a-uuid",
      code: "not_found",
      requestId: "abc",
    });
    expect(reply.headers.get("x-request-id")).toBe("abc");
    expect(reply.headers.get("content-type")).toBe("application/json; charset=utf-8");
  });

  it("API-40 the type follows Accept, the body does not", async () => {
    const reply = await api.call("GET", "/api/nothing", { headers: { accept: "application/problem+json" } });
    expect(reply.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
    expect(reply.body.error).toBe("API route not found");
  });

  it("API-1 an unknown path or verb is 404", async () => {
    for (const [method, path] of [
      ["GET", "/api/nothing"],
      ["PUT", "/api/companies"],
      ["POST", "/api/companies/x/y/z"],
    ] as const) {
      expect((await expectStatus(api.call(method, path), 404)).body.error).toBe("API route not found");
    }
  });

  it("API-12 a request id that is none is replaced", async () => {
    const reply = await api.call("GET", "/livez", { headers: { "x-request-id": "x".repeat(129) } });
    expect(reply.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("API-17 HEAD works where GET does", async () => {
    const reply = await api.call("HEAD", `/api/companies/${company.id}`);
    expect([reply.status, reply.text]).toEqual([200, ""]);
    expect(reply.headers.get("cache-control")).toBe("no-store");
  });
});

describe("API-43 to API-53 bodies", () => {
  it("API-43 a syntax error is 400 with its position, and the process lives (02-7)", async () => {
    const reply = await expectStatus(api.call("POST", wakeup(), { raw: '{"name":', headers: JSON_TYPE }), 400);
    expect(reply.body).toMatchObject({
      code: "invalid_json",
      error: "Request body is not valid JSON",
      details: { position: 8 },
    });
    expect(
      (await expectStatus(api.call("POST", wakeup(), { raw: "{x}", headers: JSON_TYPE }), 400)).body.details.position,
    ).toBe(1);
    await expectStatus(
      api.call("POST", wakeup(), { raw: new Uint8Array([0x22, 0xff, 0x22]), headers: JSON_TYPE }),
      400,
    );
    await expectStatus(api.call("GET", "/livez"), 200);
  });

  it("API-44 a schema failure lists all its issues (02-8)", async () => {
    const reply = await expectStatus(api.call("POST", wakeup(), { body: { source: "bogus", reason: 1 } }), 400);
    expect(reply.body.error).toBe("Validation error");
    expect(reply.body.details.map((issue: Json) => issue.path)).toEqual([["source"], ["reason"]]);
    for (const issue of reply.body.details)
      expect(issue).toMatchObject({ message: expect.any(String), code: expect.any(String) });
  });

  it("API-52 a body or a field that is too large is 413 and leaves no row (02-9)", async () => {
    const before = await wakeupRows();
    const large = await expectStatus(
      api.call("POST", wakeup(), { body: { payload: { x: "y".repeat(11 * 1024 * 1024) } } }),
      413,
    );
    expect(large.body).toMatchObject({ code: "payload_too_large", details: { limitBytes: 10 * 1024 * 1024 } });
    const field = await expectStatus(
      api.call("POST", wakeup(), { body: { payload: { x: "y".repeat(300 * 1024) } } }),
      413,
    );
    expect(field.body.details).toEqual({ field: "payload", limitBytes: 256 * 1024 });
    const bomb = gzipSync(JSON.stringify({ payload: { x: "y".repeat(11 * 1024 * 1024) } }));
    await expectStatus(
      api.call("POST", wakeup(), { raw: bomb, headers: { ...JSON_TYPE, "content-encoding": "gzip" } }),
      413,
    );
    expect(await wakeupRows()).toBe(before);
  });

  it("API-53 another type is 415, another encoding too (02-10)", async () => {
    await expectStatus(api.call("POST", wakeup(), { raw: "hello", headers: { "content-type": "text/plain" } }), 415);
    await expectStatus(
      api.call("POST", wakeup(), { raw: "a=b", headers: { "content-type": "application/x-www-form-urlencoded" } }),
      415,
    );
    await expectStatus(
      api.call("POST", wakeup(), { raw: "{}", headers: { ...JSON_TYPE, "content-encoding": "zz" } }),
      415,
    );
    await expectStatus(
      api.call("POST", `/api/agents/${agent.id}/resume`, { raw: "x", headers: { "content-type": "text/plain" } }),
      415,
    );
    await expectStatus(
      api.call("POST", wakeup(), { raw: "{}", headers: { "content-type": "application/vnd.x+json; charset=utf-8" } }),
      202,
    );
  });

  it("API-52 garbage in a compressed body is 400", async () => {
    await expectStatus(
      api.call("POST", wakeup(), { raw: "no gzip", headers: { ...JSON_TYPE, "content-encoding": "gzip" } }),
      400,
    );
  });

  it("API-9 deep nesting is 400, __proto__ is data", async () => {
    const nested = (depth: number): string => `{"payload":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;
    await expectStatus(api.call("POST", wakeup(), { raw: nested(101), headers: JSON_TYPE }), 400);
    await expectStatus(api.call("POST", wakeup(), { raw: `${"[".repeat(500_000)}`, headers: JSON_TYPE }), 400);
    await expectStatus(api.call("POST", wakeup(), { raw: nested(90), headers: JSON_TYPE }), 202);
    const raw =
      '{"name":"Proto","__proto__":{"polluted":1},"adapterConfig":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}';
    const made = await expectStatus(
      api.call("POST", `/api/companies/${company.id}/agents`, { raw, headers: JSON_TYPE }),
      201,
    );
    expect(JSON.stringify(made.body.adapterConfig)).toContain('"__proto__":{"polluted":1}');
    expect(({} as Json).polluted).toBeUndefined();
  });

  it("DM-8 U+0000 and lone surrogates become U+FFFD", async () => {
    const raw = '{"title":"a\\u0000b\\ud800c"}';
    const made = await expectStatus(
      api.call("POST", `/api/companies/${company.id}/issues`, { raw, headers: JSON_TYPE }),
      201,
    );
    expect(made.body.title).toBe("a\uFFFDb\uFFFDc");
    await expectStatus(api.call("GET", `/api/companies/${company.id}/issues?q=%00`), 200);
    await expectStatus(api.call("GET", "/api/issues/%00"), 404);
  });

  it("API-6 an absent body counts as {}", async () => {
    const reply = await expectStatus(api.call("POST", wakeup()), 202);
    expect(reply.body).toMatchObject({ invocationSource: "on_demand", triggerDetail: "manual" });
  });

  it("API-45 a path that is no percent-encoding is 400", async () => {
    expect((await expectStatus(api.call("GET", "/api/issues/%E0%A4%A"), 400)).body.code).toBe("bad_request");
  });
});

describe("API-48 existence", () => {
  it("API-111 an unknown agent is 404 Agent not found (02-11)", async () => {
    const path = "/api/agents/00000000-0000-4000-8000-000000000000/wakeup";
    expect((await expectStatus(api.call("POST", path, { body: {} }), 404)).body.error).toBe("Agent not found");
  });

  it("API-4 an id that is no UUID is the entity's 404 (02-11)", async () => {
    const paths = {
      "/api/heartbeat-runs/x": "Heartbeat run not found",
      "/api/companies/x": "Company not found",
      "/api/issues/x": "Issue not found",
      "/api/wakeups/x": "Wakeup not found",
      "/api/keys/x": "Key not found",
    };
    for (const [path, error] of Object.entries(paths)) {
      const method = path.startsWith("/api/keys") ? "DELETE" : "GET";
      expect((await expectStatus(api.call(method, path), 404)).body.error).toBe(error);
    }
  });

  it("API-4 any 8-4-4-4-12 form is a UUID, in any case", async () => {
    await expectStatus(api.call("GET", `/api/agents/${agent.id.toUpperCase()}`), 200);
    await expectStatus(api.call("GET", "/api/agents/ffffffff-ffff-ffff-ffff-ffffffffffff"), 404);
  });
});

describe("API-41 nothing internal leaves", () => {
  it("API-59 an unexpected failure is 500 with only its request id", async () => {
    await api.db.sql.query("ALTER TABLE companies RENAME TO companies_away");
    try {
      const reply = await expectStatus(api.call("GET", "/api/companies"), 500);
      expect(reply.body).toMatchObject({
        error: "Internal server error",
        code: "internal",
        requestId: expect.any(String),
      });
      expect(reply.text).not.toMatch(/companies_away|relation|select|stack|\.ts|\.js/i);
      expect(api.logged.join("")).toContain(reply.body.requestId);
    } finally {
      await api.db.sql.query("ALTER TABLE companies_away RENAME TO companies");
    }
  });
});

describe("API-57 PostgreSQL away", () => {
  it("API-57 is 503 with Retry-After, and over when it is back (02-22)", async () => {
    const gate = await aGate(api.databaseUrl);
    const gated = await startTestApi({ DATABASE_URL: gate.url });
    try {
      // The gated API uses the first API's database; its key is the first one's.
      await expectStatus(gated.call("GET", "/api/companies", { key: api.adminKey }), 200);
      await gate.close();
      const { token } = await aKey(api, { scope: "operator" });
      const reply = await expectStatus(gated.call("POST", wakeup(), { key: token, body: {} }), 503);
      expect(reply.body).toMatchObject({ code: "store_unavailable", error: "The database is not reachable" });
      expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      expect((await expectStatus(gated.call("GET", "/api/health", { key: null }), 503)).body.error).toBe(
        "database_unreachable",
      );
      const ready = await expectStatus(gated.call("GET", "/readyz", { key: null }), 503);
      expect(ready.body).toMatchObject({ status: "not_ready", checks: { postgres: "unreachable" } });
      await gate.open();
      await expectStatus(gated.call("POST", wakeup(), { key: token, body: {} }), 202);
    } finally {
      await gated.stop();
      await gate.close();
    }
  });
});

/** A port in front of PostgreSQL that can be shut and opened. */
async function aGate(target: string): Promise<{ url: string; open(): Promise<void>; close(): Promise<void> }> {
  const to = new URL(target);
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(to.port), to.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as net.AddressInfo;
  const url = new URL(target);
  url.port = String(port);
  url.hostname = "127.0.0.1";
  return {
    url: url.href,
    open: () => listen(port),
    async close() {
      if (!server.listening) return;
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

describe("API-39 rate limits", () => {
  it("API-39, API-56 writes past the burst are 429 with Retry-After; each accepted one has its row (02-24)", async () => {
    const limited = await startTestApi({ RATE_LIMIT_WRITES: "50", RATE_LIMIT_WRITES_BURST: "100" });
    try {
      const own = await aCompany(limited);
      const { token } = await aKey(limited, { scope: "operator" });
      const replies = await Promise.all(
        Array.from({ length: 300 }, (_, index) =>
          limited.call("POST", `/api/companies/${own.id}/issues`, { key: token, body: { title: `t${index}` } }),
        ),
      );
      const accepted = replies.filter((reply) => reply.status === 201);
      const refused = replies.filter((reply) => reply.status === 429);
      expect(accepted.length + refused.length).toBe(300);
      expect(refused.length).toBeGreaterThan(0);
      for (const reply of refused) {
        expect(reply.body).toMatchObject({ code: "rate_limited", error: "Too many requests" });
        expect(Number(reply.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
        expect(reply.headers.get("ratelimit-policy")).toBeTruthy();
      }
      const [row] = await limited.db.sql.query<{ n: number }>("SELECT count(*) AS n FROM issues");
      expect(row?.n).toBe(accepted.length);
      await expectStatus(limited.call("GET", "/api/companies", { key: token }), 200);
    } finally {
      await limited.stop();
    }
  });

  it("API-39 wrong credentials are counted by address, missing ones are not", async () => {
    const limited = await startTestApi({ RATE_LIMIT_FAILED_AUTH: "5" });
    try {
      const statuses: number[] = [];
      for (let attempt = 0; attempt < 8; attempt += 1) {
        statuses.push((await limited.call("GET", "/api/companies", { key: `wfk_wrong${attempt}` })).status);
      }
      expect(statuses.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
      expect(statuses.at(-1)).toBe(429);
      await expectStatus(limited.call("GET", "/api/companies", { key: null }), 401);
      await expectStatus(limited.call("GET", "/api/companies"), 200);
    } finally {
      await limited.stop();
    }
  });
});

describe("API-17, API-27 origins and hosts", () => {
  it("API-17 CORS answers configured origins only", async () => {
    const cors = await startTestApi({ CORS_ORIGINS: "https://app.example.com" });
    try {
      const preflight = (origin: string) =>
        cors.call("OPTIONS", "/api/companies", {
          key: null,
          headers: { origin, "access-control-request-method": "GET" },
        });
      const allowed = await preflight("https://app.example.com");
      expect([allowed.status, allowed.headers.get("access-control-allow-origin")]).toEqual([
        204,
        "https://app.example.com",
      ]);
      expect((await preflight("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
    } finally {
      await cors.stop();
    }
  });

  it("API-27 local_trusted serves loopback names without credentials, and no other name", async () => {
    const local = await startTestApi({ AUTH_MODE: "local_trusted" });
    try {
      await expectStatus(local.call("GET", "/api/companies", { key: null }), 200);
      const rebound = await new Promise<string>((resolve, reject) => {
        const socket = net.connect(local.api.port, "127.0.0.1", () => {
          socket.write("GET /api/companies HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
        });
        let text = "";
        socket.on("data", (chunk) => (text += chunk));
        socket.on("end", () => resolve(text));
        socket.on("error", reject);
      });
      expect(rebound).toMatch(/^HTTP\/1.1 403/);
      await expectStatus(
        local.call("POST", "/api/companies", {
          key: null,
          body: { name: "x" },
          headers: { origin: "https://evil.example" },
        }),
        403,
      );
      const made = await expectStatus(
        local.call("POST", "/api/companies", { key: null, body: { name: "Local" } }),
        201,
      );
      const activity = await local.call("GET", `/api/companies/${made.body.id}/activity`, { key: null });
      expect(activity.body[0]).toMatchObject({ actorType: "user", actorId: "local-board", action: "company.created" });
      await expectStatus(local.call("GET", "/api/companies", { key: "wfk_wrong" }), 401);
    } finally {
      await local.stop();
    }
  });
});
