/** The document and the law "no 5xx for anything a caller can send" (API-302, API-41, API-53): spec 02 checks 49, 53. */
import { ERRORS } from "@wakefleet/contracts";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aCompany, anAgentKey, expectStatus, type Json, startTestApi, type TestApi } from "./support.js";

let api: TestApi;
let document: Json;
beforeAll(async () => {
  api = await startTestApi();
  document = (await expectStatus(api.call("GET", "/openapi.json"), 200)).body;
});
afterAll(() => api.stop());

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly declared: Json;
}

function operations(): Operation[] {
  return Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, declared]) => ({ method: method.toUpperCase(), path, declared })),
  );
}

/** Routes about a run, an incident, a hold, an approval, a secret or a skill, of which there is none. */
function needsWhatIsNotThere(path: string): boolean {
  return /^\/api\/(?:heartbeat-runs\/\{runId\}\/|secrets\/|approvals\/)|\{(?:incidentId|holdId|skillId|accountId)\}/.test(
    path,
  );
}

function refsOf(value: Json): string[] {
  if (Array.isArray(value)) return value.flatMap(refsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, field]) =>
    key === "$ref" && typeof field === "string" ? [field] : refsOf(field),
  );
}

describe("API-302 the document", () => {
  it("API-302 is OpenAPI 3.1 whose references exist and whose parameters are declared (02-49)", () => {
    expect(document.openapi).toBe("3.1.0");
    for (const ref of refsOf(document)) {
      const [, kind, name = ""] = /^#\/components\/(schemas|headers)\/(.+)$/.exec(ref) ?? [];
      expect(document.components[kind ?? ref]).toHaveProperty(name);
    }
    const ids = new Set<string>();
    for (const { path, declared } of operations()) {
      ids.add(declared.operationId);
      const inPath = declared.parameters
        .filter((parameter: Json) => parameter.in === "path")
        .map((parameter: Json) => parameter.name);
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(declared.summary.length).toBeGreaterThan(5);
      for (const [status, response] of Object.entries<Json>(declared.responses)) {
        expect(status).toMatch(/^\d{3}$/);
        expect(response.description).toBeTruthy();
      }
    }
    expect(ids.size).toBe(operations().length);
  });

  it("API-302 knows every MUST route of the contract that is here (02-49)", () => {
    const known = new Set(operations().map(({ method, path }) => `${method} ${path}`));
    const expected = [
      "GET /api/companies",
      "POST /api/companies",
      "GET /api/companies/{companyId}",
      "PATCH /api/companies/{companyId}",
      "GET /api/companies/{companyId}/agents",
      "POST /api/companies/{companyId}/agents",
      "GET /api/agents/{id}",
      "GET /api/agents/me",
      "PATCH /api/agents/{id}",
      "POST /api/agents/{id}/pause",
      "POST /api/agents/{id}/resume",
      "POST /api/agents/{id}/terminate",
      "GET /api/agents/{id}/keys",
      "POST /api/agents/{id}/keys",
      "DELETE /api/agents/{id}/keys/{keyId}",
      "GET /api/agents/{id}/runtime-state",
      "GET /api/agents/{id}/task-sessions",
      "POST /api/agents/{id}/runtime-state/reset-session",
      "POST /api/agents/{id}/wakeup",
      "POST /api/agents/{id}/heartbeat/invoke",
      "POST /api/agents/{id}/wakeups",
      "POST /api/wakeups/batch",
      "GET /api/wakeups/{wakeupId}",
      "GET /api/companies/{companyId}/heartbeat-runs",
      "GET /api/heartbeat-runs/{runId}",
      "GET /api/heartbeat-runs/{runId}/events",
      "GET /api/heartbeat-runs/{runId}/log",
      "GET /api/heartbeat-runs/{runId}/log/stream",
      "POST /api/heartbeat-runs/{runId}/cancel",
      "GET /api/companies/{companyId}/live-runs",
      "GET /api/issues/{issueId}/live-runs",
      "GET /api/issues/{issueId}/active-run",
      "GET /api/issues/{id}/runs",
      "GET /api/companies/{companyId}/issues",
      "POST /api/companies/{companyId}/issues",
      "GET /api/issues/{id}",
      "PATCH /api/issues/{id}",
      "POST /api/issues/{id}/checkout",
      "POST /api/issues/{id}/release",
      "GET /api/issues/{id}/comments",
      "POST /api/issues/{id}/comments",
      "GET /api/issues/{id}/comments/{commentId}",
      "POST /api/companies/{companyId}/cost-events",
      "GET /api/companies/{companyId}/costs/summary",
      "GET /api/companies/{companyId}/costs/by-agent",
      "GET /api/companies/{companyId}/budgets/overview",
      "POST /api/companies/{companyId}/budgets/policies",
      "PATCH /api/companies/{companyId}/budgets",
      "PATCH /api/agents/{agentId}/budgets",
      "POST /api/companies/{companyId}/budget-incidents/{incidentId}/resolve",
      "GET /api/companies/{companyId}/activity",
      "GET /api/issues/{id}/activity",
      "GET /api/companies/{companyId}/events/stream",
      "POST /api/issues/{id}/tree-control/preview",
      "POST /api/issues/{id}/tree-holds",
      "GET /api/issues/{id}/tree-control/state",
      "GET /api/issues/{id}/tree-holds",
      "GET /api/issues/{id}/tree-holds/{holdId}",
      "POST /api/issues/{id}/tree-holds/{holdId}/release",
      "GET /api/companies/{companyId}/projects",
      "POST /api/companies/{companyId}/projects",
      "GET /api/projects/{id}",
      "PATCH /api/projects/{id}",
      "GET /api/projects/{id}/workspaces",
      "POST /api/projects/{id}/workspaces",
      "PATCH /api/projects/{id}/workspaces/{workspaceId}",
      "DELETE /api/projects/{id}/workspaces/{workspaceId}",
      "GET /api/issues/{id}/documents",
      "GET /api/issues/{id}/documents/{key}",
      "PUT /api/issues/{id}/documents/{key}",
      "GET /api/issues/{id}/work-products",
      "POST /api/issues/{id}/work-products",
      "PATCH /api/instance/settings/general",
      "PATCH /api/instance/settings/experimental",
      "GET /api/instance/settings/general",
      "GET /api/instance/settings/experimental",
      "GET /api/health",
      "GET /livez",
      "GET /readyz",
      "GET /api/fleet",
      "GET /metrics",
      "GET /openapi.json",
      "GET /docs",
      "GET /api/keys",
      "POST /api/keys",
      "DELETE /api/keys/{id}",
      "GET /login",
      "POST /login",
      "POST /logout",
    ];
    expect(expected.filter((route) => !known.has(route))).toEqual([]);
  });

  it("API-302 a body that its schema accepts is accepted: the examples are (02-49)", async () => {
    const company = await aCompany(api);
    const agent = await company.agent();
    const ids: Json = { companyId: company.id, runId: "00000000-0000-4000-8000-000000000000", type: "process" };
    let tried = 0;
    for (const { method, path, declared } of operations()) {
      const example = declared.requestBody?.content["application/json"]?.example;
      if (example === undefined) continue;
      const issue = await company.issue({ status: "todo" });
      const target = path.replace(
        /\{(\w+)\}/g,
        (_, name: string) => ids[name] ?? (path.startsWith("/api/issues") ? issue.id : agent.id),
      );
      const body = JSON.parse(JSON.stringify(example).replaceAll("2f1c6d2e-8f0a-4f0e-9d0c-2a5b5a7f0e11", agent.id));
      const reply = await api.call(method, target, { body });
      expect([path, reply.status, reply.body?.code === "validation_failed"]).toEqual([path, reply.status, false]);
      if (!needsWhatIsNotThere(path)) expect([path, reply.status < 300]).toEqual([path, true]);
      tried += 1;
    }
    expect(tried).toBeGreaterThan(10);
  });

  it("API-308 every POST of callers says that it may be repeated under a key", () => {
    const silent = operations()
      .filter(
        ({ method, path, declared }) => method === "POST" && path.startsWith("/api") && declared.security.length > 0,
      )
      .filter(({ declared }) => !declared.parameters.some(({ name }: Json) => name === "Idempotency-Key"));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  it("BY-6 every answer that a run token can get says that it may bear the budget header, and no other does", () => {
    const bears = (response: Json): boolean => response.headers?.["X-Wakefleet-Budget"] !== undefined;
    for (const { method, path, declared } of operations()) {
      const isForAnyone = declared.security.length === 0;
      for (const [status, response] of Object.entries<Json>(declared.responses)) {
        expect(bears(response), `${method} ${path} ${status}`).toBe(!isForAnyone);
      }
    }
  });

  it("API-302 the page has an anchor for every problem and needs nothing from elsewhere", async () => {
    for (const path of ["/docs", "/docs/problems"]) {
      const page = await expectStatus(api.call("GET", path), 200);
      for (const code of Object.keys(ERRORS)) expect(page.text).toContain(`id="${code}"`);
      expect(page.text).not.toMatch(/<script|https?:\/\/|<link/);
    }
    await expectStatus(api.call("GET", "/docs", { key: null }), 401);
  });
});

describe("no 5xx for anything a caller can send", () => {
  /** Values that have broken servers before, between any JSON. */
  const nasty = fc.constantFrom<unknown>(
    "",
    " ",
    "\u0000",
    "\ud800",
    "x".repeat(5_000),
    "'; DROP TABLE agents; --",
    "../../etc/passwd",
    "%00",
    "$(x)",
    "__proto__",
    -1,
    0,
    1e308,
    2_147_483_648,
    Number.MAX_SAFE_INTEGER,
    null,
    true,
    [],
    {},
    [[]],
    "00000000-0000-4000-8000-000000000000",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "todo",
    "done",
    "in_progress",
    "paused",
    "idle",
    "on_demand",
    "operator",
  );
  const value = fc.oneof(nasty, fc.jsonValue({ maxDepth: 3 }));

  function bodyFor(declared: Json): fc.Arbitrary<unknown> {
    const schema = declared.requestBody?.content["application/json"]?.schema;
    const names = Object.keys(schema?.properties ?? { x: 1 });
    const shaped = fc.dictionary(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: fc.string() }),
      value,
      { maxKeys: 6 },
    );
    const example = declared.requestBody?.content["application/json"]?.example;
    const based = example === undefined ? shaped : shaped.map((patch) => ({ ...example, ...patch }));
    return fc.oneof({ weight: 4, arbitrary: shaped }, { weight: 4, arbitrary: based }, { weight: 1, arbitrary: value });
  }

  it("API-41, API-53 any JSON to any route, as the board and as an agent (02-53)", async () => {
    const company = await aCompany(api);
    const agent = await company.agent();
    const issue = await company.issue({ status: "todo" });
    const wakeup = (await expectStatus(api.call("POST", `/api/agents/${agent.id}/wakeup`, { body: {} }), 202)).body;
    const keys = [api.adminKey, await anAgentKey(api, agent.id)];
    const known: Json = {
      companyId: [company.id],
      runId: [wakeup.id],
      issueId: [issue.id, issue.identifier],
      wakeupId: [wakeup.wakeup.id],
      id: [agent.id, issue.id],
    };
    // What deletes the company or the agent would leave the rest nothing to try: it has a test of its own.
    const writes = operations().filter(
      ({ method, path }) =>
        method !== "GET" &&
        path.startsWith("/api") &&
        !(method === "DELETE" && ["/api/companies/{companyId}", "/api/agents/{id}"].includes(path)),
    );
    const call = fc.constantFrom(...writes).chain(({ method, path, declared }) =>
      fc.record({
        method: fc.constant(method),
        path: fc.constant(path),
        ids: fc.array(
          fc.oneof(
            { weight: 6, arbitrary: fc.nat(1) },
            { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 40 }) },
          ),
          { minLength: 3, maxLength: 3 },
        ),
        body: bodyFor(declared),
        key: fc.constantFrom(...keys),
      }),
    );
    await fc.assert(
      fc.asyncProperty(call, async ({ method, path, ids, body, key }) => {
        let position = 0;
        const target = path.replace(/\{(\w+)\}/g, (_, name: string) => {
          const choice = ids[position++ % ids.length] ?? 0;
          if (typeof choice === "string") return encodeURIComponent(choice.toWellFormed());
          const options = known[name] ?? [agent.id];
          return options[choice % options.length] ?? agent.id;
        });
        const reply = await api.call(method, target, { body, key });
        if (reply.status >= 500)
          throw new Error(`${method} ${target} ${JSON.stringify(body)}: ${reply.text}\n${api.logged.at(-1)}`);
        if (reply.status >= 400) {
          expect(reply.body).toMatchObject({
            error: expect.any(String),
            code: expect.any(String),
            status: reply.status,
            requestId: expect.any(String),
          });
          expect(reply.text).not.toMatch(/at \w+ \(|node_modules|\bSELECT\b.*\bFROM\b/);
        }
      }),
      { numRuns: Number(process.env["WAKEFLEET_TEST_FUZZ_RUNS"] ?? 500), endOnFailure: true },
    );
  });

  it("API-41 any query to any list", async () => {
    const company = await aCompany(api);
    const lists = operations().filter(
      ({ method, path, declared }) =>
        method === "GET" &&
        path.startsWith("/api") &&
        !path.includes("stream") &&
        declared.parameters.some((parameter: Json) => parameter.in === "query"),
    );
    const call = fc.constantFrom(...lists).chain(({ path, declared }) => {
      const names: string[] = declared.parameters
        .filter((parameter: Json) => parameter.in === "query")
        .map((parameter: Json) => parameter.name);
      return fc.record({
        path: fc.constant(path),
        query: fc.dictionary(fc.constantFrom(...names), value.map(queryText), { maxKeys: 4 }),
      });
    });
    await fc.assert(
      fc.asyncProperty(call, async ({ path, query }) => {
        const target = path
          .replace(/\{companyId\}/g, company.id)
          .replace(/\{\w+\}/g, "00000000-0000-4000-8000-000000000000");
        const text = new URLSearchParams(
          Object.entries(query).map(([name, field]): [string, string] => [name, field.toWellFormed()]),
        ).toString();
        const reply = await api.call("GET", `${target}?${text}`);
        if (reply.status >= 500) throw new Error(`GET ${target}?${text}: ${reply.text}\n${api.logged.at(-1)}`);
      }),
      { numRuns: 250, endOnFailure: true },
    );
  });

  it("API-9 raw bytes as bodies", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom("application/json", "text/html", "application/json; charset=utf-16", "x"),
        async (bytes, type) => {
          const reply = await api.call("POST", "/api/companies", { raw: bytes, headers: { "content-type": type } });
          expect(reply.status).toBeLessThan(500);
        },
      ),
      { numRuns: 100 },
    );
  });
});

/** Any JSON as a query may hold it; an object may have a `toString` of its own, and then is no text. */
function queryText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
