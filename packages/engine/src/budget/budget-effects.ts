/**
 * What a budget stop or resume leaves to do outside of PostgreSQL: jobs that leave their queues, workers that are told,
 * queues that rest or go on. Losing all of it loses nothing: claims ask the budget again (CL-6), and workers learn of a
 * cancel at their next lease renewal (BU-23).
 */
import type { ControlChannel, Log, RunQueue } from "../ports.js";
import { dropJob, tellWorker } from "../runs/cancel-run.js";

export interface BudgetEffects {
  /** Runs that ended while they waited. */
  readonly ended: { readonly id: string; readonly agentId: string }[];
  /** Running runs that were asked to stop. */
  readonly asked: { readonly runId: string; readonly workerId: string | null }[];
  readonly queues: { readonly agentId: string; readonly to: "pause" | "resume" }[];
}

export function noBudgetEffects(): BudgetEffects {
  return { ended: [], asked: [], queues: [] };
}

export interface BudgetEffectDeps {
  readonly queue: Pick<RunQueue, "removeJob" | "pause" | "resume">;
  readonly control: ControlChannel;
  readonly log: Log;
}

/** How many are told at once. */
const AT_ONCE = 50;

/** Carries it out after the commit; never rejects. */
export async function carryOutBudgetEffects(deps: BudgetEffectDeps, effects: BudgetEffects): Promise<void> {
  // Children first: each costs money while it runs.
  await inTurns(effects.asked, (message) => tellWorker(deps, message));
  await inTurns(effects.queues, (queue) => turnQueue(deps, queue));
  await inTurns(effects.ended, (run) => dropJob(deps, run));
}

async function inTurns<T>(all: readonly T[], each: (one: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += AT_ONCE) {
    await Promise.all(all.slice(from, from + AT_ONCE).map(each));
  }
}

async function turnQueue(deps: BudgetEffectDeps, { agentId, to }: BudgetEffects["queues"][number]): Promise<void> {
  try {
    await deps.queue[to](agentId);
  } catch (error) {
    deps.log.warn({ event: "queue.not_told", what: to, err: error }, "the queue follows when Redis is rebuilt");
  }
}
