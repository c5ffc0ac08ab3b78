/** After a start waiting work is started at a pace, serving comes first, and recovery holds neither up (BY-13). */
import { startsAllowed } from "@wakefleet/domain";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, untilEnded, untilSettled, wake } from "../support/fleet-work.js";

const AGENTS = 24;
const PER_SECOND = 3;

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet({ workers: 0, env: { STARTS_PER_SECOND: String(PER_SECOND), WORKER_CONCURRENCY: "50" } });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

const createWitness = (name: string): Promise<string> =>
  createAgent(fleet, { companyId, name, adapterConfig: fleet.witness.agentConfig("none") });

it("BY-13 what waited for a worker starts at a pace that doubles every second, by the database's clock", async () => {
  for (let index = 0; index < AGENTS; index += 1) await wake(fleet, await createWitness(`Waiting ${index}`));
  const worker = await fleet.startWorker();
  await untilSettled(fleet);
  // A worker registers before it takes anything, so that this time is never less than the pace's own.
  const starts = await fleet.db.sql.query<{ elapsedMs: number }>(
    `SELECT extract(epoch FROM r.started_at - w.started_at)::float8 * 1000 AS "elapsedMs"
       FROM heartbeat_runs r JOIN workers w ON w.id = r.worker_id ORDER BY r.started_at`,
  );
  expect(starts).toHaveLength(AGENTS);
  const tooEarly = starts.filter(
    ({ elapsedMs }, index) => startsAllowed({ perSecond: PER_SECOND, elapsedMs, started: index }) < 1,
  );
  expect(tooEarly).toEqual([]);
  await expectNothingBroken(fleet, () => 5);
  await worker.kill();
});

it("BY-13 processes serve while every look at stranded work stands still", async () => {
  const agentId = await createWitness("Served");
  await fleet.db.transaction(async (tx) => {
    // What recovery looks at first; a run without an issue needs none of it.
    await tx.query("LOCK TABLE issue_relations IN ACCESS EXCLUSIVE MODE");
    const worker = await fleet.startWorker();
    const api = await fleet.startApi();
    expect((await fleet.httpOf(api).get("/readyz")).status).toBe(200);
    const run = await wake(fleet, agentId, { api });
    expect((await untilEnded(fleet, run.id)).status).toBe("succeeded");
    await worker.kill();
  });
});
