/**
 * Tells the host what a run has used so far (BY-6), while it goes on.
 *
 * What must stay true: output that comes in many small pieces costs no more than a few readings a second; what is told
 * last is what was known last.
 */

const INTERVAL_MS = 250;

export interface ProgressReporter {
  /** Something was printed. */
  touch(): void;
  /** Tells what is left to tell, and nothing after it. */
  end(): void;
}

/** `read` gives what is known now; `tell` gets it when it differs from what was told before. */
export function createProgressReporter<Progress>(options: {
  read(): Progress;
  tell(progress: Progress): void;
}): ProgressReporter {
  let timer: NodeJS.Timeout | undefined;
  let told = "";
  const report = (): void => {
    timer = undefined;
    const progress = options.read();
    const shown = JSON.stringify(progress);
    if (shown === told) return;
    told = shown;
    options.tell(progress);
  };
  return {
    touch() {
      timer ??= setTimeout(report, INTERVAL_MS);
    },
    end() {
      clearTimeout(timer);
      report();
    },
  };
}
