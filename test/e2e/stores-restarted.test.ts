/** PostgreSQL and Redis restarted while wakes come in and runs go on (RL-5, RL-6): nothing lost, nothing doubled. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectEachExecutedOnce, expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import {
  createAgent,
  createCompany,
  readRun,
  runCounts,
  untilEnded,
  untilSettled,
  untilStarted,
  wake,
} from "../support/fleet-work.js";
import { repeated } from "../support/repeat.js";

const AGENTS = 4;
const WAKES = 120;

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  // Longer than any restart here, so that every run can go on under its first worker.
  fleet = await startFleet({ apis: 2, workers: 2, stores: "private", env: { LEASE_MS: "30000" } });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

interface Posted {
  readonly runIds: string[];
  readonly refusals: Set<string>;
}

/** Posts every wake until it is accepted, one after the other, each under a key of its own. */
async function postAll(agentIds: readonly string[], prefix: string, posted: Posted): Promise<void> {
  for (let index = 0; index < WAKES; index += 1) {
    const agentId = agentIds[index % AGENTS] ?? "";
    const body = { payload: { taskKey: `${prefix} ${index}` } };
    const runId = await eventually(
      `wake ${index} to be accepted`,
      async () => {
        const answer = await fleet
          .httpOf(index % 2)
          .post<{ id: string; code?: string }>(`/api/agents/${agentId}/wakeup`, body, {
            "Idempotency-Key": `${prefix}-${index}`,
          });
        if (answer.status === 202) return answer.body.id;
        posted.refusals.add(
          `${answer.status} ${answer.body.code} retry-after=${answer.headers.get("retry-after") !== null}`,
        );
        return null;
      },
      60_000,
    );
    posted.runIds.push(runId);
  }
}

async function underLoad(prefix: string, disturb: () => Promise<void>): Promise<Posted> {
  const agentIds = await Promise.all(
    Array.from({ length: AGENTS }, (_, index) =>
      createAgent(fleet, {
        companyId,
        name: `${prefix} ${index}`,
        adapterConfig: fleet.witness.agentConfig({ seconds: 0.1 }),
        heartbeat: { maxConcurrentRuns: 2 },
      }),
    ),
  );
  const posted: Posted = { runIds: [], refusals: new Set() };
  const posting = postAll(agentIds, prefix, posted);
  await Promise.all([
    posting,
    (async () => {
      await eventually("a quarter to be accepted", () => posted.runIds.length >= WAKES / 4);
      await disturb();
    })(),
  ]);
  await untilSettled(fleet, 90_000);
  expect(new Set(posted.runIds).size).toBe(WAKES);
  const others = await fleet.db.sql.query(
    `SELECT id, status, error_code, error, process_pid, claim_token FROM heartbeat_runs
      WHERE agent_id = ANY($1::uuid[]) AND status <> 'succeeded'`,
    [agentIds],
  );
  expect(others).toEqual([]);
  expect(await runCounts(fleet, agentIds)).toEqual({ succeeded: WAKES });
  expectEachExecutedOnce(fleet, posted.runIds);
  await expectNothingBroken(fleet, () => 2);
  return posted;
}

it(
  "RL-6, API-57 PostgreSQL crashed and started again under load: 503 with Retry-After meanwhile, then every wake runs once",
  repeated(),
  async () => {
    const { refusals } = await underLoad("postgres", async () => {
      await fleet.stores.stopPostgres("immediate");
      const refused = await eventually("the API to notice", async () => {
        const answer = await fleet.http.get<{ code: string }>("/api/companies");
        return answer.status === 503 ? answer : null;
      });
      expect(refused.body.code).toBe("store_unavailable");
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      await fleet.stores.startPostgres();
    });
    expect([...refusals]).toEqual(["503 store_unavailable retry-after=true"]);
  },
);

it("RL-5 Redis crashed and started again under load: no wake is refused, every one runs once", repeated(), async () => {
  const { refusals } = await underLoad("redis", async () => {
    await fleet.stores.stopRedis("crash");
    await eventually(
      "the API to notice",
      async () => (await fleet.http.get<{ status: string }>("/readyz")).body.status === "degraded",
    );
    await fleet.stores.startRedis();
  });
  expect([...refusals]).toEqual([]);
});

it(
  "RL-6, EX-14 a run that goes on while PostgreSQL restarts ends normally, under its first claim (04-14)",
  repeated(),
  async () => {
    fleet.witness.holdAgain();
    const agentId = await createAgent(fleet, {
      companyId,
      name: "Steady",
      adapterConfig: fleet.witness.agentConfig("until_released"),
    });
    const { id } = await wake(fleet, agentId);
    await untilStarted(fleet, id);
    await eventually("its child to be stored", async () => (await readRun(fleet, id)).processPid);
    await fleet.stores.stopPostgres("immediate");
    // It ends while nobody can write it down.
    fleet.witness.release();
    await eventually("its process to end", () => fleet.witness.open().length === 0);
    await fleet.stores.startPostgres();
    expect(await untilEnded(fleet, id)).toMatchObject({ status: "succeeded", exitCode: 0 });
    const [row] = await fleet.db.sql.query<{ token: number }>(
      "SELECT claim_token AS token FROM heartbeat_runs WHERE id = $1",
      [id],
    );
    expect(row?.token).toBe(1);
    expectEachExecutedOnce(fleet, [id]);
    await expectNothingBroken(fleet, () => 5);
  },
);
