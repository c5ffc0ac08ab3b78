/**
 * Why a running adapter is told to stop. The host aborts the run's `AbortSignal` with a `RunAborted` as its reason.
 *
 * What must stay true: an adapter reacts to every kind alike (stop what was started, then return), but for a child that
 * can go on without this worker; only the host reads `kind`, because what becomes of the run (cancelled, handed over,
 * nothing) is decided in the store.
 */
import type { AdapterExecutionResult } from "./result.js";

/**
 * - `cancelled`: somebody cancelled the run (CN-2).
 * - `lease_lost`: this worker may no longer write for the run (EX-14).
 * - `worker_stopping`: the worker goes away, and the run with it (PL-5).
 * - `over_limit`: its processes used more than they may (BY-10).
 * - `handed_over`: the child goes on without this worker (BY-9, EX-14): it is let go of where that can be, else stopped.
 */
export type RunAbortKind = "cancelled" | "lease_lost" | "worker_stopping" | "over_limit" | "handed_over";

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

/** True once the run goes on in other hands; its child, where it can go on without this worker, still runs. */
export function isHandedOver(signal: AbortSignal): boolean {
  return signal.aborted && abortReasonOf(signal).kind === "handed_over";
}
