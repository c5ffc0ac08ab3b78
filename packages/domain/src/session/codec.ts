/** How stored session params are read, written and shown (SE-25, SE-26, SE-28). Pure. */
import { isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";

/** What an adapter may bring (SE-25). */
export interface SessionCodecLike {
  deserialize(raw: unknown): JsonObject | null;
  serialize(params: JsonObject | null): JsonObject | null;
  getDisplayId?(params: JsonObject | null): string | null;
}

/** SE-26: any non-empty object passes; the display id is its `sessionId`. */
export const DEFAULT_SESSION_CODEC: SessionCodecLike = {
  deserialize: (raw) => (isJsonObject(raw) ? raw : null),
  serialize: (params) => params,
};

/** SE-28. */
export const SESSION_DISPLAY_ID_MAX_CHARS = 128;

/** SE-28: the first 128 characters of a non-empty string, else null. */
export function cutDisplayId(value: unknown): string | null {
  return nonEmptyString(value)?.slice(0, SESSION_DISPLAY_ID_MAX_CHARS).toWellFormed() ?? null;
}

/** SE-17: an id of the greatest length may be what is left of a longer one; it is not made into a session. */
export function mayBeCut(displayId: string): boolean {
  return displayId.length >= SESSION_DISPLAY_ID_MAX_CHARS;
}

const unlessEmpty = (params: JsonObject | null): JsonObject | null =>
  isJsonObject(params) && Object.keys(params).length > 0 ? params : null;

/** Stored params as the adapter uses them; an empty object is null before and after (SE-25). */
export function readSessionParams(codec: SessionCodecLike, raw: unknown): JsonObject | null {
  const stored = isJsonObject(raw) ? unlessEmpty(raw) : null;
  return stored === null ? null : unlessEmpty(codec.deserialize(stored));
}

/** Params as they are stored; an empty object is null before and after (SE-25). */
export function writeSessionParams(codec: SessionCodecLike, params: JsonObject | null): JsonObject | null {
  const used = unlessEmpty(params);
  return used === null ? null : unlessEmpty(codec.serialize(used));
}

/** What is shown of params: the codec's id, else their `sessionId`; cut (SE-28). */
export function shownSessionId(codec: SessionCodecLike, params: JsonObject | null): string | null {
  if (params === null) return null;
  return cutDisplayId(codec.getDisplayId?.(params)) ?? cutDisplayId(params["sessionId"]);
}
