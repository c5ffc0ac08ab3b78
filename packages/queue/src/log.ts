/**
 * The logger this package expects, and a way to keep its loops quiet (BY-14): a store that is away for an hour costs
 * kilobytes of log. Object first, sentence second; pino's loggers fit as they are.
 */

export interface QueueLog {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  error(fields: Record<string, unknown>, message: string): void;
}

const nothing = (): void => undefined;

/** A log that says nothing, for tests and small tools. */
export const silentLog: QueueLog = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const DEFAULT_EVERY_MS = 30_000;

/**
 * Lets one line a subject through in `everyMs`; the next line that passes says how many were left out
 * (`suppressed`). Subjects are few and fixed strings, so nothing grows.
 */
export function createLimitedLog(log: QueueLog, everyMs: number = DEFAULT_EVERY_MS): LimitedLog {
  const seen = new Map<string, { nextAt: number; suppressed: number }>();
  return {
    warn(subject, fields, message) {
      const now = Date.now();
      const entry = seen.get(subject);
      if (entry !== undefined && now < entry.nextAt) {
        entry.suppressed += 1;
        return;
      }
      log.warn({ subject, suppressed: entry?.suppressed ?? 0, ...fields }, message);
      seen.set(subject, { nextAt: now + everyMs, suppressed: 0 });
    },
  };
}

export interface LimitedLog {
  /** Logs a warning unless this subject had one a moment ago. */
  warn(subject: string, fields: Record<string, unknown>, message: string): void;
}

/** The part of an unknown error that belongs into a log line. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
