/** Reading comments (API-158, API-160). */
import { WakefleetError } from "@wakefleet/contracts";
import { type CommentRow, findComment, listComments } from "@wakefleet/store";
import type { ApiDeps } from "../deps.js";
import { pathId } from "../http/query-fields.js";
import type { Principal } from "../principal.js";
import { requireIssue } from "./find-issue.js";

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
