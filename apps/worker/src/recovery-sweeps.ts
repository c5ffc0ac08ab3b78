/**
 * The sweeps that look after work nobody does (06 section 9.2): each a job of its own, with its interval, its metric and a
 * line in the log when it did something. One that fails keeps no other from running (RC-83).
 */
import {
  checkBudgetCounters,
  finishEnds,
  forgetAnswers,
  reconcileIssueGraph,
  reconcileStrandedWork,
  type SilentScanDeps,
  scanSilentRuns,
} from "@wakefleet/engine";
import type { Sweep } from "@wakefleet/queue";

export interface RecoverySweepOptions {
  readonly deps: SilentScanDeps;
  /** How often the fleet looks for work that got stuck, ms. Recovery looks every third time. */
  readonly sweepIntervalMs: number;
  /** Measures a sweep. */
  readonly timed: (sweep: string, run: Sweep["run"]) => Sweep["run"];
}

/** Also run right after a worker's start and after Redis was rebuilt (RC-83). */
export const STRANDED_WORK_SWEEP = "stranded-work";

const ROUNDS_BETWEEN = 3;

/** Expired ones are not answered any more; they only take room. */
const ANSWERS_EVERY_MS = 3_600_000;

/** It reads every cost event: a check, not a part of the bookkeeping. */
const COUNTERS_EVERY_MS = 24 * 3_600_000;

export function recoverySweeps({ deps, sweepIntervalMs, timed }: RecoverySweepOptions): Sweep[] {
  const sweep = (name: string, everyMs: number, look: (signal: AbortSignal) => Promise<object>): Sweep => ({
    name,
    everyMs,
    run: timed(name, async (signal) => {
      const result = await look(signal);
      if (hasActed(result)) deps.log.info({ event: "sweep.acted", sweep: name, ...result }, "a sweep mended something");
    }),
  });
  const everyMs = sweepIntervalMs * ROUNDS_BETWEEN;
  return [
    sweep("finish-ends", sweepIntervalMs, (signal) => finishEnds(deps, signal)),
    sweep(STRANDED_WORK_SWEEP, everyMs, (signal) => reconcileStrandedWork(deps, signal)),
    sweep("issue-graph", everyMs, (signal) => reconcileIssueGraph(deps, signal)),
    sweep("silent-runs", everyMs, (signal) => scanSilentRuns(deps, signal)),
    sweep("kept-answers", ANSWERS_EVERY_MS, (signal) => forgetAnswers(deps, signal)),
    sweep("budget-counters", COUNTERS_EVERY_MS, (signal) => checkBudgetCounters(deps, signal)),
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
];

function hasActed(result: object): boolean {
  const counters = result as Readonly<Record<string, unknown>>;
  return ACTS.some((name) => typeof counters[name] === "number" && counters[name] > 0);
}
