/** What a parent's agent is told of its children when the last one is over (API-172, DP-13). */
import type { IssuePriority, IssueStatus } from "@wakefleet/contracts";

/** Children that are told of. */
export const SUMMARIZED_CHILDREN = 20;
const SUMMARY_CHARS = 500;
const CUT_CHARS = 485;
const CUT_MARK = " [truncated]";

export interface ChildFact {
  readonly id: string;
  readonly identifier: string | null;
  readonly title: string;
  readonly status: IssueStatus;
  readonly priority: IssuePriority;
  readonly assigneeAgentId: string | null;
  readonly assigneeUserId: string | null;
  /** ISO 8601. */
  readonly updatedAt: string;
  readonly latestComment: string | null;
}

export type ChildSummary = Omit<ChildFact, "latestComment"> & { readonly summary: string | null };

/** The first children by number (the order they are given in), and whether there are more. */
export function childIssueSummaries(children: readonly ChildFact[]): {
  readonly childIssueSummaries: ChildSummary[];
  readonly childIssueSummaryTruncated: boolean;
} {
  return {
    childIssueSummaries: children.slice(0, SUMMARIZED_CHILDREN).map(({ latestComment, ...ref }) => ({
      ...ref,
      summary: summaryOf(latestComment),
    })),
    childIssueSummaryTruncated: children.length > SUMMARIZED_CHILDREN,
  };
}

function summaryOf(comment: string | null): string | null {
  const text = (comment ?? "").trim();
  if (text === "") return null;
  if (text.length <= SUMMARY_CHARS) return text;
  // A character outside the basic plane is two units: never half of one.
  const cut = text.slice(0, CUT_CHARS).replace(/[\ud800-\udbff]$/, "");
  return cut.trimEnd() + CUT_MARK;
}
