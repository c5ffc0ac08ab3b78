/** A claim whose commit was never answered, because the connection ended at that very moment (RL-6, CL-13, CL-17). */
import type { Database } from "@wakefleet/store";
import { aCompany, anAgent, aRun } from "@wakefleet/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { claimRun } from "../src/runs/claim-run.js";
import { workRun } from "../src/runs/work-run.js";
import { useWorld } from "./support.js";

const world = useWorld();
let companyId: string;
beforeAll(async () => {
  companyId = await aCompany(world.db.sql);
});

async function queued(): Promise<{ runId: string; agentId: string }> {
  const agentId = await anAgent(world.db.sql, { companyId });
  return { agentId, runId: await aRun(world.db.sql, { companyId, agentId }) };
}

class ConnectionLost extends Error {
  constructor() {
    super("Connection terminated unexpectedly");
  }
}

/** The database of a worker whose first transaction loses its connection before or after the commit took effect. */
function losingFirst(
  when: "before commit" | "after commit",
  meanwhile: () => Promise<unknown> = async () => undefined,
): Database {
  let isFirst = true;
  return {
    ...world.db,
    async transaction(work) {
      if (!isFirst) return world.db.transaction(work);
      isFirst = false;
      if (when === "after commit") {
        await world.db.transaction(work);
        await meanwhile();
        throw new ConnectionLost();
      }
      return world.db.transaction(async (tx) => {
        await work({ query: tx.query, last: { query: tx.query } });
        throw new ConnectionLost();
      });
    },
  };
}

describe("a claim whose commit was not answered", () => {
  it("RL-6, CL-13 is this worker's when it came through: the run is executed, once, under that claim", async () => {
    const job = await queued();
    const worker = await world.worker();
    const verdict = await workRun({ ...worker.deps, db: losingFirst("after commit") }, job);
    expect(verdict).toMatchObject({ kind: "finished", returnValue: { status: "succeeded" } });
    expect(await world.run(job.runId)).toMatchObject({ status: "succeeded", claimToken: 1 });
  });

  it("RL-6, CL-1 is nobody's when it did not: the job goes back and the run waits on", async () => {
    const job = await queued();
    const worker = await world.worker();
    await expect(claimRun({ ...worker.deps, db: losingFirst("before commit") }, job)).rejects.toThrow(ConnectionLost);
    expect(await world.run(job.runId)).toMatchObject({ status: "queued", claimToken: 0 });
    expect((await worker.claim({ id: job.runId, agentId: job.agentId })).kind).toBe("claimed");
  });

  it("CL-17 is lost when somebody else took the run over meanwhile", async () => {
    const job = await queued();
    const worker = await world.worker();
    const takeOver = (): Promise<unknown> =>
      world.db.sql.query("UPDATE heartbeat_runs SET claim_token = claim_token + 1 WHERE id = $1", [job.runId]);
    await expect(claimRun({ ...worker.deps, db: losingFirst("after commit", takeOver) }, job)).rejects.toThrow(
      ConnectionLost,
    );
  });
});
