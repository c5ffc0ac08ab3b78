/**
 * Cuts a stream of text into lines as it arrives (AD-45). Any chunking gives the same lines; `\r\n` counts as `\n`.
 *
 * What must stay true: memory is bounded by the longest line that is kept, whatever is printed; no character of a kept
 * line is copied more than twice, so that long lines in small pieces stay cheap.
 */

/** No event of a CLI is longer; the beginning of a longer line still says what kind it was. */
const LONGEST_LINE_CHARS = 8 * 1024 * 1024;
const BEGINNING_CHARS = 64 * 1024;

export interface LineSink {
  onLine(line: string): void;
  /** A line that was too long to be kept: its first 64 Ki characters. */
  onCutLine?(beginning: string): void;
}

export interface LineSplitter {
  push(chunk: string): void;
  /** The stream is over: what is left is a line too. */
  end(): void;
}

export function createLineSplitter(sink: LineSink, longestLineChars: number = LONGEST_LINE_CHARS): LineSplitter {
  let pieces: string[] = [];
  let chars = 0;
  let beginning: string | null = null;

  const keep = (piece: string): void => {
    if (piece === "" || beginning !== null) return;
    pieces.push(piece);
    chars += piece.length;
    if (chars <= longestLineChars) return;
    beginning = pieces.join("").slice(0, BEGINNING_CHARS);
    pieces = [];
    chars = 0;
  };

  const finish = (): void => {
    if (beginning === null) {
      const line = pieces.length === 1 ? (pieces[0] ?? "") : pieces.join("");
      sink.onLine(line.endsWith("\r") ? line.slice(0, -1) : line);
    } else {
      sink.onCutLine?.(beginning);
    }
    pieces = [];
    chars = 0;
    beginning = null;
  };

  return {
    push(chunk) {
      let start = 0;
      for (;;) {
        const newline = chunk.indexOf("\n", start);
        if (newline < 0) break;
        keep(start === 0 && newline === chunk.length ? chunk : chunk.slice(start, newline));
        finish();
        start = newline + 1;
      }
      keep(start === 0 ? chunk : chunk.slice(start));
    },
    end() {
      if (chars > 0 || beginning !== null) finish();
    },
  };
}
