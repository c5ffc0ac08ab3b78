import { createHash, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { asJsonObject, type JsonObject } from "@wakefleet/contracts";
import { afterEach, describe, expect, it } from "vitest";
import { eventually, type RecordedRun, type RunOverrides, recordRun, TEST_IDS } from "../conformance/recorded-run.js";
import { type StubGateway, type StubGatewayScript, startStubGateway } from "../conformance/stub-gateway.js";
import { RunAborted } from "../contract.js";
import { openClawGatewayAdapter } from "./openclaw-gateway-adapter.js";

const gateways: StubGateway[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()));
});

type Answers = Record<string, (params: JsonObject) => JsonObject>;

/** A gateway that lets everybody in and whose agent ends at once, unless `answers` says otherwise. */
async function gatewayWith(
  answers: Answers = {},
  answer: StubGatewayScript["answer"] = ({ method, params }) => ({ payload: answers[method]?.(params) ?? {} }),
): Promise<StubGateway> {
  const gateway = await startStubGateway({ answer });
  gateways.push(gateway);
  return gateway;
}

async function wake(gateway: StubGateway, more: Partial<RunOverrides> = {}): Promise<RecordedRun> {
  return await recordRun(openClawGatewayAdapter, { ...more, config: { url: gateway.url, ...more.config } });
}

const agentEvent = (stream: string, data: JsonObject, runId: string = TEST_IDS.runId): JsonObject => ({
  type: "event",
  event: "agent",
  payload: { runId, stream, data },
});

describe("AD-313 signing in", () => {
  it("check 47 AD-313 signs the challenge with the device's key", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const gateway = await gatewayWith({ agent: () => ({ status: "ok" }) });
    await wake(gateway, {
      config: {
        devicePrivateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
        authToken: "gate-token",
        deviceFamily: "Server",
        scopes: "operator.read, operator.write",
      },
    });

    const { method, params } = gateway.requests[0]!;
    expect(method).toBe("connect");
    expect(params).toMatchObject({
      minProtocol: 3,
      maxProtocol: 3,
      client: {
        id: "gateway-client",
        version: "wakefleet",
        platform: process.platform,
        mode: "backend",
        deviceFamily: "server",
      },
      role: "operator",
      scopes: ["operator.read", "operator.write"],
      auth: { token: "gate-token" },
    });
    const device = asJsonObject(params["device"]);
    const raw = Buffer.from(String(publicKey.export({ format: "jwk" }).x), "base64url");
    expect(device["id"]).toBe(createHash("sha256").update(raw).digest("hex"));
    expect(device["nonce"]).toBe("nonce-1");
    const signed = [
      "v3",
      device["id"],
      "gateway-client",
      "backend",
      "operator",
      "operator.read,operator.write",
      device["signedAt"],
      "gate-token",
      "nonce-1",
      process.platform,
      "server",
    ].join("|");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: String(device["publicKey"]) }, format: "jwk" });
    expect(verify(null, Buffer.from(signed), key, Buffer.from(String(device["signature"]), "base64url"))).toBe(true);
  });

  it("AD-313 sends no device when device auth is off", async () => {
    const gateway = await gatewayWith({ agent: () => ({ status: "ok" }) });
    await wake(gateway, { config: { disableDeviceAuth: true, password: "pw", deviceToken: "dt" } });
    expect(gateway.requests[0]?.params["device"]).toBeUndefined();
    expect(gateway.requests[0]?.params["auth"]).toEqual({ password: "pw", deviceToken: "dt" });
  });

  it.each([
    ["authToken", { authToken: "t" }],
    ["token", { token: "t" }],
    ["x-openclaw-token", { headers: { "X-OpenClaw-Token": "t" } }],
    ["x-openclaw-auth", { headers: { "x-openclaw-auth": "t" } }],
    ["authorization", { headers: { Authorization: "Bearer t" } }],
  ])("AD-310 takes the token from %s", async (_name, config) => {
    const gateway = await gatewayWith({ agent: () => ({ status: "ok" }) });
    await wake(gateway, { config });
    expect(gateway.requests[0]?.params["auth"]).toEqual({ token: "t" });
  });

  it("AD-313 fails for a key that is not Ed25519, and says which setting is wrong", async () => {
    const gateway = await gatewayWith();
    const { result } = await wake(gateway, { config: { devicePrivateKeyPem: "nonsense" } });
    expect(result).toMatchObject({ exitCode: 1, errorCode: "openclaw_gateway_request_failed" });
    expect(result.errorMessage).toContain("devicePrivateKeyPem");
  });
});

describe("AD-314 AD-315 waking the agent", () => {
  it("check 47 sends the run, waits for its end and collects what the agent says", async () => {
    const gateway = await gatewayWith({}, async ({ method }, send) => {
      if (method === "agent") return { payload: { runId: "remote-1", status: "accepted" } };
      if (method !== "agent.wait") return { payload: {} };
      send(agentEvent("assistant", { delta: "Done with " }, "remote-1"));
      send(agentEvent("assistant", { delta: "the work." }, "remote-1"));
      send(agentEvent("assistant", { delta: "Somebody else" }, "stranger"));
      return { payload: { status: "ok" } };
    });
    const recorded = await wake(gateway, {
      context: { issueId: "issue-1", wakeReason: "assigned", issueIds: ["issue-1", "issue-2"] },
      config: { agentId: "main", payloadTemplate: { message: "Be brief.", model: "best" } },
    });

    expect(gateway.requests.map((request) => request.method)).toEqual(["connect", "agent", "agent.wait"]);
    expect(gateway.requests[1]?.params).toMatchObject({
      idempotencyKey: TEST_IDS.runId,
      agentId: "main",
      sessionKey: "agent:main:wakefleet:issue:issue-1",
      model: "best",
      timeout: 120_000,
      wakefleet: { runId: TEST_IDS.runId, wakeReason: "assigned", issueIds: ["issue-1", "issue-2"] },
      paperclip: { runId: TEST_IDS.runId, agentId: TEST_IDS.agentId, companyId: TEST_IDS.companyId },
    });
    expect(gateway.requests[2]?.params).toEqual({ runId: "remote-1", timeoutMs: 120_000 });
    expect(recorded.result).toMatchObject({ exitCode: 0, timedOut: false, summary: "Done with the work." });
    expect(recorded.result).not.toHaveProperty("sessionId");
    expect(recorded.stdout).toContain(
      '[openclaw-gateway:event] run=remote-1 stream=assistant data={"delta":"Done with "}\n',
    );
    expect(recorded.stdout).not.toContain("Somebody else");
    await eventually("the socket is closed", () => gateway.connections() === 0);
  });

  it("check 48 AD-314 a wait that times out is a run that timed out", async () => {
    const gateway = await gatewayWith({
      agent: () => ({ status: "accepted" }),
      "agent.wait": () => ({ status: "timeout" }),
    });
    const { result } = await wake(gateway, { config: { waitTimeoutMs: 50 } });
    expect(result).toMatchObject({ timedOut: true, errorCode: "openclaw_gateway_wait_timeout" });
  });

  it.each([
    ["an agent that refuses", { status: "error", summary: "no" }, {}, "openclaw_gateway_agent_error", "no"],
    ["a wait that fails", {}, { status: "error", error: "broke" }, "openclaw_gateway_wait_error", "broke"],
    [
      "an unknown end",
      {},
      { status: "odd" },
      "openclaw_gateway_wait_status_unexpected",
      "Unexpected status of the agent: odd",
    ],
  ])("AD-314 reports %s", async (_what, agent, wait, errorCode, errorMessage) => {
    const gateway = await gatewayWith({ agent: () => agent, "agent.wait": () => wait });
    expect((await wake(gateway)).result).toMatchObject({ exitCode: 1, errorCode, errorMessage });
  });

  it("AD-315 takes the error of an event when the end names none", async () => {
    const gateway = await gatewayWith({}, ({ method }, send) => {
      if (method === "agent.wait") send(agentEvent("lifecycle", { phase: "failed", error: "model gone" }));
      return { payload: method === "agent.wait" ? { status: "error" } : {} };
    });
    expect((await wake(gateway)).result.errorMessage).toBe("model gone");
  });

  it("AD-314 skips an accepted answer to a request that expects the final one", async () => {
    const gateway = await gatewayWith({}, ({ method }, send) => {
      if (method !== "agent.wait") return { payload: { status: "accepted" } };
      // The stub answers by id; an early answer with another id must be ignored too.
      send({ type: "res", id: "unknown", ok: true, payload: { status: "error" } });
      return { payload: { status: "ok" } };
    });
    expect((await wake(gateway)).result.exitCode).toBe(0);
  });

  it("AD-319 AD-26 reads provider, model, usage, cost, previews and texts from the answers", async () => {
    const gateway = await gatewayWith({
      agent: () => ({
        status: "ok",
        result: {
          payloads: [{ text: "One" }, { text: "Two" }],
          meta: {
            agentMeta: {
              provider: "anthropic",
              model: "m",
              usage: { input: 10, output: 3, cacheRead: 2 },
              costUsd: 0.5,
            },
            previewUrl: "http://127.0.0.1:9/",
            runtimeServices: [{ serviceName: "web", port: 3000, status: "running" }, { port: 1 }],
          },
        },
      }),
    });
    expect((await wake(gateway)).result).toMatchObject({
      summary: "One\n\nTwo",
      provider: "anthropic",
      model: "m",
      usage: { inputTokens: 10, outputTokens: 3, cachedInputTokens: 2 },
      usageBasis: "per_run",
      costUsd: 0.5,
      runtimeServices: [
        { serviceName: "web", port: 3000, status: "running" },
        { serviceName: "preview", url: "http://127.0.0.1:9/" },
      ],
    });
  });

  it("AD-319 calls itself the provider when nobody else is named", async () => {
    const gateway = await gatewayWith({ agent: () => ({ status: "ok" }) });
    expect((await wake(gateway)).result).toMatchObject({ provider: "openclaw", exitCode: 0 });
  });

  it("AD-319 a silent gateway is a timeout, a refusal is a failure", async () => {
    const silent = await startStubGateway({ nonce: null, answer: () => undefined });
    gateways.push(silent);
    const config = { timeoutSec: 0.05 };
    expect((await wake(silent, { config })).result).toMatchObject({
      timedOut: true,
      errorCode: "openclaw_gateway_timeout",
    });

    const refusing = await gatewayWith({}, () => ({ error: { code: "UNAUTHORIZED", message: "bad token" } }));
    expect((await wake(refusing)).result).toMatchObject({
      timedOut: false,
      errorCode: "openclaw_gateway_request_failed",
      errorMessage: "bad token",
    });
  });

  it("AD-319 survives a gateway that is not there, closes in the middle, or sends nonsense", async () => {
    const gone = await gatewayWith();
    await gone.stop();
    expect((await wake(gone)).result.errorCode).toBe("openclaw_gateway_request_failed");

    const closing = await gatewayWith({}, async ({ method }) => {
      if (method === "agent.wait") await closing.stop();
      return { payload: {} };
    });
    const { result } = await wake(closing);
    expect(result).toMatchObject({ exitCode: 1, errorCode: "openclaw_gateway_request_failed" });
    expect(result.errorMessage).toMatch(/closed the connection/);

    const odd = await gatewayWith({}, ({ method }, send) => {
      send({ type: 7, event: ["x"] });
      send({ type: "event", event: "agent", payload: "text" });
      return { payload: method === "agent" ? { status: "ok" } : {} };
    });
    expect((await wake(odd)).result.exitCode).toBe(0);
  });
});

describe("AD-316 session keys", () => {
  it.each<[JsonObject, JsonObject, string]>([
    [{}, { issueId: "i1" }, "wakefleet:issue:i1"],
    [{}, {}, "wakefleet"],
    [{ sessionKey: "mine" }, {}, "mine"],
    [{ sessionKeyStrategy: "fixed", sessionKey: "mine" }, { issueId: "i1" }, "mine"],
    [{ sessionKeyStrategy: "run" }, { issueId: "i1" }, `wakefleet:run:${TEST_IDS.runId}`],
    [{ sessionKeyPrefix: "paperclip" }, { issueId: "i1" }, "paperclip:issue:i1"],
    [{ agentId: "main" }, { issueId: "i1" }, "agent:main:wakefleet:issue:i1"],
    [{ agentId: "main", sessionKeyStrategy: "fixed", sessionKey: "agent:other:x" }, {}, "agent:other:x"],
  ])("AD-316 %j with %j", async (config, context, key) => {
    const gateway = await gatewayWith({ agent: () => ({ status: "ok" }) });
    await wake(gateway, { config, context });
    expect(gateway.requests[1]?.params["sessionKey"]).toBe(key);
  });
});

describe("AD-317 the message", () => {
  it("AD-317 begins with the template, names the run and the file of the API key", async () => {
    const gateway = await gatewayWith({ agent: () => ({ status: "ok" }) });
    await wake(gateway, {
      config: {
        payloadTemplate: { text: "Be brief." },
        claimedApiKeyPath: "/srv/key.json",
        paperclipApiUrl: "https://fleet.example",
      },
      context: {
        taskId: "issue-1",
        wakefleetWake: { reason: "assigned", issue: { id: "issue-1", title: "Sort mail" } },
      },
    });
    const message = String(gateway.requests[1]?.params["message"]);
    expect(message.startsWith("Be brief.\n\n")).toBe(true);
    for (const line of [
      `WAKEFLEET_RUN_ID=${TEST_IDS.runId}`,
      `PAPERCLIP_RUN_ID=${TEST_IDS.runId}`,
      "WAKEFLEET_API_URL=https://fleet.example",
      "WAKEFLEET_TASK_ID=issue-1",
    ]) {
      expect(message.split("\n")).toContain(line);
    }
    expect(message).toContain("/srv/key.json");
    expect(message).toContain("X-Wakefleet-Run-Id");
    expect(message).toContain('"title": "Sort mail"');
    expect(message).toContain("## Wakefleet Wake Payload");
    expect(gateway.requests[1]?.params).not.toHaveProperty("text");
  });
});

describe("AD-318 pairing", () => {
  /** Refuses devices until one is approved. */
  async function pairingGateway(details: JsonObject): Promise<StubGateway> {
    let approved: unknown = null;
    return await gatewayWith({}, ({ method, params }) => {
      const deviceId = asJsonObject(params["device"])["id"];
      if (method === "connect" && deviceId !== undefined && approved === null) {
        return { error: { code: "NOT_PAIRED", message: "pairing required", details } };
      }
      if (method === "device.pair.list") {
        return { payload: { pending: [{ requestId: "req-other", deviceId: "other" }, { requestId: "req-last" }] } };
      }
      if (method === "device.pair.approve") approved = params["requestId"];
      return { payload: method === "agent" ? { status: "ok" } : {} };
    });
  }

  it("AD-318 approves the own request over a second connection and tries once more", async () => {
    const gateway = await pairingGateway({ requestId: "req-1" });
    const { result } = await wake(gateway, { config: { authToken: "t" } });
    expect(result.exitCode).toBe(0);
    const connects = gateway.requests.filter((request) => request.method === "connect");
    expect(connects.map(({ params }) => [params["device"] !== undefined, params["scopes"]])).toEqual([
      [true, ["operator.admin"]],
      [false, ["operator.admin", "operator.pairing"]],
      [true, ["operator.admin"]],
    ]);
    expect(gateway.requests.find((request) => request.method === "device.pair.approve")?.params).toEqual({
      requestId: "req-1",
    });
    const ids = connects.map(({ params }) => asJsonObject(params["device"])["id"]);
    expect(ids[2]).toBe(ids[0]);
  });

  it("AD-318 looks the request up when the refusal does not name it", async () => {
    const gateway = await pairingGateway({});
    await wake(gateway, { config: { password: "pw" } });
    expect(gateway.requests.find((request) => request.method === "device.pair.approve")?.params).toEqual({
      requestId: "req-last",
    });
  });

  it.each<[string, JsonObject]>([
    ["there is no token and no password", {}],
    ["auto-pairing is off", { authToken: "t", autoPairOnFirstConnect: false }],
  ])("AD-318 asks a person when %s", async (_why, config) => {
    const gateway = await pairingGateway({ requestId: "req-1" });
    const { result } = await wake(gateway, { config });
    expect(result).toMatchObject({ exitCode: 1, errorCode: "openclaw_gateway_pairing_required" });
    expect(result.errorMessage).toContain("devicePrivateKeyPem");
    expect(gateway.requests).toHaveLength(1);
  });

  it("AD-318 tries to pair once only", async () => {
    const gateway = await gatewayWith({}, ({ method, params }) =>
      method === "connect" && params["device"] !== undefined
        ? { error: { message: "pairing required", details: { requestId: "req-1" } } }
        : { payload: {} },
    );
    const { result } = await wake(gateway, { config: { authToken: "t" } });
    expect(result.errorCode).toBe("openclaw_gateway_pairing_required");
    expect(gateway.requests.filter((request) => request.method === "device.pair.approve")).toHaveLength(1);
  });
});

describe("AD-311 AD-320 AD-321 faults and secrets", () => {
  it.each([
    ["", "openclaw_gateway_url_missing"],
    ["not a url", "openclaw_gateway_url_invalid"],
    ["https://example.com", "openclaw_gateway_url_protocol"],
  ])("AD-311 url %j is a result with code %s", async (url, errorCode) => {
    const { result } = await recordRun(openClawGatewayAdapter, { config: { url } });
    expect(result).toMatchObject({ exitCode: 1, errorCode });
  });

  it("AD-320 shows no secret in the log and in what is invoked", async () => {
    const gateway = await gatewayWith({ agent: () => ({ status: "ok" }) });
    const recorded = await wake(gateway, {
      config: {
        authToken: "s3cret-1",
        headers: { Authorization: "Bearer s3cret-2" },
        payloadTemplate: { apiKey: "s3cret-3", long: "x".repeat(1000) },
      },
    });
    const shown = recorded.stdout + recorded.stderr + JSON.stringify(recorded.metas);
    expect(shown).not.toContain("s3cret");
    expect(shown).toMatch(/"apiKey":"\[redacted len=8 sha256=[0-9a-f]{12}\]"/);
    expect(shown).not.toContain("x".repeat(400));
    expect(gateway.handshakes[0]?.authorization).toBe("Bearer s3cret-2");
  });

  it("AD-321 cancelling closes the socket and ends the run at once", async () => {
    const controller = new AbortController();
    const gateway = await gatewayWith({}, ({ method }) => {
      if (method !== "agent.wait") return { payload: {} };
      controller.abort(new RunAborted("cancelled", "Cancelled by a test"));
      return undefined;
    });
    const { result } = await wake(gateway, { execution: { signal: controller.signal } });
    expect(result).toMatchObject({ exitCode: null, errorCode: "cancelled", errorMessage: "Cancelled by a test" });
    await eventually("the socket is closed", () => gateway.connections() === 0);
  });

  it("EX-10 connects nowhere for a run that is aborted already", async () => {
    const gateway = await gatewayWith();
    const signal = AbortSignal.abort(new RunAborted("lease_lost", "Lease was lost"));
    expect((await wake(gateway, { execution: { signal } })).result.errorMessage).toBe("Lease was lost");
    expect(gateway.handshakes).toEqual([]);
  });
});

describe("AD-322 testEnvironment", () => {
  async function codesOf(config: JsonObject): Promise<string[]> {
    const tested = await openClawGatewayAdapter.testEnvironment({
      companyId: "c",
      adapterType: "openclaw_gateway",
      config,
    });
    return [tested.status, ...tested.checks.map((check) => check.code.replace("openclaw_gateway_", ""))];
  }

  it("check 50 AD-322 stops at a missing, unreadable or wrong address", async () => {
    expect(await codesOf({})).toEqual(["fail", "url_missing"]);
    expect(await codesOf({ url: "::" })).toEqual(["fail", "url_invalid"]);
    expect(await codesOf({ url: "http://x" })).toEqual(["fail", "url_protocol_invalid"]);
  });

  it("AD-322 tells whether a probe without a device was let in", async () => {
    const open = await gatewayWith();
    expect(await codesOf({ url: open.url, authToken: "t" })).toEqual(["pass", "url_valid", "auth_present", "probe_ok"]);
    expect(open.requests[0]?.params["device"]).toBeUndefined();

    const strict = await gatewayWith({}, () => ({ error: { message: "pairing required" } }));
    expect(await codesOf({ url: strict.url })).toEqual(["warn", "url_valid", "auth_missing", "probe_challenge_only"]);
    await strict.stop();
    expect(await codesOf({ url: strict.url })).toEqual(["warn", "url_valid", "auth_missing", "probe_error"]);

    const silent = await startStubGateway({ nonce: null, answer: () => undefined });
    gateways.push(silent);
    expect(await codesOf({ url: silent.url })).toEqual(["warn", "url_valid", "auth_missing", "probe_failed"]);
  });

  it("AD-322 warns of plain text to another machine", async () => {
    expect(await codesOf({ url: "ws://gateway.invalid:1" })).toContain("plaintext_remote_ws");
  });
});
