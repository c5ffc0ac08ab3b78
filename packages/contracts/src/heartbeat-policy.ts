/**
 * The heartbeat policy inside an agent's `runtimeConfig.heartbeat` (03 "Accepting a wakeup", DM-61).
 * Reading is lenient (wrong types fall back to defaults); writing is validated elsewhere (AL-4).
 */
import { asJsonObject } from "./json.js";

export const DEFAULT_MAX_CONCURRENT_RUNS = 5;
export const MAX_CONCURRENT_RUNS_LIMIT = 10;
/** A hundred years: more is never waited for, and PostgreSQL's interval would refuse numbers without bound. */
export const MAX_TIMER_INTERVAL_SEC = 100 * 366 * 24 * 3_600;

export interface HeartbeatPolicy {
  /** Timer wakes are on. */
  readonly enabled: boolean;
  /** Seconds between timer wakes; 0 is off. */
  readonly intervalSec: number;
  /** Wakes from other sources than the timer are taken. */
  readonly wakeOnDemand: boolean;
  /** 1..10. */
  readonly maxConcurrentRuns: number;
}

/** Reads the policy of an agent. Only JSON numbers count for numbers; they are floored, then clamped to 1..10 (01 check 22). */
export function readHeartbeatPolicy(runtimeConfig: unknown): HeartbeatPolicy {
  const heartbeat = asJsonObject(asJsonObject(runtimeConfig)["heartbeat"]);
  const bool = (...names: string[]): boolean | undefined => {
    for (const name of names) {
      const value = heartbeat[name];
      if (typeof value === "boolean") return value;
    }
    return undefined;
  };
  const interval = heartbeat["intervalSec"];
  const max = heartbeat["maxConcurrentRuns"];
  return {
    enabled: bool("enabled") ?? false,
    intervalSec:
      typeof interval === "number" && Number.isFinite(interval)
        ? Math.min(MAX_TIMER_INTERVAL_SEC, Math.max(0, interval))
        : 0,
    wakeOnDemand: bool("wakeOnDemand", "wakeOnAssignment", "wakeOnOnDemand", "wakeOnAutomation") ?? true,
    maxConcurrentRuns:
      typeof max === "number" && Number.isFinite(max)
        ? Math.min(MAX_CONCURRENT_RUNS_LIMIT, Math.max(1, Math.floor(max)))
        : DEFAULT_MAX_CONCURRENT_RUNS,
  };
}
