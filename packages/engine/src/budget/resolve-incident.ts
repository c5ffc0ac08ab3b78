/** An operator's answer to an incident (BU-34, BU-35, API-247). */
import { WakefleetError } from "@wakefleet/contracts";
import { type IncidentAction, judgeIncidentAction, settlePolicy } from "@wakefleet/domain";
import {
  dismissIncidentIfOpen,
  findIncident,
  findPolicy,
  type IncidentWithApproval,
  lockBudgetCounters,
  lockBudgetScope,
  resolveOpenIncidents,
  storePolicy,
} from "@wakefleet/store";
import { type BudgetActor, noteActivity } from "./budget-context.js";
import { type BudgetDeps, inBudgetTransaction } from "./budget-transaction.js";
import { resumeScope } from "./stop-scope.js";

export interface ResolveIncidentCommand {
  readonly companyId: string;
  readonly incidentId: string;
  readonly asked: IncidentAction;
  readonly decisionNote: string | null;
  readonly actor: BudgetActor;
}

/** Answers the incident as it is afterwards. Throws what the rules refuse; then nothing was changed. */
export async function resolveBudgetIncident(
  deps: BudgetDeps,
  command: ResolveIncidentCommand,
): Promise<IncidentWithApproval> {
  const { asked, actor, companyId } = command;
  const key = { id: command.incidentId, companyId };
  return inBudgetTransaction(deps, async (tx, context) => {
    const known = await findIncident(tx, key);
    if (known === null) throw notFound();
    await lockBudgetScope(tx, known);
    await lockBudgetCounters(tx, known);
    const incident = await findIncident(tx, key);
    const policy = await findPolicy(tx, known.policyId);
    if (incident === null || policy === null) throw notFound();

    const verdict = judgeIncidentAction(asked, { status: incident.status, observed: policy.observed });
    const decision = { userId: actor.userId, note: command.decisionNote };
    if (verdict.kind === "refuse") throw new WakefleetError(verdict.code, verdict.text);
    if (verdict.kind === "dismiss") await dismissIncidentIfOpen(tx, { incidentId: incident.id, decision });
    else {
      const { amount } = verdict;
      await storePolicy(tx, { ...policy, ...settlePolicy({ amount, isActive: true }, policy), userId: actor.userId });
      await resumeScope(tx, context, policy);
      await resolveOpenIncidents(tx, { policyId: policy.id, only: "all", decision });
    }
    await noteActivity(tx, context, actor, {
      companyId,
      action: "budget.incident_resolved",
      entityType: "budget_incident",
      entityId: incident.id,
      details: {
        action: asked.action,
        amount: verdict.kind === "raise" ? verdict.amount : null,
        scopeType: incident.scopeType,
        scopeId: incident.scopeId,
      },
    });
    const after = await findIncident(tx, key);
    if (after === null) throw notFound();
    return after;
  });
}

function notFound(): WakefleetError {
  return new WakefleetError("not_found", "Budget incident not found");
}
