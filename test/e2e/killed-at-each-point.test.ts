/**
 * A worker killed at every fault point of a run's path (RL-7, RL-28, FI-14), each time with the same work at stake. Whatever
 * point it was, every run ends once, every lock is released, the deferred wake is promoted and every cost is booked once.
 *
 * `E2E_REPEAT=20` is the long form.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "../support/fleet.js";
import { createCompany, readRun } from "../support/fleet-work.js";
import { repetitions } from "../support/repeat.js";
import {
  acceptWork,
  executions,
  expectCostsBookedOnce,
  expectWaitingWorkDone,
  soundWorkerFinishes,
  workerDiesAt,
} from "../support/work-at-stake.js";

const REPEAT = repetitions(1);
const PATIENCE_MS = 60_000 + REPEAT * 60_000;

let fleet: Fleet;
let companyId: string;

beforeAll(async () => {
  fleet = await startFleet({ apis: 1, workers: 0 });
  companyId = await createCompany(fleet);
});
afterAll(async () => fleet?.stop());

const SUCCEEDED = { status: "succeeded", errorCode: null };
const LOST = { status: "failed", errorCode: "process_lost" };

interface Case {
  readonly name: string;
  /** Points at which one worker after the other dies; `POINT:kill:N` names the N-th hit. */
  readonly deaths: readonly string[];
  readonly first: typeof SUCCEEDED | typeof LOST;
  readonly executions: 0 | 1;
  /** The run is over by then, and the worker goes on to the next. */
  readonly isOver?: boolean;
  /** Its agent goes on until the first worker is dead. */
  readonly held?: boolean;
}

const once = (point: string, rest: Omit<Case, "name" | "deaths">): Case => ({ name: point, deaths: [point], ...rest });
const CASES: readonly Case[] = [
  once("after-fetch-before-claim", { first: SUCCEEDED, executions: 1 }),
  once("after-claim-before-execute", { first: LOST, executions: 0 }),
  once("after-start-before-spawn", { first: LOST, executions: 0 }),
  once("before-child-start", { first: LOST, executions: 0 }),
  once("after-spawn-before-record", { first: LOST, executions: 1 }),
  once("before-lease-renewal:kill:3", { first: SUCCEEDED, executions: 1, held: true }),
  once("after-child-exit-before-finish", { first: SUCCEEDED, executions: 1 }),
  once("after-commit-before-enqueue", { first: SUCCEEDED, executions: 1, isOver: true }),
  once("after-enqueue-before-mark", { first: SUCCEEDED, executions: 1, isOver: true }),
  once("after-finish-before-job-end", { first: SUCCEEDED, executions: 1, isOver: true }),
  {
    name: "after-adoption-before-execute, the second worker, too",
    deaths: ["after-child-exit-before-finish", "after-adoption-before-execute"],
    first: SUCCEEDED,
    executions: 1,
  },
  {
    name: "between-finish-steps of a run that was taken over",
    deaths: ["after-child-exit-before-finish", "between-finish-steps:kill:2"],
    first: SUCCEEDED,
    executions: 1,
  },
  ...["after-orphan-held-before-end", "between-finish-steps:kill:2", "after-orphan-end-before-job-release"].map(
    (point): Case => ({
      name: `${point}, while the run is ended as lost`,
      deaths: ["after-claim-before-execute", point],
      first: LOST,
      executions: 0,
    }),
  ),
];

describe("a worker killed", () => {
  it.each(CASES)(
    "RL-7, FI-14, FI-8, US-3 at $name: every run ends once, what waited goes on, costs are booked once",
    async ({ name, deaths, first, executions: executed, held = false, isOver = false }) => {
      for (let round = 1; round <= REPEAT; round += 1) {
        const work = await acceptWork(fleet, { companyId, name: `${name} ${round}`, held });
        if (held) fleet.witness.holdAgain();
        for (const point of deaths) await workerDiesAt(fleet, point);
        fleet.witness.release();
        await soundWorkerFinishes(fleet);
        expect(await readRun(fleet, work.firstId)).toMatchObject(first);
        expect(executions(fleet, work.firstId)).toBe(executed);
        await expectWaitingWorkDone(fleet, work, { mayBeLost: isOver });
        await expectCostsBookedOnce(fleet, work);
      }
    },
    PATIENCE_MS,
  );
});
