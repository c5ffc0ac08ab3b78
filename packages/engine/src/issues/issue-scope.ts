/** What a change of an issue may reach, foreseen without locks: the agents it may wake, the issues it is decided on. */
import { type IssueStatus, type PrincipalRef, readExecutionPolicy, readExecutionState } from "@wakefleet/contracts";
import { type IssueRow, readIssueSurroundings, type Sql } from "@wakefleet/store";
import { participantAgentIds } from "./check-issue.js";
import type { IssueScope } from "./issue-change.js";

/** True for a status that may wake others than the issue's own agents (W9, W19). */
export function mayEnd(status: IssueStatus | undefined): boolean {
  return status === "done" || status === "cancelled";
}

/** The issue with its assignee and the agents of its stages; with what is around it where it may end. */
export async function scopeOfIssue(
  sql: Sql,
  issue: IssueRow,
  options: { readonly mayEnd: boolean },
): Promise<Pick<IssueScope, "agentIds" | "issueIds">> {
  const around = options.mayEnd ? await readIssueSurroundings(sql, [issue.id]) : { agentIds: [], issueIds: [] };
  return {
    agentIds: [...ownAgents(issue), ...stageAgents(issue), ...around.agentIds],
    issueIds: [issue.id, ...around.issueIds],
  };
}

function ownAgents({ assigneeAgentId }: IssueRow): string[] {
  return assigneeAgentId === null ? [] : [assigneeAgentId];
}

function stageAgents(issue: IssueRow): string[] {
  const state = readExecutionState(issue.executionState);
  const agentOf = (principal: PrincipalRef | null | undefined): string[] =>
    principal?.type === "agent" ? [principal.agentId] : [];
  return [
    ...participantAgentIds(readExecutionPolicy(issue.executionPolicy)),
    ...agentOf(state?.returnAssignee),
    ...agentOf(state?.currentParticipant),
  ];
}
