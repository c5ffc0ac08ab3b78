/**
 * Takes the values of known secrets out of texts (SC-8), also where a text arrives in pieces that cut a value.
 *
 * What must stay true: whatever the cuts, what comes out is what the whole text would give; every overlapping occurrence
 * is covered; as much is held back as could still become a value, and no more; the cost is linear in the text for values
 * that do not repeat within themselves.
 */
import { type JsonValue, REDACTED } from "@wakefleet/contracts";

/** A shorter value would take ordinary words out of the output. */
export const SHORTEST_REDACTED_VALUE = 8;

/** Redacts one stream, piece by piece. */
export interface StreamRedactor {
  /** What can be passed on of everything so far. */
  push(text: string): string;
  /** What was held back; the stream is over. */
  flush(): string;
}

export interface SecretValueRedactor {
  /** False when there is nothing to look for, so that callers can leave the work out. */
  readonly isNeeded: boolean;
  text(text: string): string;
  /** Texts and keys, nested objects and lists alike. */
  json<T extends JsonValue | undefined>(value: T): T;
  stream(): StreamRedactor;
}

/** A redactor for these values; those shorter than {@link SHORTEST_REDACTED_VALUE} are passed over. */
export function secretValueRedactor(values: readonly string[]): SecretValueRedactor {
  const patterns = patternsOf(values);
  const text = (input: string): string => {
    const stream = streamRedactor(patterns);
    return stream.push(input) + stream.flush();
  };
  return {
    isNeeded: patterns.length > 0,
    text,
    json: (value) => (patterns.length === 0 ? value : mapTexts(value, text)),
    stream: () => streamRedactor(patterns),
  };
}

/** Each value, and how it stands inside a JSON text, which is what most agents print. */
function patternsOf(values: readonly string[]): string[] {
  const long = values.filter((value) => value.length >= SHORTEST_REDACTED_VALUE);
  return [...new Set(long.flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]))];
}

/** A copy of a JSON value with every text and every key put through `map`. */
export function mapTexts<T extends JsonValue | undefined>(value: T, map: (text: string) => string): T {
  return mapped(value, map) as T;
}

function mapped(value: JsonValue | undefined, map: (text: string) => string): JsonValue | undefined {
  if (typeof value === "string") return map(value);
  if (Array.isArray(value)) return value.map((item) => mapped(item, map) as JsonValue);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [map(key), mapped(field, map) as JsonValue]));
}

/** Half-open range of a text. */
interface Span {
  readonly from: number;
  to: number;
}

function streamRedactor(patterns: readonly string[]): StreamRedactor {
  let held = "";
  /** So many characters at the start of `held` belong to a value that was replaced already. */
  let covered = 0;

  function pass(text: string, isEnd: boolean): string {
    const whole = held + text;
    const limit = isEnd ? whole.length : Math.min(...patterns.map((pattern) => startOfUnfinished(whole, pattern)));
    let out = "";
    let at = 0;
    for (const { from, to } of valuesIn(whole, patterns, covered)) {
      if (from >= limit) break;
      out += whole.slice(at, from);
      if (from > 0 || covered === 0) out += REDACTED;
      at = to;
    }
    if (at < limit) out += whole.slice(at, limit);
    held = whole.slice(limit);
    covered = Math.max(0, at - limit);
    return out;
  }

  if (patterns.length === 0) return { push: (text) => text, flush: () => "" };
  return {
    push: (text) => pass(text, false),
    flush: () => pass("", true),
  };
}

/** Where values stand, overlapping ones joined; the first `covered` characters count as the end of one. */
function valuesIn(text: string, patterns: readonly string[], covered: number): Span[] {
  const found: Span[] = covered > 0 ? [{ from: 0, to: covered }] : [];
  for (const pattern of patterns) {
    for (let from = text.indexOf(pattern); from >= 0; from = text.indexOf(pattern, from + 1)) {
      found.push({ from, to: from + pattern.length });
    }
  }
  found.sort((a, b) => a.from - b.from || b.to - a.to);
  const joined: Span[] = [];
  for (const span of found) {
    const last = joined.at(-1);
    if (last !== undefined && span.from < last.to) last.to = Math.max(last.to, span.to);
    else joined.push({ ...span });
  }
  return joined;
}

/** Where the longest end of `text` begins that is the beginning of `pattern` and not all of it. */
function startOfUnfinished(text: string, pattern: string): number {
  const first = pattern.charAt(0);
  const from = Math.max(0, text.length - pattern.length + 1);
  for (let at = text.indexOf(first, from); at >= 0; at = text.indexOf(first, at + 1)) {
    if (pattern.startsWith(text.slice(at))) return at;
  }
  return text.length;
}
