/** Commenting on an issue (API-159, CO-13, CO-40 to CO-46): the comment, what it moves, and whom it wakes (W11 to W13). */
import type { CommentCreate } from "@wakefleet/contracts";
import { planCommentWakes } from "@wakefleet/domain";
import {
  type CommentRow,
  clearIssueLocks,
  findIssue,
  type IssueRow,
  isRunAboutIssue,
  type Sql,
  updateIssue,
} from "@wakefleet/store";
import { assertMayInterrupt, interruptIssueRun } from "./cancel-issue-runs.js";
import { issueSide } from "./change-issue.js";
import { commentReopens } from "./follow-up.js";
import { actorOfCaller, type IssueCaller } from "./issue-caller.js";
import {
  type IssueChange,
  type IssueDeps,
  type IssueScope,
  inIssueChange,
  issueNotFound,
  requireLocked,
} from "./issue-change.js";
import { scopeOfIssue } from "./issue-scope.js";
import { assertOpenWorkspace, guardIssueMutation } from "./mutation-guard.js";
import { mentionedAgents, writeComment } from "./write-comment.js";

export interface CommentCommand {
  readonly caller: IssueCaller;
  readonly issueId: string;
  readonly body: CommentCreate;
}

/** Posts the comment. Throws a `WakefleetError` for what the rules refuse; then nothing was written. */
export async function commentOnIssue(deps: IssueDeps, command: CommentCommand): Promise<CommentRow> {
  const { caller, body } = command;
  assertMayInterrupt({ caller, interrupt: body.interrupt === true, hasComment: true });
  return await inIssueChange(
    deps,
    actorOfCaller(caller),
    (sql) => foresee(sql, command),
    (change) => write(change, command),
  );
}

async function foresee(sql: Sql, { issueId, body }: CommentCommand): Promise<IssueScope> {
  const issue = await findIssue(sql, { id: issueId });
  if (issue === null) throw issueNotFound();
  const scope = await scopeOfIssue(sql, issue, { mayEnd: false });
  const mentioned = await mentionedAgents(sql, { companyId: issue.companyId, body: body.body });
  return { ...scope, agentIds: [...scope.agentIds, ...mentioned] };
}

async function write(change: IssueChange, { caller, issueId, body }: CommentCommand): Promise<CommentRow> {
  const { tx, actor } = change;
  const locked = requireLocked(change, issueId);
  const before = await guardComment(change, { caller, issue: locked });
  await assertOpenWorkspace(change, before);
  const reopened = await commentReopens(change, {
    caller,
    issue: before,
    assigneeAgentId: before.assigneeAgentId,
    setsStatus: false,
    reopen: body.reopen === true,
    resume: body.resume === true,
  });
  const interruptedRunId = body.interrupt === true ? await interruptIssueRun(change, before) : null;
  const after = reopened ? await reopen(change, { before, resume: body.resume === true, interruptedRunId }) : before;
  const comment = await writeComment(change, { issue: after, body: body.body });
  change.wake(
    planCommentWakes({
      before: issueSide(before),
      after: issueSide(after),
      statusSent: false,
      reopened,
      comment: {
        id: comment.id,
        authorAgentId: actor.agentId,
        mentionedAgentIds: await mentionedAgents(tx, { companyId: after.companyId, body: body.body }),
      },
      resume: body.resume === true,
      interruptedRunId,
    }),
  );
  return comment;
}

/** CO-45. */
async function reopen(
  change: IssueChange,
  moved: { readonly before: IssueRow; readonly resume: boolean; readonly interruptedRunId: string | null },
): Promise<IssueRow> {
  const { before, resume, interruptedRunId } = moved;
  await clearIssueLocks(change.tx, before.id);
  const after = await updateIssue(change.tx, { id: before.id, changes: { status: "todo", executionState: null } });
  change.reorder([before.id]);
  change.note({
    companyId: before.companyId,
    action: "issue.updated",
    entityType: "issue",
    entityId: before.id,
    details: {
      status: "todo",
      identifier: before.identifier,
      _previous: { status: before.status },
      source: "comment",
      reopened: true,
      reopenedFrom: before.status,
      ...(resume && { resumeIntent: true, followUpRequested: true }),
      ...(interruptedRunId !== null && { interruptedRunId }),
    },
  });
  return after;
}

/** IM, but a run that is about the issue may comment on it whoever is assigned (CO-13). */
async function guardComment(
  change: IssueChange,
  check: { readonly caller: IssueCaller; readonly issue: IssueRow },
): Promise<IssueRow> {
  const { caller, issue } = check;
  if (caller.kind === "agent" && caller.runId !== null && issue.assigneeAgentId !== caller.agentId) {
    if (await isRunAboutIssue(change.tx, { runId: caller.runId, issueId: issue.id })) return issue;
  }
  return await guardIssueMutation(change, check);
}
