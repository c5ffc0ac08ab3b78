/** API-144: what an agent needs of an issue, in one call. */
import { CONTINUATION_SUMMARY_KEY } from "@wakefleet/domain";
import {
  findComment,
  findDocument,
  listIssueAncestors,
  listIssueRelations,
  readCommentCursor,
  readIssuePlace,
} from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import type { Principal } from "../principal.js";
import { requireIssue } from "./find-issue.js";
import { presentIssue } from "./present-issue.js";

/** `wakeCommentId` that is none of the issue's comments gives no comment. Attachments come with a later part of the model. */
export async function readHeartbeatContext(
  deps: ApiDeps,
  query: { caller: Principal; ref: string; wakeCommentId?: string | undefined },
): Promise<object> {
  const issue = await requireIssue(deps, query);
  const { sql } = deps.db;
  const { companyId, id: issueId } = issue;
  const { wakeCommentId } = query;
  const [ancestors, relations, commentCursor, wakeComment, continuationSummary, place] = await Promise.all([
    listIssueAncestors(sql, issueId),
    listIssueRelations(sql, issueId),
    readCommentCursor(sql, issueId),
    wakeCommentId === undefined ? null : findComment(sql, { issueId, id: wakeCommentId }),
    findDocument(sql, { companyId, issueId, key: CONTINUATION_SUMMARY_KEY }),
    readIssuePlace(sql, issue),
  ]);
  return {
    issue: { ...presentIssue(issue), ...relations },
    ancestors,
    ...place,
    goal: null,
    commentCursor,
    wakeComment,
    attachments: [],
    continuationSummary,
  };
}
