/**
 * A log's lines: NDJSON with `ts`, `stream`, `chunk` (LG-1), and the notice that stands first once a head was dropped (LG-8).
 *
 * What must stay true: only the store writes the notice's extra fields, so no child can forge one.
 */
import type { RunLogLine, RunLogStream } from "./run-log-store.js";

/** First line of a log whose head was dropped. */
export interface DroppedHead {
  /** Bytes of the original log in front of the first line that is kept: that line's offset. */
  readonly droppedBytes: number;
  /** Chunks that went with them. */
  readonly droppedChunks: number;
}

/** Longest notice, bytes. */
export const MAX_NOTICE_BYTES = 512;

/** A line with its line feed. The result has no raw line feed but the last one. */
export function encodeLine(line: RunLogLine): string {
  return `${JSON.stringify({ ts: line.ts, stream: line.stream, chunk: line.chunk })}\n`;
}

/** The notice with its line feed; `maxBytes` is the limit the log passed. */
export function encodeNotice(ts: string, head: DroppedHead, maxBytes: number): string {
  const chunk =
    `[wakefleet truncated run log: the log passed its limit of ${maxBytes} bytes and only its tail is kept; ` +
    `omitted the first ${head.droppedBytes} bytes, ${head.droppedChunks} chunks]\n`;
  const { droppedBytes, droppedChunks } = head;
  return `${JSON.stringify({ ts, stream: "system", chunk, droppedBytes, droppedChunks })}\n`;
}

/** Reads a line; null when it is none (a part of one, or damaged). */
export function parseLine(text: string): (RunLogLine & { readonly dropped: DroppedHead | null }) | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { ts, stream, chunk, droppedBytes, droppedChunks } = value as Record<string, unknown>;
  if (typeof ts !== "string" || !isStream(stream) || typeof chunk !== "string") return null;
  const dropped =
    typeof droppedBytes === "number" && typeof droppedChunks === "number" ? { droppedBytes, droppedChunks } : null;
  return { ts, stream, chunk, dropped };
}

function isStream(value: unknown): value is RunLogStream {
  return value === "stdout" || value === "stderr" || value === "system";
}

/** The part of a torn line that can be completed: up to and inside the chunk's text. */
const TORN =
  /^\{"ts":"[^"\\]*","stream":"(?:stdout|stderr)","chunk":"[^"\\]*(?:\\(?:["\\/bfnrt]|u[0-9a-f]{4})[^"\\]*)*/;

/**
 * How to make the torn last line of a crashed writer whole: how many of its bytes to keep, and what to write behind
 * them. Null when nothing of its chunk had been written yet. `bytes` has no line feed.
 */
export function mendTornLine(bytes: Buffer): { keepBytes: number; append: string } | null {
  const text = wholeCharacters(bytes).toString("utf8");
  if (parseLine(text) !== null) return { keepBytes: Buffer.byteLength(text), append: "\n" };
  const kept = TORN.exec(text)?.[0];
  if (kept === undefined) return null;
  return { keepBytes: Buffer.byteLength(kept), append: '"}\n' };
}

/** `bytes` without the beginning of a character whose rest is missing. */
export function wholeCharacters(bytes: Buffer): Buffer {
  let start = bytes.length;
  for (let back = 1; back <= Math.min(4, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (needed > back) start = bytes.length - back;
    break;
  }
  return bytes.subarray(0, start);
}
