/**
 * What goes out to a gateway, as it may stand in the run's log (AD-320): secrets replaced by their length and the
 * beginning of their digest (enough to compare two, not to use one), long things cut.
 */
import { createHash } from "node:crypto";
import type { JsonObject, JsonValue } from "@wakefleet/contracts";

const SECRET_KEY =
  /token|secret|passw|authorization|credential|cookie|signature|api[_-]?key|private[_-]?key|x-openclaw-auth/i;
const STRING_CHARS = 320;
const LIST_ITEMS = 20;
const OBJECT_KEYS = 80;
const DEPTH = 6;

/** A copy that may be shown. */
export function redactOutgoing(value: JsonObject): JsonObject {
  return redactObject(value, 0);
}

function redact(value: JsonValue, depth: number): JsonValue {
  if (typeof value === "string") return cut(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= DEPTH) return "[too deep]";
  if (!Array.isArray(value)) return redactObject(value, depth);
  const shown = value.slice(0, LIST_ITEMS).map((item) => redact(item, depth + 1));
  return value.length > LIST_ITEMS ? [...shown, `[${value.length - LIST_ITEMS} more]`] : shown;
}

function redactObject(value: JsonObject, depth: number): JsonObject {
  const entries = Object.entries(value);
  const shown = entries
    .slice(0, OBJECT_KEYS)
    .map(([key, item]): [string, JsonValue] => [key, isSecret(key, item) ? digestOf(item) : redact(item, depth + 1)]);
  if (entries.length > OBJECT_KEYS) shown.push(["[more]", `${entries.length - OBJECT_KEYS} keys`]);
  return Object.fromEntries(shown);
}

/** A number under a name such as `maxTokens` is a setting, not a secret. */
function isSecret(key: string, value: JsonValue): boolean {
  return SECRET_KEY.test(key) && value !== null && typeof value !== "number" && typeof value !== "boolean";
}

function digestOf(value: JsonValue): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return `[redacted len=${text.length} sha256=${digest}]`;
}

function cut(text: string): string {
  return text.length > STRING_CHARS ? `${text.slice(0, STRING_CHARS)}… [${text.length} characters]` : text;
}
