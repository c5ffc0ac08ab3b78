/** Fairness and width (QU-7, QU-8, RL-24): a flood on one agent, and ten thousand agents served by one worker. */
import { readFileSync } from "node:fs";
import { AgentQueues, QueueControl, ReadySet } from "@wakefleet/queue";
import { afterEach, describe, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { type Fleet, QUIET_LOG, startFleet } from "../support/fleet.js";
import {
  createAgent,
  createCompany,
  runCounts,
  untilEnded,
  untilSettled,
  untilStarted,
  wake,
  wakeMany,
} from "../support/fleet-work.js";

const FLOOD = 5_000;
const AGENTS = 10_000;

let fleet: Fleet;
afterEach(async () => fleet?.stop());

describe("a flood on one agent", () => {
  it("QU-8 5,000 wakes on A, then one on B, one worker with 10 slots: B runs while A has hardly begun (03-19)", async () => {
    fleet = await startFleet({ workers: 1, env: { WORKER_CONCURRENCY: "10" } });
    const companyId = await createCompany(fleet);
    const adapterConfig = fleet.witness.agentConfig("none");
    const [a, b] = await Promise.all(
      ["A", "B"].map((name) =>
        createAgent(fleet, { companyId, name, adapterConfig, heartbeat: { maxConcurrentRuns: 10 } }),
      ),
    );
    if (a === undefined || b === undefined) throw new Error("two agents");
    await wakeMany(fleet, a, FLOOD);
    const before = FLOOD - ((await runCounts(fleet, [a])).queued ?? 0);
    const run = await wake(fleet, b);
    expect((await untilEnded(fleet, run.id)).status).toBe("succeeded");
    const meanwhile = FLOOD - ((await runCounts(fleet, [a])).queued ?? 0) - before;
    // B waited for no more of A than a few turns of the ten slots.
    expect(meanwhile).toBeLessThan(FLOOD / 10);

    // The rest need not be executed to know: pausing takes thousands of waiting runs back at once.
    expect((await fleet.http.post(`/api/agents/${a}/pause`)).status).toBe(200);
    await untilSettled(fleet);
    const { succeeded = 0, cancelled = 0 } = await runCounts(fleet, [a]);
    expect(succeeded + cancelled).toBe(FLOOD);
    await expectNothingBroken(fleet, () => 10);
  });
});

describe("ten thousand agents", () => {
  it("QU-7, RL-24 one worker serves their queues over at most 20 connections and 400 MB; a wake of any of them runs (03-20)", async () => {
    fleet = await startFleet({ workers: 0, stores: "private" });
    const companyId = await createCompany(fleet);
    const agentIds = await insertAgents(companyId);
    await makeQueues(agentIds);

    const before = await redisClients();
    const worker = await fleet.startWorker();
    for (let turn = 0; turn < 5; turn += 1) {
      const agentId = agentIds[Math.floor((turn + 0.5) * (AGENTS / 5))] ?? "";
      const run = await wake(fleet, agentId);
      await untilStarted(fleet, run.id);
      expect((await untilEnded(fleet, run.id)).status).toBe("succeeded");
    }
    expect((await redisClients()) - before).toBeLessThanOrEqual(20);
    expect(residentMib(worker.pid)).toBeLessThan(400);
    await expectNothingBroken(fleet, () => 1);
  });
});

async function insertAgents(companyId: string): Promise<string[]> {
  const rows = await fleet.db.sql.query<{ id: string }>(
    `INSERT INTO agents (company_id, name, adapter_type, adapter_config, runtime_config, max_concurrent_runs)
     SELECT $1, 'Agent ' || n, 'process', $2::jsonb, '{"heartbeat":{"maxConcurrentRuns":1}}', 1
       FROM generate_series(1, $3) n RETURNING id`,
    [companyId, JSON.stringify(fleet.witness.agentConfig("none")), AGENTS],
  );
  return rows.map((row) => row.id);
}

/** Sets every agent's queue up in Redis, as its first wake would. */
async function makeQueues(agentIds: readonly string[]): Promise<void> {
  const queues = new AgentQueues({ redis: fleet.redis, prefix: fleet.redisPrefix, log: QUIET_LOG });
  const control = new QueueControl(queues, new ReadySet(queues));
  for (let from = 0; from < agentIds.length; from += 500) {
    await Promise.all(
      agentIds
        .slice(from, from + 500)
        .map((agentId) => control.ensureQueue({ agentId, concurrency: 1, paused: false })),
    );
  }
}

async function redisClients(): Promise<number> {
  const list = String(await fleet.redis.client("LIST"));
  return list.split("\n").filter((line) => line !== "").length;
}

function residentMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}
