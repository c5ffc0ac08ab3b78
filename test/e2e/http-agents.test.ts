/** Agents that are HTTP servers (AD-85 to AD-92), called by a real worker. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, type RunAnswer, readOutput, untilEnded, wake } from "../support/fleet-work.js";

interface Call {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

let fleet: Fleet;
let companyId: string;
let server: Server | null = null;
let calls: Call[] = [];

beforeAll(async () => {
  fleet = await startFleet();
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  calls = [];
});

/** Starts the agent; answers its address. */
async function serve(answer: (res: ServerResponse) => void): Promise<string> {
  const started = createServer((req, res) => {
    let text = "";
    req.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
    req.on("end", () => {
      calls.push({ method: req.method ?? "", headers: req.headers, body: JSON.parse(text) as Call["body"] });
      answer(res);
    });
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}/hook`;
}

async function createHttpAgent(adapterConfig: Record<string, unknown>): Promise<string> {
  return createAgent(fleet, { companyId, name: "Remote", adapterType: "http", adapterConfig });
}

async function runOf(adapterConfig: Record<string, unknown>): Promise<RunAnswer> {
  const agentId = await createHttpAgent(adapterConfig);
  return untilEnded(fleet, (await wake(fleet, agentId, { taskKey: "T1" })).id);
}

it("07-15 (AD-86, AD-87) one POST with ids, context and template; its JSON answer becomes the result", async () => {
  const url = await serve((res) => res.setHeader("content-type", "application/json").end('{"answer":42}'));
  const run = await runOf({ url, headers: { "x-team": "red" }, payloadTemplate: { team: "red" } });
  expect(run).toMatchObject({ status: "succeeded", resultJson: { answer: 42, summary: `HTTP POST ${url}` } });
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatchObject({
    method: "POST",
    headers: { "x-team": "red" },
    body: { agentId: run.agentId, runId: run.id, team: "red", context: { taskKey: "T1" } },
  });
  expect(await readOutput(fleet, run.id)).not.toContain("undefined");
});

it("07-16 (AD-88, AD-32) 503 with Retry-After 600 fails as transient, not to be tried again before that", async () => {
  const url = await serve((res) => res.writeHead(503, { "retry-after": "600" }).end());
  const run = await runOf({ url });
  expect(run).toMatchObject({
    status: "failed",
    errorCode: "http_status_error",
    error: "HTTP invoke failed with status 503",
    resultJson: { errorFamily: "transient_upstream" },
  });
  const notBefore = Date.parse(String(run.resultJson?.["retryNotBefore"]));
  expect(notBefore - Date.parse(run.finishedAt ?? "")).toBeGreaterThan(590_000);
  const retryId = await eventually("the retry", async () => {
    const { retries } = await fleet.http.read<{ retries: string[] }>(`/api/heartbeat-runs/${run.id}`);
    return retries[0] ?? null;
  });
  const retry = await fleet.http.read<{ scheduledRetryAt: string }>(`/api/heartbeat-runs/${retryId}`);
  expect(Date.parse(retry.scheduledRetryAt)).toBeGreaterThanOrEqual(notBefore);
  await fleet.http.post(`/api/heartbeat-runs/${retryId}/cancel`);
});

it("07-17 (AD-89) a silent server times the run out", async () => {
  const url = await serve(() => undefined);
  const run = await runOf({ url, timeoutMs: 200 });
  expect(run).toMatchObject({ status: "timed_out", errorCode: "timeout" });
  expect(run.error).toContain("timed out after 200ms");
});

it("CN-2 a cancel ends the call", async () => {
  let cut = false;
  const url = await serve((res) => res.on("close", () => (cut = true)));
  const agentId = await createHttpAgent({ url });
  const { id } = await wake(fleet, agentId);
  await eventually("the call", () => calls.length === 1);
  await fleet.http.post(`/api/heartbeat-runs/${id}/cancel`);
  expect(await untilEnded(fleet, id)).toMatchObject({ status: "cancelled", errorCode: "cancelled" });
  await eventually("the call to be cut", () => cut);
});

it("AD-88 a server that is not there fails the run", async () => {
  const run = await runOf({ url: "http://127.0.0.1:1/nobody" });
  expect(run).toMatchObject({ status: "failed", errorCode: "http_request_failed" });
  const { retries } = await fleet.http.read<{ retries: string[] }>(`/api/heartbeat-runs/${run.id}`);
  for (const retryId of retries) await fleet.http.post(`/api/heartbeat-runs/${retryId}/cancel`);
});

it("RL-1 to RL-4 nothing is left behind", async () => {
  await expectNothingBroken(fleet, () => 5);
});
