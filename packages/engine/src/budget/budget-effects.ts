/**
 * What a budget stop or resume leaves to do outside of PostgreSQL: jobs that leave their queues, workers that are told,
 * queues that rest or go on. Losing all of it loses nothing: claims ask the budget again (CL-6), and workers learn of a
 * cancel at their next lease renewal (BU-23).
 */
import type { BudgetScopeKey } from "@wakefleet/store";
import type { Log, RunQueue } from "../ports.js";
import {
  type CancelledWork,
  type CancelledWorkDeps,
  dropEndedJobs,
  inTurns,
  tellAsked,
} from "../runs/cancelled-work.js";
import type { ResumedWork } from "../sweeps/resumed-work.js";

export interface BudgetEffects extends CancelledWork {
  /** Scopes whose pause is over (BU-26). */
  readonly resumed: BudgetScopeKey[];
  readonly queues: { readonly agentId: string; readonly to: "pause" | "resume" }[];
}

export function noBudgetEffects(): BudgetEffects {
  return { resumed: [], ended: [], asked: [], queues: [] };
}

export interface BudgetEffectDeps extends CancelledWorkDeps {
  readonly queue: Pick<RunQueue, "removeJob" | "pause" | "resume">;
  /** Absent: the periodic sweep alone takes up what a stop had interrupted. */
  readonly resumedWork?: Pick<ResumedWork, "takeUp">;
}

/** Carries it out after the commit; never rejects. */
export async function carryOutBudgetEffects(deps: BudgetEffectDeps, effects: BudgetEffects): Promise<void> {
  // Children first: each costs money while it runs.
  await tellAsked(deps, effects);
  await inTurns(effects.queues, (queue) => turnQueue(deps, queue));
  await dropEndedJobs(deps, effects);
  for (const scope of effects.resumed) deps.resumedWork?.takeUp(scope);
}

async function turnQueue(
  deps: { readonly queue: Pick<RunQueue, "pause" | "resume">; readonly log: Log },
  { agentId, to }: BudgetEffects["queues"][number],
): Promise<void> {
  try {
    await deps.queue[to](agentId);
  } catch (error) {
    deps.log.warn({ event: "queue.not_told", what: to, err: error }, "the queue follows when Redis is rebuilt");
  }
}
