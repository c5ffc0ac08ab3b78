/** The letters before the number in a company's issue identifiers (CO-1). */

const FALLBACK = "CMP";

/** The first three letters A–Z of the name in upper case, else `CMP` (DM-20). */
export function issuePrefixOf(name: string): string {
  const letters = name
    .toUpperCase()
    .replace(/[^A-Z]/g, "")
    .slice(0, 3);
  return letters === "" ? FALLBACK : letters;
}

/** The n-th try for a prefix that is taken: an `A` is appended each time (CO-1). `attempt` counts from 0. */
export function issuePrefixCandidate(name: string, attempt: number): string {
  return issuePrefixOf(name) + "A".repeat(attempt);
}
