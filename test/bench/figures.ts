/** One measured figure beside its baseline of the same run: what the bench prints, draws and keeps. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The baseline, when the figure has one. */
  readonly baseline?: { readonly name: string; readonly value: number };
  /** What it must reach; absent for figures that are only written down. */
  readonly goal?: Goal;
}

/** What a figure must reach, and how far it came. */
export interface Goal {
  readonly text: string;
  /** 1: just reached; 2: twice as good as it must be; 0.5: half. */
  readonly reached: number;
}

/** The figure must not be above `limit`. */
export function atMost(value: number, limit: number, text: string): Goal {
  return { text: `≤ ${text}`, reached: limit / value };
}

/** The figure must not be below `limit`. */
export function atLeast(value: number, limit: number, text: string): Goal {
  return { text: `≥ ${text}`, reached: value / limit };
}

/** value ÷ baseline; null without a baseline. */
export function ratioOf(figure: Figure): number | null {
  return figure.baseline === undefined ? null : figure.value / figure.baseline.value;
}
