/** Why an agent is woken and what it should read first: the context's `wakefleetWake` (CX-30 to CX-33, LV-75, LV-98). Pure. */
import { asJsonObject, isJsonObject, type JsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";
import { cutText } from "../text/cut-text.js";
import { causesOf, omittedCausesOf } from "../wakeup/causes.js";
import { commentIdsOf } from "../wakeup/context.js";
import { commentWindow, type WakeComment } from "./wake-comments.js";

const SUMMARY_CHARS = 4_000;

/** The run's issue after the checkout (EX-2). */
export interface ContextIssue {
  readonly id: string;
  readonly identifier: string | null;
  readonly title: string;
  readonly description: string | null;
  readonly status: string;
  readonly priority: string;
}

/** The issue's continuation summary (LV-90), whole. */
export interface ContextSummary {
  readonly key: string;
  readonly title: string | null;
  readonly body: string;
  readonly updatedAt: Date;
}

const text = (value: JsonValue | undefined): string | null => nonEmptyString(value);
const texts = (value: JsonValue | undefined): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => nonEmptyString(item) !== null) : [];
const objects = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];
const number = (value: JsonValue | undefined): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;

/** LV-75: null unless the context speaks of a continuation. */
function livenessContinuation(context: JsonObject): JsonObject | null {
  const read = (name: string): JsonValue | undefined => context[`livenessContinuation${name}`];
  const attempt = number(read("Attempt"));
  const [state, instruction, sourceRunId] = [text(read("State")), text(read("Instruction")), text(read("SourceRunId"))];
  if (attempt === null && state === null && instruction === null && sourceRunId === null) return null;
  return {
    attempt,
    maxAttempts: number(read("MaxAttempts")),
    sourceRunId,
    state,
    reason: text(read("Reason")),
    instruction,
  };
}

const WAKE_ROLES: ReadonlySet<JsonValue | undefined> = new Set(["reviewer", "approver", "executor"]);

function executionStage(value: JsonValue | undefined): JsonObject | null {
  if (!isJsonObject(value) || Object.keys(value).length === 0) return null;
  return {
    wakeRole: WAKE_ROLES.has(value["wakeRole"]) ? (value["wakeRole"] ?? null) : null,
    stageId: text(value["stageId"]),
    stageType: text(value["stageType"]),
    currentParticipant: value["currentParticipant"] ?? null,
    returnAssignee: value["returnAssignee"] ?? null,
    reviewRequest: value["reviewRequest"] ?? null,
    lastDecisionOutcome: text(value["lastDecisionOutcome"]),
    allowedActions: texts(value["allowedActions"]),
  };
}

function blockerSummary(blocker: JsonObject): JsonObject {
  const read = (key: string): string | null => text(blocker[key]);
  return {
    id: read("id"),
    identifier: read("identifier"),
    title: read("title"),
    status: read("status"),
    priority: read("priority"),
    assigneeAgentId: read("assigneeAgentId"),
    assigneeUserId: read("assigneeUserId"),
  };
}

function shownSummary(summary: ContextSummary | null): JsonObject | null {
  if (summary === null) return null;
  const body = cutText(summary.body, SUMMARY_CHARS);
  const { key, title, updatedAt } = summary;
  return { key, title, body, bodyTruncated: body.length < summary.body.length, updatedAt: updatedAt.toISOString() };
}

/**
 * Null when there is nothing to tell: no comment, no stage, no issue (CX-30), and not several wakes in one run (BY-2).
 * `context` is the wake's own part.
 */
export function wakePayload(from: {
  readonly context: JsonObject;
  readonly issue: ContextIssue | null;
  readonly comments: readonly WakeComment[];
  readonly summary: ContextSummary | null;
  /** `wakefleetHarnessCheckedOut`. */
  readonly checkedOut: boolean;
}): JsonObject | null {
  const { context, issue } = from;
  const asked = [...new Set(commentIdsOf(context))];
  const stage = executionStage(context["executionStage"]);
  const causes = causesOf(context);
  if (asked.length === 0 && stage === null && issue === null && causes.length < 2) return null;
  const window = commentWindow({ asked, found: from.comments, issueId: issue?.id ?? null });
  return {
    reason: text(context["wakeReason"]),
    issue:
      issue === null
        ? null
        : {
            id: issue.id,
            identifier: issue.identifier,
            title: issue.title,
            status: issue.status,
            priority: issue.priority,
          },
    childIssueSummaries: objects(context["childIssueSummaries"]),
    childIssueSummaryTruncated: context["childIssueSummaryTruncated"] === true,
    livenessContinuation: livenessContinuation(context),
    checkedOutByHarness: from.checkedOut,
    dependencyBlockedInteraction: context["dependencyBlockedInteraction"] === true,
    treeHoldInteraction: context["treeHoldInteraction"] === true,
    activeTreeHold: asJsonObject(context["activeTreeHold"]),
    unresolvedBlockerIssueIds: texts(context["unresolvedBlockerIssueIds"]),
    unresolvedBlockerSummaries: objects(context["unresolvedBlockerSummaries"]).map(blockerSummary),
    executionStage: stage,
    continuationSummary: shownSummary(from.summary),
    commentIds: asked,
    latestCommentId: asked.at(-1) ?? null,
    comments: [...window.comments],
    commentWindow: { ...window.commentWindow },
    ...(causes.length < 2 ? {} : { causes, causesOmitted: omittedCausesOf(context) }),
    truncated: window.truncated,
    fallbackFetchNeeded: window.truncated || window.commentWindow.missingCount > 0,
  };
}
