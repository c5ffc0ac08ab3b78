/**
 * Did a finished run move its issue forward? (06 section 1, LV-10 to LV-52.) Pure (LV-4): the counts and texts were read
 * in the transaction that ends the run, and what comes out is written by the statement that ends it (FI-2).
 */
import type { IssueStatus, JsonObject, TerminalRunStatus } from "@wakefleet/contracts";
import { nonEmptyString } from "@wakefleet/contracts";
import { type Actionability, judgeActionability } from "./actionability.js";
import { findNextAction } from "./next-action.js";
import { isPlanningTask, NEXT_LABEL, PLAN_HEADING, PLAN_PHRASE } from "./patterns.js";
import { type RunOutput, runTexts } from "./run-texts.js";

export const LIVENESS_STATES = [
  "completed",
  "advanced",
  "plan_only",
  "empty_response",
  "blocked",
  "failed",
  "needs_followup",
] as const;
export type LivenessState = (typeof LIVENESS_STATES)[number];

/** Rows that carry the run's id (LV-14 to LV-19), without those the product wrote in its name (LV-22). */
export interface RunEvidence {
  readonly issueComments: number;
  readonly documentRevisions: number;
  /** Those of `documentRevisions` that are of the document `plan`. */
  readonly planRevisions: number;
  readonly workProducts: number;
  readonly workspaceOperations: number;
  readonly activityEvents: number;
  readonly toolEvents: number;
  /** LV-20: the newest of all of them, ms since the epoch. */
  readonly latestAtMs: number | null;
}

export const NO_EVIDENCE: RunEvidence = {
  issueComments: 0,
  documentRevisions: 0,
  planRevisions: 0,
  workProducts: 0,
  workspaceOperations: 0,
  activityEvents: 0,
  toolEvents: 0,
  latestAtMs: null,
};

export interface LivenessFacts extends RunOutput {
  readonly status: TerminalRunStatus;
  readonly errorCode: string | null;
  /** As it is now, so that a run that closed it is `completed` (LV-52); null: the run has none. */
  readonly issue: { readonly status: IssueStatus; readonly title: string; readonly description: string | null } | null;
  readonly evidence: RunEvidence;
  readonly context: JsonObject | null;
  /** The run's own value, for contexts that say nothing (LV-51). */
  readonly continuationAttempt: number;
}

export interface RunLiveness {
  readonly state: LivenessState;
  readonly reason: string;
  readonly actionability: Actionability;
  readonly nextAction: string | null;
  readonly lastUsefulActionAtMs: number | null;
  readonly continuationAttempt: number;
}

const MAX_TEXT_CHARS = 500;
const STATES_WITH_NEXT_ACTION: ReadonlySet<LivenessState> = new Set(["blocked", "plan_only", "needs_followup"]);
const STATES_OF_USE: ReadonlySet<LivenessState> = new Set(["advanced", "completed", "blocked"]);

/** LV-10: keeps 497 characters and `...` of what is longer than 500. */
export function boundLivenessText(text: string): string {
  return text.length <= MAX_TEXT_CHARS ? text : `${text.slice(0, MAX_TEXT_CHARS - 3).toWellFormed()}...`;
}

/** LV-40: a run that did not succeed needs no evidence to be judged. */
export function failedLiveness(
  status: Exclude<TerminalRunStatus, "succeeded">,
  errorCode: string | null,
): Pick<RunLiveness, "state" | "reason"> {
  return {
    state: "failed",
    reason: boundLivenessText(`Run ended with ${status}${errorCode ? ` (${errorCode})` : ""}`),
  };
}

/** Judges a finished run. */
export function classifyRun(facts: LivenessFacts): RunLiveness {
  const evidence = counted(facts.evidence);
  const texts = runTexts(facts);
  const action = findNextAction([
    ...facts.comments,
    ...(nonEmptyString(facts.resultJson?.["nextAction"]) === null
      ? []
      : [`Next action: ${facts.resultJson?.["nextAction"] as string}`]),
    texts.final,
    ...texts.raw,
  ]);
  const actionability = judgeActionability(texts.judged);
  const { state, reason } = stateOf(facts, { evidence, judged: texts.judged, action, actionability });
  return {
    state,
    reason: boundLivenessText(reason),
    actionability,
    nextAction: action !== null && STATES_WITH_NEXT_ACTION.has(state) ? boundLivenessText(action) : null,
    lastUsefulActionAtMs: hasConcreteEvidence(evidence) && STATES_OF_USE.has(state) ? evidence.latestAtMs : null,
    continuationAttempt: attemptOf(facts),
  };
}

interface Judged {
  readonly evidence: RunEvidence;
  readonly judged: string;
  readonly action: string | null;
  readonly actionability: Actionability;
}

function stateOf(facts: LivenessFacts, judged: Judged): Pick<RunLiveness, "state" | "reason"> {
  const { issue, status } = facts;
  const { evidence, judged: text, action, actionability } = judged;
  if (status !== "succeeded") return failedLiveness(status, facts.errorCode);
  if (issue !== null && (issue.status === "done" || issue.status === "cancelled")) {
    return { state: "completed", reason: `Issue is ${issue.status}` };
  }
  if (issue?.status === "blocked") return { state: "blocked", reason: "Issue status is blocked" };
  if (actionability === "blocked_external" || actionability === "approval_required") {
    return { state: "blocked", reason: "Run output declared a concrete blocker" };
  }
  const hasOutput = text !== "";
  if (!hasOutput && !hasConcreteEvidence(evidence)) {
    return {
      state: "empty_response",
      reason: "Run succeeded without useful output or concrete action evidence",
    };
  }
  if (hasConcreteEvidence(evidence)) {
    return { state: "advanced", reason: `Run produced concrete action evidence: ${evidenceList(evidence)}` };
  }
  if ((issue !== null && isPlanningTask(issue)) || evidence.planRevisions > 0) {
    return {
      state: "advanced",
      reason: "Planning/document task produced useful output and is exempt from plan-only classification",
    };
  }
  const namesFuture = PLAN_PHRASE.test(text) || PLAN_HEADING.test(text) || NEXT_LABEL.test(text) || action !== null;
  if (!namesFuture) {
    return { state: "needs_followup", reason: "Run produced useful output but no concrete action evidence" };
  }
  return actionability === "runnable"
    ? { state: "plan_only", reason: "Run described runnable future work without concrete action evidence" }
    : { state: "needs_followup", reason: "Run described future work that is not safe to auto-continue" };
}

/** LV-21: plan revisions are document revisions, and workspace operations alone prove nothing. */
function hasConcreteEvidence(evidence: RunEvidence): boolean {
  const { issueComments, documentRevisions, workProducts, activityEvents, toolEvents } = evidence;
  return issueComments + documentRevisions + workProducts + activityEvents + toolEvents > 0;
}

/** LV-45. */
function evidenceList(evidence: RunEvidence): string {
  const counts: [number, string][] = [
    [evidence.issueComments, "issue comment(s)"],
    [evidence.documentRevisions, "document revision(s)"],
    [evidence.workProducts, "work product(s)"],
    [evidence.workspaceOperations, "workspace operation(s)"],
    [evidence.activityEvents, "activity event(s)"],
    [evidence.toolEvents, "tool/action event(s)"],
  ];
  return counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(", ");
}

/** LV section 1.2: whole numbers of at least 0; what is no finite number counts nothing. */
function counted(evidence: RunEvidence): RunEvidence {
  const whole = (value: number): number => (Number.isFinite(value) ? Math.max(0, Math.floor(value)) : 0);
  return {
    issueComments: whole(evidence.issueComments),
    documentRevisions: whole(evidence.documentRevisions),
    planRevisions: whole(evidence.planRevisions),
    workProducts: whole(evidence.workProducts),
    workspaceOperations: whole(evidence.workspaceOperations),
    activityEvents: whole(evidence.activityEvents),
    toolEvents: whole(evidence.toolEvents),
    latestAtMs: evidence.latestAtMs,
  };
}

/** LV-51. */
function attemptOf({ context, continuationAttempt }: LivenessFacts): number {
  const told = context?.["continuationAttempt"];
  const attempt = typeof told === "number" && Number.isFinite(told) ? told : continuationAttempt;
  return Number.isFinite(attempt) ? Math.max(0, Math.floor(attempt)) : 0;
}
