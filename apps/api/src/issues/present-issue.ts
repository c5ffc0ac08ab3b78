/** Issues as they are answered. Labels come with a later part of the model; their fields are there and empty. */
import type { IssueRow } from "@wakefleet/store";

/** DM-50 with its labels. */
export function presentIssue<Issue extends IssueRow>(issue: Issue): Issue & { labelIds: string[]; labels: unknown[] } {
  return { ...issue, labelIds: [], labels: [] };
}
