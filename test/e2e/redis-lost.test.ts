/** Redis is disposable (RL-5, WK-43): emptied with work waiting, gone while wakes come in, back with or without its data. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { expectEachExecutedOnce, expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, untilSettled, untilStarted, wake, wakeMany } from "../support/fleet-work.js";
import { repeated } from "../support/repeat.js";

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet({ workers: 2, stores: "private" });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());
afterEach(async () => {
  await untilSettled(fleet);
  await expectNothingBroken(fleet, () => 1);
});

function createHeld(name: string): Promise<string> {
  return createAgent(fleet, {
    companyId,
    name,
    adapterConfig: fleet.witness.agentConfig("until_released"),
    heartbeat: { maxConcurrentRuns: 1 },
  });
}

/** Retries due in a few seconds, as a failed run would have left them: no route makes them yet. */
async function insertScheduledRetries(agentId: string, count: number, dueInSec: number): Promise<string[]> {
  const runIds = Array.from({ length: count }, () => randomUUID());
  await fleet.db.sql.query(
    `WITH ids AS (SELECT unnest($3::uuid[]) AS run_id), made AS (SELECT run_id, gen_random_uuid() AS request_id FROM ids),
     requests AS (
       INSERT INTO agent_wakeup_requests (id, company_id, agent_id, source, trigger_detail, reason, status, run_id)
       SELECT request_id, $1, $2, 'automation', 'system', 'transient_failure_retry', 'queued', run_id FROM made
     )
     INSERT INTO heartbeat_runs (id, company_id, agent_id, invocation_source, trigger_detail, status, wakeup_request_id,
         context_snapshot, task_key, scheduled_retry_at, scheduled_retry_attempt, scheduled_retry_reason)
     SELECT run_id, $1, $2, 'automation', 'system', 'scheduled_retry', request_id,
            jsonb_build_object('taskKey', run_id::text), run_id::text, now() + make_interval(secs => $4), 1, 'transient_failure'
       FROM made`,
    [companyId, agentId, runIds, dueInSec],
  );
  return runIds;
}

async function undispatched(): Promise<number> {
  const [row] = await fleet.db.sql.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM heartbeat_runs WHERE dispatched_at IS NULL AND status IN ('queued','scheduled_retry')",
  );
  return row?.count ?? 0;
}

describe("a Redis that was emptied", () => {
  it(
    "RL-5, RL-21, DM-34 FLUSHALL with 100 runs waiting and 10 scheduled retries: all 110 execute, each once (03-16)",
    repeated(),
    async () => {
      fleet.witness.holdAgain();
      const agentIds = await Promise.all(Array.from({ length: 10 }, (_, index) => createHeld(`Waiting ${index}`)));
      const first = await Promise.all(
        agentIds.map(async (agentId) => (await wake(fleet, agentId, { taskKey: "first" })).id),
      );
      for (const runId of first) await untilStarted(fleet, runId);
      const waiting = (await Promise.all(agentIds.map((agentId) => wakeMany(fleet, agentId, 10)))).flat();
      const retries = await insertScheduledRetries(agentIds[0] ?? "", 10, 6);
      await eventually("everything to be dispatched", async () => (await undispatched()) === 0);

      await fleet.redis.flushall();
      fleet.witness.release();
      await untilSettled(fleet, 90_000);
      expect(waiting).toHaveLength(100);
      expectEachExecutedOnce(fleet, [...first, ...waiting, ...retries]);
      const rows = await fleet.db.sql.query<{ status: string; early: boolean }>(
        "SELECT status, started_at < scheduled_retry_at AS early FROM heartbeat_runs WHERE id = ANY($1::uuid[])",
        [retries],
      );
      expect(rows).toEqual(retries.map(() => ({ status: "succeeded", early: false })));
    },
  );
});

describe("a Redis that is away", () => {
  it(
    "WK-43, API-275, DM-32 wakes are accepted, undispatched grows, /readyz says degraded; all run when it is back",
    repeated(),
    async () => {
      const agentId = await createHeld("Patient");
      await fleet.stores.stopRedis("save");
      const runIds: string[] = [];
      for (let index = 0; index < 5; index += 1)
        runIds.push((await wake(fleet, agentId, { taskKey: `away ${index}` })).id);
      expect(await undispatched()).toBe(5);
      expect(await fleet.http.get("/readyz")).toMatchObject({ status: 200, body: { status: "degraded" } });
      const view = await fleet.http.read<{ stores: { redis: { ok: boolean } } }>("/api/fleet");
      expect(view.stores.redis.ok).toBe(false);
      expect(findNumber(view, "undispatched")).toBeGreaterThanOrEqual(5);
      expect(runIds.filter((runId) => fleet.witness.started(runId))).toEqual([]);

      await fleet.stores.startRedis();
      await untilSettled(fleet);
      expectEachExecutedOnce(fleet, runIds);
    },
  );

  it("CN-2 a run is cancelled within one lease renewal without the channel", repeated(), async () => {
    const agentId = await createAgent(fleet, {
      companyId,
      name: "Cut off",
      adapterConfig: { command: "/bin/sh", args: ["-c", "sleep 100"], graceSec: 1 },
    });
    const { id } = await wake(fleet, agentId);
    await eventually("the run to start", async () => {
      const { processPid } = await fleet.http.read<{ processPid: number | null }>(`/api/heartbeat-runs/${id}`);
      return processPid;
    });
    await fleet.stores.stopRedis("save");
    await fleet.http.post(`/api/heartbeat-runs/${id}/cancel`);
    await eventually("the run to be cancelled", async () => {
      const { status } = await fleet.http.read<{ status: string }>(`/api/heartbeat-runs/${id}`);
      return status === "cancelled";
    });
    await fleet.stores.startRedis();
  });
});

/** A number of that name anywhere in an answer. */
function findNumber(value: unknown, name: string): number | null {
  if (typeof value !== "object" || value === null) return null;
  for (const [key, inner] of Object.entries(value)) {
    if (key === name && typeof inner === "number") return inner;
    const found = findNumber(inner, name);
    if (found !== null) return found;
  }
  return null;
}
