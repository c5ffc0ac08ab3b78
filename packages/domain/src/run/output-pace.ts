/**
 * How fast the output of one run is taken while its worker has others (LG-8): a child that prints without end shares disk,
 * Redis and processor with them, and must not keep them waiting. No agent at work comes near.
 *
 * What must stay true: over any time no more is taken than the rate allows and what was saved up; no wait is long, so that
 * a run can be stopped.
 */

/** Output of one run beside others, bytes a second. */
export const OUTPUT_BYTES_PER_SECOND = 8 * 1024 * 1024;
/** What a run that printed little may print at once. */
export const OUTPUT_BURST_BYTES = 1024 * 1024;
const LONGEST_WAIT_MS = 250;

/** Where a run stands. */
export interface OutputPace {
  /** What may be taken at once; negative for what was taken too early. */
  readonly spareBytes: number;
  /** When that was so, milliseconds of a clock that only goes forward. */
  readonly atMs: number;
}

export const FRESH_PACE: OutputPace = { spareBytes: OUTPUT_BURST_BYTES, atMs: 0 };

/** `bytes` of output were taken: where the run stands then, and how long to wait before more is taken, milliseconds. */
export function takeOutput(
  pace: OutputPace,
  taken: { readonly bytes: number; readonly nowMs: number },
): { readonly pace: OutputPace; readonly waitMs: number } {
  const { bytes, nowMs } = taken;
  const earned = (Math.max(0, nowMs - pace.atMs) * OUTPUT_BYTES_PER_SECOND) / 1000;
  const spareBytes = Math.min(OUTPUT_BURST_BYTES, pace.spareBytes + earned) - bytes;
  const waitMs = spareBytes >= 0 ? 0 : Math.min(LONGEST_WAIT_MS, (-spareBytes * 1000) / OUTPUT_BYTES_PER_SECOND);
  return { pace: { spareBytes, atMs: nowMs }, waitMs };
}
