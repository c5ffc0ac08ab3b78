/** Small numbers about many numbers. */

/** The value below which a share `p` (0..1) of the values lies; NaN without values. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** The first quarter of what is measured one by one is left out: code that is not compiled yet, connections not made. */
export function withoutWarmUp(values: readonly number[]): number[] {
  return values.slice(Math.floor(values.length / 4));
}

/** Three significant digits. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  return Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 3 });
}
