/** What people read of a blocked chain (RC-65). */
import type { GraphFinding } from "./issue-graph.js";
import { type IssueLabel, issueLabel } from "./links.js";

function pathText(finding: GraphFinding): string {
  return finding.dependencyPath.map((issue) => issue.identifier ?? issue.issueId).join(" -> ");
}

/** RC-63. */
export function escalationTitle(leaf: { readonly identifier: string | null; readonly title: string }): string {
  return `Unblock liveness incident for ${leaf.identifier ?? leaf.title}`;
}

/** The description of an escalation issue. */
export function graphEscalationDescription(text: {
  readonly finding: GraphFinding;
  readonly source: IssueLabel;
  readonly leaf: IssueLabel;
  /** The agent it is assigned to. */
  readonly ownerAgentId: string | null;
  readonly candidateAgentIds: readonly string[];
}): string {
  const { finding, source, leaf, ownerAgentId, candidateAgentIds } = text;
  const candidates = candidateAgentIds.map((id) => `\`${id}\``).join(", ");
  return [
    "Wakefleet detected a harness-level issue graph liveness incident.",
    "",
    "## Source",
    "",
    `- Source issue: ${issueLabel(source)}`,
    `- Recovery target issue: ${issueLabel(leaf)}`,
    `- Incident key: \`${finding.incidentKey}\``,
    `- Detected invariant: \`${finding.state}\``,
    `- Dependency path: ${pathText(finding)}`,
    `- Reason: ${finding.reason}`,
    "",
    "## Ownership",
    "",
    `- Selected owner agent: \`${ownerAgentId ?? "none"}\``,
    `- Candidate owner agents: ${candidates === "" ? "none" : candidates}`,
    "",
    "## Next Action",
    "",
    finding.recommendedAction,
    "",
    "Resolve the blocked chain, then mark this escalation issue done so the original issue can resume when all blockers are cleared.",
  ].join("\n");
}

/** The comment on the source, once. */
export function graphEscalationComment(finding: GraphFinding, escalation: IssueLabel): string {
  return [
    "Wakefleet detected a harness-level liveness incident in this issue's dependency graph.",
    "",
    `- Escalation issue: ${issueLabel(escalation)}`,
    `- Incident key: \`${finding.incidentKey}\``,
    `- Finding: \`${finding.state}\``,
    `- Dependency path: ${pathText(finding)}`,
    `- Reason: ${finding.reason}`,
    `- Manager action requested: ${finding.recommendedAction}`,
    "",
    "This issue now keeps its existing blockers and is also blocked by the escalation issue so dependency wakeups remain explicit.",
  ].join("\n");
}
