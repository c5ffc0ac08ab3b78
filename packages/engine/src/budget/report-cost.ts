/** A cost that is reported (BU-42, API-240): booked, counted and judged in one transaction. */
import { WakefleetError } from "@wakefleet/contracts";
import {
  type CostEventRow,
  findCostEventByKey,
  foreignCostReferences,
  insertCostEvent,
  lockAgents,
  type NewCostEvent,
} from "@wakefleet/store";
import { type BudgetActor, noteActivity } from "./budget-context.js";
import { type BudgetDeps, inBudgetTransaction } from "./budget-transaction.js";
import { evaluateCosts } from "./evaluate-costs.js";

export interface ReportCostCommand {
  readonly event: NewCostEvent;
  readonly actor: BudgetActor;
}

export interface ReportedCost {
  readonly event: CostEventRow;
  /** The event had been booked before under the same key: nothing was written now. */
  readonly replayed: boolean;
}

/** Names of references as people read them. */
const REFERENCES: Readonly<Record<string, string>> = {
  issueId: "Issue",
  projectId: "Project",
  goalId: "Goal",
  heartbeatRunId: "Heartbeat run",
};

/**
 * Books the event. Throws `not_found` for an unknown agent, `unprocessable` for an agent, issue, project or run of another
 * company, `idempotency_key_reused` when its key stands for another event.
 */
export async function reportCost(deps: BudgetDeps, command: ReportCostCommand): Promise<ReportedCost> {
  const { event, actor } = command;
  return inBudgetTransaction(deps, async (tx, context) => {
    const agent = (await lockAgents(tx, [event.agentId])).agents.get(event.agentId);
    if (agent === undefined) throw new WakefleetError("not_found", "Agent not found");
    if (agent.companyId !== event.companyId) {
      throw new WakefleetError("unprocessable", "Agent does not belong to company");
    }
    const [foreign] = await foreignCostReferences(tx, event);
    if (foreign !== undefined) {
      throw new WakefleetError("unprocessable", `${REFERENCES[foreign] ?? foreign} does not belong to company`);
    }
    const booked = await insertCostEvent(tx, event);
    if (booked === null) return replay(event, await findCostEventByKey(tx, event.dedupeKey ?? ""));
    await noteActivity(tx, context, actor, {
      companyId: event.companyId,
      action: "cost.reported",
      entityType: "cost_event",
      entityId: booked.id,
      details: { costCents: booked.costCents, model: booked.model },
    });
    const { companyId, agentId, projectId } = booked;
    await evaluateCosts(tx, context, { companyId, agentId, projectId });
    return { event: booked, replayed: false };
  });
}

function replay(asked: NewCostEvent, stored: CostEventRow | null): ReportedCost {
  if (stored === null) throw new Error("a key that was refused stands for an event");
  const { dedupeKey: _key, ...fields } = asked;
  const isSame = (Object.keys(fields) as (keyof typeof fields)[]).every(
    (field) => String(comparable(fields[field])) === String(comparable(stored[field])),
  );
  if (!isSame) {
    throw new WakefleetError("idempotency_key_reused", "Idempotency key was already used with a different request");
  }
  return { event: stored, replayed: true };
}

function comparable(value: Date | string | number | null): string | number | null {
  return value instanceof Date ? value.toISOString() : value;
}
