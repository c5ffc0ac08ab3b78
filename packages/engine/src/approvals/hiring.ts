/** What the answer to a hire does to its agent (AL-14), in the transaction of the answer. */
import type { JsonObject } from "@wakefleet/contracts";
import {
  type AgentRow,
  approveAgentIfPending,
  armTimer,
  mirrorMonthlyBudget,
  type Sql,
  terminateAgentIfLiving,
} from "@wakefleet/store";
import { type ActivityActor, noteActivities } from "../activity/note-activities.js";
import { TERMINATION_TEXT, timerIntervalOf } from "../agents/change-agent-status.js";
import type { AfterCommit } from "../runs/after-commit.js";
import { agentStatusEvent } from "../runs/run-live-events.js";

export interface HireAnswer {
  readonly agentId: string;
  readonly actor: ActivityActor;
  /** Where the approval came from (AC-34). */
  readonly source: string;
  readonly after: AfterCommit;
}

/** `pending_approval` → `idle`, with its month's policy if it has a budget (BU-10). Null: it waits for no approval. */
export async function activateHire(tx: Sql, hire: HireAnswer): Promise<AgentRow | null> {
  const agent = await approveAgentIfPending(tx, hire.agentId);
  if (agent === null) return null;
  await armTimer(tx, { agentId: agent.id, intervalSec: timerIntervalOf(agent) });
  const { companyId, budgetMonthlyCents: amount } = agent;
  if (amount > 0) {
    await mirrorMonthlyBudget(tx, {
      companyId,
      scopeType: "agent",
      scopeId: agent.id,
      amount,
      userId: hire.actor.userId,
    });
  }
  await tell(tx, hire, { agent, action: "agent.approved", details: { source: hire.source } });
  return agent;
}

/** Ends an agent that was not hired. Null: it does not wait for an approval, and stays as it is. */
export async function refuseHire(tx: Sql, hire: HireAnswer & { status: AgentRow["status"] }): Promise<AgentRow | null> {
  if (hire.status !== "pending_approval") return null;
  const agent = await terminateAgentIfLiving(tx, hire.agentId, TERMINATION_TEXT);
  if (agent === null) return null;
  await tell(tx, hire, { agent, action: "agent.terminated", details: null });
  return agent;
}

async function tell(
  tx: Sql,
  { actor, after }: HireAnswer,
  what: { agent: AgentRow; action: string; details: JsonObject | null },
): Promise<void> {
  const { agent, action, details } = what;
  const { companyId, id, status } = agent;
  await noteActivities(tx, after, {
    actor,
    notes: [{ companyId, action, entityType: "agent", entityId: id, details }],
  });
  after.events.push(agentStatusEvent({ companyId, agentId: id, status, outcome: status }));
}
