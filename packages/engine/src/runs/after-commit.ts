/**
 * What a committed transaction leaves to do outside of it: announce, dispatch, tell the queue. Collected while the
 * transaction runs, carried out after it (STY-38). Losing all of it loses nothing: the outbox, the sweeps and the next
 * read of the database make up for every part.
 */
import type { LiveEventDraft } from "@wakefleet/contracts";
import type { RunDispatcher } from "../dispatch/run-dispatcher.js";
import type { LiveEventPublisher, RunJob } from "../ports.js";

export interface AfterCommit {
  readonly events: LiveEventDraft[];
  readonly jobs: RunJob[];
}

export function nothingAfterCommit(): AfterCommit {
  return { events: [], jobs: [] };
}

/**
 * Carries it out; returns at once. What people are told comes after what the caller does next without waiting: an answer
 * is sent, an adapter is started.
 */
export function carryOut(
  deps: { events: LiveEventPublisher; dispatcher: Pick<RunDispatcher, "hand"> },
  after: Readonly<AfterCommit>,
): void {
  if (after.jobs.length > 0) deps.dispatcher.hand(after.jobs);
  if (after.events.length > 0) setImmediate(() => void deps.events.publish(after.events));
}
