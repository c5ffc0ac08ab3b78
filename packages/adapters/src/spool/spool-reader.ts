/**
 * Reads what a child's keeper writes: its output, frame by frame from the beginning, and how it ended (BY-9).
 *
 * What must stay true: the next frame is read only after the host took the last one (AD-44), so memory holds no more than
 * one read; every reader of a spool sees the same frames in the same order; the frame that is being handed on is known
 * before it is, so that the host can tell what it stored already.
 */
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { StringDecoder } from "node:string_decoder";
import type { OutputStream } from "@wakefleet/contracts";
import { type CarryOptions, type ChildExit, ChildLost, type OutputCarrier } from "../child/child-host.js";
import { isProcessAlive } from "../child/process-group.js";
import { watchFolder } from "./folder-watch.js";
import {
  AHEAD_BYTES,
  type ChildFile,
  CLOSED_FILE,
  closedFileSchema,
  decodeFrame,
  EXIT_FILE,
  exitFileSchema,
  isMissing,
  readWhole,
  segmentName,
  segmentOffsets,
  writeTaken,
} from "./spool-files.js";

const READ_BYTES = 256 * 1024;
/** How often the keeper is told how far we read. */
const TELL_EVERY_BYTES = 1024 * 1024;
/** How long nothing may come once nobody of the child's group is left, milliseconds. */
const LEFTOVER_IDLE_MS = 250;
/** More than this after that comes from a stranger who inherited the output. */
const LEFTOVER_LIMIT_BYTES = AHEAD_BYTES + 4 * 1024 * 1024;
/** How often the keeper is looked for, milliseconds. */
const KEEPER_LOOK_MS = 500;

/** The position behind a child's whole output. */
export const END_OF_OUTPUT = Number.MAX_SAFE_INTEGER;

export interface SpoolReaderOptions {
  readonly folder: string;
  readonly child: ChildFile;
  readonly claimToken: number;
  /** Told where the frame begins that is handed on next; {@link END_OF_OUTPUT} when there are no more. */
  onPosition(offset: number): void;
}

export interface SpoolReader {
  readonly exited: Promise<ChildExit>;
  carry(options: CarryOptions): OutputCarrier;
  /** Reads no more. */
  stop(): void;
}

export function readSpool(options: SpoolReaderOptions): SpoolReader {
  const stopper = new AbortController();
  const exited = waitForExit(options, stopper.signal);
  // Who lets go of the child does not ask how it ends.
  exited.catch(() => undefined);
  return {
    exited,
    carry: (carry) => carryFrames({ ...options, carry, stopper }),
    stop: () => stopper.abort(),
  };
}

async function waitForExit({ folder, child }: SpoolReaderOptions, stop: AbortSignal): Promise<ChildExit> {
  const watch = watchFolder(folder);
  const ring = (): void => watch.ring();
  stop.addEventListener("abort", ring);
  const keeper = { pid: child.keeperPid, startedAt: new Date(child.keeperStartedAt) };
  let lookedAt = performance.now();
  try {
    for (;;) {
      const exit = readWhole(folder, EXIT_FILE, exitFileSchema);
      // Signal names come from the system.
      if (exit !== null) return { code: exit.code, signal: exit.signal as NodeJS.Signals | null };
      if (stop.aborted) throw new ChildLost(`Child ${child.pid} was let go`);
      if (performance.now() - lookedAt >= KEEPER_LOOK_MS) {
        lookedAt = performance.now();
        if (!isProcessAlive(keeper) && readWhole(folder, EXIT_FILE, exitFileSchema) === null) {
          throw new ChildLost(`The process that kept the output of child ${child.pid} is gone`);
        }
      }
      await watch.changed();
    }
  } finally {
    stop.removeEventListener("abort", ring);
    watch.close();
  }
}

function carryFrames(
  input: SpoolReaderOptions & { readonly carry: CarryOptions; readonly stopper: AbortController },
): OutputCarrier {
  const { folder, carry, stopper, claimToken } = input;
  const stop = stopper.signal;
  const watch = watchFolder(folder);
  const ring = (): void => watch.ring();
  stop.addEventListener("abort", ring);
  let isWaiting = false;
  let framesSeen = 0;
  let leftoverBytes: number | null = null;
  let idleCheck: NodeJS.Timeout | undefined;

  const handOn = async (): Promise<void> => {
    const decoders: Record<OutputStream, StringDecoder> = {
      stdout: new StringDecoder("utf8"),
      stderr: new StringDecoder("utf8"),
    };
    await carry.startWhen;
    const cursor = new SegmentCursor(folder);
    let toldAt = 0;
    try {
      while (!stop.aborted) {
        const frame = await cursor.next();
        if (frame === null) {
          if (readWhole(folder, CLOSED_FILE, closedFileSchema)?.totalBytes === cursor.offset) break;
          isWaiting = true;
          await watch.changed();
          isWaiting = false;
          continue;
        }
        framesSeen += 1;
        input.onPosition(frame.start);
        carry.tails[frame.stream].append(frame.bytes);
        const text = decoders[frame.stream].write(frame.bytes);
        if (text !== "") await carry.deliver(frame.stream, text);
        if (cursor.offset - toldAt >= TELL_EVERY_BYTES) {
          toldAt = cursor.offset;
          writeTaken(folder, claimToken, toldAt);
        }
        if (leftoverBytes !== null) {
          leftoverBytes += frame.bytes.byteLength;
          if (leftoverBytes > LEFTOVER_LIMIT_BYTES) break;
        }
      }
    } finally {
      await cursor.close();
    }
    if (stop.aborted && leftoverBytes === null) return;
    input.onPosition(END_OF_OUTPUT);
    for (const stream of ["stdout", "stderr"] as const) {
      const rest = decoders[stream].end();
      if (rest !== "") await carry.deliver(stream, rest);
    }
  };

  const done = handOn()
    .catch((cause: unknown) => carry.onError("stdout", cause))
    .finally(() => {
      clearInterval(idleCheck);
      stop.removeEventListener("abort", ring);
      watch.close();
    });
  return {
    done,
    finishLeftovers() {
      if (leftoverBytes !== null) return;
      leftoverBytes = 0;
      let seenBefore = -1;
      // A host that is slow to take a frame is not an idle spool: only a reader that waits counts.
      idleCheck = setInterval(() => {
        if (isWaiting && framesSeen === seenBefore) stopper.abort();
        seenBefore = isWaiting ? framesSeen : -1;
      }, LEFTOVER_IDLE_MS);
      void done.then(() => clearInterval(idleCheck));
    },
  };
}

interface FrameAt {
  readonly stream: OutputStream;
  /** Good until the next frame is asked for. */
  readonly bytes: Buffer;
  readonly start: number;
}

/** Goes through the frames of all segments, through one buffer that is used again and again. */
class SegmentCursor {
  /** Behind the last frame that was given. */
  offset = 0;
  private segmentStart = 0;
  private handle: FileHandle | null = null;
  private buffer: Buffer = Buffer.alloc(0);
  /** So much of `buffer` was given already. */
  private used = 0;
  /** So much of `buffer` was read. */
  private filled = 0;

  constructor(private readonly folder: string) {}

  /** The next whole frame; null when there is none yet. */
  async next(): Promise<FrameAt | null> {
    for (;;) {
      const frame = decodeFrame(this.buffer.subarray(0, this.filled), this.used);
      if (frame !== null) {
        const start = this.offset;
        this.used += frame.length;
        this.offset += frame.length;
        return { stream: frame.stream, bytes: frame.bytes, start };
      }
      if (!(await this.readMore())) return null;
    }
  }

  async close(): Promise<void> {
    await this.handle?.close();
    this.handle = null;
  }

  private async readMore(): Promise<boolean> {
    if (this.handle === null && !(await this.open(this.offset))) return false;
    if (await this.readBlock()) return true;
    const next = segmentOffsets(this.folder).find((start) => start > this.segmentStart && start >= this.offset);
    if (next === undefined) return false;
    // A segment is over once there is another one; what was written to it before that is read first.
    if (next !== this.offset && (await this.readBlock())) return true;
    return this.open(next);
  }

  private async readBlock(): Promise<boolean> {
    const rest = this.filled - this.used;
    this.makeRoom(rest);
    const at = this.offset - this.segmentStart + rest;
    const room = this.buffer.byteLength - this.filled;
    const read = (await this.handle?.read(this.buffer, this.filled, room, at))?.bytesRead ?? 0;
    this.filled += read;
    return read > 0;
  }

  /** Moves the part of a frame that was read to the front; grows for a frame that is longer than the buffer. */
  private makeRoom(rest: number): void {
    if (rest < this.buffer.byteLength) this.buffer.copyWithin(0, this.used, this.filled);
    else {
      const grown = Buffer.allocUnsafe(Math.max(READ_BYTES, rest * 2));
      grown.set(this.buffer.subarray(this.used, this.filled));
      this.buffer = grown;
    }
    this.used = 0;
    this.filled = rest;
  }

  /** False when there is no such segment (yet). */
  private async open(start: number): Promise<boolean> {
    let handle: FileHandle;
    try {
      handle = await open(path.join(this.folder, segmentName(start)), "r");
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    await this.handle?.close();
    this.handle = handle;
    this.segmentStart = start;
    this.offset = start;
    this.used = 0;
    this.filled = 0;
    return true;
  }
}
