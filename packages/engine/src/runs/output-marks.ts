/**
 * Which of a run's output is in its log already (BY-9). An adapter that is started again for a child it knows hands on the
 * same chunks in the same order; each is named by the child, the place in its output and its number there, so that those
 * an earlier worker stored are not stored twice.
 */
import type { RunSpool, SpoolPosition } from "@wakefleet/adapters";

interface Mark extends SpoolPosition {
  /** 1 for the first chunk that was handed on from this place. */
  readonly chunk: number;
}

export interface OutputMarks {
  /** The mark of the chunk that is handed on now; null: it is in the log already. */
  next(): string | null;
}

/** `stored` is the mark of the last chunk in the log; null for none. `resumes`: the run is taken over. */
export function outputMarks(
  spool: Pick<RunSpool, "position">,
  taken: { readonly resumes: boolean; readonly stored: string | null },
): OutputMarks {
  const stored = taken.stored === null ? null : parseMark(taken.stored);
  let last: Mark = { child: 0, offset: 0, chunk: 0 };
  return {
    next() {
      const { child, offset } = spool.position();
      const chunk = last.child === child && last.offset === offset ? last.chunk + 1 : 1;
      last = { child, offset, chunk };
      // What was said before the first child ran was stored before it did.
      if (taken.resumes && child === 0) return null;
      return stored !== null && compare(last, stored) <= 0 ? null : `${child}:${offset}:${chunk}`;
    },
  };
}

function parseMark(text: string): Mark {
  const [child = Number.NaN, offset = Number.NaN, chunk = Number.NaN] = text.split(":").map(Number);
  if (![child, offset, chunk].every(Number.isSafeInteger)) throw new Error(`Not a mark of a run's output: ${text}`);
  return { child, offset, chunk };
}

function compare(a: Mark, b: Mark): number {
  return a.child - b.child || a.offset - b.offset || a.chunk - b.chunk;
}
