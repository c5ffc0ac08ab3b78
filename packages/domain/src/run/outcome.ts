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

/** An adapter's own name for running out of time; any other code is not what a timed-out run is stored with (AD-30). */
const OWN_TIMEOUT_CODE = /_timeout$/;

/** The text of a cancel without a reason of its own (CN-1). */
export const CANCELLED_TEXT = "Cancelled by control plane";

/**
 * Cancel wins over everything (STY-03), then the time limit, then exit code 0 (or none) without an error message; a
 * missing exit code together with a signal is a failure (AD-29). A run that is out of time has the code `timeout`, or the
 * one by which its adapter tells which of its limits it was (AD-314).
 */
export function classifyOutcome(ending: AdapterEnding, cancel: CancelFact | null): RunOutcome {
  if (cancel !== null) return { status: "cancelled", error: cancel.reason, errorCode: "cancelled" };
  // A blank text says nothing: it counts as absent.
  const message = nonEmptyString(ending.errorMessage);
  const code = nonEmptyString(ending.errorCode);
  if (ending.timedOut) {
    const errorCode = code !== null && OWN_TIMEOUT_CODE.test(code) ? code : "timeout";
    return { status: "timed_out", error: message ?? "Timed out", errorCode };
  }
  const killedBySignal = ending.exitCode === null && ending.signal !== null;
  if ((ending.exitCode ?? 0) === 0 && message === null && !killedBySignal) {
    return { status: "succeeded", error: null, errorCode: null };
  }
  return {
    status: "failed",
    error: message ?? (killedBySignal ? `Process terminated by signal ${ending.signal}` : "Adapter failed"),
    errorCode: code ?? "adapter_failed",
  };
}
