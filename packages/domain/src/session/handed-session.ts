/** What the adapter is told to resume (SE-34), and what a rotation takes away (SE-47, SE-54). Pure. */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import { cutDisplayId, type SessionCodecLike, shownSessionId } from "./codec.js";
import type { PreviousSession } from "./previous-session.js";

/** The session part of the adapter's `runtime`, and what the end needs to know of it. */
export interface HandedSession {
  readonly taskKey: string | null;
  /** Whole. */
  readonly sessionId: string | null;
  /** Also the params that an adapter which names no session keeps (SE-51); null after a rotation or a reset (SE-54). */
  readonly params: JsonObject | null;
  /** Cut (SE-28). */
  readonly displayId: string | null;
  readonly taskSessionRead: boolean;
  readonly hasTaskSession: boolean;
  /** SE-45; null: the session was not rotated. */
  readonly rotationReason: string | null;
}

/** SE-34. `params` are the previous ones after the move of SE-31. */
export function handedSession(
  previous: PreviousSession,
  params: JsonObject | null,
  codec: SessionCodecLike,
): HandedSession {
  const { taskKey, fallbackId, taskSessionRead, hasTaskSession } = previous;
  return {
    taskKey,
    sessionId: nonEmptyString(params?.["sessionId"]) ?? fallbackId,
    params,
    displayId:
      previous.explicitDisplayId ??
      previous.storedDisplayId ??
      shownSessionId(codec, params) ??
      cutDisplayId(fallbackId),
    taskSessionRead,
    hasTaskSession,
    rotationReason: null,
  };
}

/** SE-47: the adapter starts afresh. */
export function rotatedSession(handed: HandedSession, reason: string): HandedSession {
  return { ...handed, sessionId: null, params: null, displayId: null, rotationReason: reason };
}

/** SE-37: what `session_id_before` shows once the run has started. */
export function sessionIdBefore(handed: HandedSession): string | null {
  return handed.displayId ?? cutDisplayId(handed.sessionId);
}

/** SE-55: how a run used its session, for `usage_json`. */
export function sessionUse(handed: HandedSession, sessionIdAfter: string | null): JsonObject {
  const reused = handed.sessionId !== null || handed.displayId !== null;
  return {
    persistedSessionId: sessionIdAfter,
    sessionReused: reused,
    taskSessionReused: handed.taskSessionRead,
    freshSession: !reused,
    sessionRotated: handed.rotationReason !== null,
    sessionRotationReason: handed.rotationReason,
  };
}
