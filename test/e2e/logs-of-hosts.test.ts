/** Hosts that share no folder for logs (RL-27): each host's workers delete what is too old there, and nothing in another's name. */
import { existsSync } from "node:fs";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import type { FleetProcess } from "../support/fleet-process.js";
import { createAgent, createCompany, type RunAnswer, readRun, untilEnded, wake } from "../support/fleet-work.js";

const OLD_DAYS = 40;

let fleet: Fleet;
let companyId: string;
beforeAll(async () => {
  fleet = await startFleet({ workers: 0 });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

const folderOf = (host: string): string => join(fleet.scratch, host);
const fileOf = (host: string, run: RunAnswer): string =>
  join(folderOf(host), companyId, run.agentId, `${run.id}.ndjson`);

function startOn(host: string, env: Record<string, string> = {}): Promise<FleetProcess> {
  return fleet.startWorker({ env: { WORKER_HOSTNAME: host, RUN_LOG_DIR: folderOf(host), ...env } });
}

async function stop(worker: FleetProcess): Promise<void> {
  worker.signal("SIGTERM");
  expect(await worker.ended).toEqual({ code: 0 });
}

/** A run on a host, so long ago that its log is to go; the host's worker is stopped. */
async function anOldRunOn(host: string): Promise<RunAnswer> {
  const worker = await startOn(host);
  const agentId = await createAgent(fleet, {
    companyId,
    name: `Agent of ${host}`,
    adapterConfig: { command: "/bin/echo", args: [`from ${host}`] },
  });
  const run = await untilEnded(fleet, (await wake(fleet, agentId)).id);
  await stop(worker);
  await fleet.db.sql.query(
    `UPDATE heartbeat_runs SET created_at = created_at - d, started_at = started_at - d, finished_at = finished_at - d,
            finalized_at = finalized_at - d FROM make_interval(days => $2::int) d WHERE id = $1`,
    [run.id, OLD_DAYS],
  );
  const written = new Date(Date.now() - OLD_DAYS * 24 * 3_600_000);
  await utimes(fileOf(host, run), written, written);
  return run;
}

it("RL-27 two hosts with folders of their own: each deletes its own logs, and the other's run goes on naming its log", async () => {
  const [north, south] = [await anOldRunOn("north"), await anOldRunOn("south")];
  const logRefOf = async ({ id }: RunAnswer) => (await readRun(fleet, id)).logRef;
  expect(await logRefOf(north)).not.toBeNull();
  const before = await logRefOf(south);
  expect(before).not.toBeNull();

  const limits = { RETENTION_RUN_LOGS_DAYS: "30" };
  await startOn("north", limits);
  await eventually("the host's own log to go", async () => (await logRefOf(north)) === null);
  await eventually("its file, too", () => !existsSync(fileOf("north", north)));
  expect(await logRefOf(south)).toBe(before);
  expect(existsSync(fileOf("south", south))).toBe(true);

  await startOn("south", limits);
  await eventually("the other host's log to go", async () => (await logRefOf(south)) === null);
  await eventually("its file, too", () => !existsSync(fileOf("south", south)));
  for (const run of [north, south]) {
    expect((await fleet.http.get(`/api/heartbeat-runs/${run.id}/log`)).status).toBe(404);
    expect((await readRun(fleet, run.id)).status).toBe("succeeded");
  }
  await expectNothingBroken(fleet, () => 1);
});
