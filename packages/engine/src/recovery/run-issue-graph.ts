/** Reconciling blocked chains on demand (RC-68): forced, and told in every company, of that company only (RC-91r). */
import { insertActivity, listCompanyIds } from "@wakefleet/store";
import { type GraphReconcileResult, reconcileIssueGraph } from "../sweeps/reconcile-issue-graph.js";
import type { RecoverySweepDeps } from "./recovery-deps.js";

export interface RunIssueGraphCommand {
  /** Absent: the setting's. */
  readonly lookbackHours?: number;
  readonly userId: string;
}

/** Runs it now and answers RC-66 over all companies. */
export async function runIssueGraph(
  deps: RecoverySweepDeps,
  command: RunIssueGraphCommand,
): Promise<GraphReconcileResult> {
  const { lookbackHours, userId } = command;
  const results = new Map<string, GraphReconcileResult>();
  const whole = await reconcileIssueGraph(
    deps,
    new AbortController().signal,
    { forced: true, ...(lookbackHours === undefined ? {} : { lookbackHours }) },
    async (companyId, result) => void results.set(companyId, result),
  );
  const rows = await insertActivity(
    deps.db.sql,
    (await listCompanyIds(deps.db.sql)).map((companyId) => ({
      companyId,
      actorType: "user",
      actorId: userId,
      action: "instance.settings.issue_graph_liveness_auto_recovery_run",
      entityType: "instance_settings",
      entityId: "default",
      agentId: null,
      runId: null,
      details: detailsOf(whole, results.get(companyId)),
    })),
  );
  void deps.events.publish(
    rows.map(({ id: _, createdAt: _at, companyId, ...payload }) => ({ companyId, type: "activity.logged", payload })),
  );
  return whole;
}

function detailsOf({ lookbackHours, cutoff }: GraphReconcileResult, own: GraphReconcileResult | undefined) {
  return {
    lookbackHours,
    cutoff,
    findings: own?.findings ?? 0,
    escalationsCreated: own?.escalationsCreated ?? 0,
    existingEscalations: own?.existingEscalations ?? 0,
    skipped: own?.skipped ?? 0,
    skippedOutsideLookback: own?.skippedOutsideLookback ?? 0,
    obsoleteRecoveriesRetired: own?.obsoleteRecoveriesRetired ?? 0,
    escalationIssueIds: [...(own?.escalationIssueIds ?? [])],
  };
}
