/**
 * When an account's limit parks a run, and when a cap on running runs keeps one waiting (BY-5). Pure.
 *
 * What must stay true: no run of an account starts before its limit is over but the retry of the run that was told, which has a
 * due time of its own; those that waited start spread over the stagger, each at an instant that does not change however often
 * it is asked for.
 */
import type { JsonObject, TerminalRunStatus } from "@wakefleet/contracts";
import { isTransientFailure, notBeforeOf } from "../retry/schedule.js";

/** A limit further away than this is taken for a mistake of whoever told it; monthly ones are nearer. */
const LONGEST_LIMIT_MS = 31 * 24 * 3_600_000;

/** Until when the account of a run that has ended is limited: what its provider said; null when it said nothing of the kind. */
export function accountLimitOf(
  ended: {
    readonly status: TerminalRunStatus;
    readonly errorCode: string | null;
    readonly resultJson: JsonObject | null;
  },
  now: Date,
): Date | null {
  if (!isTransientFailure(ended)) return null;
  const until = notBeforeOf(ended.resultJson);
  if (until === null || until <= now) return null;
  return new Date(Math.min(until.getTime(), now.getTime() + LONGEST_LIMIT_MS));
}

/** How long after the limit a run waits, milliseconds: in [0, `windowMs`), by its id, evenly. */
export function staggerMs(runId: string, windowMs: number): number {
  return Math.floor((hash(runId) / 2 ** 32) * windowMs);
}

/** FNV-1a, and a last mix so that ids that differ in their last sign only land far apart. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}

export interface AccountPark {
  readonly runId: string;
  /**
   * It tries again what was told of the limit. Its own due time is the provider's (RT-2) unless somebody asked for it now
   * (RT-6, BY-3): nothing else parks it, and so it finds out for the others.
   */
  readonly isProbe: boolean;
  readonly limitedUntil: Date | null;
  readonly staggerWindowMs: number;
  readonly now: Date;
}

/** The instant a run may start when its account's limit keeps it waiting; null when nothing does. */
export function parkedUntil({ runId, isProbe, limitedUntil, staggerWindowMs, now }: AccountPark): Date | null {
  if (limitedUntil === null || isProbe) return null;
  const dueMs = limitedUntil.getTime() + staggerMs(runId, staggerWindowMs);
  return dueMs > now.getTime() ? new Date(dueMs) : null;
}

export const RUN_CAPS = ["account", "host", "fleet"] as const;
/** What a number of running runs is bounded by. */
export type RunCap = (typeof RUN_CAPS)[number];

/** How many run under a cap, the one that asks not counted, and how many may. */
export interface CapUse {
  readonly cap: RunCap;
  readonly running: number;
  readonly limit: number;
}

/** The first cap that is reached; null: one more may run. */
export function reachedCap(uses: readonly CapUse[]): CapUse | null {
  return uses.find(({ running, limit }) => running >= limit) ?? null;
}
