/**
 * A worker killed after each step of an end in turn (FI-14, RC-86, RL-28): the end is one transaction, so it is brought about
 * again, whole, by whoever takes the run over. `E2E_REPEAT=20` is the long form.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Fleet, startFleet } from "../support/fleet.js";
import { createAgent, createCompany, type RunAnswer, readRun, untilEnded } from "../support/fleet-work.js";
import { repetitions } from "../support/repeat.js";
import {
  acceptWork,
  executions,
  expectCostsBookedOnce,
  expectWaitingWorkDone,
  soundWorkerFinishes,
} from "../support/work-at-stake.js";

const REPEAT = repetitions(1);
const PATIENCE_MS = 60_000 + REPEAT * 300_000;
const SUCCEEDED = { status: "succeeded", errorCode: null };

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet({ apis: 1, workers: 0 });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

/** What is tried with each step. */
interface Story {
  /** Accepts the run whose end is interrupted; answers its id. */
  accept(step: number): Promise<string>;
  /** Checks it, settled. `isOver`: the worker got past every step and was killed with whatever it did next. */
  check(isOver: boolean): Promise<void>;
}

/** Kills a worker after the first step of the run's end, after the second, and so on; answers how many there were. */
async function killAtEachStep({ accept, check }: Story): Promise<number> {
  for (let step = 1; ; step += 1) {
    const runId = await accept(step);
    const worker = await fleet.startWorker({ env: { WAKEFLEET_FAULTS: `between-finish-steps:kill:${step}` } });
    await Promise.race([worker.ended, untilEnded(fleet, runId)]);
    const isOver = (await readRun(fleet, runId)).finishedAt !== null;
    if (isOver) await worker.kill();
    else expect(await worker.ended).toEqual({ signal: "SIGKILL" });
    await soundWorkerFinishes(fleet);
    expect(await readRun(fleet, runId)).toMatchObject(SUCCEEDED);
    await check(isOver);
    if (isOver) return step - 1;
  }
}

it(
  "RL-7, FI-14, RC-86 the end of a run with others behind it: whole and once, whichever step was the last",
  async () => {
    for (let round = 1; round <= REPEAT; round += 1) {
      let work: Awaited<ReturnType<typeof acceptWork>> | undefined;
      const steps = await killAtEachStep({
        async accept(step) {
          work = await acceptWork(fleet, { companyId, name: `steps ${round}, step ${step}` });
          return work.firstId;
        },
        async check(isOver) {
          if (work === undefined) throw new Error("there is no work to check");
          expect(executions(fleet, work.firstId)).toBe(1);
          await expectWaitingWorkDone(fleet, work, { mayBeLost: isOver });
          await expectCostsBookedOnce(fleet, work);
        },
      });
      // The end itself, the summary, the comment, the retry, the question for a comment, the release, what is left.
      expect(steps).toBeGreaterThanOrEqual(6);
    }
  },
  PATIENCE_MS,
);

it(
  "LV-76, LV-77, FI-14 (06-3) the third silent run of an issue: one comment and one note, whichever step of its end was the last, and no fourth run",
  async () => {
    for (let round = 1; round <= REPEAT; round += 1) {
      let issueId = "";
      const steps = await killAtEachStep({
        async accept(step) {
          const agentId = await createAgent(fleet, {
            companyId,
            name: `Silent ${round}, step ${step}`,
            adapterConfig: { command: "true" },
            heartbeat: { maxConcurrentRuns: 1 },
          });
          const issue = await fleet.http.post<{ id: string }>(`/api/companies/${companyId}/issues`, {
            title: "Implement feature",
            assigneeAgentId: agentId,
            status: "backlog",
          });
          issueId = issue.body.id;
          const { body: run } = await fleet.http.post<RunAnswer>(`/api/agents/${agentId}/wakeup`, {
            reason: "asked",
            payload: { issueId },
          });
          // As its two predecessors would have left it, without waiting for them each time.
          await fleet.db.sql.query(
            `UPDATE heartbeat_runs SET continuation_attempt = 2,
                    context_snapshot = context_snapshot || '{"livenessContinuationAttempt": 2}' WHERE id = $1`,
            [run.id],
          );
          return run.id;
        },
        async check() {
          const runs = await fleet.db.sql.query<{ reason: string }>(
            "SELECT liveness_reason AS reason FROM heartbeat_runs WHERE issue_id = $1",
            [issueId],
          );
          expect(runs).toHaveLength(1);
          expect(runs[0]?.reason.match(/; continuation attempts exhausted/g)).toHaveLength(1);
          const comments = await fleet.db.sql.query<{ body: string }>(
            "SELECT body FROM issue_comments WHERE issue_id = $1",
            [issueId],
          );
          expect(comments).toHaveLength(1);
          expect(comments[0]?.body).toMatch(/^Bounded liveness continuation exhausted\n/);
          expect(comments[0]?.body).toContain("- Attempts used: 2/2\n");
        },
      });
      expect(steps).toBeGreaterThanOrEqual(6);
    }
  },
  PATIENCE_MS,
);
