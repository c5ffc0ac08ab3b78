/** One run's result as it is answered: whole while it is small, else its bounded form (RD-2, LV-118, LV-119). Pure. */
import type { JsonObject, JsonValue } from "@wakefleet/contracts";

/** Bytes of JSON up to which a result is given whole. */
export const WHOLE_RESULT_MAX_BYTES = 65_536;
const TEXT_CHARS = 500;
const OUTPUT_CHARS = 4_096;

const TEXTS = ["summary", "result", "message", "error"] as const;
const OUTPUTS = ["stdout", "stderr"] as const;
const COSTS = ["costUsd", "cost_usd", "total_cost_usd"] as const;
/** LV-100. */
export const STOP_METADATA_FIELDS = [
  "stopReason",
  "effectiveTimeoutSec",
  "effectiveTimeoutMs",
  "timeoutConfigured",
  "timeoutSource",
  "timeoutFired",
] as const;

/**
 * The result itself, or what is left of one that is too large, with `truncated` and its original size. Of what a process
 * printed its end is left: that tells how it ended.
 */
export function boundedResult(result: JsonObject): JsonObject {
  const bytes = Buffer.byteLength(JSON.stringify(result));
  if (bytes <= WHOLE_RESULT_MAX_BYTES) return result;
  const entries: [string, JsonValue][] = [];
  for (const key of TEXTS) {
    const text = result[key];
    if (typeof text === "string") entries.push([key, text.slice(0, TEXT_CHARS).toWellFormed()]);
  }
  for (const key of OUTPUTS) {
    const text = result[key];
    if (typeof text !== "string") continue;
    entries.push([key, text.slice(-OUTPUT_CHARS).toWellFormed()]);
    if (text.length > OUTPUT_CHARS) entries.push([`${key}Truncated`, true]);
  }
  const cost = COSTS.map((key) => result[key]).find((value) => typeof value === "number");
  if (cost !== undefined) {
    for (const key of COSTS) entries.push([key, typeof result[key] === "number" ? result[key] : cost]);
  }
  for (const key of STOP_METADATA_FIELDS) {
    const value = result[key];
    if (value !== undefined && value !== null) entries.push([key, value]);
  }
  entries.push(["truncated", true], ["truncationReason", "oversized_result_json"], ["originalSizeBytes", bytes]);
  return Object.fromEntries(entries);
}
