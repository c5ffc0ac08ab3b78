/** What every step of a decision about budgets is given, and how it notes what happened (AC-5, AC-30 to AC-33). */
import type { Sql } from "@wakefleet/store";
import { type ActivityActor, type ActivityNote, noteActivities } from "../activity/note-activities.js";
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
export type BudgetActor = ActivityActor;

/** Who opens incidents (AC-31). */
export const BUDGET_SERVICE: BudgetActor = {
  type: "system",
  id: "budget_service",
  agentId: null,
  userId: null,
  runId: null,
};

/** Writes an activity row in the transaction and announces it after the commit. */
export async function noteActivity(
  tx: Sql,
  context: BudgetContext,
  actor: BudgetActor,
  note: ActivityNote,
): Promise<void> {
  await noteActivities(tx, context.after, { actor, notes: [note] });
}
