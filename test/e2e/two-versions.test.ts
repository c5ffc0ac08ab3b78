/**
 * Two versions side by side (RL-8). What an older version's processes meet while they work is made for real: the next
 * version's migration is applied by the product's own migrator under load, and its processes read and write the same
 * stores. An older build itself is not here: it is not part of a clone.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { applyMigrations } from "@wakefleet/store";
import { afterEach, beforeEach, expect, it } from "vitest";
import { expectEachExecutedOnce, expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, runCounts, untilSettled, wakeMany } from "../support/fleet-work.js";

const MIGRATIONS = fileURLToPath(new URL("../../prisma/migrations", import.meta.url));
const ROUNDS = 6;
const WAKES_A_ROUND = 10;

let fleet: Fleet;
let companyId: string;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "wakefleet-next-version-"));
  fleet = await startFleet({ workers: 2 });
  companyId = await createCompany(fleet);
});
afterEach(async () => {
  await fleet?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What next versions may do to the schema while this one runs: expand each table, one migration a table, and add one. */
async function migrateToNextVersions(): Promise<void> {
  const migrationsDir = join(folder, "migrations");
  cpSync(MIGRATIONS, migrationsDir, { recursive: true });
  const tables = await fleet.db.sql.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> '_prisma_migrations' ORDER BY 1",
  );
  const scripts = [
    ...tables.map(
      ({ name }) =>
        `ALTER TABLE "${name}" ADD COLUMN next_note text, ADD COLUMN next_count integer NOT NULL DEFAULT 7;`,
    ),
    "CREATE TABLE next_things (id uuid PRIMARY KEY, run_id uuid REFERENCES heartbeat_runs (id));",
  ];
  const names = scripts.map((_, index) => `${99990101000000 + index}_next`);
  names.forEach((name, index) => {
    mkdirSync(join(migrationsDir, name));
    writeFileSync(join(migrationsDir, name, "migration.sql"), `${scripts[index]}\n`);
  });
  const { applied } = await applyMigrations({ databaseUrl: fleet.databaseUrl, migrationsDir });
  expect(applied).toEqual(names);
}

it("RL-8 this version's processes work on while the next one's migration is applied, and new ones start after it", async () => {
  const agentIds = await Promise.all(
    ["a", "b", "c"].map((name) =>
      createAgent(fleet, {
        companyId,
        name,
        adapterConfig: fleet.witness.agentConfig({ seconds: 0.1 }),
        heartbeat: { maxConcurrentRuns: 2 },
      }),
    ),
  );
  const issue = { title: "Upgrade", status: "todo", assigneeAgentId: agentIds[0] };
  const runIds: string[] = [];
  const load = async (from: number): Promise<void> => {
    for (let round = from; round < from + ROUNDS; round += 1) {
      for (const agentId of agentIds) runIds.push(...(await wakeMany(fleet, agentId, WAKES_A_ROUND, `round ${round}`)));
      // Reading and changing what was prepared before, too: none of it is answered 5xx.
      const created = await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, issue);
      expect(created.status).toBe(201);
      expect((await fleet.http.patch(`/api/issues/${created.body.id}`, { title: "Upgraded" })).status).toBe(200);
      expect((await fleet.http.get(`/api/companies/${companyId}/heartbeat-runs`)).status).toBe(200);
      expect((await fleet.http.get(`/api/agents/${agentIds[1]}`)).status).toBe(200);
    }
  };
  const upgrade = async (): Promise<void> => {
    await eventually("work to be under way", async () => ((await runCounts(fleet)).succeeded ?? 0) > 5);
    await migrateToNextVersions();
  };
  await Promise.all([load(0), upgrade()]);
  await load(ROUNDS);

  const [old] = fleet.workers;
  await fleet.startWorker();
  old?.signal("SIGTERM");
  expect(await old?.ended).toEqual({ code: 0 });
  expect((await fleet.httpOf(await fleet.startApi()).get(`/api/agents/${agentIds[2]}`)).status).toBe(200);
  runIds.push(...(await wakeMany(fleet, agentIds[2] ?? "", WAKES_A_ROUND, "after")));
  await untilSettled(fleet, 120_000);
  expectEachExecutedOnce(fleet, runIds);
  const { succeeded = 0, ...others } = await runCounts(fleet);
  expect(others).toEqual({});
  expect(succeeded).toBeGreaterThanOrEqual(runIds.length);
  await expectNothingBroken(fleet, () => 2);
}, 300_000);
