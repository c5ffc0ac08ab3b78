/** The session a run leaves for the next one (AD-31, SE-50 to SE-58). Pure. */
import { type JsonObject, nonEmptyString } from "@wakefleet/contracts";
import {
  cutDisplayId,
  DEFAULT_SESSION_CODEC,
  readSessionParams,
  type SessionCodecLike,
  shownSessionId,
  writeSessionParams,
} from "./codec.js";
import type { HandedSession } from "./handed-session.js";

/** The session fields of an adapter's result. A field that is left out says nothing. */
export interface SessionReport {
  readonly clearSession?: boolean;
  readonly sessionId?: string | null;
  readonly sessionParams?: JsonObject | null;
  readonly sessionDisplayId?: string | null;
}

export interface NextSession {
  /** As they are stored. */
  readonly params: JsonObject | null;
  /** Cut (SE-28). */
  readonly displayId: string | null;
  /** The agent-level id, whole (SE-53). */
  readonly sessionId: string | null;
  /** What becomes of the task session's row (SE-57, SE-58); nothing without a task key (SE-7). */
  readonly taskSession: "written" | "removed" | "left";
}

type Handed = Pick<HandedSession, "taskKey" | "params" | "displayId" | "sessionId" | "hasTaskSession">;

/** SE-50 to SE-53, SE-57: after an adapter that returned. */
export function nextSession(
  report: SessionReport,
  handed: Handed,
  codec: SessionCodecLike = DEFAULT_SESSION_CODEC,
): NextSession {
  const rowOf = (keeps: boolean): NextSession["taskSession"] =>
    handed.taskKey === null ? "left" : keeps ? "written" : "removed";
  if (report.clearSession === true) {
    return { params: null, displayId: null, sessionId: null, taskSession: rowOf(false) };
  }
  const isKept =
    report.sessionId === undefined && report.sessionParams === undefined && report.sessionDisplayId === undefined;
  const params = writeSessionParams(codec, candidateParams(report, handed.params));
  const read = readSessionParams(codec, params);
  const reportedId = nonEmptyString(report.sessionId);
  const displayId =
    cutDisplayId(report.sessionDisplayId) ??
    shownSessionId(codec, read) ??
    (isKept ? cutDisplayId(handed.displayId) : null) ??
    cutDisplayId(reportedId) ??
    (isKept ? cutDisplayId(handed.sessionId) : null);
  return {
    params,
    displayId,
    sessionId:
      reportedId ??
      nonEmptyString(read?.["sessionId"]) ??
      (isKept ? nonEmptyString(handed.sessionId) : null) ??
      displayId,
    taskSession: rowOf(params !== null || displayId !== null),
  };
}

/** SE-51. */
function candidateParams(report: SessionReport, previous: JsonObject | null): JsonObject | null {
  if (report.sessionParams !== undefined) return report.sessionParams;
  if (report.sessionId === undefined) return previous;
  const sessionId = nonEmptyString(report.sessionId);
  return sessionId === null ? null : { sessionId };
}

/** SE-58: after an adapter that threw, what was handed over stays. */
export function sessionAfterThrow(handed: Handed, codec: SessionCodecLike = DEFAULT_SESSION_CODEC): NextSession {
  const { taskKey, params, displayId, sessionId, hasTaskSession } = handed;
  const keeps = taskKey !== null && (params !== null || displayId !== null || hasTaskSession);
  return {
    params: writeSessionParams(codec, params),
    displayId,
    sessionId,
    taskSession: keeps ? "written" : "left",
  };
}
