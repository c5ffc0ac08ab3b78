/**
 * Until when a child may be started. Whether its run is still its worker's is asked of the database; what lies between the
 * answer and the start may take any time, since a process can stand still anywhere. So the answer carries how long it holds,
 * and whoever starts the child looks at the clock last.
 *
 * What must stay true: it is read by another process of the same host, so both clocks are the host's own. The monotonic one
 * knows nothing of the time a host was suspended, the wall clock may be set back: the deadline is over as soon as either
 * says so.
 */

/** Moments of this host, milliseconds since its start and since 1970. */
export interface StartDeadline {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

const NANOSECONDS_PER_MS = 1e6;

/** Now. `performance.now()` counts from the start of its own process and would mean nothing to another one. */
export function hostMoment(): StartDeadline {
  return { monotonicMs: Number(process.hrtime.bigint()) / NANOSECONDS_PER_MS, wallMs: Date.now() };
}

/** `ms` after a moment. */
export function deadlineAfter(moment: StartDeadline, ms: number): StartDeadline {
  return { monotonicMs: moment.monotonicMs + ms, wallMs: moment.wallMs + ms };
}

/** True from the deadline on. */
export function isOver(deadline: StartDeadline, now: StartDeadline = hostMoment()): boolean {
  return now.monotonicMs >= deadline.monotonicMs || now.wallMs >= deadline.wallMs;
}

/** The deadline was over before the child was started: it was not. Whoever asked may ask the database again. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
  constructor() {
    super("The process was not started: too much time had passed since its run was known to be this worker's");
  }
}
