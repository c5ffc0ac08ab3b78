/**
 * Writes one run's log into a file (LG-1, LG-2, LG-3, LG-8).
 *
 * What must stay true: chunks stand in the order of their appends; an append settles only when its line is written; what
 * arrives during a write goes out together with the next one, so many small chunks cost few writes.
 */
import type { OutputStream } from "@wakefleet/contracts";
import { endsInsidePair, storableChunk } from "../chunk.js";
import { Excerpt } from "../excerpt.js";
import { encodeLine } from "../log-line.js";
import type {
  OpenRunLogOptions,
  RunLogAppended,
  RunLogClosed,
  RunLogProgress,
  RunLogWriter,
} from "../run-log-store.js";
import { RunLogExistsError } from "../run-log-store.js";
import { emptyLogFile, LogFileWriter, openForAppending } from "./log-file-writer.js";
import { MarkFile } from "./mark-file.js";
import { scanLogFile } from "./scan-log-file.js";
import { takeLogOver } from "./take-log-over.js";

/** Smaller limits would leave no room for a tail beside the notice. */
const MIN_MAX_BYTES = 4_096;
/** Lines that are written together at most, bytes. */
const BATCH_BYTES = 1_048_576;

/** A buffer for lines of this size is kept from one write to the next, bytes. */
const KEPT_BUFFER_BYTES = 131_072;

interface Waiting {
  readonly line: string;
  readonly lineBytes: number;
  readonly stream: OutputStream;
  readonly chunk: string;
  readonly at: Date;
  readonly mark: string | null;
  readonly resolve: (appended: RunLogAppended) => void;
  readonly reject: (error: unknown) => void;
}

export interface OpenRunLogFileOptions extends Pick<OpenRunLogOptions, "maxBytes" | "redact" | "adopt" | "marks"> {
  readonly ref: string;
  readonly path: string;
  readonly now: () => Date;
}

/** Opens the file at `path`, whose folder exists. */
export async function openRunLogFile(options: OpenRunLogFileOptions): Promise<RunLogWriter> {
  const { path, ref } = options;
  const markPath = `${path}.mark`;
  const takesOver = options.marks === true && options.adopt === true;
  const adoptedMark = takesOver ? await takeLogOver({ path, markPath }) : null;
  const handle = await openForAppending(path);
  let markFile: MarkFile | null = null;
  try {
    const excerpts = { stdout: new Excerpt(), stderr: new Excerpt() };
    const { size } = await handle.stat();
    if (size > 0 && options.adopt !== true) throw new RunLogExistsError(ref);
    const scanned =
      size === 0
        ? { state: emptyLogFile(), lastStream: null, lastOutputAt: null }
        : await scanLogFile(handle, excerpts);
    const maxBytes = Math.max(MIN_MAX_BYTES, options.maxBytes);
    const file = new LogFileWriter({ path, handle, maxBytes, state: scanned.state, now: options.now });
    if (options.marks === true) {
      const end = file.totalBytes;
      markFile = await MarkFile.create(markPath, { from: end, to: end, before: adoptedMark, after: adoptedMark });
    }
    return new FileRunLogWriter({ ...options, maxBytes, file, excerpts, markFile, adoptedMark, ...scanned });
  } catch (error) {
    await markFile?.close();
    await handle.close();
    throw error;
  }
}

class FileRunLogWriter implements RunLogWriter {
  readonly ref: string;
  readonly adoptedMark: string | null;
  readonly #file: LogFileWriter;
  readonly #marks: MarkFile | null;
  readonly #excerpts: Record<OutputStream, Excerpt>;
  readonly #redact: ((text: string) => string) | undefined;
  readonly #now: () => Date;
  readonly #batchBytes: number;
  readonly #halfPairs: Record<OutputStream, string> = { stdout: "", stderr: "" };
  readonly #waiting: Waiting[] = [];
  /** Takes the bytes of what is written: a new buffer for each write would be garbage as large as the output. */
  #buffer = Buffer.alloc(0);
  /** Of the last chunk that is in the file. */
  #mark: string | null;
  #lastStream: OutputStream | null;
  #lastOutputAt: Date | null;
  #writing: Promise<void> | null = null;
  #closing: Promise<RunLogClosed> | null = null;

  constructor(
    options: OpenRunLogFileOptions & {
      readonly file: LogFileWriter;
      readonly excerpts: Record<OutputStream, Excerpt>;
      readonly markFile: MarkFile | null;
      readonly adoptedMark: string | null;
      readonly lastStream: OutputStream | null;
      readonly lastOutputAt: Date | null;
    },
  ) {
    this.ref = options.ref;
    this.adoptedMark = options.adoptedMark;
    this.#mark = options.adoptedMark;
    this.#marks = options.markFile;
    this.#file = options.file;
    this.#excerpts = options.excerpts;
    this.#redact = options.redact;
    this.#now = options.now;
    this.#batchBytes = Math.min(BATCH_BYTES, Math.floor(options.maxBytes / 4));
    this.#lastStream = options.lastStream;
    this.#lastOutputAt = options.lastOutputAt;
  }

  async append(stream: OutputStream, chunk: string, mark: string | null = null): Promise<RunLogAppended> {
    if (this.#closing !== null)
      throw new Error(`Run log ${this.ref} is closed; a chunk of ${stream} came after its end.`);
    const text = this.#halfPairs[stream] + chunk;
    const half = endsInsidePair(text) ? text.slice(-1) : "";
    this.#halfPairs[stream] = half;
    return this.#store(stream, half === "" ? text : text.slice(0, -1), mark);
  }

  excerpts(): Record<OutputStream, string> {
    return { stdout: this.#excerpts.stdout.read(), stderr: this.#excerpts.stderr.read() };
  }

  progress(): RunLogProgress {
    return {
      seq: this.#file.seq,
      stream: this.#lastStream,
      bytes: this.#file.totalBytes,
      lastOutputAt: this.#lastOutputAt,
    };
  }

  close(): Promise<RunLogClosed> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<RunLogClosed> {
    let sha256: string;
    try {
      for (const stream of ["stdout", "stderr"] as const) {
        const half = this.#halfPairs[stream];
        this.#halfPairs[stream] = "";
        if (half !== "") await this.#store(stream, half, null);
      }
      await this.#writing;
    } finally {
      await this.#marks?.close();
      sha256 = await this.#file.close();
    }
    return { bytes: this.#file.size, sha256, compressed: false };
  }

  #store(stream: OutputStream, text: string, mark: string | null): Promise<RunLogAppended> {
    const chunk = storableChunk(text, this.#redact);
    const at = this.#now();
    if (chunk === "") {
      return Promise.resolve({
        seq: this.#file.seq,
        lastOutputAt: this.#lastOutputAt ?? at,
        chunk,
        totalBytes: this.#file.totalBytes,
      });
    }
    const line = encodeLine({ ts: at.toISOString(), stream, chunk });
    const lineBytes = Buffer.byteLength(line);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, lineBytes, stream, chunk, at, mark, resolve, reject });
      this.#writing ??= this.#writeWaiting();
    });
  }

  /** Never rejects: each append hears of its own failure. */
  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      const seqBefore = this.#file.seq;
      const lines = this.#encode(batch);
      const mark = batch.findLast((waiting) => waiting.mark !== null)?.mark ?? this.#mark;
      try {
        const from = this.#file.totalBytes;
        await this.#marks?.write({ from, to: from + lines.length, before: this.#mark, after: mark });
        await this.#file.write(lines, batch.length);
        this.#mark = mark;
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
        continue;
      }
      let totalBytes = this.#file.totalBytes - lines.length;
      for (const [index, { lineBytes, stream, chunk, at, resolve }] of batch.entries()) {
        this.#excerpts[stream].add(chunk);
        this.#lastStream = stream;
        this.#lastOutputAt = at;
        totalBytes += lineBytes;
        resolve({ seq: seqBefore + index + 1, lastOutputAt: at, chunk, totalBytes });
      }
    }
    this.#writing = null;
  }

  /** The bytes of a batch; good until the next one is encoded. */
  #encode(batch: readonly Waiting[]): Buffer {
    const bytes = batch.reduce((sum, { lineBytes }) => sum + lineBytes, 0);
    const fits = bytes <= this.#buffer.length;
    const buffer = fits ? this.#buffer : Buffer.allocUnsafe(bytes);
    if (!fits && bytes <= KEPT_BUFFER_BYTES) this.#buffer = buffer;
    let at = 0;
    for (const { line } of batch) at += buffer.write(line, at);
    return buffer.subarray(0, bytes);
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { lineBytes } of this.#waiting) {
      if (count > 0 && bytes + lineBytes > this.#batchBytes) break;
      bytes += lineBytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
