/** FI-5, LV-117: a run that succeeded and left no comment on its issue leaves its summary there. */
import { redactEvidence, summaryComment } from "@wakefleet/domain";
import { insertServiceComment } from "@wakefleet/store";
import { noteRecovery } from "../recovery/note-activity.js";
import type { EndStory } from "./end-story.js";

const SNIPPET_CHARS = 120;

/** Writes it once; it counts as the run's own comment (FI-7), not as evidence, which was read before. */
export async function postSummaryComment(story: EndStory): Promise<void> {
  const { run } = story;
  if (story.commentId !== null) return;
  const body = summaryComment(run.resultJson);
  if (body === null) return;
  story.commentId = await commentOnIssue(story, {
    body: redactEvidence(body),
    writtenByService: false,
    dedupeKey: `run-summary:${run.id}`,
  });
}

/** A comment by the run's agent in the run's name, with its activity (CO-40). Null: it had been written. */
export async function commentOnIssue(
  { tx, run, facts, after }: EndStory,
  comment: { readonly body: string; readonly writtenByService: boolean; readonly dedupeKey: string },
): Promise<string | null> {
  const issue = facts?.issue;
  if (issue == null) return null;
  const written = await insertServiceComment(tx, {
    companyId: run.companyId,
    issueId: issue.id,
    authorAgentId: run.agentId,
    runId: run.id,
    ...comment,
  });
  if (written === null) return null;
  await noteRecovery(
    tx,
    {
      companyId: run.companyId,
      action: "issue.comment_added",
      entityType: "issue",
      entityId: issue.id,
      agentId: run.agentId,
      runId: run.id,
      actor: { type: "system", id: "heartbeat" },
      details: {
        commentId: written.id,
        bodySnippet: [...comment.body.slice(0, SNIPPET_CHARS * 2)].slice(0, SNIPPET_CHARS).join(""),
        identifier: issue.identifier,
        issueTitle: issue.title,
      },
    },
    after,
  );
  return written.id;
}
