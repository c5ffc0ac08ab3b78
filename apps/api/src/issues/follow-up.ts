/** What a comment does to its issue: reopening and explicit follow-up (API-152, API-154, CO-42 to CO-45). */
import { WakefleetError } from "@wakefleet/contracts";
import { type IssueRow, listUnresolvedBlockerIds, type Sql } from "@wakefleet/store";
import { mayMutateOthersIssue } from "../http/guards.js";
import type { AgentPrincipal, Principal } from "../principal.js";

export interface FollowUpRequest {
  readonly caller: Principal;
  /** The locked issue as it was before the change. */
  readonly issue: IssueRow;
  /** The agent it will be assigned to after the change. */
  readonly assigneeAgentId: string | null;
  /** The same change sets a status: then a comment moves nothing. */
  readonly setsStatus: boolean;
  readonly reopen: boolean;
  readonly resume: boolean;
}

const REOPENABLE = new Set(["done", "cancelled", "blocked"]);
const RESUMABLE = new Set(["done", "blocked", "todo", "in_progress"]);

/** True when the comment moves the issue to `todo`; throws where an explicit follow-up is refused. */
export async function decideReopening(tx: Sql, request: FollowUpRequest): Promise<boolean> {
  const { caller, issue } = request;
  const isPerson = caller.kind === "board";
  if (request.resume || (request.reopen && !isPerson)) await assertResumable(tx, request);
  if (request.setsStatus || !REOPENABLE.has(issue.status)) return false;
  if (request.reopen || request.resume) return true;
  if (!isPerson || request.assigneeAgentId === null) return false;
  return issue.status !== "blocked" || (await listUnresolvedBlockerIds(tx, issue.id)).length === 0;
}

/** CO-44. */
async function assertResumable(tx: Sql, request: FollowUpRequest): Promise<void> {
  const { caller, issue } = request;
  if (issue.status === "cancelled") {
    throw new WakefleetError("conflict", "Cancelled issues must be restored through the dedicated restore flow");
  }
  if (!RESUMABLE.has(issue.status)) {
    throw new WakefleetError("conflict", "Issue is not resumable through comment follow-up intent");
  }
  if (issue.status === "blocked" && (await listUnresolvedBlockerIds(tx, issue.id)).length > 0) {
    throw new WakefleetError("conflict", "Issue follow-up blocked by unresolved blockers");
  }
  if (caller.kind === "agent") await assertAgentFollowsUp(tx, { caller, issue });
}

async function assertAgentFollowsUp(tx: Sql, check: { caller: AgentPrincipal; issue: IssueRow }): Promise<void> {
  const { caller, issue } = check;
  if (issue.assigneeAgentId === null) {
    throw new WakefleetError("conflict", "Issue follow-up requires an assigned agent");
  }
  if (issue.assigneeAgentId === caller.agentId) return;
  if (await mayMutateOthersIssue(tx, { principal: caller, assigneeAgentId: issue.assigneeAgentId })) return;
  throw new WakefleetError("forbidden", "Agent cannot request follow-up for another agent's issue");
}
