/**
 * How fast waiting work is started when there may be much of it at once (BY-13): after a process started, after a store
 * was away, after something was resumed. The pace begins at `perSecond` and doubles every second, so that the first runs
 * start at once, the machines and providers behind them see a slope and no cliff, and ten seconds later nothing is held
 * back any more. Pure: who asks has the clock.
 */

/** A pace that began; `started` counts what was started since. */
export interface StartPace {
  /** Runs of the first second; above 0. */
  readonly perSecond: number;
  /** Milliseconds since it began. */
  readonly elapsedMs: number;
  readonly started: number;
}

/** After this time nothing is held back. */
export const PACED_FOR_MS = 10_000;

/** How many more runs may be started now; `Infinity` when the pace is over. */
export function startsAllowed({ perSecond, elapsedMs, started }: StartPace): number {
  if (elapsedMs >= PACED_FOR_MS) return Number.POSITIVE_INFINITY;
  return Math.max(0, Math.floor(perSecond * 2 ** (elapsedMs / 1_000)) - started);
}

/** Milliseconds until one more may be started than `started`; 0: now. */
export function untilNextStartMs(pace: StartPace): number {
  if (startsAllowed(pace) > 0) return 0;
  const dueAtMs = 1_000 * Math.log2((pace.started + 1) / pace.perSecond);
  return Math.max(1, Math.ceil(Math.min(dueAtMs, PACED_FOR_MS) - pace.elapsedMs));
}
