/** What every step of a decision about budgets is given, and how it notes what happened (AC-5, AC-30 to AC-33). */
import { redactObject } from "@wakefleet/domain";
import { insertActivity, type NewActivity, type Sql } from "@wakefleet/store";
import type { NewId } from "../ids.js";
import type { AfterCommit } from "../runs/after-commit.js";
import type { BudgetEffects } from "./budget-effects.js";
import type { HeldCompany } from "./budget-locks.js";

export interface BudgetContext {
  readonly newId: NewId;
  readonly held: HeldCompany;
  readonly after: AfterCommit;
  readonly effects: BudgetEffects;
}

/** An operator or agent who changes budgets or reports costs. */
export interface BudgetActor {
  readonly type: "user" | "agent" | "system";
  readonly id: string;
  readonly agentId: string | null;
  readonly userId: string | null;
  readonly runId: string | null;
}

/** Who opens incidents (AC-31). */
export const BUDGET_SERVICE: BudgetActor = {
  type: "system",
  id: "budget_service",
  agentId: null,
  userId: null,
  runId: null,
};

type Note = Pick<NewActivity, "companyId" | "action" | "entityType" | "entityId" | "details">;

/** Writes an activity row in the transaction and announces it after the commit. */
export async function noteActivity(tx: Sql, context: BudgetContext, actor: BudgetActor, note: Note): Promise<void> {
  const entry: NewActivity = {
    ...note,
    details: note.details === null ? null : redactObject(note.details),
    actorType: actor.type,
    actorId: actor.id,
    agentId: actor.agentId,
    runId: actor.runId,
  };
  await insertActivity(tx, [entry]);
  const { companyId, ...payload } = entry;
  context.after.events.push({ companyId, type: "activity.logged", payload: { ...payload, actorType: actor.type } });
}
