/**
 * Why a running adapter is told to stop. The host aborts the run's `AbortSignal` with a `RunAborted` as its reason.
 *
 * What must stay true: an adapter reacts to every kind alike (stop what was started, then return); only the host reads
 * `kind`, because what becomes of the run (cancelled, handed over, nothing) is decided in the store.
 */
import type { AdapterExecutionResult } from "./result.js";

/**
 * - `cancelled`: somebody cancelled the run (CN-2).
 * - `lease_lost`: this worker may no longer write for the run (EX-14).
 * - `worker_stopping`: the worker goes away and the run is handed over (PL-5).
 */
export type RunAbortKind = "cancelled" | "lease_lost" | "worker_stopping";

/** The reason of a run's `AbortSignal`. `message` is for people and may be shown as the run's error. */
export class RunAborted extends Error {
  override readonly name = "RunAborted";
  constructor(
    readonly kind: RunAbortKind,
    message: string,
  ) {
    super(message);
  }
}

/** The result of a run that was told to stop before it did anything. */
export function cancelledResult(signal: AbortSignal): AdapterExecutionResult {
  return {
    exitCode: null,
    signal: null,
    timedOut: false,
    errorCode: "cancelled",
    errorMessage: abortReasonOf(signal).message,
  };
}

/** The reason of an aborted signal as `RunAborted`; a bare `abort()` counts as a cancel. */
export function abortReasonOf(signal: AbortSignal): RunAborted {
  const reason: unknown = signal.reason;
  return reason instanceof RunAborted ? reason : new RunAborted("cancelled", "Run was cancelled");
}
