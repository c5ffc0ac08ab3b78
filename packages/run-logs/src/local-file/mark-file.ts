/**
 * The mark of a log's last chunk (BY-9), kept beside the log so that its lines stay what they are.
 *
 * Before lines are written, one record says: the log ends at `from` with mark `before`, and will end at `to` with mark
 * `after`. A writer that dies leaves the log at `to`, or somewhere before it; then the part of the lines that was written
 * is cut off, and `before` holds. So a chunk and its mark are stored together or not at all.
 *
 * What must stay true: a record is written in one piece (its size is fixed and within a page), over the one before.
 */
import { type FileHandle, open, rename } from "node:fs/promises";
import { isMissing } from "./log-file.js";

const RECORD_BYTES = 512;
const FILE_MODE = 0o600;

/** Offsets are those of the log's bytes, dropped ones included. */
export interface MarkRecord {
  readonly from: number;
  readonly to: number;
  readonly before: string | null;
  readonly after: string | null;
}

export class MarkFile {
  private constructor(private readonly handle: FileHandle) {}

  /** Begins with `first`, in a new file: an earlier writer that still lives has only the old one open. */
  static async create(path: string, first: MarkRecord): Promise<MarkFile> {
    const fresh = `${path}.new`;
    const handle = await open(fresh, "w+", FILE_MODE);
    const marks = new MarkFile(handle);
    try {
      await marks.write(first);
      await rename(fresh, path);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return marks;
  }

  /** The last record; null when there is none. */
  static async read(path: string): Promise<MarkRecord | null> {
    let handle: FileHandle;
    try {
      handle = await open(path, "r");
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(RECORD_BYTES), 0, RECORD_BYTES, 0);
      const text = buffer.toString("latin1", 0, bytesRead).trim();
      return text === "" ? null : readRecord(text);
    } finally {
      await handle.close();
    }
  }

  async write(record: MarkRecord): Promise<void> {
    await this.handle.write(Buffer.from(JSON.stringify(record).padEnd(RECORD_BYTES), "latin1"), 0, RECORD_BYTES, 0);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

function readRecord(text: string): MarkRecord {
  const { from, to, before, after } = JSON.parse(text) as Record<string, unknown>;
  if (typeof from !== "number" || typeof to !== "number" || !isMark(before) || !isMark(after)) {
    throw new Error(`The mark of a run's log is damaged: ${text}`);
  }
  return { from, to, before, after };
}

function isMark(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}
