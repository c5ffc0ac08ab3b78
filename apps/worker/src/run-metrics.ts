/** What a worker's claims, ends and sweeps count for Prometheus (API-310). Labels are closed sets: no id ever is one. */
import type { AdapterRegistry } from "@wakefleet/adapters";
import type { Sweep } from "@wakefleet/queue";
import type { Metrics } from "@wakefleet/telemetry";

/** The label of each result of a claim. */
export const CLAIM_LABELS = {
  claimed: "claimed",
  cancelled: "gate_cancelled",
  ended: "lost_race",
  not_due: "lost_race",
  full: "limit",
  parked: "limit",
  capped: "limit",
  locked: "lock",
} as const;

const KNOWN_CODES = new Set([
  "adapter_failed",
  "timeout",
  "cancelled",
  "process_lost",
  "http_status_error",
  "http_request_failed",
]);

/** Counts a run that ended, and how long it took. */
export function countEnd(
  { metrics, adapters }: { readonly metrics: Metrics; readonly adapters: AdapterRegistry },
  ended: {
    adapterType: string;
    status: string;
    errorCode: string | null;
    startedAt: Date | null;
    finishedAt: Date | null;
  },
): void {
  const { adapterType, status, errorCode, startedAt, finishedAt } = ended;
  const code = errorCode === null ? "none" : KNOWN_CODES.has(errorCode) ? errorCode : "other";
  const type = adapters.types().includes(adapterType) ? adapterType : "other";
  metrics.runsFinished.inc({ adapter_type: type, status, error_code: code });
  if (startedAt !== null && finishedAt !== null) {
    metrics.runDuration.observe({ adapter_type: type }, (finishedAt.getTime() - startedAt.getTime()) / 1000);
  }
}

/** The sweep, with each turn's duration observed. */
export function timed(metrics: Metrics, sweep: string, run: Sweep["run"]): Sweep["run"] {
  return async (signal) => {
    const done = metrics.sweepDuration.startTimer({ sweep });
    try {
      return await run(signal);
    } finally {
      done();
    }
  };
}
