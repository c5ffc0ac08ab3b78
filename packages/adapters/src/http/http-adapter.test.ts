import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { JsonObject } from "@wakefleet/contracts";
import { afterEach, describe, expect, it } from "vitest";
import { eventually, recordRun } from "../conformance/recorded-run.js";
import { type AdapterExecutionContext, RunAborted } from "../contract.js";
import { httpAdapter } from "./http-adapter.js";

interface Received {
  readonly method: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

interface TestServer {
  readonly url: string;
  readonly received: Received[];
  readonly server: Server;
  /** Connections open right now. */
  connections(): Promise<number>;
}

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(answer: (response: ServerResponse, received: Received) => void): Promise<TestServer> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (part: string) => {
      body += part;
    });
    request.on("end", () => {
      const one = { method: request.method, headers: request.headers, body };
      received.push(one);
      answer(response, one);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/wake`,
    received,
    server,
    connections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
      ),
  };
}

const run = async (
  config: JsonObject,
  more: { readonly context?: JsonObject; readonly execution?: Partial<AdapterExecutionContext> } = {},
): ReturnType<typeof recordRun> => await recordRun(httpAdapter, { config, ...more });

describe("07 table 17: the http adapter", () => {
  it("check 15 AD-86 AD-87: sends one POST with who runs, and succeeds", async () => {
    const target = await serve((response) => response.end("thanks"));
    const config = {
      url: target.url,
      payloadTemplate: { kind: "wake", agentId: "forged", nested: { a: 1 } },
      headers: { Authorization: "Bearer x", "X-Count": 3 },
    };
    const { result, metas } = await run(config, { context: { taskId: "t" } });
    expect(result).toEqual({ exitCode: 0, signal: null, timedOut: false, summary: `HTTP POST ${target.url}` });
    expect(target.received).toHaveLength(1);
    const [request] = target.received;
    expect(request?.method).toBe("POST");
    expect(JSON.parse(request?.body ?? "")).toEqual({
      kind: "wake",
      nested: { a: 1 },
      agentId: "agent-1",
      runId: "run-1",
      context: { taskId: "t" },
    });
    expect(request?.headers).toMatchObject({
      "content-type": "application/json",
      "x-wakefleet-run-id": "run-1",
      "x-paperclip-run-id": "run-1",
      authorization: "Bearer x",
      "x-count": "3",
    });
    expect(JSON.stringify(metas)).not.toContain("Bearer");
  });

  it("BY-8 sends the claim that the run was started under", async () => {
    const target = await serve((response) => response.end());
    await run({ url: target.url }, { execution: { claimToken: 7 } });
    expect(target.received[0]?.headers).toMatchObject({ "x-wakefleet-claim-token": "7" });
  });

  it("AD-86 lets configured headers win, whatever their case", async () => {
    const target = await serve((response) => response.end());
    await run({ url: target.url, headers: { "Content-Type": "application/vnd.x+json", "x-WAKEFLEET-run-id": "mine" } });
    expect(target.received[0]?.headers).toMatchObject({
      "content-type": "application/vnd.x+json",
      "x-wakefleet-run-id": "mine",
    });
  });

  it.each(["GET", "HEAD", "get"])("AD-90 sends no body with %s", async (method) => {
    const target = await serve((response) => response.end());
    const { result } = await run({ url: target.url, method });
    expect(result).toMatchObject({ exitCode: 0, summary: `HTTP ${method.toUpperCase()} ${target.url}` });
    expect(target.received[0]).toMatchObject({ method: method.toUpperCase(), body: "" });
  });

  it("AD-87 keeps a JSON object as result", async () => {
    const target = await serve((response) => {
      response.setHeader("content-type", "application/json; charset=utf-8");
      response.end('{"answer":"é"}');
    });
    expect((await run({ url: target.url })).result.resultJson).toEqual({ answer: "é" });
  });

  it.each([
    ["a list", "application/json", "[1]"],
    ["broken JSON", "application/json", "{broken"],
    ["too much", "application/json", JSON.stringify({ a: "x".repeat(300_000) })],
    ["another type", "text/plain", '{"a":1}'],
  ])("AD-87 succeeds without a result for %s", async (_what, type, body) => {
    const target = await serve((response) => {
      response.setHeader("content-type", type);
      response.end(body);
    });
    const { result } = await run({ url: target.url });
    expect(result.exitCode).toBe(0);
    expect(result.resultJson ?? null).toBeNull();
  });

  it("AD-87 frees the connection of a body without end", async () => {
    let closed = 0;
    const target = await serve((response) => {
      response.setHeader("content-type", "text/event-stream");
      response.write("data: 1\n\n");
      response.on("close", () => {
        closed += 1;
      });
    });
    expect((await run({ url: target.url })).result.exitCode).toBe(0);
    // Soon: without a cancel the garbage collector would close it some day.
    await eventually("the server sees its answer closed", () => closed === 1, 3_000);
  });

  it("AD-87 has succeeded once a 2xx came, even if its body breaks", async () => {
    const target = await serve((response) => {
      response.setHeader("content-type", "application/json");
      response.write('{"a":');
      setImmediate(() => response.destroy());
    });
    const { result, warnings } = await run({ url: target.url });
    expect(result).toMatchObject({ exitCode: 0 });
    expect(warnings.map((warning) => warning.code)).toEqual(["http_body_unreadable"]);
  });

  it("check 16 AD-88: fails for a while on 503, not to be tried before Retry-After", async () => {
    const target = await serve((response) => {
      response.writeHead(503, { "retry-after": "600" }).end("busy");
    });
    const before = Date.now();
    const { result } = await run({ url: target.url });
    expect(result).toMatchObject({
      exitCode: 1,
      errorCode: "http_status_error",
      errorMessage: "HTTP invoke failed with status 503",
      errorFamily: "transient_upstream",
      resultJson: { status: 503 },
    });
    expect(Date.parse(result.retryNotBefore ?? "")).toBeGreaterThanOrEqual(before + 600_000);
  });

  it.each([429, 502, 504, 529])("AD-88 calls %d transient", async (status) => {
    const target = await serve((response) => response.writeHead(status).end());
    const { result } = await run({ url: target.url });
    expect(result.errorFamily).toBe("transient_upstream");
    expect(result.retryNotBefore ?? null).toBeNull();
  });

  it.each([400, 401, 404, 500])("AD-88 calls %d final", async (status) => {
    const target = await serve((response) => response.writeHead(status, { "retry-after": "5" }).end());
    const { result } = await run({ url: target.url });
    expect(result).toMatchObject({ exitCode: 1, errorCode: "http_status_error", resultJson: { status } });
    expect(result.errorFamily ?? null).toBeNull();
    expect(result.retryNotBefore ?? null).toBeNull();
  });

  it("AD-88 calls a network failure transient", async () => {
    const target = await serve((response) => response.destroy());
    expect((await run({ url: target.url })).result).toMatchObject({
      exitCode: 1,
      errorCode: "http_request_failed",
      errorFamily: "transient_upstream",
    });
    const { server, url } = await serve((response) => response.end());
    await new Promise((resolve) => server.close(resolve));
    const refused = (await run({ url })).result;
    expect(refused).toMatchObject({ errorCode: "http_request_failed", errorFamily: "transient_upstream" });
    expect(refused.errorMessage).toMatch(/ECONNREFUSED/);
  });

  it("check 17 AD-89: gives up on a silent server", async () => {
    const target = await serve(() => undefined);
    expect((await run({ url: target.url, timeoutMs: 200 })).result).toMatchObject({
      exitCode: null,
      timedOut: true,
      errorCode: "timeout",
      errorMessage: `HTTP POST ${target.url} timed out after 200ms`,
    });
  });

  it("AD-85 reads seconds where there are no milliseconds", async () => {
    const target = await serve(() => undefined);
    const { result } = await run({ url: target.url, timeoutSec: 0.2 });
    expect(result.errorMessage).toBe(`HTTP POST ${target.url} timed out after 200ms`);
  });

  it("AD-89 cancels the request with the run", async () => {
    let closed = false;
    const controller = new AbortController();
    const target = await serve((response) => {
      response.on("close", () => {
        closed = true;
      });
      controller.abort(new RunAborted("cancelled", "Cancelled by a test"));
    });
    const { result } = await run({ url: target.url }, { execution: { signal: controller.signal } });
    expect(result).toMatchObject({
      exitCode: null,
      timedOut: false,
      errorCode: "cancelled",
      errorMessage: "Cancelled by a test",
    });
    await eventually("the server sees the request closed", () => closed);
  });

  it("EX-10 sends nothing for a run that is aborted already", async () => {
    const target = await serve((response) => response.end());
    const signal = AbortSignal.abort(new RunAborted("lease_lost", "Lease was lost"));
    expect((await run({ url: target.url }, { execution: { signal } })).result.errorMessage).toBe("Lease was lost");
    expect(target.received).toEqual([]);
  });

  it("AD-85 refuses what it cannot send, and quotes no secret", async () => {
    await expect(run({})).rejects.toThrow("HTTP adapter missing url");
    await expect(run({ url: "not a url" })).rejects.toThrow('not an http or https address: "not a url"');
    await expect(run({ url: "file:///etc/passwd" })).rejects.toThrow(/not an http or https address/);
    await expect(run({ url: "http://me:hush@example.com/" })).rejects.toThrow(/must not hold a user name or password/);
    await expect(run({ url: "http://me:hush@example.com/" })).rejects.not.toThrow(/hush/);
    await expect(run({ url: "http://example.com/", method: "CONNECT" })).rejects.toThrow('the method "CONNECT"');
    const headers = { "X-Key": "hush\nhush" };
    await expect(run({ url: "http://example.com/", headers })).rejects.toThrow('header "X-Key" cannot be sent');
    await expect(run({ url: "http://example.com/", headers })).rejects.not.toThrow(/hush/);
  });

  it("AD-14 refuses a remote target", async () => {
    const executionTarget = { kind: "remote", transport: "sandbox", remoteCwd: "/srv" } as const;
    await expect(run({ url: "http://example.com/" }, { execution: { executionTarget } })).rejects.toThrow(
      /remote target/,
    );
  });
});

describe("AD-91 testing the environment of an http agent", () => {
  const test = async (config: JsonObject): Promise<[string, string[]]> => {
    const result = await httpAdapter.testEnvironment({ companyId: "c", adapterType: "http", config });
    return [result.status, result.checks.map((check) => check.code)];
  };

  it("check 50 AD-91: fails at once without a url", async () => {
    expect(await test({})).toEqual(["fail", ["http_url_missing"]]);
  });

  it("AD-91 fails for what is no URL or no web address", async () => {
    expect(await test({ url: "nonsense" })).toEqual(["fail", ["http_url_invalid", "http_method_configured"]]);
    expect(await test({ url: "ftp://example.com" })).toEqual([
      "fail",
      ["http_url_protocol_invalid", "http_url_valid", "http_method_configured"],
    ]);
  });

  it.each<[number, string, string]>([
    [204, "pass", "http_endpoint_probe_ok"],
    [405, "pass", "http_endpoint_probe_ok"],
    [501, "pass", "http_endpoint_probe_ok"],
    [404, "warn", "http_endpoint_probe_unexpected_status"],
  ])("AD-91 judges a HEAD answer of %d", async (status, verdict, code) => {
    const target = await serve((response) => response.writeHead(status).end());
    expect(await test({ url: target.url })).toEqual([verdict, ["http_url_valid", "http_method_configured", code]]);
    expect(target.received.map((request) => request.method)).toEqual(["HEAD"]);
  });

  it("AD-91 warns when nobody answers", async () => {
    const { server, url } = await serve((response) => response.end());
    await new Promise((resolve) => server.close(resolve));
    expect(await test({ url })).toEqual([
      "warn",
      ["http_url_valid", "http_method_configured", "http_endpoint_probe_failed"],
    ]);
  });
});
