/** A sweep that operators know by name (RC-83). */
import type { SweepName } from "@wakefleet/contracts";
import type { Sweep } from "@wakefleet/queue";

export type WorkerSweep = Sweep & { readonly name: SweepName };
