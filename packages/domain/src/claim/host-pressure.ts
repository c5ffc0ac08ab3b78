/**
 * Whether a host is under pressure, so that its workers start nothing new (BY-10). What runs goes on; what waits is taken
 * by another host, or by this one later.
 *
 * What must stay true: relief asks for a quarter more than the limit, so that a host at its limit does not go on and off.
 */

/** Share of the limit by which a figure must be better before the pressure is over. */
const RELIEF = 0.25;

/** What a host says of itself; null where it does not say. */
export interface HostFigures {
  /** Memory that can be had without swapping, 0..1 of what there is. */
  readonly availableMemoryShare: number | null;
  /** Processes that run or want to, over the last minute, for each core. */
  readonly loadPerCore: number | null;
}

/** Null is no limit. */
export interface HostLimits {
  /** `HOST_MIN_MEMORY_PERCENT`, as a share. */
  readonly minMemoryShare: number | null;
  /** `HOST_MAX_LOAD_PER_CORE`. */
  readonly maxLoadPerCore: number | null;
}

/** What presses the host, in words; null when nothing does. `wasPressed` is the answer of the look before. */
export function hostPressure(
  figures: HostFigures,
  { limits, wasPressed }: { readonly limits: HostLimits; readonly wasPressed: boolean },
): string | null {
  const { availableMemoryShare: memory, loadPerCore: load } = figures;
  const { minMemoryShare: least, maxLoadPerCore: most } = limits;
  if (memory !== null && least !== null && memory < Math.min(1, least * (wasPressed ? 1 + RELIEF : 1))) {
    return `${percent(memory)} of the memory is available, and HOST_MIN_MEMORY_PERCENT asks for ${percent(least)}.`;
  }
  if (load !== null && most !== null && load > most * (wasPressed ? 1 - RELIEF : 1)) {
    return `The load is ${load.toFixed(1)} for each core, and HOST_MAX_LOAD_PER_CORE allows ${most}.`;
  }
  return null;
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
