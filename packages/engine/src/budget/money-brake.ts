/**
 * The money brake (BY-6): what the runs of this worker tell about their cost is kept with them, and when that brings a budget
 * to its limit the scope is stopped as by a cost event (BU-20, BU-21), before the runs have ended. At the soft limit the agents
 * are told.
 *
 * What must stay true: without new money nothing is asked; a look is two statements for all runs; the decision is made under
 * the locks of the scope, on what all workers have told.
 */
import { BRAKE_RULE, isBrakeDue, isLookDue, withInFlight } from "@wakefleet/domain";
import {
  listPoliciesOverRuns,
  lockAgents,
  lockBudgetCounters,
  noteStopOfRunning,
  type PolicyInFlight,
  readPoliciesInFlight,
  storeCostSoFar,
} from "@wakefleet/store";
import type { HeldRun, HeldRuns } from "../runs/held-runs.js";
import { type BudgetDeps, inBudgetTransaction } from "./budget-transaction.js";
import { evaluatePolicies, type PolicyStop } from "./evaluate-costs.js";
import { tellSoftLimits } from "./tell-soft-limits.js";

export interface MoneyBrakeDeps extends BudgetDeps {
  readonly held: HeldRuns;
  readonly workerId: string;
  /** Lets this worker see what its own runs were asked, without waiting for a message. */
  readonly seeCancels: () => Promise<void>;
}

/** Answers one look; call it again and again. Rejects when PostgreSQL is away: the next look asks the same. */
export function createMoneyBrake(deps: MoneyBrakeDeps): () => Promise<void> {
  return async () => {
    const nowMs = performance.now();
    const due = deps.held.all().filter((held) => isDue(held, nowMs));
    if (due.length === 0) return;
    const told = due.map(({ fence, spending }) => ({
      runId: fence.runId,
      claimToken: fence.claimToken,
      cents: spending.cents,
    }));
    await storeCostSoFar(deps.db.sql, deps.workerId, told);
    const policies = await listPoliciesOverRuns(
      deps.db.sql,
      told.map(({ runId }) => runId),
    );
    const isStopped = await brakeAll(deps, policies.filter(isBrakeDue));
    await tellSoftLimits(deps, due, policies);
    for (const [at, held] of due.entries()) {
      const { runId } = held.fence;
      const isBudgeted = policies.some(({ runIds }) => runIds.includes(runId));
      Object.assign(held.spending, { lookedCents: told[at]?.cents ?? null, lookedAtMs: nowMs, isBudgeted });
    }
    if (isStopped) await deps.seeCancels();
  };
}

function isDue({ spending, ending, claimedAtMs, abort }: HeldRun, nowMs: number): boolean {
  if (ending || abort.signal.aborted) return false;
  return isLookDue({ ...spending, sinceLookMs: nowMs - (spending.lookedAtMs ?? claimedAtMs) });
}

/** One transaction a company, as its budgets are. Answers whether any scope was stopped. */
async function brakeAll(deps: BudgetDeps, due: readonly PolicyInFlight[]): Promise<boolean> {
  let isStopped = false;
  for (const companyId of new Set(due.map((policy) => policy.companyId))) {
    const policies = due.filter((policy) => policy.companyId === companyId);
    if (await brake(deps, policies)) isStopped = true;
  }
  return isStopped;
}

function brake(deps: BudgetDeps, due: readonly PolicyInFlight[]): Promise<boolean> {
  return inBudgetTransaction(deps, async (tx, context) => {
    const agentIds = due.flatMap(({ scopeType, scopeId }) => (scopeType === "agent" ? [scopeId] : []));
    await lockAgents(tx, agentIds);
    for (const scope of inKeyOrder(due)) await lockBudgetCounters(tx, scope);
    const policyIds = due.map(({ id }) => id);
    const policies = (await readPoliciesInFlight(tx, policyIds)).map(withInFlight);
    const { stops } = await evaluatePolicies(tx, context, policies);
    for (const stop of stops) await noteStopOfRunning(tx, stop.askedRunIds, brakeReceipt(stop));
    return stops.length > 0;
  });
}

/** Every taker of counters goes by their key. */
function inKeyOrder(policies: readonly PolicyInFlight[]): PolicyInFlight[] {
  const key = ({ scopeType, scopeId }: PolicyInFlight): string => `${scopeType} ${scopeId}`;
  return [...new Map(policies.map((policy) => [key(policy), policy])).values()].toSorted((a, b) =>
    key(a) < key(b) ? -1 : 1,
  );
}

function brakeReceipt({ policy }: PolicyStop<PolicyInFlight>) {
  const { id: policyId, scopeType, scopeId, amount: limitCents, observed: observedCents, inFlight } = policy;
  return {
    rule: BRAKE_RULE,
    outcome: "cancelled",
    facts: { policyId, scopeType, scopeId, limitCents, observedCents, inFlightCents: inFlight },
  } as const;
}
