/** The session a run leaves for the next one (AD-31, SE-25 to SE-28). Pure. */
import { isJsonObject, type JsonObject, nonEmptyString } from "@wakefleet/contracts";

export interface SessionCodecLike {
  deserialize(raw: unknown): JsonObject | null;
  serialize(params: JsonObject | null): JsonObject | null;
  getDisplayId?(params: JsonObject | null): string | null;
}

/** SE-26: any non-empty object passes; the display id is its `sessionId`. */
export const DEFAULT_SESSION_CODEC: SessionCodecLike = {
  deserialize: (raw) => (isJsonObject(raw) && Object.keys(raw).length > 0 ? raw : null),
  serialize: (params) => (params !== null && Object.keys(params).length > 0 ? params : null),
};

/** SE-28. */
export const SESSION_DISPLAY_ID_MAX_CHARS = 128;

function displayId(value: unknown): string | null {
  return nonEmptyString(value)?.slice(0, SESSION_DISPLAY_ID_MAX_CHARS) ?? null;
}

export interface SessionReport {
  readonly clearSession?: boolean;
  readonly sessionId?: string | null;
  readonly sessionParams?: JsonObject | null;
  readonly sessionDisplayId?: string | null;
}

export interface NextSession {
  /** Both null: the saved task session is deleted. */
  readonly params: JsonObject | null;
  readonly displayId: string | null;
  /** The older single value: what the agent's own runtime state keeps. */
  readonly sessionId: string | null;
}

/** AD-31: an adapter that names no session keeps the previous one. */
export function nextSession(
  report: SessionReport,
  previous: { readonly params: JsonObject | null; readonly displayId: string | null },
  codec: SessionCodecLike = DEFAULT_SESSION_CODEC,
): NextSession {
  if (report.clearSession === true) return { params: null, displayId: null, sessionId: null };
  const candidate =
    report.sessionParams !== undefined
      ? report.sessionParams
      : report.sessionId !== undefined
        ? report.sessionId === null || report.sessionId === ""
          ? null
          : { sessionId: report.sessionId }
        : previous.params;
  const params = codec.deserialize(codec.serialize(candidate));
  const namedNone =
    report.sessionId === undefined && report.sessionParams === undefined && report.sessionDisplayId === undefined;
  const shown =
    displayId(report.sessionDisplayId) ??
    displayId(codec.getDisplayId?.(params)) ??
    displayId(params?.["sessionId"]) ??
    (namedNone ? displayId(previous.displayId) : null) ??
    displayId(report.sessionId);
  return { params, displayId: shown, sessionId: nonEmptyString(params?.["sessionId"]) ?? shown };
}
