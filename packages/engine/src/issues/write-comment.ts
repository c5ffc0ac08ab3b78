/** A comment with what belongs to it (CO-40), in the transaction of the change it is part of. */
import { findMentions } from "@wakefleet/domain";
import {
  type CommentRow,
  clearDetachedWarning,
  findMentionedAgents,
  type IssueRow,
  insertComment,
  type Sql,
  touchIssue,
} from "@wakefleet/store";
import { supersedeConfirmations } from "../interactions/expire-confirmations.js";
import type { IssueChange } from "./issue-change.js";

const SNIPPET_CHARS = 120;

/** Writes the comment and its activity; moves the issue's `updated_at`, and ends the confirmations that it answers. */
export async function writeComment(
  change: IssueChange,
  comment: { readonly issue: IssueRow; readonly body: string },
): Promise<CommentRow> {
  const { tx, note, actor } = change;
  const { issue } = comment;
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
  await supersedeConfirmations({ tx, note, actor, issue }, written.id);
  return written;
}

/** The agents of the company that a text mentions (API-171). */
export async function mentionedAgents(
  sql: Sql,
  comment: { readonly companyId: string; readonly body: string | undefined },
): Promise<string[]> {
  if (comment.body === undefined) return [];
  return findMentionedAgents(sql, { companyId: comment.companyId, ...findMentions(comment.body) });
}
