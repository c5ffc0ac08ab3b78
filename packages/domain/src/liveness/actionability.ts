/** What may be done after a run, by its own words (LV-30 to LV-36). Steers the decision, is not stored. */
import {
  APPROVAL,
  BLOCKER,
  EXTERNAL_BLOCKER,
  EXTERNAL_WORD,
  MANAGER_REVIEW,
  NEGATED_BLOCKER,
  RUNNABLE,
} from "./patterns.js";

export type Actionability = "unknown" | "runnable" | "approval_required" | "blocked_external" | "manager_review";

/** The first rule that applies to the judged text. */
export function judgeActionability(text: string): Actionability {
  if (text === "") return "unknown";
  if (NEGATED_BLOCKER.test(text)) return RUNNABLE.test(text) ? "runnable" : "unknown";
  if (APPROVAL.test(text)) return "approval_required";
  if (EXTERNAL_BLOCKER.test(text) || (BLOCKER.test(text) && EXTERNAL_WORD.test(text))) return "blocked_external";
  if (MANAGER_REVIEW.test(text)) return "manager_review";
  return RUNNABLE.test(text) ? "runnable" : "unknown";
}
