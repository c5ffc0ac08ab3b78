/** Agents' queues over several worker processes (QU-, CL-, CN-): limits, cancelling, pausing, terminating, timers. */
import { AgentQueues, dispatch, ReadySet } from "@wakefleet/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectEachExecutedOnce, expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, QUIET_LOG, startFleet } from "../support/fleet.js";
import {
  createAgent,
  createCompany,
  readRun,
  runCounts,
  scanKeys,
  untilEnded,
  untilSettled,
  untilStarted,
  wake,
  wakeMany,
} from "../support/fleet-work.js";

let fleet: Fleet;
let companyId: string;
/** The most each agent ever may run at once. */
const limits = new Map<string, number>();

beforeAll(async () => {
  fleet = await startFleet({ workers: 3 });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

async function createWitness(name: string, hold: "none" | "until_released", limit: number): Promise<string> {
  const agentId = await createAgent(fleet, {
    companyId,
    name,
    adapterConfig: fleet.witness.agentConfig(hold),
    heartbeat: { maxConcurrentRuns: limit },
  });
  limits.set(agentId, limit);
  return agentId;
}

describe("three worker processes", () => {
  it("QU-1, RL-2 maxConcurrentRuns 1 and 50 wakes with distinct keys: never two at once, and all 50 succeed (03-8)", async () => {
    const agentId = await createWitness("One at a time", "none", 1);
    const runIds = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => (await wake(fleet, agentId, { taskKey: `T${index}` })).id),
    );
    await untilSettled(fleet);
    expect(await runCounts(fleet, [agentId])).toEqual({ succeeded: 50 });
    expectEachExecutedOnce(fleet, runIds);
    await expectNothingBroken(fleet, (id) => limits.get(id) ?? 0);
  });

  it("QU-1, AL-5 raising the limit from 1 to 4 with work waiting lets three more start at once (03-9)", async () => {
    const agentId = await createWitness("Growing", "until_released", 1);
    const runIds = await wakeMany(fleet, agentId, 6);
    await eventually("the first to start", () => fleet.witness.open().length === 1);
    expect(await runCounts(fleet, [agentId])).toEqual({ running: 1, queued: 5 });
    limits.set(agentId, 4);
    const { status } = await fleet.http.patch(`/api/agents/${agentId}`, {
      runtimeConfig: { heartbeat: { maxConcurrentRuns: 4 } },
    });
    expect(status).toBe(200);
    await eventually("four at once", () => fleet.witness.open().length === 4);
    expect(await runCounts(fleet, [agentId])).toEqual({ running: 4, queued: 2 });
    for (const runId of runIds) fleet.witness.release(runId);
    await untilSettled(fleet);
    expectEachExecutedOnce(fleet, runIds);
    await expectNothingBroken(fleet, (id) => limits.get(id) ?? 0);
  });

  it("CN-1 a run cancelled while it waits never starts, and its job is gone from the queue (04-8)", async () => {
    const agentId = await createWitness("Waiting", "until_released", 1);
    const first = await wake(fleet, agentId, { taskKey: "first" });
    await untilStarted(fleet, first.id);
    const second = await wake(fleet, agentId, { taskKey: "second" });
    await eventually("the job of the second", async () =>
      (await scanKeys(fleet, agentId)).some((key) => key.endsWith(second.id)),
    );
    const { status, body } = await fleet.http.post<{ status: string }>(`/api/heartbeat-runs/${second.id}/cancel`);
    expect({ status, run: body.status }).toEqual({ status: 200, run: "cancelled" });
    expect((await scanKeys(fleet, agentId)).filter((key) => key.endsWith(second.id))).toEqual([]);
    fleet.witness.release(first.id);
    await untilEnded(fleet, first.id);
    expect(fleet.witness.started(second.id)).toBeUndefined();
  });

  it("CN-3, AL-10, WK-13 pausing with one running and three waiting cancels all four; new wakes are refused until it resumes (03-14)", async () => {
    const agentId = await createWitness("Pausing", "until_released", 1);
    const running = await wake(fleet, agentId, { taskKey: "running" });
    await untilStarted(fleet, running.id);
    const waiting = await wakeMany(fleet, agentId, 3);
    expect((await fleet.http.post(`/api/agents/${agentId}/pause`)).status).toBe(200);
    for (const runId of [running.id, ...waiting]) {
      expect(await untilEnded(fleet, runId)).toMatchObject({
        status: "cancelled",
        errorCode: "cancelled",
        error: "Cancelled due to agent pause",
      });
    }
    const refused = await fleet.http.post<{ error: string; details: object }>(`/api/agents/${agentId}/wakeup`);
    expect(refused).toMatchObject({
      status: 409,
      body: { error: "Agent is not invokable in its current state", details: { status: "paused" } },
    });
    expect(waiting.filter((runId) => fleet.witness.started(runId))).toEqual([]);

    expect((await fleet.http.post(`/api/agents/${agentId}/resume`)).status).toBe(200);
    const after = await wake(fleet, agentId, { taskKey: "after" });
    fleet.witness.release(after.id);
    expect((await untilEnded(fleet, after.id)).status).toBe("succeeded");
  });

  it("QU-5, AL-12 terminating ends what runs and waits, and removes the queue (08-46)", async () => {
    const agentId = await createWitness("Leaving", "until_released", 1);
    const running = await wake(fleet, agentId, { taskKey: "running" });
    await untilStarted(fleet, running.id);
    const [waiting = ""] = await wakeMany(fleet, agentId, 1);
    expect((await fleet.http.post(`/api/agents/${agentId}/terminate`)).status).toBe(200);
    for (const runId of [running.id, waiting]) expect((await untilEnded(fleet, runId)).status).toBe("cancelled");
    await eventually("the queue to be gone", async () => {
      const keys = await scanKeys(fleet, agentId);
      if (keys.length > 0) throw new Error(keys.join(" "));
      return true;
    });
    expect((await fleet.http.post(`/api/agents/${agentId}/wakeup`)).status).toBe(409);
  });

  it("CL-5 what Redis missed of a pause the claim makes up for", async () => {
    const agentId = await createWitness("Unheard", "until_released", 1);
    const first = await wake(fleet, agentId, { taskKey: "first" });
    await untilStarted(fleet, first.id);
    const [second = ""] = await wakeMany(fleet, agentId, 1);
    await fleet.db.sql.query(
      "UPDATE agents SET status = 'paused', paused_at = now(), pause_reason = 'manual' WHERE id = $1",
      [agentId],
    );
    fleet.witness.release(first.id);
    expect(await untilEnded(fleet, second)).toMatchObject({
      status: "cancelled",
      error: "Cancelled because the agent is not invokable",
    });
    expect(fleet.witness.started(second)).toBeUndefined();
  });

  it("CL-1 a job delivered again for a run that has ended does nothing", async () => {
    const agentId = await createWitness("Twice", "none", 1);
    const run = await wake(fleet, agentId);
    await untilEnded(fleet, run.id);
    const before = await rowsOf(run.id);
    const queues = new AgentQueues({ redis: fleet.redis, prefix: fleet.redisPrefix, log: QUIET_LOG });
    const data = { runId: run.id, companyId, agentId, agentName: "Twice" };
    const job = { data: { ...data, issueIdentifier: null, wakeReason: null, source: "on_demand", attempt: 0 } };
    const [added] = await dispatch({
      queues,
      ready: new ReadySet(queues),
      jobs: [{ ...job, concurrency: 1, priority: 1, renew: true }],
    });
    expect(added?.ok).toBe(true);
    // First come, first served (QU-3): when this one has ended, the job before it was dealt with.
    await untilEnded(fleet, (await wake(fleet, agentId, { taskKey: "after" })).id);
    expect(await rowsOf(run.id)).toEqual(before);
    expectEachExecutedOnce(fleet, [run.id]);
  });

  it("RL-1 to RL-4 nothing is left behind", async () => {
    await untilSettled(fleet);
    await expectNothingBroken(fleet, (id) => limits.get(id) ?? 0);
  });
});

async function rowsOf(runId: string): Promise<unknown> {
  return fleet.db.sql.query("SELECT to_jsonb(r.*) FROM heartbeat_runs r WHERE id = $1", [runId]);
}

describe("timers", () => {
  it("WK-50, WK-51 every 2 s over three processes: 9 to 11 wakes in 20 s of the database's time, none doubled (03-15)", async () => {
    const agentId = await createAgent(fleet, {
      companyId,
      name: "Clockwork",
      // Held, so that the runs' ends do not move the timer (FI-12): each later wake joins the first.
      adapterConfig: fleet.witness.agentConfig("until_released"),
      heartbeat: { enabled: true, intervalSec: 2, maxConcurrentRuns: 1 },
    });
    limits.set(agentId, 1);
    const count = async (): Promise<{ covered: boolean; wakes: number; closest: number | null }> => {
      const [row] = await fleet.db.sql.query<{ covered: boolean; wakes: number; closest: number | null }>(
        `WITH timer AS (
           SELECT requested_at AS at, requested_at - lag(requested_at) OVER (ORDER BY requested_at) AS gap
             FROM agent_wakeup_requests WHERE agent_id = $1 AND source = 'timer'
         ), first AS (SELECT min(at) AS at FROM timer)
         SELECT coalesce(now() > first.at + interval '20 seconds', false) AS covered,
                (SELECT count(*)::int FROM timer WHERE timer.at < first.at + interval '20 seconds') AS wakes,
                (SELECT extract(epoch FROM min(gap))::float8 FROM timer) AS closest FROM first`,
        [agentId],
      );
      if (row === undefined) throw new Error("counting answered nothing");
      return row;
    };
    await eventually("20 s of timer wakes", async () => (await count()).covered);
    const { wakes, closest } = await count();
    expect(wakes).toBeGreaterThanOrEqual(9);
    expect(wakes).toBeLessThanOrEqual(11);
    // A doubled wake would lie in the same moment as its twin.
    expect(closest).toBeGreaterThan(1);

    await fleet.http.patch(`/api/agents/${agentId}`, { runtimeConfig: { heartbeat: { enabled: false } } });
    const [running] = fleet.witness.open();
    if (running === undefined) throw new Error("the timer's run is under way");
    fleet.witness.release(running.runId);
    expect((await readRun(fleet, running.runId)).contextSnapshot).toMatchObject({ wakeReason: "heartbeat_timer" });
    await untilSettled(fleet);
    await expectNothingBroken(fleet, (id) => limits.get(id) ?? 0);
  });
});
