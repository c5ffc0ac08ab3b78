/**
 * Takes up a log whose writer died: mends a torn last line, and learns sequence, hash, excerpts and times from its bytes.
 * Reads the whole file once, a block at a time.
 */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { OutputStream } from "@wakefleet/contracts";
import type { Excerpt } from "../excerpt.js";
import { mendTornLine, parseLine } from "../log-line.js";
import { endOfWholeLines, readNotice, readRange } from "./log-file.js";
import type { LogFileState } from "./log-file-writer.js";

const LINE_FEED = 0x0a;
const BLOCK_BYTES = 1_048_576;

export interface ScannedLog {
  readonly state: LogFileState;
  readonly lastStream: OutputStream | null;
  readonly lastOutputAt: Date | null;
}

/** Scans `handle` (open for reading and appending) and adds what each stream printed to `excerpts`. */
export async function scanLogFile(handle: FileHandle, excerpts: Record<OutputStream, Excerpt>): Promise<ScannedLog> {
  const size = await mendEnd(handle);
  const notice = await readNotice(handle, size);
  const hash = createHash("sha256");
  let seq = notice?.head.droppedChunks ?? 0;
  let lastStream: OutputStream | null = null;
  let lastOutputAt: Date | null = null;
  let carry: Buffer = Buffer.alloc(0);
  for (let at = 0; at < size; at += BLOCK_BYTES) {
    const block = await readRange(handle, { from: at, to: Math.min(size, at + BLOCK_BYTES) });
    hash.update(block);
    const bytes = Buffer.concat([carry, block]);
    let start = 0;
    for (let feed = bytes.indexOf(LINE_FEED); feed !== -1; feed = bytes.indexOf(LINE_FEED, start)) {
      const line = parseLine(bytes.toString("utf8", start, feed));
      start = feed + 1;
      if (line?.stream === "system") continue;
      seq += 1;
      if (line === null) continue;
      excerpts[line.stream].add(line.chunk);
      lastStream = line.stream;
      lastOutputAt = new Date(line.ts);
    }
    carry = bytes.subarray(start);
  }
  const shift = notice === null ? 0 : notice.head.droppedBytes - notice.bytes;
  return { state: { size, shift, seq, hash }, lastStream, lastOutputAt };
}

/** Makes the file end with a whole line and answers its size. */
async function mendEnd(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  const end = await endOfWholeLines(handle, size);
  if (end === size) return size;
  const mend = mendTornLine(await readRange(handle, { from: end, to: size }));
  const keep = end + (mend?.keepBytes ?? 0);
  await handle.truncate(keep);
  if (mend === null) return keep;
  await handle.appendFile(mend.append);
  return keep + Buffer.byteLength(mend.append);
}
