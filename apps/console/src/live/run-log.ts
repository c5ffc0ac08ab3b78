/**
 * A run's log as it is written (API-303). The stream begins at the start of the log, or near its end when it is long; the
 * browser goes on by itself from the last line after a lost connection.
 */
import { read } from "../api/http.js";
import { whileVisible } from "./while-visible.js";

export interface LogLine {
  readonly ts: string;
  readonly stream: string;
  readonly chunk: string;
}

export interface LogFollower {
  /** `skippedBytes`: how much of the log lies before the first line. */
  readonly onStart: (skippedBytes: number) => void;
  readonly onLine: (line: LogLine) => void;
  readonly onEnd: () => void;
  readonly onConnection: (isConnected: boolean) => void;
}

/** A log up to this size is shown whole. */
const WHOLE_BYTES = 512_000;
/** Of a longer one this much of its end is shown. */
const TAIL_BYTES = 256_000;
const ALIGN_BYTES = 64_000;

/** Follows until the returned function is called or the log ends. `fromStart`: all of it, however long. */
export function followRunLog(
  run: { id: string; logBytes: number | null; fromStart: boolean },
  follower: LogFollower,
): () => void {
  const over = new AbortController();
  const open = async (): Promise<void> => {
    const offset = run.fromStart ? 0 : await startOffset(run, over.signal);
    if (over.signal.aborted) return;
    follower.onStart(offset);
    const stop = streamLog({ id: run.id, offset }, follower);
    over.signal.addEventListener("abort", stop);
  };
  open().catch(() => {
    // The page shows why its run cannot be read; a log that is not reached shows as not connected.
    if (!over.signal.aborted) follower.onConnection(false);
  });
  return () => over.abort();
}

/** Reads from an offset on while the page is visible, and goes on from the last line when it is again. */
function streamLog(from: { id: string; offset: number }, follower: LogFollower): () => void {
  let { offset } = from;
  let hasEnded = false;
  return whileVisible(() => {
    if (hasEnded) return () => undefined;
    const source = new EventSource(`/api/heartbeat-runs/${from.id}/log/stream?offset=${offset}`);
    source.onopen = () => follower.onConnection(true);
    source.onerror = () => follower.onConnection(false);
    source.addEventListener("log", (message: MessageEvent<string>) => {
      offset = Number(message.lastEventId);
      follower.onLine(JSON.parse(message.data) as LogLine);
    });
    source.addEventListener("end", () => {
      hasEnded = true;
      source.close();
      follower.onEnd();
    });
    return () => source.close();
  });
}

/** Where a line begins near the end of a long log: pages end between lines, wherever they began. */
async function startOffset(run: { id: string; logBytes: number | null }, signal: AbortSignal): Promise<number> {
  if (run.logBytes === null || run.logBytes <= WHOLE_BYTES) return 0;
  const from = run.logBytes - TAIL_BYTES - ALIGN_BYTES;
  const path = `/api/heartbeat-runs/${run.id}/log?offset=${from}&limitBytes=${ALIGN_BYTES}`;
  const { body } = await read<{ nextOffset?: number; totalBytes: number }>(path, signal);
  return body.nextOffset ?? body.totalBytes;
}
