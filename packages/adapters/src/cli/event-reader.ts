/**
 * From the lines of a CLI to its events (AD-45, AD-76): one JSON object a line, anything else is plain text.
 *
 * What must stay true: no line throws, whatever bytes it holds; a session id that is printed once is not lost because its
 * line was damaged; plain text is kept apart from events and bounded, since failure patterns are looked for in it.
 */
import { isJsonObject, type JsonObject } from "@wakefleet/contracts";
import { OutputTail } from "../child/output-tail.js";
import { createLineSplitter } from "./line-splitter.js";

const PLAIN_BYTES = 64 * 1024;

/** What a CLI's parser takes. Its state must be right after every call. */
export interface EventParser<Output> {
  onEvent(event: JsonObject): void;
  /** A line that is no event. */
  onPlainLine?(line: string): void;
  /** A line of stderr. */
  onStderrLine?(line: string): void;
  /** The beginning of an event too long to be kept. */
  onCutLine?(beginning: string): void;
  /** What is known so far. */
  output(): Output;
}

export interface EventReaderOptions {
  /** The CLI prints text and no events: every line is plain. */
  readonly textOnly?: boolean;
  /** Lines that begin so are passed over unparsed: they are many, long and say nothing that is needed. */
  readonly skippedPrefixes?: readonly string[];
  /** Names under which the CLI prints its session id; looked for in lines that are damaged. */
  readonly sessionKeys?: readonly string[];
}

export interface EventReader {
  push(chunk: string): void;
  end(): void;
  /** The last 64 KiB of lines that are no events. */
  plainText(): string;
}

/** Feeds `parser` from chunks of stdout. */
export function createEventReader(parser: EventParser<unknown>, options: EventReaderOptions = {}): EventReader {
  const { textOnly = false, skippedPrefixes = [], sessionKeys = [] } = options;
  const damagedSession = sessionPattern(sessionKeys);
  const plain = new OutputTail(PLAIN_BYTES);

  const onPlain = (line: string): void => {
    parser.onPlainLine?.(line);
    if (line.trim() === "") return;
    plain.append(Buffer.from(`${line}\n`));
  };

  const onLine = (line: string): void => {
    if (skippedPrefixes.some((prefix) => line.startsWith(prefix))) return;
    const event = textOnly ? null : parseEvent(line);
    if (event !== null) {
      parser.onEvent(event);
      return;
    }
    // `{"type":""}` is no event anybody knows, so it can carry what was saved without saying more.
    const saved = damagedSession?.exec(line);
    if (saved?.[1] !== undefined && saved[2] !== undefined) parser.onEvent({ type: "", [saved[1]]: saved[2] });
    onPlain(line);
  };

  const lines = createLineSplitter({
    onLine,
    onCutLine(beginning) {
      parser.onCutLine?.(beginning);
    },
  });
  return { push: lines.push, end: lines.end, plainText: () => plain.text() };
}

/** The object of a line; text that got before it (a spinner, a broken line without an end) does not hide it. */
function parseEvent(line: string): JsonObject | null {
  const whole = parseObject(line);
  if (whole !== null) return whole;
  const start = line.indexOf('{"');
  return start > 0 ? parseObject(line.slice(start)) : null;
}

function parseObject(text: string): JsonObject | null {
  if (!text.trimStart().startsWith("{")) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    // Not JSON: the caller looks on.
    return null;
  }
}

function sessionPattern(keys: readonly string[]): RegExp | null {
  return keys.length === 0 ? null : new RegExp(`"(${keys.join("|")})"\\s*:\\s*"([\\w.:/-]{6,200})"`);
}
