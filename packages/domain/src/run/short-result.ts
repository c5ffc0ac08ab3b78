/** The short form of a run's result (LV-115): its texts, what it cost, how it stopped. Pure (LV-4). */
import { isJsonObject, type JsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";

const TEXT_CHARS = 500;
const TEXTS = ["summary", "result", "message", "error"] as const;
const COSTS = ["total_cost_usd", "cost_usd", "costUsd"] as const;
const STOP_TEXTS = ["stopReason", "timeoutSource"] as const;
const STOP_NUMBERS = ["effectiveTimeoutSec", "effectiveTimeoutMs"] as const;
const STOP_FLAGS = ["timeoutConfigured", "timeoutFired"] as const;

/** Null: nothing of it is there, or the result is no object. */
export function shortResult(result: unknown): JsonObject | null {
  if (!isJsonObject(result)) return null;
  const short: JsonObject = {};
  const keep = (keys: readonly string[], read: (value: JsonValue) => JsonValue | null): void => {
    for (const key of keys) {
      const value = read(result[key] ?? null);
      if (value !== null) short[key] = value;
    }
  };
  keep(TEXTS, (value) => (typeof value === "string" ? value.slice(0, TEXT_CHARS).toWellFormed() : null));
  keep(COSTS, (value) => value);
  keep(STOP_TEXTS, nonEmptyString);
  keep(STOP_NUMBERS, (value) => value);
  keep(STOP_FLAGS, (value) => (typeof value === "boolean" ? value : null));
  return Object.keys(short).length === 0 ? null : short;
}

/** The first of the short form's texts that says something (SE-48). */
export function shortResultText(result: unknown): string | null {
  const short = shortResult(result);
  for (const key of TEXTS) {
    const text = nonEmptyString(short?.[key]);
    if (text !== null) return text;
  }
  return null;
}
