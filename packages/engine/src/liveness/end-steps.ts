/**
 * Which steps an end takes (LV-12, the head of "The end of a run" in 04) and in which order. Read from top to bottom this is
 * the rest of the story that `runs/end-run.ts` begins.
 */

import { isContinuable, mayNeedRecovery } from "@wakefleet/domain";
import type { ClaimIssue, EndFacts, EndGuard, RunRow } from "@wakefleet/store";
import { setMissingEndSteps } from "@wakefleet/store";
import { recoverReleasedIssue } from "../recovery/immediate-recovery.js";
import { applyCommentPolicy } from "./comment-policy.js";
import { continueRun } from "./continue-run.js";
import { END_STEPS, type EndStep, type EndStory, tryStep } from "./end-story.js";
import { refreshContinuationSummary } from "./refresh-summary.js";
import { postSummaryComment } from "./summary-comment.js";

export interface StepsQuestion {
  readonly run: RunRow;
  readonly guard: EndGuard["kind"];
  readonly facts: EndFacts | null;
  readonly issue: ClaimIssue | null;
  /** PL-4: a retry took the issue over. */
  readonly keepsIssue: boolean;
}

/** The steps an end owes, in order. */
export function stepsOf({ run, guard, facts, issue, keepsIssue }: StepsQuestion): ReadonlySet<EndStep> {
  const steps = new Set<EndStep>();
  if (issue === null) return steps;
  const returned = guard === "held";
  const cancelled = run.status === "cancelled";
  if (facts?.issue != null && guard !== "waiting" && (returned || cancelled)) steps.add("continuation_summary");
  if (returned && run.status === "succeeded" && facts?.commentId === null) steps.add("summary_comment");
  if (returned && !cancelled) steps.add("comment_policy");
  if (!keepsIssue && mayNeedRecovery(run)) steps.add("immediate_recovery");
  if (returned && isContinuable(run.livenessState)) steps.add("liveness_continuation");
  return steps;
}

/** FI-4, FI-5: before what failed transiently is retried. */
export async function tellIssue(story: EndStory, steps: ReadonlySet<EndStep>): Promise<void> {
  if (steps.has("continuation_summary"))
    await tryStep(story, "continuation_summary", () => refreshContinuationSummary(story));
  if (steps.has("summary_comment")) await tryStep(story, "summary_comment", () => postSummaryComment(story));
}

/** FI-7: before the issue is released. */
export async function askForComment(story: EndStory, steps: ReadonlySet<EndStep>): Promise<void> {
  if (steps.has("comment_policy")) await tryStep(story, "comment_policy", () => applyCommentPolicy(story));
}

/** FI-9, FI-10: after the release. `isFree`: nothing was promoted, and no other run has or gets the lock. */
export async function goOn(
  story: EndStory,
  steps: ReadonlySet<EndStep>,
  release: { readonly isFree: boolean; readonly ownersAreLocked: boolean },
): Promise<void> {
  const { issue } = story;
  if (steps.has("immediate_recovery") && release.isFree && issue !== null) {
    const { ownersAreLocked } = release;
    await tryStep(story, "immediate_recovery", () =>
      recoverReleasedIssue(story.tx, { ...story, issue, ownersAreLocked }),
    );
  }
  if (steps.has("liveness_continuation")) await tryStep(story, "liveness_continuation", () => continueRun(story));
}

/** FI-14: names what is still owed; nothing is written where nothing is. */
export async function closeStory(story: EndStory): Promise<void> {
  if (story.missing.length > 0) await setMissingEndSteps(story.tx, story.run.id, story.missing);
}

/** The steps that a stored end still owes, in order. */
export function owedSteps(names: readonly string[]): ReadonlySet<EndStep> {
  return new Set(END_STEPS.filter((step) => names.includes(step)));
}
