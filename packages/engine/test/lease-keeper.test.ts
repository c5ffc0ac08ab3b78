import { RunAborted } from "@wakefleet/adapters";
import type { Database } from "@wakefleet/store";
import { aCompany, anAgent, aRun } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { createLeaseKeeper, type LeaseKeeperDeps } from "../src/runs/lease-keeper.js";
import { endLease, silentLog, type TestWorker, useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

function keeperOf(worker: TestWorker, deps: Partial<LeaseKeeperDeps> = {}) {
  return createLeaseKeeper({
    db: world.db,
    held: worker.deps.held,
    workerId: worker.id,
    leaseMs: 30_000,
    renewEveryMs: 60_000,
    adoptGraceMs: 120_000,
    faults: worker.deps.faults,
    log: silentLog,
    ...deps,
  });
}

/** A run the worker holds, as it is while its adapter runs. */
async function heldRun(worker: TestWorker) {
  const agentId = await anAgent(world.db.sql, { companyId });
  const id = await aRun(world.db.sql, { companyId, agentId });
  const { fence } = await worker.mustClaim({ id, agentId });
  return worker.deps.held.add({ fence, agentId, nowMs: performance.now() });
}

const away = { sql: { query: async () => Promise.reject(new Error("connect ECONNREFUSED")) } } as unknown as Database;
const isAlive = async (runId: string) => ((await world.run(runId)).leaseExpiresAt?.getTime() ?? 0) > Date.now();

describe("renewing", () => {
  it("RL-22, EX-14 all runs of a worker are renewed by one statement, and the worker is seen", async () => {
    const worker = await world.worker();
    const runs = [await heldRun(worker), await heldRun(worker), await heldRun(worker)];
    for (const { fence } of runs) await endLease(world.db.sql, fence.runId);
    await world.db.sql.query("UPDATE workers SET last_seen_at = now() - interval '1 hour' WHERE id = $1", [worker.id]);
    const statements: string[] = [];
    const counting: Database = {
      ...world.db,
      sql: {
        query: (text, values, name) => {
          statements.push(name ?? "unnamed");
          return world.db.sql.query(text, values, name);
        },
      },
    };
    await keeperOf(worker, { db: counting }).renewOnce();
    expect(statements).toEqual(["renew_leases"]);
    for (const { fence } of runs) expect(await isAlive(fence.runId)).toBe(true);
    const [seen] = await world.db.sql.query<{ recent: boolean }>(
      "SELECT last_seen_at > now() - interval '1 minute' AS recent FROM workers WHERE id = $1",
      [worker.id],
    );
    expect(seen?.recent).toBe(true);
  });

  it("EX-13, RL-22 a run this process lost sight of is not kept alive", async () => {
    const worker = await world.worker();
    const held = await heldRun(worker);
    worker.deps.held.remove(held);
    await endLease(world.db.sql, held.fence.runId);
    await keeperOf(worker).renewOnce();
    expect(await isAlive(held.fence.runId)).toBe(false);
  });

  it("PL-5 a run that is handed over is not renewed", async () => {
    const worker = await world.worker();
    const held = await heldRun(worker);
    held.released = true;
    await endLease(world.db.sql, held.fence.runId);
    await keeperOf(worker).renewOnce();
    expect(await isAlive(held.fence.runId)).toBe(false);
  });

  it.each([
    [
      "ended by another",
      "claim_token = claim_token + 1, start_token = NULL, worker_id = gen_random_uuid()",
      "lease_lost",
    ],
    ["begun anew", "claim_token = claim_token + 1, start_token = claim_token + 1", "lease_lost"],
    ["taken over with its child", "claim_token = claim_token + 1, worker_id = gen_random_uuid()", "handed_over"],
    ["taken over under the same worker", "claim_token = claim_token + 1", "handed_over"],
  ])("EX-14, BY-9, CL-17 a run that is %s is let go of: %#", async (_, harm, kind) => {
    const worker = await world.worker();
    const [lost, kept] = [await heldRun(worker), await heldRun(worker)];
    await world.db.sql.query(`UPDATE heartbeat_runs SET ${harm} WHERE id = $1`, [lost.fence.runId]);
    await keeperOf(worker).renewOnce();
    expect(lost.abort.signal.reason).toMatchObject({ kind });
    expect(kept.abort.signal.aborted).toBe(false);
  });

  it("CN-2, LV-108 a cancel is seen with its reason and kind, without any message", async () => {
    const worker = await world.worker();
    const held = await heldRun(worker);
    await world.db.sql.query(
      "UPDATE heartbeat_runs SET cancel_requested_at = now(), cancel_reason = 'why', cancel_kind = 'hold' WHERE id = $1",
      [held.fence.runId],
    );
    await keeperOf(worker).renewOnce();
    expect(held.abort.signal.reason).toMatchObject({ kind: "cancelled", message: "why" });
    expect(held.cancelKind).toBe("hold");
  });

  it("EX-14 a run whose end is being written is judged no more", async () => {
    const worker = await world.worker();
    const held = await heldRun(worker);
    held.ending = true;
    await world.db.sql.query("UPDATE heartbeat_runs SET claim_token = 9 WHERE id = $1", [held.fence.runId]);
    await keeperOf(worker).renewOnce();
    expect(held.abort.signal.aborted).toBe(false);
  });
});

describe("while the database is away", () => {
  it("EX-14 children go on as long as nobody could start a successor", async () => {
    const worker = await world.worker();
    const held = await heldRun(worker);
    const renewals: boolean[] = [];
    await keeperOf(worker, { db: away, onRenewal: (renewed) => renewals.push(renewed) }).renewOnce();
    expect(held.abort.signal.aborted).toBe(false);
    expect(renewals).toEqual([false]);
  });

  it("EX-14 then they are stopped", async () => {
    const worker = await world.worker();
    const held = await heldRun(worker);
    await keeperOf(worker, { db: away, leaseMs: 0, adoptGraceMs: 0 }).renewOnce();
    expect(held.abort.signal.reason).toBeInstanceOf(RunAborted);
    expect(held.abort.signal.reason).toMatchObject({ kind: "lease_lost" });
  });
});
