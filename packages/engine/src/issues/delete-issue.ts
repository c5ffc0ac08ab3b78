/** Deleting an issue (API-146, CO-8, DM-18), and whom it wakes that a blocker is gone (DP-14). */
import { WakefleetError } from "@wakefleet/contracts";
import { planBlockersRestoredWakes } from "@wakefleet/domain";
import {
  cancelWaitingRequestsOfIssues,
  countChildren,
  deleteIssueRow,
  findDependents,
  findIssue,
  type IssueRow,
  listDependents,
} from "@wakefleet/store";
import { actorOfCaller, type IssueCaller } from "./issue-caller.js";
import { type IssueDeps, inIssueChange, issueNotFound, requireLocked } from "./issue-change.js";
import { scopeOfIssue } from "./issue-scope.js";
import { guardIssueMutation } from "./mutation-guard.js";

/** Answers the issue as it was. Its waiting runs end at their claim (CL-9). */
export async function deleteIssue(
  deps: IssueDeps,
  command: { readonly caller: IssueCaller; readonly issueId: string },
): Promise<IssueRow> {
  const { caller, issueId } = command;
  return await inIssueChange(
    deps,
    actorOfCaller(caller),
    async (sql) => {
      const issue = await findIssue(sql, { id: issueId });
      if (issue === null) throw issueNotFound();
      return { ...(await scopeOfIssue(sql, issue, { mayEnd: true })), relationsOf: issue.companyId };
    },
    async (change) => {
      const issue = await guardIssueMutation(change, { caller, issue: requireLocked(change, issueId) });
      if ((await countChildren(change.tx, issueId)) > 0) {
        throw new WakefleetError("conflict", "Issue has child issues; delete or move them first", { issueId });
      }
      const { companyId } = issue;
      const blocked = issue.status === "done" ? [] : await listDependents(change.tx, { companyId, issueId });
      const dependentIds = blocked.map((dependent) => dependent.id);
      change.hold({ agentIds: [], issueIds: dependentIds });
      const error = "Cancelled because the target issue no longer exists";
      await cancelWaitingRequestsOfIssues(change.tx, {
        companyId,
        issueIds: [issueId],
        text: error,
        decided: { rule: "DM-18", outcome: "cancelled", facts: { issueId, error } },
      });
      await deleteIssueRow(change.tx, issueId);
      change.note({
        companyId,
        action: "issue.deleted",
        entityType: "issue",
        entityId: issueId,
        details: { identifier: issue.identifier, title: issue.title },
      });
      change.wake(planBlockersRestoredWakes(await findDependents(change.tx, dependentIds)));
      change.reorder(dependentIds);
      return issue;
    },
  );
}
