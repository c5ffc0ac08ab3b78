/**
 * Bounds the payload of a run event before it is stored and sent live (LG-6).
 *
 * What must stay true: it never throws and never changes its input; the answer is JSON that PostgreSQL takes (DM-8),
 * whatever an adapter or a child made up: cycles, getters that throw, dates that are none, keys without end.
 */
import type { JsonObject, JsonValue } from "@wakefleet/contracts";
import { wellFormedText } from "../text/well-formed.js";

const MAX_STRING_CHARS = 16_384;
const MAX_ARRAY_ITEMS = 50;
const MAX_OBJECT_KEYS = 100;
/** The payload itself is depth 0; what lies this deep becomes a stub. */
const MAX_DEPTH = 6;
const MAX_STUB_KEYS = 20;

/**
 * `value` as bounded JSON: strings of 16,384 characters, arrays of 50 items, objects of 100 keys, depth 6, each with a
 * note of what was left out; cycles `[Circular]`, dates as ISO text, anything JSON has no word for null (LG-6).
 */
export function boundPayload(value: unknown): JsonValue {
  return bound(value, []);
}

/** `ancestors` are the containers around `value`, outermost first. */
function bound(value: unknown, ancestors: readonly object[]): JsonValue {
  if (typeof value === "string") return boundString(value);
  if (typeof value === "boolean") return value;
  // JSON knows no -0; adding 0 makes it 0.
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : null;
  if (typeof value !== "object" || value === null) return null;
  if (ancestors.includes(value)) return "[Circular]";
  try {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    const deep = ancestors.length >= MAX_DEPTH;
    if (Array.isArray(value))
      return deep ? { _truncated: true, type: "array", length: value.length } : boundArray(value, ancestors);
    return deep ? objectStub(value) : boundObject(value, ancestors);
  } catch {
    // A proxy or a getter that refuses to be read has no value that could be stored.
    return null;
  }
}

function boundString(text: string): string {
  if (text.length <= MAX_STRING_CHARS) return wellFormedText(text);
  const last = text.charCodeAt(MAX_STRING_CHARS - 1);
  const cutsPair = last >= 0xd800 && last <= 0xdbff;
  const kept = text.slice(0, cutsPair ? MAX_STRING_CHARS - 1 : MAX_STRING_CHARS);
  return `${wellFormedText(kept)}\n[truncated ${text.length - kept.length} chars]`;
}

function boundArray(items: readonly unknown[], ancestors: readonly object[]): JsonValue[] {
  const inside = [...ancestors, items];
  const kept = Array.from({ length: Math.min(items.length, MAX_ARRAY_ITEMS) }, (_, i) => read(items, i, inside));
  const omittedItems = items.length - kept.length;
  return omittedItems > 0 ? [...kept, { _truncated: true, omittedItems }] : kept;
}

function boundObject(object: object, ancestors: readonly object[]): JsonObject {
  const inside = [...ancestors, object];
  const keys = Object.keys(object);
  const entries = keys
    .slice(0, MAX_OBJECT_KEYS)
    .map((key): [string, JsonValue] => [boundString(key), read(object, key, inside)]);
  const omitted = keys.length - entries.length;
  // fromEntries, because a key named __proto__ is data too.
  const kept = Object.fromEntries(entries);
  return omitted > 0 ? { ...kept, _truncated: true, _omittedKeys: omitted } : kept;
}

function objectStub(object: object): JsonObject {
  const keys = Object.keys(object);
  return { _truncated: true, type: "object", length: keys.length, keys: keys.slice(0, MAX_STUB_KEYS).map(boundString) };
}

/** One member, where a getter that throws costs that member only. */
function read(container: object, key: string | number, inside: readonly object[]): JsonValue {
  let value: unknown;
  try {
    value = Reflect.get(container, key);
  } catch {
    // The member refuses to be read: it has no value that could be stored.
    return null;
  }
  return bound(value, inside);
}
