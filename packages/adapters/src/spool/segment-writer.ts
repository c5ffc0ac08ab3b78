/**
 * Writes the output of one child into its spool, in the keeper's process.
 *
 * What must stay true: what was taken from the pipe is written before more is taken; a disk that is full holds the child
 * and loses nothing; the disk used is bounded by what waits and what is kept, however much the child prints (LG-8).
 */
import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync } from "node:fs";
import path from "node:path";
import type { OutputStream } from "@wakefleet/contracts";
import {
  AHEAD_BYTES,
  encodeFrame,
  isMissing,
  KEPT_BYTES,
  readTaken,
  SEGMENT_BYTES,
  segmentName,
  segmentOffsets,
} from "./spool-files.js";

/** How often a held child's reader is looked at, milliseconds. */
const LOOK_EVERY_MS = 50;
const FILE_MODE = 0o600;

export interface SegmentWriter {
  /** Takes a chunk; false: the child is to be held until `onRoom`. */
  write(stream: OutputStream, chunk: Buffer): boolean;
  /** Bytes written so far, all frames together. */
  readonly totalBytes: number;
  /** True while a chunk could not be written yet. */
  readonly hasPending: boolean;
  close(): void;
}

export function createSegmentWriter(options: {
  readonly folder: string;
  /** The child may print again. */
  onRoom(): void;
  /** The folder is gone: nobody wants the output any more. */
  onGone(): void;
}): SegmentWriter {
  const { folder } = options;
  const pending: Buffer[] = [];
  let fd: number | null = null;
  let segmentStart = 0;
  let segmentBytes = 0;
  let taken = 0;
  let looking: NodeJS.Timeout | null = null;
  let isClosed = false;

  const total = (): number => segmentStart + segmentBytes;

  const openNext = (): void => {
    if (fd !== null) closeSync(fd);
    fd = null;
    segmentStart = total();
    segmentBytes = 0;
    fd = openSync(path.join(folder, segmentName(segmentStart)), "a", FILE_MODE);
    taken = readTaken(folder);
    dropRead();
  };

  const dropRead = (): void => {
    const starts = segmentOffsets(folder);
    // The first one stays: sessions and settings are printed at the beginning.
    for (const [index, start] of starts.entries()) {
      const end = starts[index + 1];
      if (index === 0 || end === undefined) continue;
      if (end > taken - KEPT_BYTES) break;
      unlinkSync(path.join(folder, segmentName(start)));
    }
  };

  /** False when the disk took none of it. */
  const writeFrame = (frame: Buffer): boolean => {
    try {
      if (fd === null || segmentBytes >= SEGMENT_BYTES) openNext();
      const target = fd;
      if (target === null) return false;
      for (let written = 0; written < frame.byteLength; ) written += writeSync(target, frame, written);
      segmentBytes += frame.byteLength;
      return true;
    } catch (error) {
      if (isMissing(error)) {
        isClosed = true;
        options.onGone();
        return true;
      }
      if (fd !== null) ftruncateSync(fd, segmentBytes);
      return false;
    }
  };

  const isAhead = (): boolean => {
    if (total() - taken < AHEAD_BYTES) return false;
    taken = readTaken(folder);
    return total() - taken >= AHEAD_BYTES;
  };

  const look = (): void => {
    looking = null;
    while (pending[0] !== undefined && writeFrame(pending[0])) pending.shift();
    if (isClosed) return;
    if (pending.length > 0 || isAhead()) looking = setTimeout(look, LOOK_EVERY_MS);
    else options.onRoom();
  };

  return {
    write(stream, chunk) {
      if (isClosed) return true;
      const frame = encodeFrame(stream, chunk);
      if (pending.length > 0 || !writeFrame(frame)) pending.push(frame);
      if (isClosed || (pending.length === 0 && !isAhead())) return true;
      looking ??= setTimeout(look, LOOK_EVERY_MS);
      return false;
    },
    get totalBytes() {
      return total();
    },
    get hasPending() {
      return pending.length > 0;
    },
    close() {
      isClosed = true;
      if (looking !== null) clearTimeout(looking);
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
}
