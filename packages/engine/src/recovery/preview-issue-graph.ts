/** What a reconciliation of blocked chains would look at (RC-67). Reads only. */
import {
  clampLookbackHours,
  findGraphIncidents,
  type GraphFinding,
  graphOwners,
  latestChangeOf,
} from "@wakefleet/domain";
import { listCompanyAgents, listGraphCompanies, readDatabaseNow, readGraphFacts, type Sql } from "@wakefleet/store";

/** RC-67. */
export interface GraphPreview {
  readonly lookbackHours: number;
  readonly cutoff: string;
  readonly generatedAt: string;
  readonly findings: number;
  readonly recoverableFindings: number;
  readonly skippedOutsideLookback: number;
  readonly items: readonly GraphPreviewItem[];
}

export interface GraphPreviewItem
  extends Pick<
    GraphFinding,
    | "issueId"
    | "identifier"
    | "title"
    | "state"
    | "severity"
    | "reason"
    | "recoveryIssueId"
    | "incidentKey"
    | "dependencyPath"
  > {
  readonly recoveryIdentifier: string | null;
  readonly recoveryTitle: string | null;
  readonly recommendedOwnerAgentId: string | null;
  readonly latestDependencyUpdatedAt: string;
}

/** RC-67: what a run would look at; writes nothing, and asks no holds, budgets or existing escalations. */
export async function previewIssueGraph(sql: Sql, query: { readonly lookbackHours: number }): Promise<GraphPreview> {
  const lookbackHours = clampLookbackHours(query.lookbackHours);
  const now = await readDatabaseNow(sql);
  const cutoffMs = now.getTime() - lookbackHours * 3_600_000;
  const items: GraphPreviewItem[] = [];
  let findings = 0;
  for (const companyId of await listGraphCompanies(sql)) {
    const facts = await readGraphFacts(sql, companyId);
    const found = findGraphIncidents(facts);
    findings += found.length;
    const agents = found.length === 0 ? new Map() : await listCompanyAgents(sql, companyId);
    for (const finding of found) {
      const latest = latestChangeOf(finding.dependencyPath, facts.issues);
      const leaf = facts.issues.get(finding.recoveryIssueId);
      if (latest === null || latest < cutoffMs || leaf === undefined) continue;
      const { companyId: _company, recommendedAction: _action, leafKey: _leafKey, ...shown } = finding;
      items.push({
        ...shown,
        recoveryIdentifier: leaf.identifier,
        recoveryTitle: leaf.title,
        recommendedOwnerAgentId: graphOwners(leaf, agents)[0]?.agentId ?? null,
        latestDependencyUpdatedAt: new Date(latest).toISOString(),
      });
    }
  }
  return {
    lookbackHours,
    cutoff: new Date(cutoffMs).toISOString(),
    generatedAt: now.toISOString(),
    findings,
    recoverableFindings: items.length,
    skippedOutsideLookback: findings - items.length,
    items,
  };
}
