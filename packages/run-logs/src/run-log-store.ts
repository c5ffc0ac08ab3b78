/**
 * The run-log store: where the full output of a run is kept and read back (LG-1, LG-7, LG-8).
 *
 * What must stay true: a byte of a log keeps its offset for ever, also after the head of an over-long log was dropped,
 * and also after its writer died and another went on. So an offset handed to a reader never comes to mean other text.
 */
import type { OutputStream } from "@wakefleet/contracts";

/** Output of the child, or a line of the store's own (`system`: the notice that a log's head was dropped). */
export type RunLogStream = OutputStream | "system";

/** One stored line, as it stands in the NDJSON file. */
export interface RunLogLine {
  /** When the chunk was taken, ISO 8601 UTC. */
  readonly ts: string;
  readonly stream: RunLogStream;
  readonly chunk: string;
}

/** A line together with where to go on reading: the byte offset after it (the event id of API-303). */
export interface RunLogTailLine extends RunLogLine {
  readonly offset: number;
}

export interface OpenRunLogOptions {
  readonly companyId: string;
  readonly agentId: string;
  readonly runId: string;
  /** Greatest size of the log on disk, bytes (`RUN_LOG_MAX_BYTES`, LG-8); at least 4,096 is used. */
  readonly maxBytes: number;
  /** Takes what must not be stored out of a chunk, e.g. the OS user's name (LG-2). */
  readonly redact?: (text: string) => string;
  /**
   * True to go on with a log that already has lines (its writer crashed, PL-3): a torn last line is mended and sequence,
   * excerpts and hash are taken up. False (default): such a log is refused, because two writers would garble it.
   */
  readonly adopt?: boolean;
  /**
   * Keeps beside the log where its source stands (BY-9): with every chunk comes a mark, and whoever adopts the log is
   * told the mark of the last chunk that is in it, whole and once. The log is then taken away from an earlier writer that
   * may still live: what that one writes afterwards is seen by nobody.
   */
  readonly marks?: boolean;
}

/** Answer to one append. */
export interface RunLogAppended {
  /** Number of this chunk in the run, from 1 (`last_output_seq`). */
  readonly seq: number;
  /** `last_output_at`. */
  readonly lastOutputAt: Date;
  /** What was stored: redacted, bounded, well formed. Empty when nothing was stored yet (half a character arrived). */
  readonly chunk: string;
  /** Size of the log so far, the offset after this chunk's line (`last_output_bytes`). */
  readonly totalBytes: number;
}

/** What LG-5 writes to the run. */
export interface RunLogProgress {
  readonly seq: number;
  readonly stream: OutputStream | null;
  /** Bytes of the whole log, dropped ones included: the offset after the last line. */
  readonly bytes: number;
  readonly lastOutputAt: Date | null;
}

/** Facts of a closed log (LG-1). `bytes` and `sha256` are those of the file as it stands on disk. */
export interface RunLogClosed {
  readonly bytes: number;
  readonly sha256: string;
  readonly compressed: false;
}

/** Writes one run's log. Not for two writers at once. */
export interface RunLogWriter {
  /** Kept as `log_ref`. */
  readonly ref: string;
  /**
   * The mark of the last chunk that an earlier writer stored with one; null when there is none, or with `marks` off.
   */
  readonly adoptedMark: string | null;
  /**
   * Stores a chunk and settles when it is written; a caller that awaits it reads its child at the store's pace (LG-8).
   * `mark` says where its source stands behind it: printable ASCII without quotes, at most 100 characters.
   * Rejects with the file system's error (disk full …): nothing of that chunk is kept, and later chunks may be tried.
   */
  append(stream: OutputStream, chunk: string, mark?: string): Promise<RunLogAppended>;
  /** The last 32,768 bytes of each stream, never starting inside a character (LG-3, LV-121). */
  excerpts(): Record<OutputStream, string>;
  progress(): RunLogProgress;
  /** Writes what waits and ends the log. May be called again: the same answer. */
  close(): Promise<RunLogClosed>;
}

export interface ReadRunLogOptions {
  /** `log_ref`. */
  readonly ref: string;
  /** Byte offset to read from. An offset in a dropped head reads from the notice that says so. */
  readonly offset: number;
  /** Greatest number of bytes to answer. */
  readonly limitBytes: number;
}

/** One page of a log (API-123). */
export interface RunLogPage {
  /** Whole NDJSON lines; a part of one only where a line is longer than the limit, and then whole characters. */
  readonly content: string;
  /** Where `content` really begins: greater than the asked offset after a dropped head. */
  readonly startOffset: number;
  /** Where to go on; absent at the end of what there is. */
  readonly nextOffset?: number;
  /** End of the last whole line so far. */
  readonly totalBytes: number;
}

export interface TailRunLogOptions {
  readonly ref: string;
  /** Byte offset to begin at: 0, or the `offset` of the last line seen. */
  readonly offset: number;
  /** Ends the iteration quietly. */
  readonly signal: AbortSignal;
  /**
   * Asked when everything there is was read: is the run over, so that nothing more will come? The tail reads once more
   * after a yes, then ends. Asked at most once each `pollMs`.
   */
  readonly isEnded: () => boolean | Promise<boolean>;
  /** Longest pause before the file is looked at again, milliseconds (default 500). */
  readonly pollMs?: number;
  /** Registers `wake`, to be called when more output is likely (a live event came); answers how to unregister. */
  readonly onNudge?: (wake: () => void) => () => void;
}

/** A log that lies in the store. */
export interface KeptRunLog {
  readonly ref: string;
  readonly runId: string;
}

/** A place for run logs. Writers and readers may be different processes that share the place. */
export interface RunLogStore {
  /** Kept as `log_store`. */
  readonly kind: "local_file";
  /** The `log_ref` a run's log has in this store; throws for ids that are no plain names. */
  refOf(run: { companyId: string; agentId: string; runId: string }): string;
  /** Opens a run's log for writing. Rejects with {@link RunLogExistsError}, or with the file system's error. */
  openRunLog(options: OpenRunLogOptions): Promise<RunLogWriter>;
  /** Reads a page; null when there is no such log. Rejects for a ref that is none of this store's. */
  read(options: ReadRunLogOptions): Promise<RunLogPage | null>;
  /** Every line from an offset on, then each new one as it is written, until the run is over. Waits for a log that is not there yet. */
  tail(options: TailRunLogOptions): AsyncIterable<RunLogTailLine>;
  /** Nobody will take this log over any more: its mark goes. Harmless when there is none. */
  forgetMark(ref: string): Promise<void>;
  /**
   * The logs that this process can remove (of local files: those of its host, or of all that share the folder) and that
   * nobody has written to for `quietForMs`, in no order. Logs that come or go meanwhile may be left out.
   */
  list(options: { readonly quietForMs: number }): AsyncIterable<KeptRunLog>;
  /** Deletes a log (retention, RL-27). False when there was none. */
  remove(ref: string): Promise<boolean>;
}

/** The log already has lines and the caller did not ask to adopt it. */
export class RunLogExistsError extends Error {
  override readonly name = "RunLogExistsError";
  constructor(readonly ref: string) {
    super(`Run log ${ref} already has lines. Open it with adopt: true to go on with it, after its writer is gone.`);
  }
}
