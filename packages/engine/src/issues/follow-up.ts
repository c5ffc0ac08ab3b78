/** What a comment does to its issue, with the facts that the rules ask for (API-152, API-154, CO-42 to CO-44). */
import { WakefleetError } from "@wakefleet/contracts";
import { decideReopening, type ReopeningFacts } from "@wakefleet/domain";
import { type IssueRow, isIssueHeld, listUnresolvedBlockerIds } from "@wakefleet/store";
import { type AgentCaller, type IssueCaller, mayChangeOthersIssue } from "./issue-caller.js";
import type { IssueChange } from "./issue-change.js";

export interface FollowUpRequest {
  readonly caller: IssueCaller;
  /** The locked issue as it was before the change. */
  readonly issue: IssueRow;
  /** The agent it will be assigned to after the change. */
  readonly assigneeAgentId: string | null;
  /** The same change sets a status: then a comment moves nothing. */
  readonly setsStatus: boolean;
  readonly reopen: boolean;
  readonly resume: boolean;
}

/** True when the comment moves the issue to `todo`; throws where an explicit follow-up is refused. */
export async function commentReopens(change: IssueChange, request: FollowUpRequest): Promise<boolean> {
  const { caller, issue } = request;
  const { tx } = change;
  const asksExplicitly = request.resume || request.reopen;
  const decision = decideReopening({
    ...request,
    status: issue.status,
    hasAgentAssignee: request.assigneeAgentId !== null,
    hasUnresolvedBlockers: issue.status === "blocked" && (await listUnresolvedBlockerIds(tx, issue.id)).length > 0,
    isHeld: asksExplicitly && (await isIssueHeld(tx, issue)),
    author: caller.kind === "board" ? { kind: "person" } : await agentAuthor(change, { caller, issue, asksExplicitly }),
  });
  if (decision.kind === "refuse") throw new WakefleetError(decision.code, decision.message);
  return decision.kind === "reopen";
}

async function agentAuthor(
  { tx }: IssueChange,
  author: { readonly caller: AgentCaller; readonly issue: IssueRow; readonly asksExplicitly: boolean },
): Promise<ReopeningFacts["author"]> {
  const { caller, issue, asksExplicitly } = author;
  const { assigneeAgentId } = issue;
  if (assigneeAgentId === null) return { kind: "agent", assignee: "none" };
  if (assigneeAgentId === caller.agentId) return { kind: "agent", assignee: "own" };
  const allowed = asksExplicitly && (await mayChangeOthersIssue(tx, { caller, assigneeAgentId }));
  return { kind: "agent", assignee: allowed ? "others_allowed" : "others" };
}
