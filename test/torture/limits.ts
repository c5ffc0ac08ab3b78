/**
 * How many executions an agent was allowed at a moment, from the witness's lines. A limit may hold from the moment it was
 * asked for, and until a later one is known to hold; a run that was claimed under the older one may start under the newer.
 */
import type { LimitLine, WitnessLine } from "./witness.js";

/** Clocks of the harness and of PostgreSQL are the machine's; this covers how they round. */
const CLOCK_SLACK_MS = 50;

interface Possible {
  readonly limit: number;
  /** Line from which it may hold. */
  readonly fromLine: number;
  /** When a later limit was known to hold; null: it may hold still. */
  readonly untilMs: number | null;
}

export class LimitHistory {
  private readonly ofAgent = new Map<string, Possible[]>();

  constructor(lines: readonly WitnessLine[]) {
    for (const [index, line] of lines.entries()) {
      if (line.kind === "limit-asked" || line.kind === "limit-set") this.note(line, index);
    }
  }

  /** The most that a run could be claimed beside at any time since it was claimed, up to the line of its start. */
  mostAllowed(agentId: string, run: { readonly claimedAtMs: number; readonly startLine: number }): number {
    const possible = (this.ofAgent.get(agentId) ?? []).filter(
      ({ fromLine, untilMs }) =>
        fromLine < run.startLine && (untilMs === null || untilMs >= run.claimedAtMs - CLOCK_SLACK_MS),
    );
    return Math.max(0, ...possible.map(({ limit }) => limit));
  }

  private note({ kind, agentId, limit, atMs }: LimitLine, index: number): void {
    const known = this.ofAgent.get(agentId) ?? [];
    const isSet = kind === "limit-set";
    // Requests of one lane follow one another, so the last one asked for is the one that was set.
    const before = isSet ? known.slice(0, -1).map((one) => ({ ...one, untilMs: one.untilMs ?? atMs })) : known;
    const last = known.at(-1);
    const own = isSet && last?.limit === limit ? last : { limit, fromLine: index, untilMs: null };
    this.ofAgent.set(agentId, isSet ? [...before, own] : [...known, own]);
  }
}
