/**
 * The causes of a run (BY-2): every wake that became or joined it, oldest first, kept in its context under `wakeCauses`,
 * so that merging, deferring, promoting and retrying carry them along. Bounded: the first ones and the newest are kept and
 * the rest is counted.
 */
import {
  type ActorType,
  asJsonObject,
  type InvocationSource,
  isJsonObject,
  type JsonObject,
} from "@wakefleet/contracts";

export const CAUSES_KEY = "wakeCauses";
/** How many causes between the first and the newest ones are no longer listed. */
export const CAUSES_OMITTED_KEY = "wakeCausesOmitted";
const FIRST_KEPT = 10;
const NEWEST_KEPT = 40;
/** A longer payload stays in its request; the cause says so. */
const PAYLOAD_MAX_CHARS = 2_000;
const REASON_MAX_CHARS = 300;
/** Payload keys that say what a wake is about, not something about it: another wake about the same brings nothing new. */
const ADDRESS_KEYS = new Set(["issueId", "taskId", "taskKey", "projectId", "commentId", "mutation"]);

export interface WakeCause {
  readonly requestId: string;
  /** The instant it was accepted. */
  readonly at: Date;
  readonly source: InvocationSource;
  readonly reason: string | null;
  readonly payload: JsonObject | null;
  readonly commentIds: readonly string[];
  readonly requester: { readonly type: ActorType; readonly id: string | null };
}

/** A context that carries one cause more, as its newest. */
export function withCause(context: JsonObject, cause: WakeCause): JsonObject {
  return joinCauses(context, context, { [CAUSES_KEY]: [causeJson(cause)] });
}

function causeJson({ requestId, at, source, reason, payload, commentIds, requester }: WakeCause): JsonObject {
  const fits = payload === null || JSON.stringify(payload).length <= PAYLOAD_MAX_CHARS;
  return {
    requestId,
    at: at.toISOString(),
    source,
    reason: reason === null ? null : reason.slice(0, REASON_MAX_CHARS).toWellFormed(),
    requestedByType: requester.type,
    requestedById: requester.id,
    commentIds: [...commentIds],
    payload: fits ? payload : null,
    ...(fits ? {} : { payloadOmitted: true }),
  };
}

/** The causes a context carries, oldest first. */
export function causesOf(context: JsonObject): JsonObject[] {
  const causes = context[CAUSES_KEY];
  return Array.isArray(causes) ? causes.filter(isJsonObject) : [];
}

/** How many causes a context no longer lists. */
export function omittedCausesOf(context: JsonObject): number {
  const omitted = context[CAUSES_OMITTED_KEY];
  return typeof omitted === "number" && omitted > 0 ? omitted : 0;
}

/** `merged` with the causes of both: the older's first, none twice. Associative, also where some are left out. */
export function joinCauses(merged: JsonObject, older: JsonObject, newer: JsonObject): JsonObject {
  const known = new Set(causesOf(older).map((cause) => cause["requestId"]));
  const all = [...causesOf(older), ...causesOf(newer).filter((cause) => !known.has(cause["requestId"]))];
  if (all.length === 0) return merged;
  const left = Math.max(0, all.length - FIRST_KEPT - NEWEST_KEPT);
  const kept = left === 0 ? all : [...all.slice(0, FIRST_KEPT), ...all.slice(FIRST_KEPT + left)];
  const omitted = omittedCausesOf(older) + omittedCausesOf(newer) + left;
  return { ...merged, [CAUSES_KEY]: kept, ...(omitted === 0 ? {} : { [CAUSES_OMITTED_KEY]: omitted }) };
}

/** True when a person is among those who asked (BY-3). */
export function isAskedByPerson(context: JsonObject): boolean {
  return causesOf(context).some((cause) => cause["requestedByType"] === "user");
}

/**
 * True when a wake tells what a run whose agent has its wake payload already does not know (BY-2): an entry of its payload
 * that no cause of the run has, or a fresh session. Comments are WK-6's. `asked` is the wake's own context.
 */
export function bringsNews(known: JsonObject, asked: JsonObject): boolean {
  if (asked["forceFreshSession"] === true && known["forceFreshSession"] !== true) return true;
  const told = causesOf(known).map((cause) => asJsonObject(cause["payload"]));
  const knows = (key: string, value: string | undefined): boolean =>
    told.some((payload) => canonical(payload[key]) === value) || canonical(known[key]) === value;
  return causesOf(asked).some(
    (cause) =>
      cause["payloadOmitted"] === true ||
      Object.entries(asJsonObject(cause["payload"])).some(
        ([key, value]) => !ADDRESS_KEYS.has(key) && value !== null && !knows(key, canonical(value)),
      ),
  );
}

/** JSON with its keys in order, so that equal values give equal texts. */
function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, part: unknown) =>
    isJsonObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
