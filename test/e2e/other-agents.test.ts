/**
 * What the whole fleet makes of what the command lines of Gemini, OpenCode, Pi and Hermes print, of an OpenClaw gateway, and
 * of a type that is not known any more (07's table of outside checks).
 */
import { readdirSync, rmSync } from "node:fs";
import {
  createRecordingStub,
  createStubCli,
  type RecordingStub,
  type StubReply,
  startStubGateway,
} from "@wakefleet/adapters/conformance";
import type { JsonObject } from "@wakefleet/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEvents } from "../support/fleet-work.js";
import { type AgentRun, argumentAfter, recordingsOf, type StubAgent, StubAgents } from "../support/stub-agents.js";

const gemini = recordingsOf("gemini-local");
const openCode = recordingsOf("opencode-local");
const pi = recordingsOf("pi-local");
const MODELS: StubReply = { whenArgument: "models", stdout: "fake/fake-model\n" };
const PI_TABLE =
  "provider  model       context  max-out  thinking  images\nfake      fake-model  128K     16K      no        no\n";
const PI_MODELS: StubReply = { whenArgument: "--list-models", stderr: PI_TABLE };

let agents: StubAgents;

beforeAll(async () => {
  agents = await StubAgents.open({ RETRY_DELAYS_MS: "60000", RETRY_JITTER: "0" });
});
afterAll(async () => agents?.close());

interface RecordedAgent extends StubAgent {
  readonly stub: RecordingStub;
}

async function agentOf(
  adapterType: string,
  name: string,
  replies: readonly StubReply[],
  config: JsonObject = {},
): Promise<RecordedAgent> {
  const stub = await createRecordingStub(agents.programs, name, replies);
  return { stub, ...(await agents.agentOf({ adapterType, name, config: { command: stub.file, ...config } })) };
}

describe("Gemini's recordings in a fleet", () => {
  it("07-38 (AD-202 AD-206) a turn in a directory that it is told to trust", async () => {
    const agent = await agentOf("gemini_local", "gemini", [gemini("success-tool")]);
    const run = await agent.run();
    expect(run).toMatchObject({
      status: "succeeded",
      usageJson: { inputTokens: 2400, cachedInputTokens: 1000, outputTokens: 84 },
    });
    expect(run.resultJson?.["summary"]).not.toBe("");
    expect((await agent.stub.calls())[0]?.env["GEMINI_CLI_TRUST_WORKSPACE"]).toBe("true");
  });

  it("07-39 (AD-78) exit 0 without a result is a failure", async () => {
    const agent = await agentOf("gemini_local", "gemini-ended", [{ ...gemini("sigterm"), exitCode: 0 }]);
    expect(await agent.run()).toMatchObject({ status: "failed", exitCode: 0 });
  });

  it("07-40 (AD-213) a session that is gone is replaced in the same run", async () => {
    const lost = { ...gemini("bad-session-uuid"), exitCode: 42, whenArgument: "--resume" };
    const agent = await agentOf("gemini_local", "gemini-lost", [lost, gemini("success-tool")]);
    const first = await agent.run();
    expect(await agent.run()).toMatchObject({ status: "succeeded", error: null });
    const resumed = (await agent.stub.calls()).map(({ argv }) => argumentAfter(argv, "--resume"));
    expect(resumed).toEqual([null, first.sessionIdAfter, null]);
  });

  it("07-41 (AD-216) a quota that is spent is not tried again, a rate limit is", async () => {
    const retryAfter = async (name: string): Promise<[AgentRun, string | null]> => {
      const run = await (await agentOf("gemini_local", `gemini-${name}`, [gemini(name)])).run();
      expect(run.status).toBe("failed");
      return [run, await agents.retryOf(run)];
    };
    const [quota, none] = await retryAfter("quota-429");
    expect([quota.resultJson?.["errorFamily"] ?? null, none]).toEqual([null, null]);
    const [limit, retry] = await retryAfter("ratelimit-429");
    expect(limit.resultJson?.["errorFamily"]).toBe("transient_upstream");
    expect(retry).not.toBeNull();
    await agents.retryDueAt(limit);
  });
});

describe("OpenCode's recordings in a fleet", () => {
  it("07-42 (AD-233) without a model nothing is started", async () => {
    const agent = await agentOf("opencode_local", "opencode-no-model", [openCode("success-tool")]);
    expect(await agent.run()).toMatchObject({
      status: "failed",
      error: "OpenCode requires `adapterConfig.model` in provider/model format.",
    });
    expect(await agent.stub.calls()).toEqual([]);
  });

  it("07-43 (AD-232 AD-234) a turn leaves nothing in the directory, and its folder of settings is gone", async () => {
    const config = { model: "fake/fake-model" };
    const agent = await agentOf("opencode_local", "opencode", [MODELS, openCode("success-tool")], config);
    const run = await agent.run();
    expect(run).toMatchObject({
      status: "succeeded",
      usageJson: {
        inputTokens: 1400,
        cachedInputTokens: 1000,
        outputTokens: 84,
        costUsd: expect.closeTo(0.001668, 6),
      },
    });
    expect(readdirSync(agent.cwd)).not.toContain("opencode.json");
    const settings = (await agent.stub.calls()).at(-1)?.env["XDG_CONFIG_HOME"] ?? "";
    expect(settings).not.toBe("");
    expect(() => readdirSync(settings)).toThrow(/ENOENT/);
  });
});

describe("Pi's recordings in a fleet", () => {
  const config = { model: "fake/fake-model" };

  it("07-44 (AD-268) an error of the API with exit 0 is a failure", async () => {
    const agent = await agentOf("pi_local", "pi-key", [PI_MODELS, { ...pi("invalid-key"), exitCode: 0 }], config);
    expect(await agent.run()).toMatchObject({
      status: "failed",
      exitCode: 1,
      error: "401 Incorrect API key provided: sk-fake.",
    });
  });

  it("07-45 (AD-262) a session file that is gone begins a new one, and the log says so", async () => {
    const agent = await agentOf("pi_local", "pi-lost", [PI_MODELS, pi("success-tool")], config);
    await agent.run();
    const sessionFiles = async (): Promise<(string | null)[]> =>
      (await agent.stub.calls()).map(({ argv }) => argumentAfter(argv, "--session")).filter((file) => file !== null);
    const [first] = await sessionFiles();
    rmSync(first ?? "");
    const second = await agent.run();
    expect(second.status).toBe("succeeded");
    const [, next] = await sessionFiles();
    expect(next).not.toBe(first);
    expect(await agents.logOf(second)).toContain("is unavailable; retrying with a fresh session");
  });
});

it("07-46 (AD-295) Hermes: words on stderr do not make a success a failure", async () => {
  const stdout = "All sorted.\n\nsession_id: 20261124_090000_abcdef\n";
  const agent = await agentOf("hermes_local", "hermes", [{ stdout, stderr: "0 errors, failed: none\n" }]);
  expect(await agent.run()).toMatchObject({ status: "succeeded", error: null });
});

describe("an OpenClaw gateway", () => {
  async function runWith(name: string, waited: JsonObject) {
    const gateway = await startStubGateway({
      answer({ method }, send) {
        if (method === "agent") return { payload: { runId: "remote-1", status: "accepted" } };
        if (method !== "agent.wait") return { payload: {} };
        for (const delta of ["Done with ", "the work."]) {
          const payload = { runId: "remote-1", stream: "assistant", data: { delta } };
          send({ type: "event", event: "agent", payload });
        }
        return { payload: waited };
      },
    });
    try {
      const config = { url: gateway.url, waitTimeoutMs: 5_000 };
      const agent = await agents.agentOf({ adapterType: "openclaw_gateway", name, config });
      return { run: await agent.run(), requests: gateway.requests };
    } finally {
      await gateway.stop();
    }
  }

  it("07-47 (AD-313 to AD-315) signs in, wakes under the run's id, waits, and keeps what the agent said", async () => {
    const { run, requests } = await runWith("gateway", { status: "ok" });
    expect(requests.map(({ method }) => method)).toEqual(["connect", "agent", "agent.wait"]);
    expect(requests[0]?.params).toMatchObject({
      minProtocol: 3,
      maxProtocol: 3,
      device: { signature: expect.stringMatching(/^[\w-]+$/) },
    });
    expect(requests[1]?.params["idempotencyKey"]).toBe(run.id);
    expect(run).toMatchObject({ status: "succeeded", resultJson: { summary: "Done with the work." } });
  });

  it("07-48 (AD-314) a wait that times out is a run that timed out", async () => {
    const { run } = await runWith("slow-gateway", { status: "timeout" });
    expect(run).toMatchObject({ status: "timed_out", errorCode: "openclaw_gateway_wait_timeout" });
  });
});

it("07-49 (AD-4) a type that is not known runs as a process, and no agent is created with it", async () => {
  const { fleet, companyId } = agents;
  const stub = await createStubCli(agents.programs, { name: "once-known", fresh: { stdout: "still here\n" } });
  const config = { command: stub.file };
  const agent = await agents.agentOf({ adapterType: "process", name: "once-known", config });
  await fleet.db.sql.query("UPDATE agents SET adapter_type = 'no_longer_known' WHERE id = $1", [agent.agentId]);
  const run = await agent.run();
  expect(run).toMatchObject({ status: "succeeded", resultJson: { stdout: "still here\n" } });
  const invoked = (await readEvents(fleet, run.id)).find(({ eventType }) => eventType === "adapter.invoke");
  expect(invoked?.payload).toMatchObject({ adapterType: "process" });
  const refused = await fleet.http.post<{ error: string }>(`/api/companies/${companyId}/agents`, {
    name: "New",
    adapterType: "no_longer_known",
    adapterConfig: config,
  });
  expect(refused).toMatchObject({ status: 422, body: { error: "Unknown adapter type: no_longer_known" } });
});
