/**
 * An open log file as readers see it: where its bytes lie in the log.
 *
 * A log whose head was dropped is one file again: a notice, then the tail (LG-8). The notice takes the offsets just in
 * front of the first kept line, so that `offset = position in the file + shift` holds for every byte of the file, and
 * the offset of a kept byte is what it was before the head was dropped.
 */
import { type FileHandle, open } from "node:fs/promises";
import { type DroppedHead, MAX_NOTICE_BYTES, parseLine } from "../log-line.js";

const LINE_FEED = 0x0a;
const BLOCK_BYTES = 65_536;

export interface LogFileView {
  readonly handle: FileHandle;
  /** Bytes in the file when it was opened. */
  readonly size: number;
  /** Offset of the file's first byte. */
  readonly shift: number;
  /** Bytes of the notice at the file's start; 0 for a log that is whole. */
  readonly noticeBytes: number;
}

/** Opens a log for reading; null when there is none. The caller closes `handle`. */
export async function openLogFileView(path: string): Promise<LogFileView | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const notice = await readNotice(handle, size);
    const noticeBytes = notice?.bytes ?? 0;
    const shift = notice === null ? 0 : notice.head.droppedBytes - noticeBytes;
    return { handle, size, shift, noticeBytes };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The notice at a file's start with its length, line feed included; null for a log that is whole. */
export async function readNotice(
  handle: FileHandle,
  size: number,
): Promise<{ head: DroppedHead; bytes: number } | null> {
  const start = await readRange(handle, { from: 0, to: Math.min(size, MAX_NOTICE_BYTES) });
  const end = start.indexOf(LINE_FEED);
  if (end === -1) return null;
  const head = parseLine(start.toString("utf8", 0, end))?.dropped ?? null;
  return head === null ? null : { head, bytes: end + 1 };
}

/**
 * Reads `[from, to)` of a file; shorter when the file ends before. The bytes lie in `into` where it is given and large
 * enough, and are good until it is used again.
 */
export async function readRange(
  handle: FileHandle,
  range: { from: number; to: number },
  into: Buffer = Buffer.alloc(0),
): Promise<Buffer> {
  const length = Math.max(0, range.to - range.from);
  const buffer = length <= into.length ? into : Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, range.from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Position behind the last line feed before `size`: what follows is a line that is still being written, or torn. */
export async function endOfWholeLines(handle: FileHandle, size: number): Promise<number> {
  let to = size;
  let block = Math.min(1, size);
  while (to > 0) {
    const from = Math.max(0, to - block);
    const bytes = await readRange(handle, { from, to });
    const at = bytes.lastIndexOf(LINE_FEED);
    if (at !== -1) return from + at + 1;
    to = from;
    block = BLOCK_BYTES;
  }
  return 0;
}

/** Position of the first line that begins at or behind `from`; `size` when there is none. */
export async function startOfNextLine(handle: FileHandle, range: { from: number; size: number }): Promise<number> {
  for (let at = Math.max(0, range.from - 1); at < range.size; at += BLOCK_BYTES) {
    const bytes = await readRange(handle, { from: at, to: Math.min(range.size, at + BLOCK_BYTES) });
    const feed = bytes.indexOf(LINE_FEED);
    if (feed !== -1) return at + feed + 1;
  }
  return range.size;
}

/** True for "no such file or folder". */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOENT";
}
