/**
 * Who may change an issue (IM of API-35, CO-10, CO-11, CO-30). Runs inside the change's transaction, on the locked row,
 * because taking over a checkout that nobody lives to hold is part of the answer.
 */
import { WakefleetError } from "@wakefleet/contracts";
import { agentNameKey } from "@wakefleet/domain";
import { findClosedWorkspace, type IssueRow, lockActiveRuns, takeIssueLocks } from "@wakefleet/store";
import { type AgentCaller, type IssueCaller, mayChangeOthersIssue } from "./issue-caller.js";
import type { IssueChange } from "./issue-change.js";

/** Lets the caller change the locked issue, or throws; answers the issue, whose checkout may have been adopted. */
export async function guardIssueMutation(
  change: IssueChange,
  check: { readonly caller: IssueCaller; readonly issue: IssueRow },
): Promise<IssueRow> {
  const { caller, issue } = check;
  if (caller.kind === "board" || issue.assigneeAgentId === null) return issue;
  if (issue.assigneeAgentId !== caller.agentId) {
    await assertChangesOthers(change, { caller, issue, assigneeAgentId: issue.assigneeAgentId });
    return issue;
  }
  return issue.status === "in_progress" ? await holdCheckout(change, { caller, issue }) : issue;
}

async function assertChangesOthers(
  { tx }: IssueChange,
  check: { caller: AgentCaller; issue: IssueRow; assigneeAgentId: string },
): Promise<void> {
  const { caller, issue, assigneeAgentId } = check;
  if (await mayChangeOthersIssue(tx, { caller, assigneeAgentId })) return;
  const details = { issueId: issue.id, assigneeAgentId, actorAgentId: caller.agentId };
  if (issue.status === "in_progress") {
    throw new WakefleetError("conflict", "Issue is checked out by another agent", details);
  }
  throw new WakefleetError("forbidden", "Agent cannot mutate another agent's issue", {
    ...details,
    status: issue.status,
    securityPrinciples: ["least_privilege", "tenant_isolation"],
  });
}

/** CO-30: the run holds the checkout, or takes over one that is free or whose run is over. */
async function holdCheckout(change: IssueChange, check: { caller: AgentCaller; issue: IssueRow }): Promise<IssueRow> {
  const { tx, note } = change;
  const { caller, issue } = check;
  const { runId } = caller;
  if (runId === null) throw new WakefleetError("unauthenticated", "Agent run id required");
  if (issue.checkoutRunId === runId) return issue;
  const active = await lockActiveRuns(tx, [issue.checkoutRunId, issue.executionRunId, runId]);
  const isFree = (id: string | null): boolean => id === null || id === runId || !active.has(id);
  if (!isFree(issue.checkoutRunId) || !isFree(issue.executionRunId)) {
    throw new WakefleetError("conflict", "Issue run ownership conflict", {
      issueId: issue.id,
      status: issue.status,
      assigneeAgentId: issue.assigneeAgentId,
      checkoutRunId: issue.checkoutRunId,
      executionRunId: issue.executionRunId,
      actorAgentId: caller.agentId,
      actorRunId: runId,
    });
  }
  // Only a run that lives may hold a lock: one that ended a moment ago writes, but takes nothing.
  if (!active.has(runId)) return issue;
  const name = change.agent(caller.agentId)?.name ?? "";
  const adopted = await takeIssueLocks(tx, { issueId: issue.id, runId, agentNameKey: agentNameKey(name) });
  if (issue.checkoutRunId !== null) {
    note({
      companyId: issue.companyId,
      action: "issue.checkout_lock_adopted",
      entityType: "issue",
      entityId: issue.id,
      details: { previousCheckoutRunId: issue.checkoutRunId, checkoutRunId: runId, reason: "stale_checkout_run" },
    });
  }
  return adopted;
}

/** API-153: a closed isolated workspace takes no comments and no agent's work. */
export async function assertOpenWorkspace({ tx }: IssueChange, issue: IssueRow): Promise<void> {
  const closed = await findClosedWorkspace(tx, issue);
  if (closed === null) return;
  throw new WakefleetError(
    "conflict",
    `This issue is linked to the closed workspace "${closed.name}". Move it to an open workspace before adding comments or resuming work.`,
    { executionWorkspace: { ...closed, closedAt: closed.closedAt?.toISOString() ?? null } },
  );
}
