/** Reads a page of a log file (API-123, LG-7). Opens the file anew each time, so any process on the disk may read. */
import { wholeCharacters } from "../log-line.js";
import type { RunLogPage } from "../run-log-store.js";
import { endOfWholeLines, type LogFileView, openLogFileView, readRange } from "./log-file.js";

const LINE_FEED = 0x0a;
/** Longest UTF-8 character, bytes. */
const MAX_CHARACTER_BYTES = 4;

/** See {@link RunLogPage}; null when there is no such file. */
export async function readPage(options: {
  path: string;
  offset: number;
  limitBytes: number;
}): Promise<RunLogPage | null> {
  const view = await openLogFileView(options.path);
  if (view === null) return null;
  try {
    return await pageOf(view, { offset: options.offset, limitBytes: Math.max(1, options.limitBytes) });
  } finally {
    await view.handle.close();
  }
}

async function pageOf(view: LogFileView, asked: { offset: number; limitBytes: number }): Promise<RunLogPage> {
  const { handle, shift } = view;
  const end = await endOfWholeLines(handle, view.size);
  const totalBytes = end + shift;
  const from = startPosition(view, asked);
  if (from >= end) return { content: "", startOffset: Math.max(asked.offset, from + shift), totalBytes };

  // A few bytes more than the limit, so that a first character longer than the limit is still whole.
  const bytes = await readRange(handle, { from, to: Math.min(end, from + asked.limitBytes + MAX_CHARACTER_BYTES) });
  const skipped = continuationBytes(bytes);
  const page = bytes.subarray(skipped, skipped + pageLength(bytes.subarray(skipped), asked.limitBytes));
  const startOffset = from + skipped + shift;
  const nextOffset = startOffset + page.length;
  return {
    content: page.toString("utf8"),
    startOffset,
    totalBytes,
    ...(nextOffset < totalBytes ? { nextOffset } : {}),
  };
}

/** Where in the file the page begins. An offset in front of the kept tail begins at the notice. */
function startPosition(view: LogFileView, asked: { offset: number; limitBytes: number }): number {
  const position = asked.offset - view.shift;
  if (position >= view.noticeBytes) return position;
  // A caller whose limit is shorter than the notice reads it in parts; for anyone else the offset lies in what is gone.
  const inParts = position > 0 && asked.limitBytes < view.noticeBytes;
  return inParts ? position : 0;
}

/** Bytes of whole lines within the limit; else of whole characters; at least one character. */
function pageLength(bytes: Buffer, limitBytes: number): number {
  if (bytes.length <= limitBytes && bytes.at(-1) === LINE_FEED) return bytes.length;
  const limited = bytes.subarray(0, limitBytes);
  const lastFeed = limited.lastIndexOf(LINE_FEED);
  if (lastFeed !== -1) return lastFeed + 1;
  const whole = wholeCharacters(limited).length;
  return whole > 0 ? whole : firstCharacterBytes(bytes);
}

function firstCharacterBytes(bytes: Buffer): number {
  return 1 + continuationBytes(bytes.subarray(1));
}

/** How many bytes at the start belong to a character that began before. */
function continuationBytes(bytes: Buffer): number {
  let count = 0;
  while (count < bytes.length && count < MAX_CHARACTER_BYTES && ((bytes[count] ?? 0) & 0xc0) === 0x80) count += 1;
  return count;
}
