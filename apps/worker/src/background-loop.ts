/**
 * A duty that every worker does at intervals by itself, because it must go on while Redis is away or concerns this host
 * alone. One round at a time; failures back off and are logged at a bounded rate (BY-14); `stop` waits for the round.
 */
import { isWorthTelling } from "@wakefleet/domain";
import type { Log } from "@wakefleet/engine";

export interface BackgroundLoopOptions {
  readonly name: string;
  readonly everyMs: number;
  /** One round; `signal` is aborted when the loop is stopped. */
  readonly run: (signal: AbortSignal) => Promise<unknown>;
  readonly log: Log;
  readonly onRound?: (durationMs: number) => void;
}

export interface BackgroundLoop {
  stop(): Promise<void>;
}

const LONGEST_PAUSE_MS = 15_000;

export function startBackgroundLoop(options: BackgroundLoopOptions): BackgroundLoop {
  const stopping = new AbortController();
  let failures = 0;
  let timer: NodeJS.Timeout;
  let round: Promise<void> = Promise.resolve();

  async function runRound(): Promise<void> {
    const startedAt = performance.now();
    try {
      await options.run(stopping.signal);
      failures = 0;
    } catch (error) {
      failures += 1;
      if (isWorthTelling(failures)) {
        const { name: loop } = options;
        options.log.warn({ event: "loop.failed", loop, failures, err: error }, "a background loop failed; it goes on");
      }
    }
    options.onRound?.(performance.now() - startedAt);
    if (stopping.signal.aborted) return;
    const pauseMs =
      failures === 0 ? options.everyMs : Math.min(LONGEST_PAUSE_MS, options.everyMs * 2 ** Math.min(failures, 6));
    timer = setTimeout(() => {
      round = runRound();
    }, pauseMs);
  }

  timer = setTimeout(() => {
    round = runRound();
  }, 0);
  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await round;
    },
  };
}
