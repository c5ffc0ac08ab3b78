/** Processes that die between two steps on purpose (RL-7, RL-28): each window, and what becomes of the run. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectEachExecutedOnce, expectNothingBroken } from "../support/after-each-test.js";
import { eventually, type Fleet, startFleet } from "../support/fleet.js";
import {
  createAgent,
  createCompany,
  readEvents,
  readRun,
  untilEnded,
  untilSettled,
  wake,
} from "../support/fleet-work.js";
import { repetitions } from "../support/repeat.js";

const REPEAT = repetitions(1);
const PATIENCE_MS = 60_000 + REPEAT * 30_000;

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet({ apis: 1, workers: 0 });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

function createWitness(name: string): Promise<string> {
  return createAgent(fleet, {
    companyId,
    name,
    adapterConfig: fleet.witness.agentConfig("none"),
    heartbeat: { maxConcurrentRuns: 1 },
  });
}

/** Starts a worker that dies at `point`, and settles when it has; a sound one then takes over. */
async function workerDiesAt(point: string, act: () => Promise<void>): Promise<void> {
  const doomed = await fleet.startWorker({ env: { WAKEFLEET_FAULTS: `${point}:kill` } });
  await act();
  expect(await doomed.ended).toEqual({ signal: "SIGKILL" });
}

async function withSoundWorker(check: () => Promise<void>): Promise<void> {
  const sound = await fleet.startWorker();
  try {
    await check();
  } finally {
    await sound.kill();
  }
}

async function retriesOf(runId: string): Promise<string[]> {
  return (await fleet.http.read<{ retries: string[] }>(`/api/heartbeat-runs/${runId}`)).retries;
}

const executions = (runId: string): number =>
  fleet.witness.lines().filter((line) => line.kind === "start" && line.runId === runId).length;

describe("a worker killed", () => {
  it.each(["after-claim-before-execute", "after-start-before-spawn"])(
    "RL-7, PL-3, PL-4 %s: no child was known, so the run is lost without a retry, and the agent goes on",
    async (point) => {
      const agentId = await createWitness(`Agent ${point}`);
      for (let round = 1; round <= REPEAT; round += 1) {
        let runId = "";
        await workerDiesAt(point, async () => {
          runId = (await wake(fleet, agentId, { taskKey: `${point} ${round}` })).id;
        });
        expect((await readRun(fleet, runId)).status).toBe("running");
        await withSoundWorker(async () => {
          expect(await untilEnded(fleet, runId)).toMatchObject({
            status: "failed",
            errorCode: "process_lost",
            error: "Process lost -- server may have restarted",
          });
          expect(await retriesOf(runId)).toEqual([]);
          expect(executions(runId)).toBe(0);
          const next = await wake(fleet, agentId, { taskKey: `${point} ${round} next` });
          expect((await untilEnded(fleet, next.id)).status).toBe("succeeded");
          await expectNothingBroken(fleet, () => 1);
        });
      }
    },
    PATIENCE_MS,
  );

  it(
    "RL-7, FI-14, BY-9 after-child-exit-before-finish: the next worker ends it by its child's own exit, nothing is run again",
    async () => {
      const agentId = await createWitness("Ended unheard");
      for (let round = 1; round <= REPEAT; round += 1) {
        let runId = "";
        await workerDiesAt("after-child-exit-before-finish", async () => {
          runId = (await wake(fleet, agentId, { taskKey: `unheard ${round}` })).id;
        });
        await withSoundWorker(async () => {
          expect(await untilEnded(fleet, runId)).toMatchObject({ status: "succeeded", errorCode: null, exitCode: 0 });
          expect(await retriesOf(runId)).toEqual([]);
          expectEachExecutedOnce(fleet, [runId]);
          await expectNothingBroken(fleet, () => 1);
        });
      }
    },
    PATIENCE_MS,
  );

  it(
    "RL-7, CL-1 after-finish-before-job-end: the run has ended; its job neither repeats it nor keeps the agent's slot",
    async () => {
      const agentId = await createWitness("Ended whole");
      for (let round = 1; round <= REPEAT; round += 1) {
        let runId = "";
        await workerDiesAt("after-finish-before-job-end", async () => {
          runId = (await wake(fleet, agentId, { taskKey: `whole ${round}` })).id;
        });
        expect((await readRun(fleet, runId)).status).toBe("succeeded");
        await withSoundWorker(async () => {
          const next = await wake(fleet, agentId, { taskKey: `whole ${round} next` });
          expect((await untilEnded(fleet, next.id, 90_000)).status).toBe("succeeded");
          expectEachExecutedOnce(fleet, [runId, next.id]);
          await expectNothingBroken(fleet, () => 1);
        });
      }
    },
    PATIENCE_MS + REPEAT * 60_000,
  );

  it(
    "RL-20, QU-2 after-enqueue-before-mark in the relay: the run is added again and executes once",
    async () => {
      const agentId = await createWitness("Added twice");
      // This API never comes to dispatching, so that the relay of a worker must.
      const slow = await fleet.startApi({ env: { WAKEFLEET_FAULTS: "after-commit-before-enqueue:delay=600000" } });
      for (let round = 1; round <= REPEAT; round += 1) {
        let runId = "";
        await workerDiesAt("after-enqueue-before-mark", async () => {
          runId = (await wake(fleet, agentId, { taskKey: `twice ${round}`, api: slow })).id;
        });
        await withSoundWorker(async () => {
          // The doomed worker may have taken the job it had just added, and died with it.
          const run = await untilEnded(fleet, runId);
          if (run.status !== "succeeded") {
            expect(run).toMatchObject({ status: "failed", errorCode: "process_lost" });
            for (const retryId of await retriesOf(runId)) await untilEnded(fleet, retryId);
          }
          expect(executions(runId)).toBeLessThanOrEqual(1);
          await expectNothingBroken(fleet, () => 1);
        });
      }
      await fleet.apis[slow]?.kill();
    },
    PATIENCE_MS,
  );
});

describe("an API killed", () => {
  it.each(["after-commit-before-enqueue", "after-enqueue-before-mark"])(
    "WK-43, RL-1 %s: the run executes by the relay, once, and the key finds it again (03-17)",
    async (point) => {
      const agentId = await createWitness(`Caller ${point}`);
      await withSoundWorker(async () => {
        for (let round = 1; round <= REPEAT; round += 1) {
          const doomed = await fleet.startApi({ env: { WAKEFLEET_FAULTS: `${point}:kill` } });
          const key = randomUUID();
          const body = { payload: { taskKey: `${point} ${round}` } };
          const headers = { "Idempotency-Key": key };
          // Whether the answer came through before the process died is chance.
          await fleet
            .httpOf(doomed)
            .post(`/api/agents/${agentId}/wakeup`, body, headers)
            .catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
          expect(await fleet.apis[doomed]?.ended).toEqual({ signal: "SIGKILL" });
          const [row] = await fleet.db.sql.query<{ id: string }>(
            "SELECT run_id AS id FROM agent_wakeup_requests WHERE agent_id = $1 AND idempotency_key = $2",
            [agentId, key],
          );
          const again = await fleet.http.post<{ id: string }>(`/api/agents/${agentId}/wakeup`, body, headers);
          expect(again).toMatchObject({ status: 202, body: { id: row?.id } });
          expect(again.headers.get("idempotency-replayed")).toBe("true");
          expect((await untilEnded(fleet, again.body.id)).status).toBe("succeeded");
          expectEachExecutedOnce(fleet, [again.body.id]);
        }
        await untilSettled(fleet);
        await expectNothingBroken(fleet, () => 1);
      });
    },
    PATIENCE_MS,
  );

  it(
    "API-14, CO-64 after-commit-before-enqueue: a change that was made loses none of its wakes (02-38, 08-51)",
    async () => {
      const agentId = await createAgent(fleet, {
        companyId,
        name: "Unblocked",
        adapterConfig: fleet.witness.agentConfig("none"),
        heartbeat: { maxConcurrentRuns: 10 },
      });
      const createIssue = async (fields: object): Promise<string> =>
        (await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, { title: "x", ...fields })).body
          .id;
      const blocker = await createIssue({ status: "todo" });
      for (let n = 0; n < 10; n += 1) {
        await createIssue({ status: "todo", assigneeAgentId: agentId, blockedByIssueIds: [blocker] });
      }
      const doomed = await fleet.startApi({ env: { WAKEFLEET_FAULTS: "after-commit-before-enqueue:kill" } });
      await fleet
        .httpOf(doomed)
        .patch(`/api/issues/${blocker}`, { status: "done" })
        .catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
      expect(await fleet.apis[doomed]?.ended).toEqual({ signal: "SIGKILL" });
      const woken = await fleet.db.sql.query<{ runId: string }>(
        `SELECT run_id AS "runId" FROM agent_wakeup_requests WHERE agent_id = $1 AND reason = 'issue_blockers_resolved'`,
        [agentId],
      );
      expect(woken).toHaveLength(10);
      await withSoundWorker(async () => {
        for (const { runId } of woken) expect((await untilEnded(fleet, runId)).status).toBe("succeeded");
        expectEachExecutedOnce(
          fleet,
          woken.map(({ runId }) => runId),
        );
        await untilSettled(fleet);
        await expectNothingBroken(fleet, () => 10);
      });
    },
    PATIENCE_MS,
  );

  it(
    "API-14, API-308, W14, W15 after-commit-before-enqueue: accepted tasks are made once, and all that they wake runs",
    async () => {
      const heartbeat = { maxConcurrentRuns: 10 };
      const adapterConfig = fleet.witness.agentConfig("none");
      const [author, worker] = await Promise.all(
        ["Author", "Worker"].map((name) => createAgent(fleet, { companyId, name, adapterConfig, heartbeat })),
      );
      const issue = (
        await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, {
          title: "Ask",
          assigneeAgentId: author,
        })
      ).body.id;
      // Out of the backlog without a wake: only the answer is to wake somebody.
      await fleet.db.sql.query("UPDATE issues SET status = 'todo' WHERE id = $1", [issue]);
      const tasks = ["a", "b", "c"].map((clientKey) => ({ clientKey, title: clientKey, assigneeAgentId: worker }));
      const asked = await fleet.http.post<{ id: string }>(`/api/issues/${issue}/interactions`, {
        kind: "suggest_tasks",
        payload: { version: 1, tasks },
      });
      const path = `/api/issues/${issue}/interactions/${asked.body.id}/accept`;
      const headers = { "Idempotency-Key": randomUUID() };
      const doomed = await fleet.startApi({ env: { WAKEFLEET_FAULTS: "after-commit-before-enqueue:kill" } });
      // Whether the answer came through before the process died is chance.
      await fleet
        .httpOf(doomed)
        .post(path, {}, headers)
        .catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
      expect(await fleet.apis[doomed]?.ended).toEqual({ signal: "SIGKILL" });
      await fleet.db.sql.query("UPDATE idempotency_records SET created_at = created_at - interval '1 hour'");
      const again = await fleet.http.post<{ error: string }>(path, {}, headers);
      if (again.status === 200) expect(again.headers.get("idempotency-replayed")).toBe("true");
      else expect(again.body.error).toMatch(/was carried out, but its answer was lost/);
      const woken = await fleet.db.sql.query<{ runId: string }>(
        `SELECT run_id AS "runId" FROM agent_wakeup_requests WHERE agent_id = ANY($1::uuid[])`,
        [[author, worker]],
      );
      expect(woken).toHaveLength(tasks.length + 1);
      await withSoundWorker(async () => {
        const runIds = woken.map(({ runId }) => runId);
        for (const runId of runIds) expect((await untilEnded(fleet, runId)).status).toBe("succeeded");
        expectEachExecutedOnce(fleet, runIds);
        await untilSettled(fleet);
        await expectNothingBroken(fleet, () => 10);
      });
    },
    PATIENCE_MS,
  );

  it("CN-1 after-cancel-before-job-removal: the cancelled run never starts", async () => {
    const agentId = await createWitness("Cancelled");
    const doomed = await fleet.startApi({ env: { WAKEFLEET_FAULTS: "after-cancel-before-job-removal:kill" } });
    const run = await wake(fleet, agentId);
    await fleet
      .httpOf(doomed)
      .post(`/api/heartbeat-runs/${run.id}/cancel`)
      .catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
    expect(await fleet.apis[doomed]?.ended).toEqual({ signal: "SIGKILL" });
    expect((await readRun(fleet, run.id)).status).toBe("cancelled");
    await withSoundWorker(async () => {
      await eventually("the job to be dealt with", async () => {
        const next = await wake(fleet, agentId, { taskKey: "after" });
        return (await untilEnded(fleet, next.id)).status === "succeeded";
      });
      expect(executions(run.id)).toBe(0);
      expect((await readEvents(fleet, run.id)).at(-1)?.message).toBe("run cancelled");
      await expectNothingBroken(fleet, () => 1);
    });
  });
});
