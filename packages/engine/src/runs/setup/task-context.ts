/** CX-1 steps 4, 5 and 9: what the context says of the issue, its comments and the work before (CX-20, CX-30 to CX-42). */
import { isGuid, type JsonObject } from "@wakefleet/contracts";
import { commentIdsOf, taskText, wakeCommentIdOf, wakePayload } from "@wakefleet/domain";
import { type ContextFacts, readContextFacts } from "@wakefleet/store";
import type { Execution } from "../execution.js";

const NOTHING: ContextFacts = { issue: null, comments: [], summary: null };

/** Reads what the run's wake is about; a wake without issue and comment costs no statement. */
export async function readTask({ deps, claimed }: Execution, context: JsonObject): Promise<ContextFacts> {
  const { companyId, issueId } = claimed.run;
  const commentIds = commentIdsOf(context).filter(isGuid);
  const uuid = isGuid(issueId) ? issueId : null;
  if (uuid === null && commentIds.length === 0) return NOTHING;
  return readContextFacts(deps.db.sql, { companyId, issueId: uuid, commentIds });
}

/** The keys of the context that tell the task. `checkedOut` is null where no checkout was tried. */
export function taskContext(context: JsonObject, task: ContextFacts, checkedOut: boolean | null): JsonObject {
  const { issue, comments, summary } = task;
  const commentId = wakeCommentIdOf(context)?.toLowerCase();
  const wakeComment = comments.find(({ id, issueId }) => id === commentId && issueId === issue?.id) ?? null;
  const payload = wakePayload({ context, issue, comments, summary, checkedOut: checkedOut === true });
  const text = taskText({ issue, wakeComment });
  return {
    ...(checkedOut === null ? {} : { wakefleetHarnessCheckedOut: checkedOut }),
    ...(summary === null
      ? {}
      : { wakefleetContinuationSummary: { ...summary, updatedAt: summary.updatedAt.toISOString() } }),
    ...(payload === null ? {} : { wakefleetWake: payload }),
    ...(issue === null
      ? {}
      : {
          wakefleetIssue: {
            id: issue.id,
            identifier: issue.identifier,
            title: issue.title,
            description: issue.description,
          },
        }),
    ...(wakeComment === null ? {} : { wakefleetWakeComment: { id: wakeComment.id, body: wakeComment.body } }),
    ...(text === null ? {} : { wakefleetTaskMarkdown: text }),
  };
}
