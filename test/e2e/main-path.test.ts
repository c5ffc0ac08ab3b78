/** The main job from the outside: a wake over HTTP becomes a run, its output, its events and its end. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { readEventStream, type SseEvent } from "../support/fleet-http.js";
import {
  agentStatus,
  createAgent,
  createCompany,
  readEvents,
  readOutput,
  readRun,
  untilEnded,
  untilSpawnStored,
  untilStarted,
  wake,
} from "../support/fleet-work.js";
import { processesInGroup } from "../support/leftovers.js";

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet({ apis: 2, workers: 2 });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

const shell = (script: string, config: object = {}) => ({ command: "/bin/sh", args: ["-c", script], ...config });

describe("a wake over HTTP", () => {
  it("LG-1, LG-6, FI-1 three printed lines: succeeded, events 1..n, the log as it was printed, its digest (04-1)", async () => {
    const agentId = await createAgent(fleet, { companyId, adapterConfig: shell("echo one; echo two; echo three") });
    const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    expect(run).toMatchObject({ status: "succeeded", exitCode: 0, error: null, errorCode: null });
    expect(await readOutput(fleet, run.id)).toBe("one\ntwo\nthree\n");

    const events = await readEvents(fleet, run.id);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(events[0]).toMatchObject({ eventType: "lifecycle", message: "run started" });
    expect(events.at(-1)).toMatchObject({ eventType: "lifecycle", message: "run succeeded" });

    const log = await fleet.http.read<{ content: string; endOfRun: boolean }>(`/api/heartbeat-runs/${run.id}/log`);
    expect(log.endOfRun).toBe(true);
    expect(run.logBytes).toBe(Buffer.byteLength(log.content));
    expect(run.logSha256).toBe(createHash("sha256").update(log.content).digest("hex"));
    expect(await agentStatus(fleet, agentId)).toBe("idle");
  });

  it("API-301 /metrics of either API adds up what the workers counted", async () => {
    const agentId = await createAgent(fleet, { companyId, adapterConfig: shell("echo counted") });
    await untilEnded(fleet, (await wake(fleet, agentId)).id);
    for (const http of [fleet.httpOf(0), fleet.httpOf(1)]) {
      await eventually("claims of the workers are in /metrics", async () => {
        const text = await http.readText("/metrics");
        return /^wakefleet_claims_total\{result="\w+"\} [1-9]/m.test(text) && text.includes('status="succeeded"');
      });
    }
  });

  it("EX-12 an exit code of 3 fails the run and puts the agent into error (04-2)", async () => {
    const agentId = await createAgent(fleet, { companyId, adapterConfig: shell("echo no >&2; exit 3") });
    const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    expect(run).toMatchObject({ status: "failed", errorCode: "adapter_failed", exitCode: 3 });
    expect(await agentStatus(fleet, agentId)).toBe("error");
    const request = await fleet.http.read<{ status: string }>(`/api/wakeups/${run.wakeupRequestId}`);
    expect(request.status).toBe("failed");
  });

  it("API-303 the log of a running run streams from a process that did not start it, and ends with the run (02-46)", async () => {
    const agentId = await createAgent(fleet, {
      companyId,
      adapterConfig: shell(`echo first; while [ ! -e ${fleet.scratch}/go ]; do sleep 0.1; done; echo last`),
    });
    const run = await wake(fleet, agentId);
    const chunks: string[] = [];
    let end: unknown;
    const reading = (async () => {
      const answer = await fleet.httpOf(1).open(`/api/heartbeat-runs/${run.id}/log/stream`);
      for await (const event of readEventStream(answer)) {
        if (event.event === "log") chunks.push((event.data as { chunk: string }).chunk);
        if (event.event === "end") end = event.data;
      }
    })();
    await eventually("the first line on the stream", () => chunks.join("").includes("first"));
    expect((await readRun(fleet, run.id)).status).toBe("running");
    writeFileSync(`${fleet.scratch}/go`, "");
    await reading;
    expect(chunks.filter((chunk) => !chunk.startsWith("[wakefleet] ")).join("")).toBe("first\nlast\n");
    expect(end).toMatchObject({ status: "succeeded", exitCode: 0 });
  });

  it("API-261, WK-41 live events tell the run's story in order, and go on after a break without a gap", async () => {
    const agentId = await createAgent(fleet, { companyId, adapterConfig: shell("echo hello") });
    const whole = await follow({ agentId, api: 0 });
    const run = await wake(fleet, agentId, { api: 1 });
    await untilEnded(fleet, run.id);
    const events = await whole.untilSeen("agent.run.finished");
    const types = events.map((event) => event.event);
    const story = ["heartbeat.run.queued", "agent.run.started", "heartbeat.run.log", "agent.run.finished"];
    expect(story.map((type) => types.indexOf(type))).toEqual(
      [...story.map((type) => types.indexOf(type))].sort((a, b) => a - b),
    );
    for (const type of story) expect(types).toContain(type);
    const ids = events.map((event) => Number(event.id));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));

    const middle = events[1];
    if (middle === undefined) throw new Error("too few events");
    const resumed = await follow({ agentId, api: 1, lastEventId: middle.id ?? "" });
    const rest = await resumed.untilSeen("agent.run.finished");
    expect(rest.map((event) => event.id)).toEqual(events.slice(2).map((event) => event.id));
  });

  it("AD-86, AD-87 an http agent is posted to once and its run succeeds", async () => {
    const bodies: Record<string, unknown>[] = [];
    const server = createServer((req, res) => {
      let text = "";
      req.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
      req.on("end", () => {
        bodies.push(JSON.parse(text) as Record<string, unknown>);
        res.end("fine");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    try {
      const agentId = await createAgent(fleet, {
        companyId,
        adapterType: "http",
        adapterConfig: { url, payloadTemplate: { team: "red" } },
      });
      const run = await untilEnded(fleet, (await wake(fleet, agentId, { taskKey: "T1" })).id);
      expect(run).toMatchObject({ status: "succeeded", resultJson: { summary: `HTTP POST ${url}` } });
      expect(bodies).toHaveLength(1);
      expect(bodies[0]).toMatchObject({ agentId, runId: run.id, team: "red", context: { taskKey: "T1" } });
    } finally {
      server.close();
    }
  });

  it("CN-1, CN-2 a running run is cancelled through another API, whichever worker has it, and its group is gone (02-47, 04-7)", async () => {
    const agentId = await createAgent(fleet, { companyId, adapterConfig: fleet.witness.agentConfig("until_released") });
    const { id } = await wake(fleet, agentId);
    await untilStarted(fleet, id);
    const group = await untilSpawnStored(fleet, id);
    expect(processesInGroup(group)).not.toEqual([]);
    const { status } = await fleet.httpOf(1).post(`/api/heartbeat-runs/${id}/cancel`, { reason: "enough" });
    expect([200, 202]).toContain(status);
    expect(await untilEnded(fleet, id)).toMatchObject({ status: "cancelled", errorCode: "cancelled", error: "enough" });
    await eventually("the process group to be gone", () => processesInGroup(group).length === 0);
    const again = await fleet.http.post<{ status: string }>(`/api/heartbeat-runs/${id}/cancel`, {});
    expect(again).toMatchObject({ status: 200 });
    expect(await agentStatus(fleet, agentId)).toBe("idle");
  });

  it("EX-13 a run whose agent has no command fails with the adapter's words", async () => {
    const agentId = await createAgent(fleet, { companyId, adapterConfig: {} });
    const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
    expect(run).toMatchObject({
      status: "failed",
      errorCode: "adapter_failed",
      error: "Process adapter missing command",
    });
  });

  it("RL-1 to RL-4 nothing is left behind", async () => {
    await expectNothingBroken(fleet, () => 5);
  });
});

/** Follows the company's live events of one agent; settles when the stream is open. */
async function follow(options: { agentId: string; api: number; lastEventId?: string }) {
  const abort = new AbortController();
  const events: SseEvent[] = [];
  const answer = await fleet
    .httpOf(options.api)
    .open(`/api/companies/${companyId}/events/stream?agentId=${options.agentId}`, {
      signal: abort.signal,
      ...(options.lastEventId === undefined ? {} : { headers: { "last-event-id": options.lastEventId } }),
    });
  const reading = (async () => {
    for await (const event of readEventStream(answer)) events.push(event);
  })().catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return {
    async untilSeen(type: string): Promise<SseEvent[]> {
      await eventually(`the event ${type}`, () => events.some((event) => event.event === type));
      const seen = events.slice(0, events.findIndex((event) => event.event === type) + 1);
      abort.abort();
      await reading;
      return seen;
    },
  };
}
