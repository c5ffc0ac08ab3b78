/**
 * Finds variables that were probably meant to be ours and are misspelt: a wrong name is otherwise silently the default.
 */

export interface NearMiss {
  readonly found: string;
  readonly meant: string;
}

/** Shorter names are near too many others by chance. */
const SHORTEST = 6;
/** Names of other programs, and of ours that agents' processes get, that are near one of the known names. */
const NOT_MEANT = new Set(["HOSTNAME", "LOGNAME", "WAKEFLEET_API_URL", "WAKEFLEET_RUNTIME_API_URL"]);

/** Each name in `names` that is at most two letters away from one of `known` and is not itself known. */
export function nearMisses(names: readonly string[], known: readonly string[]): NearMiss[] {
  const misses: NearMiss[] = [];
  for (const found of names) {
    if (found.length < SHORTEST || known.includes(found) || NOT_MEANT.has(found)) continue;
    const nearest = known
      .filter((name) => name.length >= SHORTEST)
      .map((meant) => ({ meant, distance: editDistance(found.toUpperCase(), meant) }))
      .sort((a, b) => a.distance - b.distance)[0];
    if (nearest !== undefined && nearest.distance <= 2) misses.push({ found, meant: nearest.meant });
  }
  return misses;
}

/** Least number of letters to insert, delete or replace to get from `a` to `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
