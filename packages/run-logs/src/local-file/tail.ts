/**
 * Follows a log file while it grows, from any process that sees the disk (LG-7, API-303).
 *
 * What must stay true: every whole line is given once and in order; the end is only believed when it was known before
 * the last look at the file, so that lines written just before the run's end are never missed.
 */
import { parseLine } from "../log-line.js";
import type { RunLogTailLine, TailRunLogOptions } from "../run-log-store.js";
import { readPage } from "./read-page.js";

/** Longer than the longest line there can be, so that a page always holds a whole one. */
const PAGE_BYTES = 1_048_576;
const DEFAULT_POLL_MS = 500;

export async function* tailFile(path: string, options: TailRunLogOptions): AsyncGenerator<RunLogTailLine, void> {
  const bell = new Bell(options.signal);
  const unregister = options.onNudge?.(() => bell.ring());
  try {
    let offset = options.offset;
    let ended = false;
    while (!options.signal.aborted) {
      const page = await readPage({ path, offset, limitBytes: PAGE_BYTES });
      if (page !== null && page.content !== "") {
        let at = page.startOffset;
        for (const text of linesOf(page.content)) {
          at += Buffer.byteLength(text);
          const line = parseLine(text);
          if (line !== null) yield { ts: line.ts, stream: line.stream, chunk: line.chunk, offset: at };
          if (options.signal.aborted) return;
        }
        offset = at;
        continue;
      }
      if (ended) return;
      ended = await options.isEnded();
      if (!ended) await bell.wait(options.pollMs ?? DEFAULT_POLL_MS);
    }
  } finally {
    unregister?.();
    bell.close();
  }
}

/** The lines of a page, each with its line feed. */
function* linesOf(content: string): Generator<string, void> {
  let start = 0;
  while (start < content.length) {
    const feed = content.indexOf("\n", start);
    const end = feed === -1 ? content.length : feed + 1;
    yield content.slice(start, end);
    start = end;
  }
}

/** A pause that a nudge or an abort cuts short; a nudge that came while nobody waited is not lost. */
class Bell {
  #rung = false;
  #wake: (() => void) | null = null;
  readonly #onAbort = (): void => this.ring();

  constructor(readonly signal: AbortSignal) {
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(longestMs: number): Promise<void> {
    if (!this.#rung && !this.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, longestMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#rung = false;
  }

  close(): void {
    this.signal.removeEventListener("abort", this.#onAbort);
  }
}
