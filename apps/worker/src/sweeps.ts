/**
 * What the fleet does at intervals, one worker at a time: each sweep's name, how often it looks, and what it runs (RC-83).
 * What must stay true: promises (leases, dead workers, ends that were cut short) do not hang on the scheduler's switch; timers
 * and recovery do (RC-80).
 */
import type { Config } from "@wakefleet/config";
import { fireTimersFor, logTailReader, type RecoveryDeps, recoverOrphansOfFleet } from "@wakefleet/engine";
import { removeDeadWorkers } from "@wakefleet/store";
import type { Metrics } from "@wakefleet/telemetry";
import { recoverySweeps } from "./recovery-sweeps.js";
import { timed } from "./run-metrics.js";
import type { WorkerSweep } from "./worker-sweep.js";

export interface SweepOptions {
  readonly deps: RecoveryDeps;
  /** Where the last lines of a silent run are read. */
  readonly runLogs: Parameters<typeof logTailReader>[0];
  readonly config: Config;
  readonly metrics: Metrics;
}

const TIMER_ROUND_MS = 1_000;
const FLEET_ORPHANS_EVERY_MS = 2_000;
const DEAD_WORKERS_KEPT_MS = 24 * 3_600_000;

/** Every sweep of the fleet; those that the configuration turns off say so by `isOff`. */
export function workerSweeps({ deps, runLogs, config, metrics }: SweepOptions): WorkerSweep[] {
  return [
    {
      name: "timers",
      everyMs: TIMER_ROUND_MS,
      isOff: !config.schedulerEnabled,
      run: timed(metrics, "timers", async (signal) => {
        return { fired: await fireTimersFor(deps, { forMs: TIMER_ROUND_MS, signal }) };
      }),
    },
    {
      name: "orphans",
      everyMs: FLEET_ORPHANS_EVERY_MS,
      run: timed(metrics, "orphans", async () => {
        const counts = await recoverOrphansOfFleet(deps);
        if (counts.looked > 0) metrics.leasesExpired.inc({ result: "fleet" }, counts.looked);
        return counts;
      }),
    },
    {
      name: "dead-workers",
      everyMs: config.sweepIntervalMs,
      run: timed(metrics, "dead-workers", async () => {
        return { removed: await removeDeadWorkers(deps.db.sql, { olderThanMs: DEAD_WORKERS_KEPT_MS, limit: 500 }) };
      }),
    },
    ...recoverySweeps({
      deps: {
        ...deps,
        readLogTail: logTailReader(runLogs),
        thresholds: {
          suspicionMs: config.silenceSuspicionMs,
          criticalMs: config.silenceCriticalMs,
          continueMs: config.silenceQuietMs,
        },
        summaryPathRoots: config.summaryPathRoots,
      },
      sweepIntervalMs: config.sweepIntervalMs,
      schedulerIntervalMs: config.schedulerIntervalMs,
      schedulerEnabled: config.schedulerEnabled,
      eventsDays: config.retentionRunEventsDays || null,
      timed: (sweep, run) => timed(metrics, sweep, run),
    }),
  ];
}
