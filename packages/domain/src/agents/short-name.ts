/** Short names of agents: the URL form of the name, unique among a company's agents that are not terminated (AL-3). */

/** How far the numbers go that are appended to a taken name (AL-3). */
const HIGHEST_SUFFIX = 100;

/** Lower case, runs of other than `a-z0-9` become `-`, trimmed of `-` (DM-21). */
export function agentShortName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

/**
 * The name a new agent gets: the one asked for, or with ` 2`, ` 3`, … ` 100` where the short name is taken (AL-3).
 * `taken` holds short names. Null when every number is taken.
 */
export function decideAgentName(name: string, taken: ReadonlySet<string>): string | null {
  if (!taken.has(agentShortName(name))) return name;
  for (let suffix = 2; suffix <= HIGHEST_SUFFIX; suffix += 1) {
    const candidate = `${name} ${suffix}`;
    if (!taken.has(agentShortName(candidate))) return candidate;
  }
  return null;
}
