/**
 * Which of the failures in a row a loop tells of (BY-14): the first, and then each time their number doubles. A store that
 * is away for an hour costs some ten lines a loop, however often it is tried.
 */
export function isWorthTelling(failures: number): boolean {
  return failures > 0 && Number.isInteger(Math.log2(failures));
}
