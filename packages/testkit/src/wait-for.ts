/** Waiting for something to become true, in place of sleeping for a guess (STY-65). */
import { setTimeout as delay } from "node:timers/promises";

export interface WaitForOptions {
  /** Longest wait, milliseconds. Generous: it is only ever used up by a failure. */
  readonly deadlineMs?: number;
  /** What is waited for, for the error: "run 7 to be running". */
  readonly what: string;
  /** Pause between two looks, milliseconds. */
  readonly everyMs?: number;
}

/**
 * Calls `condition` until it answers something truthy and settles with that answer.
 * Rejects after the deadline with a sentence that says what was waited for and what the last look saw; a condition that
 * throws counts as not yet true.
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitForOptions): Promise<NonNullable<T>> {
  const deadlineMs = options.deadlineMs ?? 15_000;
  const deadline = performance.now() + deadlineMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await condition();
      if (answer) return answer as NonNullable<T>;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`Waited ${deadlineMs} ms for ${options.what}; the last look saw: ${seen}`, { cause: last });
    }
    await delay(options.everyMs ?? 20);
  }
}
