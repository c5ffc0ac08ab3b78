/**
 * The sweeps that look after work nobody does (06 section 9.2): each a job of its own, with its interval, its metric and a
 * line in the log when it did something. One that fails keeps no other from running (RC-83).
 */
import {
  checkBudgetCounters,
  deleteOldEvents,
  finishEnds,
  forgetAnswers,
  reconcileIssueGraph,
  reconcileStrandedWork,
  type SilentScanDeps,
  scanSilentRuns,
} from "@wakefleet/engine";
import type { Sweep } from "@wakefleet/queue";
import type { WorkerSweep } from "./worker-sweep.js";

export interface RecoverySweepOptions {
  readonly deps: SilentScanDeps;
  /** How often the fleet looks for work that got stuck, ms. */
  readonly sweepIntervalMs: number;
  /** How often recovery looks, ms; null: every third time (RC-80). */
  readonly schedulerIntervalMs: number | null;
  /** False: recovery looks only when it is asked to (RC-80). */
  readonly schedulerEnabled: boolean;
  /** Age in days at which events of finished runs go (RL-27); null keeps them. */
  readonly eventsDays: number | null;
  /** Measures a sweep. */
  readonly timed: (sweep: string, run: Sweep["run"]) => Sweep["run"];
}

/** Also run right after a worker's start and after Redis was rebuilt (RC-83). */
export const STRANDED_WORK_SWEEP = "stranded-work" satisfies WorkerSweep["name"];

const ROUNDS_BETWEEN = 3;

/** Expired ones are not answered any more; they only take room. */
const ANSWERS_EVERY_MS = 3_600_000;

/** It reads every cost event: a check, not a part of the bookkeeping. */
const COUNTERS_EVERY_MS = 24 * 3_600_000;

/** How often what is too old is looked for, ms (RL-27). */
export const RETENTION_EVERY_MS = 600_000;

export function recoverySweeps(options: RecoverySweepOptions): WorkerSweep[] {
  const { deps, sweepIntervalMs, schedulerIntervalMs, schedulerEnabled, eventsDays, timed } = options;
  const sweep = (
    name: WorkerSweep["name"],
    everyMs: number,
    look: (signal: AbortSignal) => Promise<object>,
  ): WorkerSweep => ({
    name,
    everyMs,
    run: timed(name, async (signal) => {
      const result = await look(signal);
      if (hasActed(result)) deps.log.info({ event: "sweep.acted", sweep: name, ...result }, "a sweep mended something");
      return result;
    }),
  });
  const everyMs = schedulerIntervalMs ?? sweepIntervalMs * ROUNDS_BETWEEN;
  const scheduled = (...of: Parameters<typeof sweep>): WorkerSweep => ({ ...sweep(...of), isOff: !schedulerEnabled });
  return [
    sweep("finish-ends", sweepIntervalMs, (signal) => finishEnds(deps, signal)),
    scheduled(STRANDED_WORK_SWEEP, everyMs, (signal) => reconcileStrandedWork(deps, signal)),
    scheduled("issue-graph", everyMs, (signal) => reconcileIssueGraph(deps, signal)),
    scheduled("silent-runs", everyMs, (signal) => scanSilentRuns(deps, signal)),
    sweep("kept-answers", ANSWERS_EVERY_MS, (signal) => forgetAnswers(deps, signal)),
    sweep("budget-counters", COUNTERS_EVERY_MS, (signal) => checkBudgetCounters(deps, signal)),
    {
      ...sweep("retention", RETENTION_EVERY_MS, async (signal) =>
        eventsDays === null ? { eventsDeleted: 0 } : deleteOldEvents(deps, { days: eventsDays, signal }),
      ),
      isOff: eventsDays === null,
    },
  ];
}

/** Counters of what was changed, not of what was only seen. */
const ACTS = [
  "finished",
  "failed",
  "assignmentDispatched",
  "dispatchRequeued",
  "continuationRequeued",
  "orphanBlockersAssigned",
  "escalated",
  "created",
  "escalationsCreated",
  "obsoleteRecoveriesRetired",
  "mended",
  "eventsDeleted",
];

function hasActed(result: object): boolean {
  const counters = result as Readonly<Record<string, unknown>>;
  return ACTS.some((name) => typeof counters[name] === "number" && counters[name] > 0);
}
