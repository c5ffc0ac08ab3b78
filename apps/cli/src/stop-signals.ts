/**
 * How a person or a service manager ends a long-running command: the first signal asks for an orderly stop, the second
 * for one at once.
 *
 * What must stay true: the handlers are there before anything is started, so that a signal in the middle of a start stops
 * what has been started (OP-7).
 */

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export interface StopSignals {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
  /** Settles at the first signal. */
  readonly asked: Promise<void>;
  /** What the second signal does before the process exits; replaceable as more is started. */
  onSecond(endNow: () => Promise<void>): void;
  /** Takes the handlers away. */
  release(): void;
}

const PARENT_LOOK_MS = 1_000;

/**
 * Listens to SIGINT, SIGTERM and SIGHUP. `say` is told that a stop has begun and how to hurry it.
 * An npm that ran this and is killed outright passes on no signal: its end counts as one.
 */
export function listenForStop(say: (line: string) => void): StopSignals {
  const controller = new AbortController();
  let endNow: () => Promise<void> = async () => undefined;
  let askedAt = 0;
  const handle = (name: NodeJS.Signals): void => {
    if (!controller.signal.aborted) {
      askedAt = performance.now();
      say("Stopping … (once more to stop at once)");
      controller.abort();
      return;
    }
    // A terminal and npm may both pass on one and the same Ctrl-C.
    if (performance.now() - askedAt < 300) return;
    void endNow().finally(() => process.exit(SIGNALS[name as keyof typeof SIGNALS]));
  };
  for (const name of Object.keys(SIGNALS) as NodeJS.Signals[]) process.on(name, handle);
  const parent = process.ppid;
  const watch =
    process.env["npm_lifecycle_event"] === undefined
      ? undefined
      : setInterval(() => {
          if (process.ppid !== parent && !controller.signal.aborted) handle("SIGHUP");
        }, PARENT_LOOK_MS).unref();
  return {
    signal: controller.signal,
    asked: new Promise((resolve) => controller.signal.addEventListener("abort", () => resolve(), { once: true })),
    onSecond(work): void {
      endNow = work;
    },
    release(): void {
      clearInterval(watch);
      for (const name of Object.keys(SIGNALS) as NodeJS.Signals[]) process.off(name, handle);
    },
  };
}
