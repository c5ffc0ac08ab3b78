/** The consumer in real processes that are killed. They run the built package, as workers do. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { testRedisUrl, waitFor } from "@wakefleet/testkit";
import { describe, expect, it } from "vitest";
import { atEnd, type Corner, openCorner, runJob } from "../test/support.js";
import { releaseJob } from "./recovery.js";

interface ProcessEvent {
  readonly event: "ready" | "start" | "end";
  readonly runId?: string;
  readonly underWay?: number;
  readonly tooMany?: boolean;
}

interface ConsumerProcess {
  readonly child: ChildProcess;
  readonly events: ProcessEvent[];
}

const script = fileURLToPath(new URL("../test/consumer-process.mjs", import.meta.url));

async function startProcess(
  corner: Corner,
  input: { id: string; holdMs: number; limit: number },
): Promise<ConsumerProcess> {
  const child = spawn(process.execPath, [script], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      REDIS_URL: testRedisUrl(),
      PREFIX: corner.queues.prefix,
      CONSUMER_ID: input.id,
      CAPACITY: "10",
      LIMIT: String(input.limit),
      HOLD_MS: String(input.holdMs),
    },
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  atEnd(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const events: ProcessEvent[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => events.push(JSON.parse(line) as ProcessEvent));
  await waitFor(() => events.length > 0, { what: `consumer ${input.id} to be ready` });
  return { child, events };
}

describe("consumers in several processes", () => {
  it("QU-1 RL-2 never run more of an agent's jobs than its limit, and run each once", async () => {
    const corner = await openCorner();
    const processes = await Promise.all(["one", "two"].map((id) => startProcess(corner, { id, holdMs: 15, limit: 2 })));
    const runIds = Array.from({ length: 50 }, (_, index) => `r${index}`);
    await corner.add(runIds.map((runId) => runJob("a", runId, { concurrency: 2 })));
    const events = (): ProcessEvent[] => processes.flatMap((one) => one.events);
    await waitFor(() => events().filter(({ event }) => event === "end").length === 50, { what: "50 ends" });
    const starts = events().filter(({ event }) => event === "start");
    expect(starts.map(({ runId }) => runId).sort()).toEqual([...runIds].sort());
    expect(starts.filter(({ tooMany }) => tooMany)).toEqual([]);
    expect(Math.max(...starts.map(({ underWay }) => underWay ?? 0))).toBe(2);
  });

  it("RL-7 free a killed worker's slot when its run is released, and go on with the next run", async () => {
    const corner = await openCorner();
    const doomed = await startProcess(corner, { id: "doomed", holdMs: 60_000, limit: 1 });
    await corner.add([runJob("a", "r1"), runJob("a", "r2")]);
    await waitFor(() => doomed.events.some(({ event }) => event === "start"), { what: "the first start" });
    doomed.child.kill("SIGKILL");
    await corner.queues.redis.del(`${corner.queues.prefix}:under-way:a`);
    const heir = await startProcess(corner, { id: "heir", holdMs: 1, limit: 1 });
    const { queues, ready } = corner;
    const outcome = { kind: "failed", error: "process lost" } as const;
    expect(await releaseJob({ queues, ready, agentId: "a", runId: "r1", outcome })).toBe("released");
    await waitFor(() => heir.events.some(({ event }) => event === "end"), { what: "the next run's end" });
    expect(heir.events.filter(({ event }) => event === "start").map(({ runId }) => runId)).toEqual(["r2"]);
  });

  it("RL-7 find the job of a killed process that nobody had claimed", async () => {
    const corner = await openCorner();
    const doomed = await startProcess(corner, { id: "doomed-unclaimed", holdMs: 60_000, limit: 1 });
    await corner.add([runJob("a", "r1")]);
    await waitFor(() => doomed.events.some(({ event }) => event === "start"), { what: "the start" });
    doomed.child.kill("SIGKILL");
    // Its sign of life would expire by itself, seconds later.
    await corner.queues.redis.del(corner.queues.keys.alive("doomed-unclaimed"));
    const started: string[] = [];
    await corner.consume({
      attentionMs: 200,
      onJob: async ({ runId }) => {
        started.push(runId);
        return { kind: "finished", returnValue: null };
      },
      onOrphan: async ({ consumerId }) =>
        consumerId === "doomed-unclaimed" ? { kind: "putBack", delayMs: 1 } : { kind: "keep" },
    });
    // The dead process set the agent's next look 30 s ahead; a signal stands for any other wake of the agent.
    await waitFor(
      async () => {
        await corner.control.signal(["a"]);
        return started.length === 1;
      },
      { what: "the job to be found", deadlineMs: 25_000, everyMs: 500 },
    );
  });
});
