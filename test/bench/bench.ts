/** What the figures of a part are measured by: each measurement notes what it found as soon as it found it. */
import type { Figure } from "./figures.js";
import type { BenchStores } from "./fleet.js";

export interface Bench {
  readonly stores: BenchStores;
  /** Fewer samples, and a tenth of the agents and runs. */
  readonly quick: boolean;
  /** Says what is measured now. */
  readonly tell: (line: string) => void;
  /** Keeps figures, whatever becomes of the ones that follow. */
  readonly note: (...figures: readonly Figure[]) => void;
}

/** One or more figures that are measured together. Rejecting loses only what it had not noted yet. */
export type Measurement = (bench: Bench) => Promise<void>;
