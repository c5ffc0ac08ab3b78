/** Issues as they are answered. Labels come with a later part of the model; their fields are there and empty. */
import { readExecutionState } from "@wakefleet/contracts";
import type { IssueRow } from "@wakefleet/store";

/** DM-50 with its labels; a stored execution state of another shape reads as null (EP-1). */
export function presentIssue<Issue extends IssueRow>(issue: Issue): Issue & { labelIds: string[]; labels: unknown[] } {
  return { ...issue, executionState: readExecutionState(issue.executionState), labelIds: [], labels: [] };
}
