/** EX-12, AD-28 to AD-30: what a run became, from what its adapter answered. */
import { nonEmptyString, type TerminalRunStatus } from "@wakefleet/contracts";

/** The part of an adapter's result that decides the outcome (AD-19, AD-20). */
export interface AdapterEnding {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  readonly errorMessage: string | null;
  readonly errorCode: string | null;
}

export interface CancelFact {
  /** The text the cancelled run gets (DM-30 `cancel_reason`). */
  readonly reason: string;
}

export interface RunOutcome {
  readonly status: TerminalRunStatus;
  readonly error: string | null;
  readonly errorCode: string | null;
}

/** The text of a cancel without a reason of its own (CN-1). */
export const CANCELLED_TEXT = "Cancelled by control plane";

/**
 * Cancel wins over everything (STY-03), then the time limit, then exit code 0 (or none) without an error message; a
 * missing exit code together with a signal is a failure (AD-29).
 */
export function classifyOutcome(ending: AdapterEnding, cancel: CancelFact | null): RunOutcome {
  if (cancel !== null) return { status: "cancelled", error: cancel.reason, errorCode: "cancelled" };
  // A blank text says nothing: it counts as absent.
  const message = nonEmptyString(ending.errorMessage);
  if (ending.timedOut) return { status: "timed_out", error: message ?? "Timed out", errorCode: "timeout" };
  const killedBySignal = ending.exitCode === null && ending.signal !== null;
  if ((ending.exitCode ?? 0) === 0 && message === null && !killedBySignal) {
    return { status: "succeeded", error: null, errorCode: null };
  }
  return {
    status: "failed",
    error: message ?? (killedBySignal ? `Process terminated by signal ${ending.signal}` : "Adapter failed"),
    errorCode: nonEmptyString(ending.errorCode) ?? "adapter_failed",
  };
}
