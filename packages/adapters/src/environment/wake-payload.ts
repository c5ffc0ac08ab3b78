/**
 * The wake payload as an agent gets it (AD-61): the host's `wakefleetWake` (CX-31) brought into one flat, forgiving form.
 * Unknown keys are dropped, wrong types read as absent, so that an agent's parser meets one shape only.
 */
import { asJsonObject, isJsonObject, type JsonObject, type JsonValue, nonEmptyString } from "@wakefleet/contracts";

type Fields = Readonly<Record<string, (value: JsonValue | undefined) => JsonValue>>;

const text = (value: JsonValue | undefined): string | null => nonEmptyString(value);
const flag = (value: JsonValue | undefined): boolean => value === true;
const count = (value: JsonValue | undefined): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;
const texts = (value: JsonValue | undefined): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => nonEmptyString(item) !== null) : [];
const asIs = (value: JsonValue | undefined): JsonValue => value ?? null;
const objects = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];

function pick(source: JsonObject, fields: Fields): JsonObject {
  return Object.fromEntries(Object.entries(fields).map(([key, read]) => [key, read(source[key])]));
}

/** Null for anything but an object with at least one of the fields set. */
function pickOrNull(value: JsonValue | undefined, fields: Fields): JsonObject | null {
  if (!isJsonObject(value)) return null;
  const picked = pick(value, fields);
  return Object.values(picked).some(isUsable) ? picked : null;
}

function isUsable(value: JsonValue): boolean {
  if (value === null || value === false || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

const ISSUE: Fields = { id: text, identifier: text, title: text, status: text, priority: text };
const HOLD: Fields = { holdId: text, rootIssueId: text, mode: text, reason: text };
const SUMMARY: Fields = { key: text, title: text, body: text, bodyTruncated: flag, updatedAt: text };
const CHILD: Fields = { ...ISSUE, summary: text };
const STAGE: Fields = {
  wakeRole: text,
  stageId: text,
  stageType: text,
  currentParticipant: asIs,
  returnAssignee: asIs,
  reviewRequest: (value) => pickOrNull(value, { instructions: text }),
  lastDecisionOutcome: text,
  allowedActions: texts,
};
/** One of the wakes that joined the run (BY-2). */
const CAUSE: Fields = {
  requestId: text,
  at: text,
  source: text,
  reason: text,
  requestedByType: text,
  requestedById: text,
  commentIds: texts,
  payload: asIs,
};
const LIVENESS: Fields = {
  attempt: count,
  maxAttempts: count,
  sourceRunId: text,
  state: text,
  reason: text,
  instruction: text,
};

function comment(source: JsonObject): JsonObject {
  const author = asJsonObject(source["author"]);
  return {
    ...pick(source, { id: text, issueId: text, body: text, bodyTruncated: flag, createdAt: text }),
    authorType: text(source["authorType"]) ?? text(author["type"]),
    authorId: text(source["authorId"]) ?? text(author["id"]),
  };
}

/** Normalises the context's `wakefleetWake`; null when nothing usable is in it (AD-61). */
export function normalizeWakePayload(value: JsonValue | undefined): JsonObject | null {
  if (!isJsonObject(value)) return null;
  const window = asJsonObject(value["commentWindow"]);
  const payload: JsonObject = {
    reason: text(value["reason"]),
    issue: pickOrNull(value["issue"], ISSUE),
    checkedOutByHarness: flag(value["checkedOutByHarness"]),
    dependencyBlockedInteraction: flag(value["dependencyBlockedInteraction"]),
    treeHoldInteraction: flag(value["treeHoldInteraction"]),
    activeTreeHold: pickOrNull(value["activeTreeHold"], HOLD),
    unresolvedBlockerIssueIds: texts(value["unresolvedBlockerIssueIds"]),
    unresolvedBlockerSummaries: objects(value["unresolvedBlockerSummaries"]).map((blocker) => pick(blocker, ISSUE)),
    executionStage: pickOrNull(value["executionStage"], STAGE),
    continuationSummary: pickOrNull(value["continuationSummary"], SUMMARY),
    livenessContinuation: pickOrNull(value["livenessContinuation"], LIVENESS),
    childIssueSummaries: objects(value["childIssueSummaries"]).map((child) => pick(child, CHILD)),
    childIssueSummaryTruncated: flag(value["childIssueSummaryTruncated"]),
    commentIds: texts(value["commentIds"]),
    latestCommentId: text(value["latestCommentId"]),
    comments: objects(value["comments"]).map(comment),
    requestedCount: count(window["requestedCount"]),
    includedCount: count(window["includedCount"]),
    missingCount: count(window["missingCount"]),
    causes: objects(value["causes"]).map((cause) => pick(cause, CAUSE)),
    causesOmitted: count(value["causesOmitted"]),
    truncated: flag(value["truncated"]),
    fallbackFetchNeeded: flag(value["fallbackFetchNeeded"]),
  };
  // Counts alone say nothing to act on.
  const {
    requestedCount: _requested,
    includedCount: _included,
    missingCount: _missing,
    causesOmitted: _omitted,
    ...substance
  } = payload;
  return Object.values(substance).some(isUsable) ? payload : null;
}
