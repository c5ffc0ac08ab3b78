/**
 * Ends a child before it ends by itself (AD-120, AD-166): because its CLI has said all it has to say, or because nothing
 * useful comes any more. What was printed decides, so the parser of an attempt holds the control.
 *
 * What must stay true: once a stop was carried out its reason does not change; nothing is left armed after the attempt.
 */
import type { CliFailure } from "./cli-failure.js";

export type EarlyStop =
  /** The terminal event was seen: what it says is the outcome, however the child ends now. */
  | { readonly kind: "done" }
  /** The run failed with this. */
  | { readonly kind: "stalled"; readonly failure: CliFailure };

/** What a parser may do about its child. */
export interface AttemptControl {
  /** Stops the child `afterMs` milliseconds from now unless it ended before; a later call replaces an earlier one. */
  stopAfter(afterMs: number, stop: EarlyStop): void;
}

export interface EarlyStopTimer {
  readonly control: AttemptControl;
  /** Aborted when the child is to be stopped. */
  readonly signal: AbortSignal;
  /** Why it was; null before that. */
  readonly stop: EarlyStop | null;
  disarm(): void;
}

/** For one attempt. */
export function createEarlyStopTimer(): EarlyStopTimer {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let carriedOut: EarlyStop | null = null;
  return {
    control: {
      stopAfter(afterMs, stop) {
        clearTimeout(timer);
        if (carriedOut !== null) return;
        timer = setTimeout(() => {
          carriedOut = stop;
          controller.abort();
        }, afterMs);
      },
    },
    signal: controller.signal,
    get stop() {
      return carriedOut;
    },
    disarm() {
      clearTimeout(timer);
    },
  };
}
