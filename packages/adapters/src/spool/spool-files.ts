/**
 * What lies in the spool of one child (BY-9), as its keeper writes it and whoever reads for the run finds it:
 *
 *     child.json     who it is and who keeps it; there from the moment it runs
 *     out.OFFSET     its output in frames, cut into segments; OFFSET is where the segment begins in the whole
 *     taken.TOKEN    up to where the reader with this claim token has read
 *     exit.json      how it ended
 *     closed.json    its output is over, and how long it is
 *     timeout        it is being stopped for its time limit
 *
 * A frame is a byte that names the stream, four bytes of length, and so many bytes as they came out of the pipe. Both
 * streams share one sequence, so that whoever reads again reads the same chunks in the same order.
 *
 * What must stay true: files but the segments and `taken` are written whole or not at all; a segment only grows; the
 * keeper alone writes and removes them, but for `taken` and `timeout`, so a worker that was overtaken can do no harm.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { JsonObject, OutputStream } from "@wakefleet/contracts";
import { z } from "zod";

/** Bytes in front of a frame's text. */
export const FRAME_HEADER_BYTES = 5;
/** A segment that reached this size is followed by the next one. */
export const SEGMENT_BYTES = 4 * 1024 * 1024;
/** Most bytes that wait to be read; a child that printed so many is held at its pipe (LG-8). */
export const AHEAD_BYTES = 16 * 1024 * 1024;
/** Bytes that were read and are kept, so that whoever takes over can read them again; beyond, only the first segment is. */
export const KEPT_BYTES = 64 * 1024 * 1024;

const STREAMS: readonly OutputStream[] = ["stdout", "stderr"];
const OFFSET_DIGITS = 15;

export const childFileSchema = z.object({
  pid: z.number().int().positive(),
  processGroupId: z.number().int().positive().nullable(),
  startedAt: z.iso.datetime(),
  keeperPid: z.number().int().positive(),
  keeperStartedAt: z.iso.datetime(),
  memo: z.custom<JsonObject>((value) => typeof value === "object" && value !== null).nullable(),
});
/** `child.json`. */
export type ChildFile = z.output<typeof childFileSchema>;

export const exitFileSchema = z.object({ code: z.number().int().nullable(), signal: z.string().nullable() });
/** `closed.json`. */
export const closedFileSchema = z.object({ totalBytes: z.number().int().nonnegative() });

export const CHILD_FILE = "child.json";
export const EXIT_FILE = "exit.json";
export const CLOSED_FILE = "closed.json";
export const TIMEOUT_FILE = "timeout";
const FILE_MODE = 0o600;

/** Writes a file that is there whole or not at all. */
export function writeWhole(folder: string, name: string, content: JsonObject): void {
  const file = path.join(folder, name);
  writeFileSync(`${file}.new`, JSON.stringify(content), { mode: FILE_MODE });
  renameSync(`${file}.new`, file);
}

/** Reads such a file; null when it is not there. */
export function readWhole<Schema extends z.ZodType>(
  folder: string,
  name: string,
  schema: Schema,
): z.output<Schema> | null {
  let text: string;
  try {
    text = readFileSync(path.join(folder, name), "utf8");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  return schema.parse(JSON.parse(text));
}

/** The name of the segment that begins at `offset`. */
export function segmentName(offset: number): string {
  return `out.${String(offset).padStart(OFFSET_DIGITS, "0")}`;
}

/** Where the segments of a spool begin, in order. Empty when there is no such folder. */
export function segmentOffsets(folder: string): number[] {
  return numbersOf(folder, /^out\.(\d+)$/).sort((a, b) => a - b);
}

/** A frame as it is written. */
export function encodeFrame(stream: OutputStream, bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + bytes.byteLength);
  frame[0] = STREAMS.indexOf(stream);
  frame.writeUInt32BE(bytes.byteLength, 1);
  frame.set(bytes, FRAME_HEADER_BYTES);
  return frame;
}

export interface Frame {
  readonly stream: OutputStream;
  readonly bytes: Buffer;
  /** Bytes of the frame with its header. */
  readonly length: number;
}

/** The frame at `at`; null when not all of it is there. */
export function decodeFrame(buffer: Buffer, at: number): Frame | null {
  const start = at + FRAME_HEADER_BYTES;
  if (buffer.byteLength < start) return null;
  const stream = STREAMS[buffer[at] ?? STREAMS.length];
  if (stream === undefined) throw new Error(`The spool is damaged: no stream has number ${buffer[at]}`);
  const end = start + buffer.readUInt32BE(at + 1);
  return buffer.byteLength < end ? null : { stream, bytes: buffer.subarray(start, end), length: end - at };
}

/** Notes up to where the reader with this claim token has read. */
export function writeTaken(folder: string, claimToken: number, offset: number): void {
  writeWhole(folder, `taken.${claimToken}`, { offset });
}

/** Up to where the output was read by the reader with the highest claim token. */
export function readTaken(folder: string): number {
  const token = Math.max(...numbersOf(folder, /^taken\.(\d+)$/));
  if (!Number.isFinite(token)) return 0;
  return readWhole(folder, `taken.${token}`, z.object({ offset: z.number() }))?.offset ?? 0;
}

function numbersOf(folder: string, pattern: RegExp): number[] {
  return namesIn(folder).flatMap((name) => {
    const number = pattern.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** The names in a folder; empty when it is not there. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** True for the error of a file or folder that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT";
}
