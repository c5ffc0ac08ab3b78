/**
 * Appends whole lines to one log file, keeps its hash, and drops its head when it would grow past the limit (LG-8).
 *
 * How the head goes: the newest half of the limit is copied behind a notice into a second file, which then takes the
 * first one's name. So there is always exactly one file, at most the limit on disk (half as much again for the moment of
 * the copy), each byte is copied about once, and whoever has the old file open reads it to its end undisturbed.
 *
 * What must stay true: a write that failed leaves no part of a line behind.
 */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { encodeNotice, MAX_NOTICE_BYTES } from "../log-line.js";
import { readRange, startOfNextLine } from "./log-file.js";

const LINE_FEED = 0x0a;
/** Read and written at once while a head is dropped, through one buffer: a log's half would be as much garbage. */
const COPY_BYTES = 262_144;
/** Logs are for the user the product runs as: children print what they like. */
const FILE_MODE = 0o600;

/** Where a log stands: a new one, or one that was scanned after its writer's death. */
export interface LogFileState {
  /** Bytes in the file. */
  size: number;
  /** Offset of the file's first byte. */
  shift: number;
  /** Lines with output so far, dropped ones included. */
  seq: number;
  /** Over the file's bytes. */
  hash: Hash;
}

/** The state of a log that has no lines yet. */
export function emptyLogFile(): LogFileState {
  return { size: 0, shift: 0, seq: 0, hash: createHash("sha256") };
}

export class LogFileWriter {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #now: () => Date;
  readonly #state: LogFileState;
  #handle: FileHandle;
  #torn = false;

  constructor(options: {
    path: string;
    handle: FileHandle;
    maxBytes: number;
    state: LogFileState;
    now: () => Date;
  }) {
    this.#path = options.path;
    this.#handle = options.handle;
    this.#maxBytes = options.maxBytes;
    this.#state = options.state;
    this.#now = options.now;
  }

  get size(): number {
    return this.#state.size;
  }

  get seq(): number {
    return this.#state.seq;
  }

  /** Offset behind the last line. */
  get totalBytes(): number {
    return this.#state.shift + this.#state.size;
  }

  /** Writes `lines` (each ending in a line feed, `count` of them). Rejects with nothing written. */
  async write(lines: Buffer, count: number): Promise<void> {
    if (this.#torn) await this.#cutTorn();
    if (this.#state.size > 0 && this.#state.size + lines.length > this.#maxBytes) await this.#dropHead(lines.length);
    try {
      await writeWhole(this.#handle, lines);
    } catch (error) {
      this.#torn = true;
      throw error;
    }
    this.#state.hash.update(lines);
    this.#state.size += lines.length;
    this.#state.seq += count;
  }

  /** Closes the file and answers the hash of its bytes, hexadecimal. */
  async close(): Promise<string> {
    try {
      if (this.#torn) await this.#cutTorn();
    } finally {
      await this.#handle.close();
    }
    return this.#state.hash.digest("hex");
  }

  async #cutTorn(): Promise<void> {
    await this.#handle.truncate(this.#state.size);
    this.#torn = false;
  }

  /** A writer that the log was taken from must not put its own back (BY-9). */
  async #assertOurs(): Promise<void> {
    const [found, ours] = await Promise.all([stat(this.#path), this.#handle.stat()]);
    if (found.ino !== ours.ino) throw new Error(`Run log ${this.#path} was taken over by another writer.`);
  }

  async #dropHead(incomingBytes: number): Promise<void> {
    const state = this.#state;
    const room = Math.max(0, this.#maxBytes - incomingBytes - MAX_NOTICE_BYTES);
    const keepBytes = Math.min(Math.floor(this.#maxBytes / 2), room);
    const keepFrom = await startOfNextLine(this.#handle, { from: state.size - keepBytes, size: state.size });
    const block = Buffer.allocUnsafe(COPY_BYTES);
    const keptLines = await countLines(this.#handle, { from: keepFrom, to: state.size }, block);
    const head = { droppedBytes: state.shift + keepFrom, droppedChunks: state.seq - keptLines };
    const notice = Buffer.from(encodeNotice(this.#now().toISOString(), head, this.#maxBytes));

    const tailPath = `${this.#path}.tail`;
    await rm(tailPath, { force: true });
    const tail = await openForAppending(tailPath);
    const hash = createHash("sha256");
    try {
      await writeWhole(tail, notice);
      hash.update(notice);
      for (let at = keepFrom; at < state.size; at += COPY_BYTES) {
        const bytes = await readRange(this.#handle, { from: at, to: Math.min(state.size, at + COPY_BYTES) }, block);
        await writeWhole(tail, bytes);
        hash.update(bytes);
      }
      await this.#assertOurs();
      await rename(tailPath, this.#path);
    } catch (error) {
      await tail.close();
      await rm(tailPath, { force: true });
      throw error;
    }
    const old = this.#handle;
    this.#handle = tail;
    state.size = notice.length + state.size - keepFrom;
    state.shift = head.droppedBytes - notice.length;
    state.hash = hash;
    await old.close();
  }
}

/** Opens (or makes) a file that is read anywhere and written at its end only, whoever else writes. */
export function openForAppending(path: string): Promise<FileHandle> {
  return open(path, "a+", FILE_MODE);
}

async function countLines(handle: FileHandle, range: { from: number; to: number }, block: Buffer): Promise<number> {
  let lines = 0;
  for (let at = range.from; at < range.to; at += COPY_BYTES) {
    const bytes = await readRange(handle, { from: at, to: Math.min(range.to, at + COPY_BYTES) }, block);
    for (let feed = bytes.indexOf(LINE_FEED); feed !== -1; feed = bytes.indexOf(LINE_FEED, feed + 1)) lines += 1;
  }
  return lines;
}

async function writeWhole(handle: FileHandle, bytes: Buffer): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, null);
    written += bytesWritten;
  }
}
