/**
 * DM-8: PostgreSQL refuses U+0000 and lone surrogates in `text` and `jsonb`. Both become U+FFFD before anything is
 * written, so that no output of an agent and no body of a caller can make a write fail.
 */
import type { JsonValue } from "@wakefleet/contracts";

/** NUL and surrogates without their other half become U+FFFD; everything else is unchanged. */
export function wellFormedText(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed();
  return whole.includes("\u0000") ? whole.replaceAll("\u0000", "\uFFFD") : whole;
}

/** What JSON.stringify writes for NUL and lone surrogates: the cheap test that most values pass untouched. */
const SUSPECT = /\\u(0000|d[89a-f][0-9a-f]{2})/i;

/** {@link wellFormedText} for every string and key inside a JSON value. */
export function wellFormedJson<T extends JsonValue>(value: T): T {
  return SUSPECT.test(JSON.stringify(value) ?? "") ? (mend(value) as T) : value;
}

function mend(value: JsonValue): JsonValue {
  if (typeof value === "string") return wellFormedText(value);
  if (Array.isArray(value)) return value.map(mend);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [wellFormedText(key), mend(inner)]));
  }
  return value;
}
