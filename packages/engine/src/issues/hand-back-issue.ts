/** Giving an issue back, and taking its locks away by force (API-148, API-149, CO-35, CO-36). Both wake nobody. */
import { WakefleetError } from "@wakefleet/contracts";
import { clearIssueLocks, type IssueRow, lockActiveRuns, updateIssue } from "@wakefleet/store";
import { type AgentCaller, actorOfCaller, type BoardCaller, type IssueCaller } from "./issue-caller.js";
import { type IssueChange, type IssueDeps, onLockedIssue } from "./issue-change.js";
import { guardIssueMutation } from "./mutation-guard.js";

/** The issue becomes `todo`, no agent's, unlocked. */
export async function handBackIssue(
  deps: IssueDeps,
  command: { readonly caller: IssueCaller; readonly issueId: string },
): Promise<IssueRow> {
  const { caller, issueId } = command;
  return await onLockedIssue(deps, { actor: actorOfCaller(caller), issueId }, async (change, locked) => {
    const held = await guardIssueMutation(change, { caller, issue: locked });
    if (caller.kind === "agent") await assertReleases(change, { caller, issue: held });
    if (held.status === "done" || held.status === "cancelled") {
      throw new WakefleetError("conflict", `Issue is ${held.status} and cannot be released; change its status first`);
    }
    await clearIssueLocks(change.tx, issueId);
    const released = await updateIssue(change.tx, { id: issueId, changes: { status: "todo", assigneeAgentId: null } });
    change.reorder([issueId]);
    change.note({
      companyId: released.companyId,
      action: "issue.released",
      entityType: "issue",
      entityId: issueId,
      details: { identifier: released.identifier },
    });
    return released;
  });
}

async function assertReleases(
  { tx }: IssueChange,
  check: { readonly caller: AgentCaller; readonly issue: IssueRow },
): Promise<void> {
  const { caller, issue } = check;
  if (issue.assigneeAgentId !== caller.agentId) {
    throw new WakefleetError("conflict", "Only assignee can release issue");
  }
  if (issue.checkoutRunId === null || issue.checkoutRunId === caller.runId) return;
  if (!(await lockActiveRuns(tx, [issue.checkoutRunId])).has(issue.checkoutRunId)) return;
  throw new WakefleetError("conflict", "Only checkout run can release issue", {
    issueId: issue.id,
    assigneeAgentId: issue.assigneeAgentId,
    checkoutRunId: issue.checkoutRunId,
    actorRunId: caller.runId,
  });
}

export interface ForcedRelease {
  readonly issue: IssueRow;
  readonly previous: { readonly checkoutRunId: string | null; readonly executionRunId: string | null };
}

/** CO-36: an operator takes both locks away, and the assignee where asked; status and runs stay as they are. */
export async function forceReleaseIssue(
  deps: IssueDeps,
  command: { readonly caller: BoardCaller; readonly issueId: string; readonly clearAssignee: boolean },
): Promise<ForcedRelease> {
  const { caller, issueId, clearAssignee } = command;
  return await onLockedIssue(deps, { actor: actorOfCaller(caller), issueId }, async (change, before) => {
    await clearIssueLocks(change.tx, issueId);
    const changes = clearAssignee ? { assigneeAgentId: null, assigneeUserId: null } : {};
    const issue = await updateIssue(change.tx, { id: issueId, changes });
    const { checkoutRunId, executionRunId } = before;
    change.note({
      companyId: issue.companyId,
      action: "issue.admin_force_release",
      entityType: "issue",
      entityId: issueId,
      details: {
        issueId,
        actorUserId: caller.userId,
        prevCheckoutRunId: checkoutRunId,
        prevExecutionRunId: executionRunId,
        clearAssignee,
      },
    });
    return { issue, previous: { checkoutRunId, executionRunId } };
  });
}
