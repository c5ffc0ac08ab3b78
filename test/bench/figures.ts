/** One measured figure beside its baseline of the same run: what the bench prints and keeps. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The baseline, when the figure has one. */
  readonly baseline?: { readonly name: string; readonly value: number };
  /** What it must reach, and whether it did; absent for figures that are only written down. */
  readonly goal?: { readonly text: string; readonly met: boolean };
}

/** value ÷ baseline; null without a baseline. */
export function ratioOf(figure: Figure): number | null {
  return figure.baseline === undefined ? null : figure.value / figure.baseline.value;
}
