/**
 * The context of a wake: why an agent is woken and about what (03 "Enriching the context", WK-1 to WK-6).
 * Every function returns a new object; nothing here changes its input.
 */
import {
  asJsonObject,
  type InvocationSource,
  isJsonObject,
  type JsonObject,
  nonEmptyString,
  type TriggerDetail,
} from "@wakefleet/contracts";
import { joinCauses } from "./causes.js";

/** The task key of timer wakes that name no work (WK-2). */
export const HEARTBEAT_TASK_KEY = "__heartbeat__";
/** Where a deferred request keeps its context; private, never answered (WK-28, DM-24). */
export const DEFERRED_CONTEXT_KEY = "_wakefleetWakeContext";
/** The prebuilt wake payload, rebuilt at execution (WK-4, CX-30). */
const PREBUILT_PAYLOAD_KEY = "wakefleetWake";

function firstString(...values: unknown[]): string | null {
  for (const value of values) {
    const text = nonEmptyString(value);
    if (text !== null) return text;
  }
  return null;
}

/** WK-1: which piece of work a wake is about; runs of one agent with one key share a session. */
export function taskKeyOf(context: JsonObject, payload: JsonObject | null = null): string | null {
  const asked = payload ?? {};
  return firstString(
    context["taskKey"],
    context["taskId"],
    context["issueId"],
    asked["taskKey"],
    asked["taskId"],
    asked["issueId"],
  );
}

/** WK-2, SE-5: the key sessions use; timer wakes without a key share `__heartbeat__`. Never used to coalesce. */
export function sessionTaskKeyOf(context: JsonObject): string | null {
  return taskKeyOf(context) ?? (context["wakeSource"] === "timer" ? HEARTBEAT_TASK_KEY : null);
}

/** The issue a context names, if it is a non-empty string. */
export function issueIdOf(context: JsonObject): string | null {
  return nonEmptyString(context["issueId"]);
}

function stringList(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => nonEmptyString(item) !== null) : [];
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

/** The comments a context names, oldest first (WK-4). */
export function commentIdsOf(context: JsonObject): string[] {
  const own = stringList(context["wakeCommentIds"]);
  if (own.length > 0) return own;
  return stringList([context["wakeCommentId"], context["commentId"]]);
}

function withCommentIds(context: JsonObject, ids: readonly string[]): JsonObject {
  const latest = ids.at(-1);
  if (latest === undefined) return context;
  const { [PREBUILT_PAYLOAD_KEY]: _rebuilt, ...rest } = context;
  return { ...rest, wakeCommentIds: [...ids], commentId: latest, wakeCommentId: latest };
}

export interface WakeToEnrich {
  readonly context: JsonObject;
  readonly payload: JsonObject | null;
  readonly reason: string | null;
  readonly source: InvocationSource;
  readonly triggerDetail: TriggerDetail | null;
}

/** WK-3 and WK-4: fills what the context lacks from the request, and collects the comment ids. */
export function enrichContext(wake: WakeToEnrich): JsonObject {
  const payload = wake.payload ?? {};
  const context: JsonObject = { ...wake.context };
  const fill = (key: string, value: string | null): void => {
    if (nonEmptyString(context[key]) === null && value !== null) context[key] = value;
  };
  const payloadIssueId = nonEmptyString(payload["issueId"]);
  fill("wakeReason", nonEmptyString(wake.reason));
  // WK-1 reads the context's own taskId and issueId before the payload's taskKey, so the key comes first.
  const taskKey = taskKeyOf(context, payload);
  fill("issueId", payloadIssueId);
  fill("taskId", payloadIssueId);
  fill("taskKey", taskKey);
  fill("commentId", nonEmptyString(payload["commentId"]));
  fill("wakeSource", wake.source);
  fill("wakeTriggerDetail", wake.triggerDetail);
  fill("projectId", nonEmptyString(payload["projectId"]));

  const payloadCommentId = nonEmptyString(payload["commentId"]);
  const fromContext = commentIdsOf(wake.context);
  const ids = unique(payloadCommentId === null ? fromContext : [...fromContext, payloadCommentId]);
  return withCommentIds(context, ids);
}

/**
 * WK-5: two wakes become one. The newer one's keys win, comment ids join (older first), a prebuilt payload goes, and
 * `forceFreshSession: true` stays once it was asked for (SE-24). The causes of both are kept (BY-2).
 */
export function mergeContexts(older: JsonObject, newer: JsonObject): JsonObject {
  const { [PREBUILT_PAYLOAD_KEY]: _rebuilt, ...merged } = { ...older, ...newer };
  if (older["forceFreshSession"] === true) merged["forceFreshSession"] = true;
  const joined = joinCauses(merged, older, newer);
  return withCommentIds(joined, unique([...commentIdsOf(older), ...commentIdsOf(newer)]));
}

/** WK-6: such a wake does not join a run that is already running; it needs one of its own after it. */
export function needsFollowUpRun(context: JsonObject): boolean {
  return commentIdsOf(context).length > 0 || context["wakeReason"] === "approval_approved";
}

/** The largest number its column takes. */
const MAX_ATTEMPT = 2 ** 31 - 1;

/**
 * WK-40, LV-78: `continuation_attempt` of a new run, a whole number above 0, else 0. Read generously, from a number with a
 * fraction or from text that begins with digits: what is not understood would start the count anew (LV-79).
 */
export function continuationAttemptOf(context: JsonObject): number {
  const told = context["livenessContinuationAttempt"];
  const attempt = typeof told === "string" ? Number.parseInt(told, 10) : Number(typeof told === "number" ? told : 0);
  return attempt >= 1 ? Math.min(Math.floor(attempt), MAX_ATTEMPT) : 0;
}

/** The payload a deferred request keeps: the caller's, the issue id and the private context (WK-28). */
export function deferredPayload(payload: JsonObject | null, issueId: string, context: JsonObject): JsonObject {
  return { ...payload, issueId, [DEFERRED_CONTEXT_KEY]: context };
}

/** WK-27: a later ask joins a deferred one: contexts merge (WK-5), payload keys are overwritten. */
export function mergeDeferredPayload(
  stored: JsonObject | null,
  asked: { payload: JsonObject | null; issueId: string; context: JsonObject },
): JsonObject {
  const before = asJsonObject(stored);
  const merged = mergeContexts(deferredContextOf(before), asked.context);
  return deferredPayload({ ...before, ...asked.payload }, asked.issueId, merged);
}

/** The context a deferred request keeps; `{}` when it has none. */
export function deferredContextOf(payload: JsonObject | null): JsonObject {
  const stored = payload?.[DEFERRED_CONTEXT_KEY];
  return isJsonObject(stored) ? stored : {};
}

/** A payload without its private keys: what may leave the API (DM-24). */
export function publicPayload(payload: JsonObject | null): JsonObject | null {
  if (payload === null) return null;
  const { [DEFERRED_CONTEXT_KEY]: _private, ...rest } = payload;
  return rest;
}
