/** FI-7: a run that was woken to work on an issue and left no comment there is asked for one, once. */
import { decideCommentPolicy, isInvokable, MISSING_COMMENT_REASON } from "@wakefleet/domain";
import { setCommentStatus } from "@wakefleet/store";
import { queueFollowUpRun } from "../runs/follow-up-run.js";
import { type EndStory, tellRun } from "./end-story.js";

/** Applies the policy; its one retry takes the issue's lock over. */
export async function applyCommentPolicy(story: EndStory): Promise<void> {
  const { tx, run, agent, issue, facts, newId, now, after } = story;
  if (facts === null || facts.issue === null || issue === null) return;
  const outcome = decideCommentPolicy({
    context: facts.context,
    commentId: story.commentId,
    hasDeferredCommentWake: facts.hasDeferredCommentWake,
    canRetry: story.holdsLock && agent !== null && isInvokable(agent.status),
  });
  const commentId = outcome.status === "satisfied" ? outcome.commentId : null;
  if (outcome.status !== "not_applicable")
    await setCommentStatus(tx, { id: run.id, status: outcome.status, commentId });
  if (outcome.status === "retry_queued" && agent !== null) {
    await queueFollowUpRun(
      tx,
      { newId, ended: run, agent, issue, now },
      {
        runId: newId(),
        rule: "FI-7",
        reason: MISSING_COMMENT_REASON,
        context: { retryReason: MISSING_COMMENT_REASON, missingIssueCommentForRunId: run.id },
        lock: "always",
      },
      after,
    );
    story.holdsLock = false;
  }
  if (outcome.status !== "satisfied" && outcome.event !== null) await tellRun(story, outcome.event);
}
