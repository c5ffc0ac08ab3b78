/** How long to wait before a process that died is started again (OP-7): 1 s, doubling to 30 s. */

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
/** A process that lived this long was well: its next death starts from the beginning. */
const WELL_AFTER_MS = 60_000;

/**
 * Milliseconds to wait.
 * @param deaths deaths in a row before this one, none of them after a long life.
 */
export function backoffMs(deaths: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(deaths, 10));
}

/** Deaths in a row after one more, of a process that lived `livedMs`. */
export function countDeaths(deaths: number, livedMs: number): number {
  return livedMs >= WELL_AFTER_MS ? 0 : deaths + 1;
}
