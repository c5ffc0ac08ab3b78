/** Comments (API-158 to API-160, CO-40 to CO-46). */
import { type CommentCreate, WakefleetError } from "@wakefleet/contracts";
import {
  type CommentRow,
  clearDetachedWarning,
  clearIssueLocks,
  findComment,
  type IssueRow,
  insertComment,
  listComments,
  lockIssue,
  touchIssue,
  updateIssue,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { insufficientScope } from "../http/guards.js";
import { found, pathId } from "../http/query-fields.js";
import { type Mutation, mutate } from "../mutate.js";
import { type Actor, actorOf, type Principal } from "../principal.js";
import { ISSUE_NOT_FOUND, requireIssue } from "./find-issue.js";
import { decideReopening } from "./follow-up.js";
import { assertMayInterrupt, interruptIssueRun } from "./interrupt.js";
import { guardIssueMutation } from "./mutation-guard.js";

const SNIPPET_CHARS = 120;

/** Writes a comment, its activity and what CO-40 says about its run, in the transaction of the change it belongs to. */
export async function writeComment(
  { tx, note }: Mutation,
  comment: { issue: IssueRow; actor: Actor; body: string },
): Promise<CommentRow> {
  const { issue, actor } = comment;
  const written = await insertComment(tx, {
    companyId: issue.companyId,
    issueId: issue.id,
    authorAgentId: actor.agentId,
    authorUserId: actor.userId,
    createdByRunId: actor.runId,
    body: comment.body,
  });
  await touchIssue(tx, issue.id);
  if (actor.runId !== null) await clearDetachedWarning(tx, actor.runId);
  note({
    companyId: issue.companyId,
    action: "issue.comment_added",
    entityType: "issue",
    entityId: issue.id,
    details: {
      commentId: written.id,
      bodySnippet: [...comment.body.slice(0, SNIPPET_CHARS * 2)].slice(0, SNIPPET_CHARS).join(""),
      identifier: issue.identifier,
      issueTitle: issue.title,
    },
  });
  return written;
}

/** Posts a comment, which may reopen the issue (CO-42, CO-43). */
export async function postComment(
  deps: ApiDeps,
  command: { caller: Principal; ref: string; body: CommentCreate },
): Promise<CommentRow> {
  const { caller, body } = command;
  const actor = actorOf(caller);
  const issue = await requireIssue(deps, command);
  assertMayInterrupt({ caller, interrupt: body.interrupt === true, hasComment: true });
  if (body.interrupt === true) await interruptIssueRun(deps, { issue, caller });

  return await mutate(deps, actor, async (mutation) => {
    const { tx, note } = mutation;
    const locked = found(await lockIssue(tx, issue.id), ISSUE_NOT_FOUND);
    const guarded = await guardComment(mutation, { caller, issue: locked });
    const reopens = await decideReopening(tx, {
      caller,
      issue: guarded,
      assigneeAgentId: guarded.assigneeAgentId,
      setsStatus: false,
      reopen: body.reopen === true,
      resume: body.resume === true,
    });
    if (reopens) {
      await clearIssueLocks(tx, issue.id);
      await updateIssue(tx, { id: issue.id, changes: { status: "todo", executionState: null } });
      note({
        companyId: issue.companyId,
        action: "issue.updated",
        entityType: "issue",
        entityId: issue.id,
        details: {
          status: "todo",
          identifier: issue.identifier,
          _previous: { status: guarded.status },
          source: "comment",
          reopened: true,
          reopenedFrom: guarded.status,
          ...(body.resume === true ? { resumeIntent: true, followUpRequested: true } : {}),
        },
      });
    }
    return await writeComment(mutation, { issue: guarded, actor, body: body.body });
  });
}

/** IM, but a run that is about the issue may comment on it whoever is assigned (CO-13). */
async function guardComment(mutation: Mutation, check: { caller: Principal; issue: IssueRow }): Promise<IssueRow> {
  const { caller, issue } = check;
  if (caller.kind === "enqueue") throw insufficientScope();
  if (caller.kind === "agent" && caller.runId !== null && issue.assigneeAgentId !== caller.agentId) {
    const [run] = await mutation.tx.query<{ about: boolean }>(
      "SELECT issue_id = $2 AS about FROM heartbeat_runs WHERE id = $1",
      [caller.runId, issue.id],
    );
    if (run?.about === true) return issue;
  }
  return await guardIssueMutation(mutation, check);
}

export async function readComments(
  deps: ApiDeps,
  query: { caller: Principal; ref: string; after?: string | undefined; order: "asc" | "desc"; limit: number },
): Promise<CommentRow[]> {
  const issue = await requireIssue(deps, query);
  return await listComments(deps.db.sql, { ...query, issueId: issue.id });
}

export async function readComment(
  deps: ApiDeps,
  query: { caller: Principal; ref: string; commentId: string },
): Promise<CommentRow> {
  const issue = await requireIssue(deps, query);
  const id = pathId(query.commentId, "Comment not found");
  const comment = await findComment(deps.db.sql, { issueId: issue.id, id });
  if (comment === null) throw new WakefleetError("not_found", "Comment not found");
  return comment;
}
