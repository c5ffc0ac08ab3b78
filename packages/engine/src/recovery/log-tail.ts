/** The end of a run's log as plain output, as it is now, for a person who must decide about the run (RC-47a, RC-91o). */
import type { RunLogStore } from "@wakefleet/run-logs";

const TAIL_CHARS = 8_192;
/** Lines carry more than their text: enough of them to hold that much. */
const WINDOW_BYTES = 65_536;
const BEYOND_THE_END = Number.MAX_SAFE_INTEGER;

/** Reads the tail of a log by its ref; null where there is no log. */
export function logTailReader(logs: Pick<RunLogStore, "read">): (ref: string) => Promise<string | null> {
  return async (ref) => {
    const end = await logs.read({ ref, offset: BEYOND_THE_END, limitBytes: 1 });
    if (end === null) return null;
    const offset = Math.max(0, end.totalBytes - WINDOW_BYTES);
    const page = await logs.read({ ref, offset, limitBytes: WINDOW_BYTES });
    if (page === null) return null;
    return page.content.split("\n").map(chunkOf).join("").slice(-TAIL_CHARS).toWellFormed();
  };
}

/** A window may begin inside a line: what is no whole line says nothing. */
function chunkOf(line: string): string {
  try {
    const { chunk } = JSON.parse(line) as { chunk?: unknown };
    return typeof chunk === "string" ? chunk : "";
  } catch {
    return "";
  }
}
