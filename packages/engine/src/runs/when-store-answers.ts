/**
 * For steps that cannot be left out because the work before them cannot be repeated (STY-11): they are tried until
 * PostgreSQL answers, however long it stays away, and told of ever more rarely (BY-14). What it answers, also a refusal,
 * is the caller's.
 */
import { setTimeout as delay } from "node:timers/promises";
import { isWorthTelling } from "@wakefleet/domain";
import { isRetryable, isStoreUnavailable } from "@wakefleet/store";
import type { Log } from "../ports.js";

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 2_000;
const MAX_DOUBLINGS = 6;

/** Runs `step` until it settles otherwise than with "the database is away" or "run it again". */
export async function whenStoreAnswers<T>(
  deps: { readonly log: Log; readonly runId: string; readonly what: string },
  step: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await step();
    } catch (error) {
      if (!isStoreUnavailable(error) && !isRetryable(error)) throw error;
      const { runId, what } = deps;
      if (isWorthTelling(attempt + 1)) {
        deps.log.warn({ event: "run.end_waits", runId, what, attempt, err: error }, "the database is away; will retry");
      }
      await delay(Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, MAX_DOUBLINGS)));
    }
  }
}
