/**
 * Changing what belongs to an issue without changing its row: documents, work products, links to approvals. Whoever may
 * change the issue may do it (IM of API-35), under the issue's lock, in one transaction with its activity.
 */
import { clearDetachedWarning, type IssueRow, type Sql, touchIssue } from "@wakefleet/store";
import type { ActivityNote } from "../activity/note-activities.js";
import type { IssueActor } from "./issue-caller.js";
import { actorOfCaller, type IssueCaller } from "./issue-caller.js";
import { type IssueDeps, onLockedIssue } from "./issue-change.js";
import { assertOpenWorkspace, guardIssueMutation } from "./mutation-guard.js";

export interface ChangeIssuePartCommand {
  readonly caller: IssueCaller;
  readonly issueId: string;
}

/** What `work` is given: the locked issue, and where to note what happens. */
export interface IssuePart {
  readonly tx: Sql;
  readonly issue: IssueRow;
  readonly actor: IssueActor;
  note(activity: ActivityNote): void;
}

/**
 * Runs `work` in the transaction of the change. The issue counts as touched, and a run whose agent was heard of is not
 * detached any more (API-157). Rejects with what the guard or `work` threw; then nothing was written.
 */
export async function changeIssuePart<T>(
  deps: IssueDeps,
  command: ChangeIssuePartCommand,
  work: (part: IssuePart) => Promise<T>,
): Promise<T> {
  const { caller, issueId } = command;
  const agentIds = caller.kind === "agent" ? [caller.agentId] : [];
  const target = { actor: actorOfCaller(caller), issueId, agentIds };
  return await onLockedIssue(deps, target, async (change, locked) => {
    const { tx, actor, note } = change;
    const issue = await guardIssueMutation(change, { caller, issue: locked });
    if (caller.kind === "agent") await assertOpenWorkspace(change, issue);
    const result = await work({ tx, issue, actor, note });
    await touchIssue(tx, issueId);
    if (actor.runId !== null) await clearDetachedWarning(tx, actor.runId);
    return result;
  });
}
