import { type JsonObject, MAX_TIMER_INTERVAL_SEC } from "@wakefleet/contracts";
import { nextTimerDelayMs } from "@wakefleet/store";
import { aCompany, anAgent } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { applyAgentPolicy, pauseAgent, resumeAgent } from "../src/agents/change-agent-status.js";
import { newId } from "../src/ids.js";
import { fireDueTimers } from "../src/sweeps/fire-timers.js";
import { countRows, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

const actor = { type: "user", id: "someone" } as const;
const deps = (db = world.db) => ({ db, newId, dispatcher: world.told.dispatcher, events: world.told.publisher });
const statusDeps = () => ({ ...world.cancelDeps(), queue: world.told.runQueue() });

/** An agent whose timer was due `overdueMs` ago. */
const due = (heartbeat: JsonObject, overdueMs = 1_000) =>
  anAgent(world.db.sql, { companyId, heartbeat, nextTimerAt: new Date(Date.now() - overdueMs) });
const timerWakes = (agentId: string) =>
  countRows(world.db.sql, "agent_wakeup_requests WHERE agent_id = $1 AND source = 'timer'", [agentId]);
async function agentRow(
  agentId: string,
): Promise<{ nextTimerAt: Date | null; lastHeartbeatAt: Date | null; createdAt: Date }> {
  const [row] = await world.db.sql.query<never>(
    `SELECT next_timer_at AS "nextTimerAt", last_heartbeat_at AS "lastHeartbeatAt", created_at AS "createdAt"
       FROM agents WHERE id = $1`,
    [agentId],
  );
  return row ?? ({} as never);
}
const minute = { enabled: true, intervalSec: 60 };

describe("a timer that is due", () => {
  it("WK-50, API-175 wakes its agent as the rule says", async () => {
    const agentId = await due(minute);
    expect(await fireDueTimers(deps())).toBe(1);
    const [request] = await world.db.sql.query("SELECT * FROM agent_wakeup_requests WHERE agent_id = $1", [agentId]);
    expect(request).toMatchObject({
      source: "timer",
      trigger_detail: "system",
      reason: "heartbeat_timer",
      requested_by_actor_type: "system",
      requested_by_actor_id: "heartbeat_scheduler",
      status: "queued",
    });
    const [run] = await world.db.sql.query("SELECT * FROM heartbeat_runs WHERE agent_id = $1", [agentId]);
    expect(run).toMatchObject({
      task_key: null,
      context_snapshot: {
        source: "scheduler",
        reason: "interval_elapsed",
        now: expect.any(String),
        wakeSource: "timer",
      },
    });
  });

  it("WK-51 with several processes firing at once each agent gets one wake an interval", async () => {
    const agentIds = await Promise.all(Array.from({ length: 30 }, () => due(minute)));
    const pools = [world.pool(), world.pool(), world.pool()];
    for (let interval = 1; interval <= 3; interval += 1) {
      const fired = await Promise.all(pools.flatMap((db) => [fireDueTimers(deps(db)), fireDueTimers(deps(db))]));
      expect(fired.reduce((sum, count) => sum + count, 0)).toBe(30);
      for (const agentId of agentIds) expect(await timerWakes(agentId)).toBe(interval);
      await world.db.sql.query(
        "UPDATE agents SET next_timer_at = next_timer_at - interval '60 seconds' WHERE id = ANY($1::uuid[])",
        [agentIds],
      );
    }
    await fireDueTimers(deps());
  });

  it("WK-51 the next is due one interval after the last due time", async () => {
    const agentId = await due(minute, 1_500);
    const before = await agentRow(agentId);
    await fireDueTimers(deps());
    const after = await agentRow(agentId);
    expect((after.nextTimerAt?.getTime() ?? 0) - (before.nextTimerAt?.getTime() ?? 0)).toBe(60_000);
  });

  it("WK-51 missed intervals give one wake, and the next is due an interval from now", async () => {
    const agentId = await due(minute, 3_600_000);
    await fireDueTimers(deps());
    await fireDueTimers(deps());
    expect(await timerWakes(agentId)).toBe(1);
    const nextMs = (await agentRow(agentId)).nextTimerAt?.getTime() ?? 0;
    expect(nextMs).toBeGreaterThan(Date.now() + 30_000);
    expect(nextMs).toBeLessThanOrEqual(Date.now() + 61_000);
  });

  it("WK-51 once a wake is decided the next is due an interval later, also when it joined a run or was skipped", async () => {
    const busy = await due(minute);
    await world.wake({ agentId: busy });
    const off = await due({ enabled: false, intervalSec: 60 });
    await fireDueTimers(deps());
    expect(await countRows(world.db.sql, "heartbeat_runs WHERE agent_id = $1", [busy])).toBe(1);
    expect((await agentRow(busy)).nextTimerAt?.getTime()).toBeGreaterThan(Date.now());
    expect(
      await countRows(world.db.sql, "agent_wakeup_requests WHERE agent_id = $1 AND reason = 'heartbeat.disabled'", [
        off,
      ]),
    ).toBe(1);
    expect((await agentRow(off)).nextTimerAt).toBeNull();
  });

  it("WK-51 an agent that is not due is not looked at", async () => {
    const agentId = await anAgent(world.db.sql, {
      companyId,
      heartbeat: minute,
      nextTimerAt: new Date(Date.now() + 60_000),
    });
    expect(await fireDueTimers(deps())).toBe(0);
    expect(await timerWakes(agentId)).toBe(0);
    expect(await nextTimerDelayMs(world.db.sql)).toBeGreaterThan(0);
  });
});

describe("what arms a timer", () => {
  it("WK-50 the interval counts from the last heartbeat, else from the agent's making", async () => {
    const never = await anAgent(world.db.sql, { companyId, heartbeat: minute });
    const lastHeartbeatAt = new Date(Date.now() - 10_000);
    const once = await anAgent(world.db.sql, { companyId, heartbeat: minute, lastHeartbeatAt });
    for (const agentId of [never, once]) await applyAgentPolicy(statusDeps(), agentId);
    const { nextTimerAt, createdAt } = await agentRow(never);
    expect((nextTimerAt?.getTime() ?? 0) - createdAt.getTime()).toBe(60_000);
    expect((await agentRow(once)).nextTimerAt?.getTime()).toBe(lastHeartbeatAt.getTime() + 60_000);
  });

  it.each<[string, JsonObject, string]>([
    ["the policy is off", { enabled: false, intervalSec: 60 }, "idle"],
    ["the interval is 0", { enabled: true, intervalSec: 0 }, "idle"],
    ["the agent is paused", minute, "paused"],
    ["the agent waits for approval", minute, "pending_approval"],
  ])("WK-51 none while %s", async (_, heartbeat, status) => {
    const agentId = await anAgent(world.db.sql, {
      companyId,
      heartbeat,
      status: status as "idle",
      nextTimerAt: new Date(Date.now() + 60_000),
    });
    await applyAgentPolicy(statusDeps(), agentId);
    expect((await agentRow(agentId)).nextTimerAt).toBeNull();
  });

  it("WK-51 an interval without bound is taken as the longest there is, not refused", async () => {
    const agentId = await anAgent(world.db.sql, { companyId, heartbeat: { enabled: true, intervalSec: 1e300 } });
    await applyAgentPolicy(statusDeps(), agentId);
    const { nextTimerAt, createdAt } = await agentRow(agentId);
    expect((nextTimerAt?.getTime() ?? 0) - createdAt.getTime()).toBe(MAX_TIMER_INTERVAL_SEC * 1_000);
  });

  it("WK-51 pausing and resuming take effect at once", async () => {
    const agentId = await anAgent(world.db.sql, {
      companyId,
      heartbeat: minute,
      nextTimerAt: new Date(Date.now() + 60_000),
    });
    await pauseAgent(statusDeps(), { agentId, actor });
    expect((await agentRow(agentId)).nextTimerAt).toBeNull();
    await resumeAgent(statusDeps(), { agentId, actor });
    expect((await agentRow(agentId)).nextTimerAt).not.toBeNull();
  });

  it("QU-1 a changed limit is told to the queue", async () => {
    const agentId = await anAgent(world.db.sql, { companyId, heartbeat: { maxConcurrentRuns: 4 } });
    await applyAgentPolicy(statusDeps(), agentId);
    expect(world.told.queues).toContain(`limit ${agentId}`);
  });
});
