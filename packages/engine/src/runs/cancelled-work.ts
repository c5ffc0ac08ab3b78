/**
 * Runs that a stop of many cancelled, and what that leaves to do outside of PostgreSQL: jobs that leave their queues,
 * workers that are told. Losing all of it loses nothing: a claim finds the run ended, and workers learn of a cancel at their
 * next lease renewal (CN-2).
 */
import type { ControlChannel, Log, RunQueue } from "../ports.js";
import { dropJob, tellWorker } from "./cancel-run.js";

export interface CancelledWork {
  /** Runs that ended while they waited. */
  readonly ended: { readonly id: string; readonly agentId: string }[];
  /** Running runs that were asked to stop. */
  readonly asked: { readonly runId: string; readonly workerId: string | null }[];
}

export interface CancelledWorkDeps {
  readonly queue: Pick<RunQueue, "removeJob">;
  readonly control: ControlChannel;
  readonly log: Log;
}

/** How many are told at once. */
const AT_ONCE = 50;

/** Tells the workers of the running ones; never rejects. */
export async function tellAsked(deps: CancelledWorkDeps, work: CancelledWork): Promise<void> {
  await inTurns(work.asked, (message) => tellWorker(deps, message));
}

/** Takes the jobs of the ended ones out of their queues; never rejects. */
export async function dropEndedJobs(deps: CancelledWorkDeps, work: CancelledWork): Promise<void> {
  await inTurns(work.ended, (run) => dropJob(deps, run));
}

/** Does `each` for all, a bounded number at once. */
export async function inTurns<T>(all: readonly T[], each: (one: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += AT_ONCE) {
    await Promise.all(all.slice(from, from + AT_ONCE).map(each));
  }
}
