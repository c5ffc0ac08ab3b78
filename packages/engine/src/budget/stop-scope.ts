/**
 * The hard stop and its end (BU-20 to BU-24), inside the transaction that decided it. The caller holds the agents whose
 * work is cancelled: the agent itself, or all of the company.
 */
import type { AgentStatus } from "@wakefleet/contracts";
import { BUDGET_PAUSE_TEXT } from "@wakefleet/domain";
import {
  armTimer,
  type BudgetScopeKey,
  cancelWaitingRequestsOf,
  listActiveRunsOf,
  lockAgent,
  pauseScopeForBudget,
  resumeScopeFromBudget,
  type Sql,
} from "@wakefleet/store";
import { timerIntervalOf } from "../agents/change-agent-status.js";
import { cancelActiveRun } from "../runs/cancel-run.js";
import { agentStatusEvent } from "../runs/run-live-events.js";
import type { BudgetContext } from "./budget-context.js";
import { requireCompanyLock } from "./budget-locks.js";

const CANCEL = { text: BUDGET_PAUSE_TEXT, kind: "budget", recover: false } as const;

/** Pauses the scope and cancels its work. Answers whether it was this that paused it (BU-20). */
export async function stopScope(tx: Sql, context: BudgetContext, scope: BudgetScopeKey): Promise<boolean> {
  if (scope.scopeType !== "agent") requireCompanyLock(context.held, scope.companyId);
  const paused = await pauseScopeForBudget(tx, scope);
  if (paused && scope.scopeType === "agent") {
    context.effects.queues.push({ agentId: scope.scopeId, to: "pause" });
    tellStatus(context, scope, "paused");
  }
  await cancelWork(tx, context, scope);
  return paused;
}

/** BU-21. Requests go first, so that the end of a run promotes none of this scope (BU-22). */
async function cancelWork(tx: Sql, context: BudgetContext, scope: BudgetScopeKey): Promise<void> {
  await cancelWaitingRequestsOf(tx, scope, BUDGET_PAUSE_TEXT);
  for (const run of await listActiveRunsOf(tx, scope)) {
    const step = await cancelActiveRun(tx, context, run, CANCEL, context.after);
    if (step.kind === "ended") context.effects.ended.push(run);
    else if (step.kind === "asked") context.effects.asked.push({ runId: run.id, workerId: step.workerId });
  }
}

/** BU-24: resumes what its budget had paused and nothing else; what was cancelled stays so, its issues go on (BU-26). */
export async function resumeScope(tx: Sql, context: BudgetContext, scope: BudgetScopeKey): Promise<void> {
  if (!(await resumeScopeFromBudget(tx, scope))) return;
  const { companyId, scopeType, scopeId } = scope;
  context.effects.resumed.push({ companyId, scopeType, scopeId });
  if (scopeType !== "agent") return;
  const agent = await lockAgent(tx, scope.scopeId);
  if (agent !== null) await armTimer(tx, { agentId: agent.id, intervalSec: timerIntervalOf(agent) });
  context.effects.queues.push({ agentId: scope.scopeId, to: "resume" });
  tellStatus(context, scope, "idle");
}

function tellStatus(context: BudgetContext, scope: BudgetScopeKey, status: AgentStatus): void {
  const { companyId, scopeId: agentId } = scope;
  context.after.events.push(agentStatusEvent({ companyId, agentId, status, outcome: status }));
}
